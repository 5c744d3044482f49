package pipeline

import (
	"testing"
)

func TestRunOnEveryRunner(t *testing.T) {
	for _, runner := range []string{Direct, Prism} {
		t.Run(runner, func(t *testing.T) {
			store, plan := submit(t, writeStudy(t, bids(10), ""))
			o := options(store, plan)
			o.Runner = runner
			sum := run(t, o)
			if sum.Succeeded != 11 || sum.Failed != 0 || sum.Skipped != 0 || sum.Total != 11 {
				t.Fatalf("%+v", sum)
			}
		})
	}
}
