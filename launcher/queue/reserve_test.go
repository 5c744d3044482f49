package queue

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
)

// midway submits a study that is paused with some of its variants done.
func (r *room) midway(t *testing.T) store.Simulation {
	t.Helper()
	sim := r.submitStudy(t, writeStudy(t, bids(24), ""))
	r.await(t, sim.ID, "on its way", func(s store.Simulation) bool { return s.Counts.Succeeded >= 3 })
	if _, err := r.store.Pause(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	return r.awaitState(t, sim.ID, store.Paused)
}

// collect has retention delete all that it may.
func (r *room) collect(t *testing.T) (removed []string) {
	t.Helper()
	removed, err := r.results.GC(t.Context(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

// TestRetentionKeepsWhatIsNotFinished: neither one that is paused nor one that a stopped launcher left goes; finished ones do.
func TestRetentionKeepsWhatIsNotFinished(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, func(o *Options) { o.Simulator = paced })
	sim := r.midway(t)
	if removed := r.collect(t); len(removed) != 0 {
		t.Errorf("removed %v while it is paused", removed)
	}
	if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, sim.ID, store.Running)
	stop(t, q)
	if removed := r.collect(t); len(removed) != 0 {
		t.Errorf("removed %v that a stopped launcher left", removed)
	}
	r.run(t, nil)
	end := r.awaitState(t, sim.ID, store.Succeeded)
	if rows := r.rows(t, sim.ID); len(rows) != end.Variants {
		t.Errorf("%d rows of %d variants", len(rows), end.Variants)
	}
	r.until(t, func() bool { return len(r.collect(t)) == 1 }, func() string { return "retention does not get it once it has finished" })
}

// TestRemovedResultsAreNoSuccess: what was finished is not there any more, so the simulation ends with a fault that says so;
// also when nothing at all is left to run.
func TestRemovedResultsAreNoSuccess(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, func(o *Options) { o.Simulator = paced })
	sim := r.midway(t)
	if err := os.RemoveAll(r.results.Path(model.SimulationPath(sim.ID))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	end := r.await(t, sim.ID, "finished", func(s store.Simulation) bool { return s.State.Finished() })
	wantRemoved(t, end)
	if end.Counts.Cancelled != end.Variants-sim.Counts.Succeeded {
		t.Errorf("counts %+v: what was left ran", end.Counts)
	}
	stop(t, q)

	// Every variant is recorded as succeeded, and its launcher died before it could say that this is the end.
	whole := r.submitStudy(t, writeStudy(t, bids(1), ""))
	claimed, err := r.store.Claim(t.Context(), "first", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"baseline", "v0001"}
	if _, err := r.store.Begin(t.Context(), claimed.Lease, ids); err != nil {
		t.Fatal(err)
	}
	var changes []store.VariantChange
	for _, id := range ids {
		changes = append(changes, store.VariantChange{VariantID: id, State: store.VariantSucceeded, Attempt: 1})
	}
	if err := r.store.Record(t.Context(), claimed.Lease, changes); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	wantRemoved(t, r.await(t, whole.ID, "finished", func(s store.Simulation) bool { return s.State.Finished() }))
}

func wantRemoved(t *testing.T, end store.Simulation) {
	t.Helper()
	if end.State == store.Succeeded || end.Fault == nil || end.Fault.Reason != string(model.Storage) || !strings.Contains(end.Fault.Message, "removed") {
		t.Errorf("it ended %s with %+v", end.State, end.Fault)
	}
}

// TestReservationsOfTheDeadAreTakenAway: a launcher died between the end and that, or the user cancelled what was paused.
// What is not known here stays.
func TestReservationsOfTheDeadAreTakenAway(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, func(o *Options) { o.Simulator = paced })
	done := r.submitStudy(t, writeStudy(t, bids(1), ""))
	r.awaitState(t, done.ID, store.Succeeded)
	cancelled, kept := r.midway(t), r.midway(t)
	stop(t, q)
	foreign := r.runAlone(t, writeStudy(t, bids(1), ""))
	for _, id := range []string{done.ID, foreign} {
		if err := r.results.Reserve(t.Context(), id, "dead"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.store.Cancel(t.Context(), tenant0, cancelled.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	wanted := map[string]bool{done.ID: false, cancelled.ID: false, kept.ID: true, foreign: true}
	r.until(t, func() bool {
		for id, want := range wanted {
			if is, err := r.results.Reserved(t.Context(), id); err != nil || is != want {
				return false
			}
		}
		return true
	}, func() string {
		left, err := r.results.Reservations(t.Context())
		return "reserved are " + strings.Join(left, ", ") + ": " + errText(err)
	})
}

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
