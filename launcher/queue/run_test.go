package queue

import (
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// TestASimulationRuns: from its submission to its end, with the figures that the pipeline alone computes.
func TestASimulationRuns(t *testing.T) {
	r := newRoom(t)
	config := writeStudy(t, bids(5), "")
	want := r.undisturbed(t, config)
	waited, finished := make(chan time.Duration, 1), make(chan string, 1)
	q := r.run(t, func(o *Options) {
		o.Started = func(d time.Duration) { waited <- d }
		o.Finished = func(id string) { finished <- id }
	})
	began := time.Now()
	sim := r.submitStudy(t, config)
	var first time.Duration
	end := r.await(t, sim.ID, "succeeded", func(s store.Simulation) bool {
		if first == 0 && s.Counts.Succeeded > 0 {
			first = time.Since(began)
		}
		return s.State == store.Succeeded
	})
	latency := <-waited
	t.Logf("claimed %s after it was queued, first row after %s, all of %d after %s", latency, first, len(want), time.Since(began))
	if latency > 100*time.Millisecond {
		t.Errorf("claimed %s after it was queued, want at most 100 ms", latency)
	}
	if first > 3*time.Second {
		t.Errorf("the first row came after %s, want at most 3 s", first)
	}
	if end.Counts != (store.Counts{Succeeded: 6}) || end.Fault != nil || end.Progress.Decisions != 6*slots {
		t.Errorf("it ended with %+v, fault %v, %d decisions", end.Counts, end.Fault, end.Progress.Decisions)
	}
	r.wantDigests(t, sim.ID, want)
	for id, v := range r.variants(t, sim.ID) {
		if v.State != store.VariantSucceeded || v.Tries != 1 || v.StartedAt == nil || v.FinishedAt == nil {
			t.Errorf("variant %s: %+v", id, v)
		}
	}
	if id := <-finished; id != sim.ID {
		t.Errorf("the end of %q was told", id)
	}
	stop(t, q)
	if s := q.Stats(); s.Claims != 1 || s.TakeOvers != 0 || s.Running != 0 || s.Decisions != 6*slots || s.TokensInUse != 0 {
		t.Errorf("stats %+v", s)
	}
}
