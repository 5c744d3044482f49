package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// written are the batches that a recorder wrote, and when.
type written struct {
	batches [][]store.VariantChange
	times   []time.Duration
	fail    error
}

func (w *written) recorder() *recorder {
	began := time.Now()
	return newRecorder(func(_ context.Context, changes []store.VariantChange) error {
		if w.fail != nil {
			return w.fail
		}
		w.batches, w.times = append(w.batches, changes), append(w.times, time.Since(began))
		return nil
	})
}

func numbered(n int) store.VariantChange { return store.VariantChange{VariantID: fmt.Sprint(n)} }

// inOrder checks that the batches hold the changes 0 .. n-1.
func (w *written) inOrder(t *testing.T, n int) {
	t.Helper()
	next := 0
	for _, batch := range w.batches {
		for _, c := range batch {
			if c != numbered(next) {
				t.Fatalf("change %s where %d belongs", c.VariantID, next)
			}
			next++
		}
	}
	if next != n {
		t.Fatalf("%d changes were written, want %d", next, n)
	}
}

// TestTheFirstChangeIsWrittenAtOnceAndTheRestTogether: one every 10 ms for a second.
func TestTheFirstChangeIsWrittenAtOnceAndTheRestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w written
		r := w.recorder()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.run(ctx) }()
		for n := range 100 {
			r.add(numbered(n))
			wait(ctx, 7*time.Millisecond) // never at the instant of a flush, where either order would be right
		}
		wait(ctx, flushEvery)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.inOrder(t, 100)
		if w.times[0] != 0 || len(w.batches[0]) != 1 {
			t.Errorf("the first batch of %d came after %s", len(w.batches[0]), w.times[0])
		}
		for i := 1; i < len(w.times); i++ {
			if gap := w.times[i] - w.times[i-1]; gap != flushEvery {
				t.Errorf("batch %d came %s after the one before", i, gap)
			}
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	var w written
	r := w.recorder()
	for n := range 1201 {
		r.add(numbered(n))
	}
	if err := r.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.inOrder(t, 1201)
	if len(w.batches) != 3 || len(w.batches[0]) != 500 || len(w.batches[2]) != 201 {
		t.Errorf("%d batches", len(w.batches))
	}
}

// TestWhatWasNotWrittenStaysPending: an error ends the run, and a later flush writes everything once.
func TestWhatWasNotWrittenStaysPending(t *testing.T) {
	w := written{fail: errors.New("no disk")}
	r := w.recorder()
	for n := range 10 {
		r.add(numbered(n))
	}
	if err := r.run(t.Context()); !errors.Is(err, w.fail) {
		t.Fatalf("the run ended with %v", err)
	}
	w.fail = nil
	for range 2 {
		if err := r.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.inOrder(t, 10)
}
