package queue

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// flaky is a store that can be cut off: from everything, or from records only.
type flaky struct {
	book
	away, deaf atomic.Bool
	refused    atomic.Int64
}

var errAway = fmt.Errorf("no route to it: %w", store.ErrUnavailable)

// cut puts a switch before a queue's store.
func cut(q *Queue) *flaky {
	f := &flaky{book: q.book}
	q.book = f
	return f
}

func (f *flaky) down(now ...*atomic.Bool) bool {
	for _, cause := range append(now, &f.away) {
		if cause.Load() {
			f.refused.Add(1)
			return true
		}
	}
	return false
}

func (f *flaky) Claim(ctx context.Context, holder string, ttl time.Duration) (*store.Claimed, error) {
	if f.down() {
		return nil, errAway
	}
	return f.book.Claim(ctx, holder, ttl)
}

func (f *flaky) Promote(ctx context.Context) (time.Time, error) {
	if f.down() {
		return time.Time{}, errAway
	}
	return f.book.Promote(ctx)
}

func (f *flaky) Heartbeat(ctx context.Context, l store.Lease, ttl time.Duration, p store.Progress) (store.Wish, error) {
	if f.down() {
		return "", errAway
	}
	return f.book.Heartbeat(ctx, l, ttl, p)
}

func (f *flaky) NextAttempt(ctx context.Context, l store.Lease, atLeast int64) (int64, error) {
	if f.down() {
		return 0, errAway
	}
	return f.book.NextAttempt(ctx, l, atLeast)
}

func (f *flaky) Record(ctx context.Context, l store.Lease, changes []store.VariantChange) error {
	if f.down(&f.deaf) {
		return errAway
	}
	return f.book.Record(ctx, l, changes)
}

func (f *flaky) Release(ctx context.Context, l store.Lease) error {
	if f.down() {
		return errAway
	}
	return f.book.Release(ctx, l)
}

func (f *flaky) Finish(ctx context.Context, l store.Lease, o store.Outcome) (store.Simulation, error) {
	if f.down(&f.deaf) {
		return store.Simulation{}, errAway
	}
	return f.book.Finish(ctx, l, o)
}
