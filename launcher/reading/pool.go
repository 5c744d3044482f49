package reading

import (
	"context"
	"fmt"
	"time"
)

// pool lets so many questions be answered at a time.
type pool struct {
	places chan struct{}
	wait   time.Duration
}

func newPool(places int, wait time.Duration) *pool {
	return &pool{places: make(chan struct{}, places), wait: wait}
}

// enter takes a place, waiting no longer than the pool says for a new question (ErrBusy), and for as
// long as it takes for one whose answer has begun.
func (p *pool) enter(ctx context.Context, begun bool) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	select {
	case p.places <- struct{}{}:
		return p.leave, nil
	default:
	}
	var tooLong <-chan time.Time
	if !begun {
		timer := time.NewTimer(p.wait)
		defer timer.Stop()
		tooLong = timer.C
	}
	select {
	case p.places <- struct{}{}:
		return p.leave, nil
	case <-tooLong:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, fmt.Errorf("reading: %w", ctx.Err())
	}
}

func (p *pool) leave() { <-p.places }
