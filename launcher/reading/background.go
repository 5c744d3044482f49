package reading

import (
	"context"
	"errors"
	"sync"
)

// background compacts, one at a time, finished simulations whose copy is missing where it counts: the
// launcher that should have written it was stopped before, or somebody removed it.
type background struct {
	compact func(ctx context.Context, simulation string) error
	failed  func(simulation string, err error)

	mutex   sync.Mutex
	tried   map[snapshot]bool // once is enough: files of two versions have no copy
	busy    bool
	closed  bool
	running sync.WaitGroup
	ctx     context.Context
	end     context.CancelFunc
}

// mostTried bounds what is remembered of simulations that were tried.
const mostTried = 1000

func newBackground(compact func(context.Context, string) error, failed func(string, error)) *background {
	b := &background{compact: compact, failed: failed, tried: map[snapshot]bool{}}
	b.ctx, b.end = context.WithCancel(context.Background())
	return b
}

// want starts the compaction of a simulation, unless another one is at work or it was tried before.
func (b *background) want(of snapshot) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.closed || b.busy || b.tried[of] {
		return
	}
	if len(b.tried) >= mostTried {
		clear(b.tried)
	}
	b.busy, b.tried[of] = true, true
	b.running.Go(func() {
		if err := b.compact(b.ctx, of.simulation); err != nil && !errors.Is(err, context.Canceled) {
			b.failed(of.simulation, err)
		}
		b.mutex.Lock()
		defer b.mutex.Unlock()
		b.busy = false
	})
}

// close ends what is at work and waits for it.
func (b *background) close() {
	b.mutex.Lock()
	b.closed = true
	b.mutex.Unlock()
	b.end()
	b.running.Wait()
}
