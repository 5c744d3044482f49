//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/pipeline"
)

// TestARunnerWithoutSettings is refused at submission, at its path, with all that is missing or out of reach; and
// as the launcher's own before it answers.
func TestARunnerWithoutSettings(t *testing.T) {
	c := site(t)
	c.Elsewhere = pipeline.Elsewhere{Settings: pipeline.Settings{Region: "europe-west1"}}
	r := start(t, c)
	for runner, want := range map[string][]string{
		"dataflow": {"needs --project (or WHATIF_PROJECT), --staging (or WHATIF_STAGING)", "keep results in a bucket", "copy the snapshot to a bucket"},
		"flink":    {"needs --endpoint (or WHATIF_ENDPOINT)"},
		"direct":   nil,
	} {
		var problem struct {
			Code   string
			Errors []struct{ Path, Message string }
		}
		answer := r.call(http.MethodPost, "/v1/simulations?validate_only=true", study+"execution: {runner: "+runner+"}\n", &problem)
		if want == nil {
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %d %+v", runner, answer.StatusCode, problem)
			}
			continue
		}
		var got []string
		for _, e := range problem.Errors {
			if e.Path != "execution.runner" {
				t.Errorf("%s: at %s: %s", runner, e.Path, e.Message)
			}
			got = append(got, e.Message)
		}
		if answer.StatusCode/100 != 4 || !slices.EqualFunc(got, want, strings.Contains) {
			t.Errorf("%s: %d %q, want %q", runner, answer.StatusCode, got, want)
		}
	}
	c = site(t)
	c.Runner = "dataflow"
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--project") || !strings.Contains(err.Error(), "gs://BUCKET") {
		t.Errorf("as the launcher's own: %v", err)
	}
}
