package reading

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/transforms/results"
)

// folders knows where on this machine the rows of simulations can be read, and keeps them there while they are
// read. Those of a bucket are mirrored, which takes two requests when nothing is new: questions that come within a
// moment share them.
type folders struct {
	results *results.Store
	logger  *slog.Logger

	mutex sync.Mutex
	held  map[wanted]*mirrored
	noted time.Time // when it was logged last what there is to say of the mirror
}

// wanted is a simulation as it is while it runs, or as it has ended: what was mirrored before the end may lack
// the last rows.
type wanted struct {
	simulation string
	finished   bool
}

// mirrored is a simulation that was lately brought up to date, for the next who asks. The mutex of folders
// guards it.
type mirrored struct {
	turn  chan struct{} // held by the one who brings it up to date
	at    time.Time
	files *shared // nil: not yet
}

// shared is files that several read. The last of them lets go.
type shared struct {
	*results.Files
	readers int
}

const (
	// asFreshAsNew is how long a mirror is not brought up to date again.
	asFreshAsNew = 3 * time.Second
	// mostMirrored bounds what is remembered.
	mostMirrored = 1000
	// noteEvery is how often is logged what there is to say of the mirror, at most.
	noteEvery = time.Hour
)

func newFolders(store *results.Store, logger *slog.Logger) *folders {
	return &folders{results: store, logger: logger, held: map[wanted]*mirrored{}}
}

// of is the folder that a simulation's rows are in, as they were at most a moment ago. They stay until the caller
// lets go.
func (f *folders) of(ctx context.Context, simulation string, finished bool) (dir string, letGo func(), err error) {
	if f.results.IsLocal() {
		return f.results.URI(), func() {}, nil
	}
	w := wanted{simulation, finished}
	m := f.mirrored(w)
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return "", nil, ctx.Err()
	}
	defer func() { <-m.turn }()
	files := f.recent(m)
	if files == nil {
		began := time.Now()
		found, err := f.results.Local(ctx, simulation)
		if err != nil {
			return "", nil, err
		}
		f.tell(found.Note)
		files = f.keep(w, m, &shared{found, 1}, began)
	}
	return files.Dir, sync.OnceFunc(func() { f.release(files) }), nil
}

// mirrored is the place of a simulation. What is fresh no more, or too much, is let go of.
func (f *folders) mirrored(w wanted) *mirrored {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for other, m := range f.held {
		if m.files != nil && time.Since(m.at) >= asFreshAsNew || other != w && len(f.held) >= mostMirrored {
			f.forget(other)
		}
	}
	m := f.held[w]
	if m == nil {
		m = &mirrored{turn: make(chan struct{}, 1)}
		f.held[w] = m
	}
	return m
}

// recent lends what is fresh; nil: nothing is.
func (f *folders) recent(m *mirrored) *shared {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if m.files == nil || time.Since(m.at) >= asFreshAsNew {
		return nil
	}
	m.files.readers++
	return m.files
}

// keep has files kept for the next who asks, unless their place was given up meanwhile.
func (f *folders) keep(w wanted, m *mirrored, files *shared, at time.Time) *shared {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.held[w] == m {
		f.drop(m.files)
		files.readers++
		m.files, m.at = files, at
	}
	return files
}

// release ends one reading.
func (f *folders) release(files *shared) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.drop(files)
}

// forget gives up a place. The mutex is held.
func (f *folders) forget(w wanted) {
	m := f.held[w]
	delete(f.held, w)
	f.drop(m.files)
	m.files = nil
}

// drop counts one reader less; the last one lets go of the files. The mutex is held.
func (f *folders) drop(files *shared) {
	if files == nil {
		return
	}
	if files.readers--; files.readers > 0 {
		return
	}
	if err := files.Release(); err != nil {
		f.logger.Warn("let go of mirrored results", "error", err)
	}
}

// tell logs what there is to say of the mirror, now and then.
func (f *folders) tell(note string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if note == "" || time.Since(f.noted) < noteEvery {
		return
	}
	f.noted = time.Now()
	f.logger.Warn(note)
}

// close lets go of what is kept for the next who asks.
func (f *folders) close() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for w := range f.held {
		f.forget(w)
	}
}
