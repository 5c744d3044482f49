package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestRetryAtALauncher asks it for the variants named, or for all, and prints the state then.
func TestRetryAtALauncher(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+strings.TrimSpace(string(body)))
		sim := wire.Simulation{ID: simulationID, State: "partially_failed"}
		if r.Method == http.MethodPost {
			sim.State = "queued"
		}
		respond(w, http.StatusOK, sim)
	}))
	defer server.Close()
	const look = "GET /v1/simulations/" + simulationID + " "
	const post = "POST /v1/simulations/" + simulationID + ":retry "
	for _, c := range []struct {
		variants []string
		want     string
	}{{nil, look + "," + post + "{}"}, {[]string{"v0007", "v0012"}, look + "," + post + `{"variants":["v0007","v0012"]}`}} {
		asked = nil
		status, stdout, stderr := told(t, server, append([]string{"retry", simulationID}, c.variants...)...)
		if got := strings.Join(asked, ","); status != 0 || stdout != "queued\n" || stderr != "" || got != c.want {
			t.Errorf("status %d, %q, %q; asked %s, want %s", status, stdout, stderr, got, c.want)
		}
	}
	asked = nil
	if status, _, stderr := told(t, server, "retry", simulationID, "--parallelism", "2"); status != exitUsage || !strings.Contains(stderr, "--parallelism is for retrying here") || asked != nil {
		t.Errorf("status %d, %q; asked %v", status, stderr, asked)
	}
}

// TestRetryOfWhatIsNotHere names the launcher, if there is one to be asked.
func TestRetryOfWhatIsNotHere(t *testing.T) {
	for _, server := range []string{"", "http://launcher.example:8080"} {
		t.Setenv("WHATIF_SERVER", server)
		status, _, stderr := toldAlone(t, "retry", simulationID, "v0007", "--results", t.TempDir())
		hinted := strings.Contains(stderr, "whatif retry "+simulationID+" v0007 --server http://launcher.example:8080")
		if status == 0 || !strings.Contains(stderr, "not found") || hinted != (server != "") {
			t.Errorf("with WHATIF_SERVER=%s: status %d, %q", server, status, stderr)
		}
	}
}

// TestWhatALauncherIsNotDoneWithIsLeftAlone by all that runs or removes simulations here.
func TestWhatALauncherIsNotDoneWithIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	store, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan := &model.Plan{SimulationID: simulationID, SubmittedAt: 1, Variants: []model.Variant{{ID: model.BaselineID}}}
	if err := store.WritePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if err := store.Reserve(t.Context(), simulationID, "first"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "--resume", simulationID}, {"retry", simulationID}} {
		status, _, stderr := toldAlone(t, append(args, "--results", dir)...)
		if status != exitUsage || !strings.Contains(stderr, "whatif retry "+simulationID+" --server") {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
	for _, verb := range []string{"removed", "would remove"} {
		args := []string{"gc", "--older-than", "1d", "--results", dir}
		if verb != "removed" {
			args = append(args, "--dry-run")
		}
		status, stdout, stderr := toldAlone(t, args...)
		if status != 0 || stdout != "" || !strings.Contains(stderr, verb+" 0 simulations\n") || !strings.Contains(stderr, "kept 1 simulation of a launcher") {
			t.Errorf("gc: status %d, %q, %q", status, stdout, stderr)
		}
	}
	if _, err := store.Plan(t.Context(), simulationID); err != nil {
		t.Error(err)
	}
	if err := store.Unreserve(t.Context(), simulationID); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := toldAlone(t, "gc", "--older-than", "1d", "--results", dir); status != 0 || stdout != simulationID+"\n" || strings.Contains(stderr, "kept") {
		t.Errorf("gc once it has ended: status %d, %q, %q", status, stdout, stderr)
	}
}
