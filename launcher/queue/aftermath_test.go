package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// TestEndsAreToldOneAtATime: while the first is being told of, the others go on running and wait for their turn.
func TestEndsAreToldOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	gate, told := make(chan struct{}), make(chan string, 3)
	var telling atomic.Int64
	r.run(t, func(o *Options) {
		o.Finished = func(_ context.Context, id string) {
			if n := telling.Add(1); n > 1 {
				t.Errorf("%d ends are told at a time", n)
			}
			<-gate
			telling.Add(-1)
			told <- id
		}
	})
	config := writeStudy(t, bids(1), "")
	ids := map[string]bool{}
	for range 3 {
		ids[r.submitStudy(t, config).ID] = true
	}
	for id := range ids {
		r.awaitState(t, id, store.Succeeded)
	}
	close(gate)
	for range 3 {
		id := <-told
		if !ids[id] {
			t.Errorf("the end of %s was told, of %v", id, ids)
		}
		delete(ids, id)
	}
}

// TestResultsOfDeletedSimulationsGo: of one deleted while the queue runs, and of one that was deleted before. What
// somebody is still at work in goes later.
func TestResultsOfDeletedSimulationsGo(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, nil)
	config := writeStudy(t, bids(1), "")
	folder := func(id string) string { return filepath.Join(r.results.URI(), "simulation_id="+id) }
	deleted := func() {
		r.until(t, func() bool {
			left, err := r.store.Deleted(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(left) == 0
		}, func() string { return "a deleted simulation's results stay" })
	}
	early, late, kept := r.submitStudy(t, config).ID, r.submitStudy(t, config).ID, r.submitStudy(t, config).ID
	for _, id := range []string{early, late, kept} {
		r.awaitState(t, id, store.Succeeded)
	}
	if err := r.store.Delete(t.Context(), tenant0, early, "a test"); err != nil {
		t.Fatal(err)
	}
	deleted()
	stop(t, q)
	release, err := r.results.Lock(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.Delete(t.Context(), tenant0, late, "a test"); err != nil {
		t.Fatal(err)
	}
	if err := q.removeDeleted(t.Context()); err != nil {
		t.Errorf("a simulation that somebody is at work in: %v", err)
	}
	if _, err := os.Stat(folder(late)); err != nil {
		t.Errorf("results that somebody is at work in: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	deleted()
	for id, want := range map[string]bool{early: false, late: false, kept: true} {
		if _, err := os.Stat(folder(id)); os.IsNotExist(err) == want {
			t.Errorf("folder of %s: %v, want it there: %v", id, err, want)
		}
	}
}

// TestStopEndsWhatIsMadeOfAnEnd: it is told to, and Stop waits for no more than that.
func TestStopEndsWhatIsMadeOfAnEnd(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	begun, ended := make(chan struct{}), make(chan error, 1)
	q := r.run(t, func(o *Options) {
		o.Finished = func(ctx context.Context, _ string) {
			close(begun)
			select {
			case <-ctx.Done():
				ended <- nil
			case <-time.After(patienceOfTests):
				ended <- errors.New("it was not told to end")
			}
		}
	})
	r.submitStudy(t, writeStudy(t, bids(1), ""))
	<-begun
	stop(t, q)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
