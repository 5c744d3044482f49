package api

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/whatif-machine/whatif/model"
)

// Sizes of configurations as the bench sees them.
const (
	checkedAtOnce = 2 * model.MaxDocumentBytes // bytes being checked at a time
	smallCheck    = 64 << 10                   // what the check of any configuration counts for at least
	largeCheck    = 512 << 10                  // from here on they are checked one at a time
)

// bench is where configurations are checked. Reading YAML leaves some 65 bytes of garbage for each byte of
// text, so that the texts being read at a time are bounded, and large ones are read one at a time. They
// wait for each other before they wait for room: a queue of them does not stand before the small ones.
type bench struct {
	room  *semaphore.Weighted
	large *semaphore.Weighted
}

func newBench() *bench {
	return &bench{room: semaphore.NewWeighted(checkedAtOnce), large: semaphore.NewWeighted(1)}
}

// take waits for room for a text; done gives it back.
func (b *bench) take(ctx context.Context, size int) (done func(), err error) {
	weight := int64(min(max(size, smallCheck), checkedAtOnce))
	if size < largeCheck {
		if err := b.room.Acquire(ctx, weight); err != nil {
			return nil, err
		}
		return func() { b.room.Release(weight) }, nil
	}
	if err := b.large.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := b.room.Acquire(ctx, weight); err != nil {
		b.large.Release(1)
		return nil, err
	}
	return func() {
		b.room.Release(weight)
		b.large.Release(1)
	}, nil
}
