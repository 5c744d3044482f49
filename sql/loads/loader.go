package loads

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Options say what is loaded where.
type Options struct {
	Store     Store
	Warehouse Warehouse
	Table     string // PROJECT.DATASET.TABLE; names the rounds' folder
	Source    string // gs:// URI of the results, or of where Store stages them

	Patience time.Duration // how long troubles that pass by themselves are waited for; default 1 minute
	Poll     time.Duration // between two questions about a job that runs, in the end; default 5 s

	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error // default: time's
}

// Loader loads simulations. It is safe for concurrent use, and beside loaders in other processes.
type Loader struct {
	Options
	rounds memory
	known  atomic.Int64 // a round that is there; 0: none is known
	ready  atomic.Bool  // the table was found to be as it must be
}

// Defaults of Options.
const (
	defaultPatience = time.Minute
	defaultPoll     = 5 * time.Second
)

// New makes a loader. Nothing is asked or written yet.
func New(o Options) (*Loader, error) {
	if o.Store == nil || o.Warehouse == nil || o.Table == "" || o.Source == "" || o.Now == nil {
		return nil, errors.New("loads: it needs a store, a warehouse, a table, a source and a clock")
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.Poll == 0 {
		o.Poll = defaultPoll
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &Loader{Options: o}, nil
}

// sleep waits, and returns ctx's error if that is done first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
