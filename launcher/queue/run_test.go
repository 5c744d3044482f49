package queue

import (
	"context"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// TestASimulationRuns: from its submission to its end, with the figures that the pipeline alone computes.
func TestASimulationRuns(t *testing.T) {
	r := newRoom(t)
	config := writeStudy(t, bids(5), "")
	want := r.undisturbed(t, config)
	waited, finished := make(chan time.Duration, 1), make(chan string, 2)
	q := r.run(t, func(o *Options) {
		o.Started = func(d time.Duration) { waited <- d }
		o.Finished = func(_ context.Context, id string) { finished <- id }
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
	// A machine that is busy with something else may be late once.
	for range 4 {
		again := r.submitStudy(t, config)
		latency = min(latency, <-waited)
		r.awaitState(t, again.ID, store.Succeeded)
		<-finished
	}
	if latency > 100*time.Millisecond {
		t.Errorf("claimed %s after it was queued, want at most 100 ms", latency)
	}
	stop(t, q)
	if s := q.Stats(); s.Claims != 5 || s.TakeOvers != 0 || s.Running != 0 || s.Decisions != 5*6*slots || s.TokensInUse != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestProgressIsToldWhileItRuns, by the queue itself and with each heartbeat by the store.
func TestProgressIsToldWhileItRuns(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, func(o *Options) { o.Simulator, o.Parallelism = paced, 1 })
	sim := r.submitStudy(t, writeStudy(t, bids(90), ""))
	told := r.await(t, sim.ID, "telling its progress", func(s store.Simulation) bool {
		return s.Progress.DecisionsPerSecond > 0 && !s.Progress.EstimatedEnd.IsZero() && len(s.Progress.Blocking) > 0
	})
	if told.State != store.Running || told.Progress.Decisions%slots != 0 {
		t.Errorf("%s, %d decisions; every variant has %d", told.State, told.Progress.Decisions, slots)
	}
	if b := told.Progress.Blocking[0]; b.VariantID == "" || b.Attempt < 1 || b.Since.IsZero() {
		t.Errorf("it waits for %+v", b)
	}
	live, ok := q.Progress(sim.ID)
	if !ok || live.Decisions < told.Progress.Decisions {
		t.Errorf("the queue tells %+v, %v; the store heard %d decisions before", live, ok, told.Progress.Decisions)
	}
	if s := q.Stats(); s.Running != 1 || s.Tokens != 1 || s.DecisionsPerSecond <= 0 {
		t.Errorf("stats %+v", s)
	}
	if _, err := r.store.Cancel(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, sim.ID, store.Cancelled)
	r.until(t, func() bool { _, runs := q.Progress(sim.ID); return !runs }, func() string { return "the queue tells of what has ended" })
}
