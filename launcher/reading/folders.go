package reading

import (
	"context"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/transforms/results"
)

// folders knows where on this machine the rows of simulations can be read. Those of a bucket are mirrored, which
// takes two requests when nothing is new: questions that come within a moment share them.
type folders struct {
	results *results.Store

	mutex sync.Mutex
	held  map[wanted]*mirrored
}

// wanted is a simulation as it is while it runs, or as it has ended: what was mirrored before the end may lack
// the last rows.
type wanted struct {
	simulation string
	finished   bool
}

// mirrored is when a simulation was last brought up to date.
type mirrored struct {
	turn chan struct{} // held by the one who does it
	at   time.Time     // guarded by turn, like dir
	dir  string
}

const (
	// asFreshAsNew is how long a mirror is not brought up to date again.
	asFreshAsNew = 3 * time.Second
	// mostMirrored bounds what is remembered.
	mostMirrored = 10_000
)

func newFolders(store *results.Store) *folders {
	return &folders{results: store, held: map[wanted]*mirrored{}}
}

// of is the folder that a simulation's rows are in, as they were at most a moment ago.
func (f *folders) of(ctx context.Context, simulation string, finished bool) (string, error) {
	if f.results.IsLocal() {
		return f.results.URI(), nil
	}
	m := f.mirrored(wanted{simulation, finished})
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-m.turn }()
	if m.dir != "" && time.Since(m.at) < asFreshAsNew {
		return m.dir, nil
	}
	began := time.Now()
	dir, err := f.results.Local(ctx, simulation)
	if err == nil {
		m.dir, m.at = dir, began
	}
	return dir, err
}

func (f *folders) mirrored(w wanted) *mirrored {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	m := f.held[w]
	if m == nil {
		if len(f.held) >= mostMirrored {
			clear(f.held)
		}
		m = &mirrored{turn: make(chan struct{}, 1)}
		f.held[w] = m
	}
	return m
}
