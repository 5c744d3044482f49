package inputs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// fetches brings objects to this machine to know their digests, a few at a time and each once. A download that
// takes longer than somebody waits goes on: the same submission, made again, finds it further.
type fetches struct {
	ctx    context.Context // of all downloads
	cancel context.CancelFunc
	places chan struct{}
	known  *cache[fileKey, model.PinnedInput]

	mu    sync.Mutex
	under map[fileKey]*fetch
	ends  sync.WaitGroup
}

// fetch is an object on its way, or here.
type fetch struct {
	done chan struct{}
	pin  model.PinnedInput
	err  error
}

var errClosing = errors.New("the launcher is being stopped")

func newFetches(known *cache[fileKey, model.PinnedInput]) *fetches {
	f := &fetches{places: make(chan struct{}, fetchesAtOnce), known: known, under: map[fileKey]*fetch{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// start has an object fetched, unless that is under way or done.
func (f *fetches) start(key fileKey, pin func(context.Context) (model.PinnedInput, error)) *fetch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.under[key]; one != nil {
		return one
	}
	one := &fetch{done: make(chan struct{})}
	if known, ok := f.known.find(key); ok {
		one.pin = known
		close(one.done)
		return one
	}
	if f.ctx.Err() != nil {
		one.err = errClosing
		close(one.done)
		return one
	}
	f.under[key] = one
	f.ends.Go(func() { f.fly(key, one, pin) })
	return one
}

func (f *fetches) fly(key fileKey, one *fetch, pin func(context.Context) (model.PinnedInput, error)) {
	one.err = errors.New("its reader panicked")
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.under, key)
		close(one.done)
	}()
	if one.err = enter(f.ctx, f.places); one.err != nil {
		return
	}
	defer func() { <-f.places }()
	ctx, end := context.WithTimeout(f.ctx, fetchTime)
	defer end()
	if one.pin, one.err = pin(ctx); one.err == nil {
		f.known.put(key, one.pin)
	}
}

// wait waits until an object is here, or as long as the caller has patience.
func (f *fetch) wait(ctx context.Context, over <-chan time.Time) error {
	select {
	case <-f.done: // also when patience is over
		return f.err
	default:
	}
	select {
	case <-f.done:
		return f.err
	case <-over:
		return notNow{"the snapshot is still being fetched from its bucket; submit again in a moment"}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends what is under way.
func (f *fetches) close() {
	f.cancel()
	f.ends.Wait()
}
