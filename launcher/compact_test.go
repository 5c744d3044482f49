package launcher

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestOnlyWhatGoesOnLackingACopyIsWarnedOf: not a simulation that was deleted meanwhile, nor one that a stop cut short.
func TestOnlyWhatGoesOnLackingACopyIsWarnedOf(t *testing.T) {
	const enough = 2 // files, that a copy is worth it
	const damaged, deleted = "20260701-aaaaaaaaaa", "20260701-bbbbbbbbbb"
	kept, err := results.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.WritePlan(t.Context(), &model.Plan{SimulationID: damaged, Variants: []model.Variant{{ID: model.BaselineID}}}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{damaged, deleted} { // the folder of the deleted one is on its way out, without a plan
		for n := range int64(enough) {
			row := kept.Path(model.ResultPath(id, model.BaselineID, n+1))
			if err := firstOf(os.MkdirAll(filepath.Dir(row), 0o777), os.WriteFile(row, []byte("torn"), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		ctx  context.Context
		id   string
		want bool
	}{{t.Context(), damaged, true}, {t.Context(), deleted, false}, {stopped, damaged, false}} {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		p := &parts{Config: Config{Logger: logger}, results: kept, reader: reading.New(reading.Options{Results: kept, Logger: logger})}
		if err := p.reader.Compact(c.ctx, c.id); err == nil {
			t.Errorf("%s was compacted", c.id)
		}
		p.compact(c.ctx, c.id)
		if got := strings.Contains(log.String(), "no compacted copy"); got != c.want {
			t.Errorf("%s: warned %v, want %v: %s", c.id, got, c.want, log.String())
		}
		if err := p.reader.Close(); err != nil {
			t.Error(err)
		}
	}
}
