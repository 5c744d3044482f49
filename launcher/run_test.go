//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"net/http"
	"testing"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestFromSubmissionToComparison is the whole way: submitted over HTTP, run in a process of its own, read back.
func TestFromSubmissionToComparison(t *testing.T) {
	r := start(t, site(t))
	var sim wire.Simulation
	if answer := r.call(http.MethodPost, "/v1/simulations", study, &sim); answer.StatusCode != http.StatusAccepted {
		t.Fatalf("submitted: %s", answer.Status)
	}
	sim = r.finished(sim.ID)
	if sim.State != "succeeded" || sim.Counts.Succeeded != 7 {
		t.Fatalf("it ended as %s with %+v", sim.State, sim.Counts)
	}
	var table wire.Table
	if answer := r.call(http.MethodGet, sim.Links.Comparison+"?metric=revenue&sort=revenue", "", &table); answer.StatusCode != http.StatusOK {
		t.Fatalf("comparison: %s", answer.Status)
	}
	if len(table.Rows) != 7 || table.Partial || table.Rows[0][0] != "baseline" {
		t.Errorf("comparison: %d rows, partial %t, first %v", len(table.Rows), table.Partial, table.Rows[0])
	}
}
