package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Batches of changes: the first of a while is written at once, those after it together, so often and so many
// at a time.
const (
	flushEvery = 100 * time.Millisecond
	batchSize  = 500
)

// recorder takes a simulation's changes as they happen and writes them to the store in batches, in order.
type recorder struct {
	write func(ctx context.Context, changes []store.VariantChange) error // until it is done, or can't be

	writing sync.Mutex // held while a batch is written, and before mu
	mu      sync.Mutex
	pending []store.VariantChange // no more than the variants times their tries
	more    chan struct{}         // has room for one word that something is pending
}

func newRecorder(write func(context.Context, []store.VariantChange) error) *recorder {
	return &recorder{write: write, more: make(chan struct{}, 1)}
}

// add takes a change.
func (r *recorder) add(c store.VariantChange) {
	r.mu.Lock()
	r.pending = append(r.pending, c)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// run writes what is added until ctx is done or writing fails.
func (r *recorder) run(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.more:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
		pause.Reset(flushEvery)
	}
}

// flush writes all that is pending. On an error what was not written stays pending.
func (r *recorder) flush(ctx context.Context) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	for {
		r.mu.Lock()
		batch := slices.Clone(r.pending[:min(len(r.pending), batchSize)])
		r.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		killpoint.Here("queue.before_record")
		if err := r.write(ctx, batch); err != nil {
			return err
		}
		killpoint.Here("queue.recorded")
		r.mu.Lock()
		r.pending = slices.Delete(r.pending, 0, len(batch))
		r.mu.Unlock()
	}
}
