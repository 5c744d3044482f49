package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// eventSource is where events are read; *store.Store is one.
type eventSource interface {
	Events(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Event, error)
	Simulation(ctx context.Context, tenant, id string) (store.Simulation, error)
	Changed() <-chan struct{}
}

// hub follows the simulations that somebody watches. However many watch one, one goroutine looks for its
// news and writes them down once; each watcher has no more than a place in that list, so that a slow one
// costs nothing but its connection.
type hub struct {
	source eventSource
	live   func(id string) (store.Progress, bool)
	now    func() time.Time

	ctx    context.Context // done: it closes
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	topics   map[string]*topic
	watchers int
	tenants  map[string]int // watchers of each
	cut      int64          // watchers refused or cut off, ever
}

// maxWatchers bounds the event streams of a launcher; one tenant has half of them at most.
const (
	maxWatchers = 2000
	maxOfTenant = maxWatchers / 2
)

var (
	errClosing         = errors.New("the launcher stops")
	errTooManyWatchers = refuse(overloaded, "%d event streams are open, which is as many as can be", maxWatchers).later(10 * time.Second)
	errTooManyOfTenant = refuse(overloaded, "%d event streams of this tenant are open, which is as many as one can have", maxOfTenant).later(10 * time.Second)
)

func newHub(source eventSource, live func(string) (store.Progress, bool), now func() time.Time) *hub {
	ctx, cancel := context.WithCancel(context.Background())
	return &hub{source: source, live: live, now: now, ctx: ctx, cancel: cancel, topics: map[string]*topic{}, tenants: map[string]int{}}
}

// close ends what follows simulations, and with it all streams, and waits for the former.
func (h *hub) close() {
	h.cancel()
	h.mu.Lock()
	h.mu.Unlock() //nolint:staticcheck // whoever starts work holds the lock: after this nobody starts any
	h.work.Wait()
}

// join makes the caller a watcher of a simulation as it was seen; leave ends that.
func (h *hub) join(sim store.Simulation) (t *topic, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil, nil, errClosing
	}
	if h.watchers >= maxWatchers {
		h.cut++
		return nil, nil, errTooManyWatchers
	}
	if h.tenants[sim.Tenant] >= maxOfTenant {
		h.cut++
		return nil, nil, errTooManyOfTenant
	}
	t = h.topics[sim.ID]
	if t == nil || t.over() { // its watchers are about to leave; who comes now begins anew
		t = newTopic(h, sim)
		h.topics[sim.ID] = t
		ctx, cancel := context.WithCancel(h.ctx)
		t.cancel = cancel
		h.work.Go(func() { t.follow(ctx) })
	}
	t.watchers++
	h.watchers++
	h.tenants[sim.Tenant]++
	return t, sync.OnceFunc(func() { h.left(t) }), nil
}

func (h *hub) left(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers--
	if h.tenants[t.tenant]--; h.tenants[t.tenant] == 0 {
		delete(h.tenants, t.tenant)
	}
	if t.watchers--; t.watchers == 0 {
		t.cancel()
		if h.topics[t.id] == t {
			delete(h.topics, t.id)
		}
	}
}

// stats are the streams and the simulations they are about.
func (h *hub) stats() (watchers, topics int, cut int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watchers, len(h.topics), h.cut
}

func (h *hub) wasCut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut++
}

// Bounds of what is kept of a simulation's events for its watchers: enough for the whole life of one of
// 1,000 variants while few are watched, little when many are.
const (
	longMemory  = 4096
	shortMemory = 256
	fewTopics   = 32
)

func (h *hub) memory() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.topics) <= fewTopics {
		return longMemory
	}
	return shortMemory
}
