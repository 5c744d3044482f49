package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/transforms/results"
)

// aftermath tells of finished simulations, one at a time.
type aftermath struct {
	tell func(ctx context.Context, id string)

	mu   sync.Mutex
	ids  []string
	more chan struct{} // has room for one word that there is one
}

// maxAftermath bounds the simulations whose end is still to be told of. What is made of it can be made at any
// other time as well, so the oldest are let go.
const maxAftermath = 10_000

func newAftermath(tell func(context.Context, string)) *aftermath {
	return &aftermath{tell: tell, more: make(chan struct{}, 1)}
}

func (a *aftermath) add(id string) {
	a.mu.Lock()
	a.ids = append(a.ids, id)
	if len(a.ids) > maxAftermath {
		a.ids = a.ids[1:]
	}
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *aftermath) next() (id string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ids) == 0 {
		return "", false
	}
	id = a.ids[0]
	a.ids = slices.Delete(a.ids, 0, 1)
	return id, true
}

// run tells until ctx is done, with which also ends what is made of the end being told.
func (a *aftermath) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.more:
		}
		for id, ok := a.next(); ok && ctx.Err() == nil; id, ok = a.next() {
			a.tell(ctx, id)
		}
	}
}

const (
	sweepEvery  = 10 * time.Second // deleted simulations are looked for at least that often
	sweepAtMost = time.Second      // and at most that often
)

// sweep removes the results of simulations that were deleted.
func (q *Queue) sweep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := q.book.Changed()
		if err := q.removeDeleted(ctx); err != nil {
			q.complain(ctx, "removing the results of deleted simulations", err)
		}
		if sleep(ctx, sweepAtMost) != nil {
			return
		}
		timer.Reset(sweepEvery)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
	}
}

// removeDeleted removes what it can. What another process is still at work in is left for the next time, and what
// has a job elsewhere that is open for when that has ended.
func (q *Queue) removeDeleted(ctx context.Context) error {
	ids, err := q.book.Deleted(ctx)
	errs := []error{err}
	for _, id := range ids {
		err := q.Results.Delete(ctx, id)
		if errors.Is(err, results.ErrRunning) {
			errs = append(errs, q.awaits(ctx, id, err))
			continue
		}
		q.awaited.Delete(id)
		if err == nil || errors.Is(err, results.ErrNotFound) {
			err = q.book.ResultsRemoved(ctx, id)
		}
		if err == nil {
			q.Logger.Info("removed the results of a deleted simulation", "simulation_id", id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// awaits has the open jobs ended of a deleted simulation, whose results stay until then, and says once what they
// stay for.
func (q *Queue) awaits(ctx context.Context, id string, why error) error {
	open, err := q.hasOpenJob(ctx, id)
	if open {
		q.remnants.add(id, "")
	}
	if _, told := q.awaited.LoadOrStore(id, true); !told {
		q.Logger.Info("the results of a deleted simulation are removed later", "simulation_id", id, "because", why)
	}
	return err
}
