package transforms

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrRecycle ends a job whose process holds a variant that ignores that its time is over: everything
// else in flight has been handed on, and the variants not yet begun want a fresh process.
var ErrRecycle = errors.New("a variant ignores that its time is over; this process takes no more of them")

// limits are what all bundles of one job in one process share.
type limits struct {
	places chan struct{} // one token per variant in flight
	bytes  int64
	memory *semaphore.Weighted // of bytes

	once  sync.Once
	stuck chan struct{} // closed once a variant ignores that its time is over

	mu      sync.Mutex
	flying  int           // variants handed over, of which nothing has been passed on
	settled chan struct{} // closed once none are; nil: nobody waits for that
}

func newLimits(job Job) *limits {
	return &limits{
		places: make(chan struct{}, job.Parallelism),
		bytes:  job.MemoryBytes,
		memory: semaphore.NewWeighted(job.MemoryBytes),
		stuck:  make(chan struct{}),
	}
}

// close lets nothing more begin in this process.
func (l *limits) close() { l.once.Do(func() { close(l.stuck) }) }

func (l *limits) closed() bool {
	select {
	case <-l.stuck:
		return true
	default:
		return false
	}
}

// fly counts a variant that is handed over.
func (l *limits) fly() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying++
}

// land counts one that has been passed on, all the way to its row.
func (l *limits) land() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying--; l.flying == 0 && l.settled != nil {
		close(l.settled)
		l.settled = nil
	}
}

// landed is closed once no variant of any bundle of the process is in flight. The limits are closed.
func (l *limits) landed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying == 0 {
		return open
	}
	if l.settled == nil {
		l.settled = make(chan struct{})
	}
	return l.settled
}

// reserve waits until n bytes of state fit in. It gives up when ctx is done, or with ErrRecycle when
// the process takes no more: what a stuck variant holds never comes back.
func (l *limits) reserve(ctx context.Context, n int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.stuck:
			cancel(ErrRecycle)
		case <-ctx.Done():
		}
	}()
	if err := l.memory.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// NeedsRecycling tells whether this process can't go on with a job and another one has to.
func NeedsRecycling(job Job) bool {
	studies.Lock()
	defer studies.Unlock()
	s := studies.open[job.key()]
	return s != nil && s.limits.closed()
}
