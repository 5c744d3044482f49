//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
	"github.com/whatif-machine/whatif/transforms/results"
)

// digests are those of the rows of a simulation that count.
func digests(t *testing.T, store, id string) map[string]string {
	t.Helper()
	s, err := results.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	counted, err := s.Counted(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for variant, row := range counted {
		whole, err := s.Read(t.Context(), id, variant, row.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		found[variant] = whole.ResultSHA256
	}
	return found
}

// TestResultsInABucket: a launcher whose results are in a bucket simulates, answers, deletes and goes on after a
// restart, with the figures of one whose results are on disk.
func TestResultsInABucket(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	gcs := objecttest.Server(t)
	onDisk := site(t)
	disk := start(t, onDisk)
	var sim, want wire.Simulation
	disk.call(http.MethodPost, "/v1/simulations", study, &want)
	disk.finished(want.ID)

	c := onDisk
	c.Results = "gs://bucket/results"
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--store") {
		t.Errorf("without a store of its own: %v", err)
	}
	c.Store = "sqlite:" + t.TempDir() + "/store.sqlite"
	r := start(t, c)
	if answer := r.call(http.MethodGet, "/readyz", "", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("it is %s", answer.Status)
	}
	r.call(http.MethodPost, "/v1/simulations", study, &sim)
	if got := r.finished(sim.ID); got.Counts.Succeeded != 7 {
		t.Fatalf("%+v", got)
	}
	expected := digests(t, onDisk.Results, want.ID)
	if got := digests(t, c.Results, sim.ID); len(got) != 7 || !maps.Equal(got, expected) {
		t.Errorf("%v, on disk %v", got, expected)
	}
	comparison := func() (rows int) {
		var page struct {
			Rows []any `json:"rows"`
		}
		r.call(http.MethodGet, "/v1/simulations/"+sim.ID+"/comparison", "", &page)
		return len(page.Rows)
	}
	if n := comparison(); n != 7 {
		t.Errorf("the comparison has %d rows", n)
	}
	before := gcs.Count()
	for range 5 {
		comparison()
	}
	if n := gcs.Count() - before; n > 4 {
		t.Errorf("five questions in a moment took %d requests of the bucket", n)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = start(t, c)
	if n := comparison(); n != 7 {
		t.Errorf("after a restart the comparison has %d rows", n)
	}
	if answer := r.call(http.MethodDelete, "/v1/simulations/"+sim.ID, "", nil); answer.StatusCode/100 != 2 {
		t.Errorf("deleting it: %s", answer.Status)
	}
	r.until("its results are gone", func() bool {
		for _, name := range gcs.Names("bucket") {
			if strings.Contains(name, sim.ID) {
				return false
			}
		}
		return true
	})
}
