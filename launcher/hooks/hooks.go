package hooks

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// Store is what hooks need of the launcher's store.
type Store interface {
	DueDeliveries(ctx context.Context, holder string, ttl time.Duration, limit int) ([]store.Delivery, error)
	SaveDelivery(ctx context.Context, d store.Delivery) error
}

// Options of New.
type Options struct {
	Store  Store
	Name   string   // of this launcher: who holds the lease of a delivery
	Hosts  []string // allowed by the operator, see CheckURL; none: nothing is sent
	Secret string   // root of the tenants' secrets; needed with Hosts
	Logger *slog.Logger

	AtOnce  int           // deliveries at a time; default 32
	Poll    time.Duration // between looks for due ones; default 1 s
	Timeout time.Duration // of one try; default 10 s
	Lookup  Lookup        // default: the system's resolver
	TLS     *tls.Config   // default: the system's roots
	Now     func() time.Time
	Random  func() float64 // in [0, 1)
}

// Hooks delivers the webhooks that are due in the store.
type Hooks struct {
	options   Options
	client    *http.Client
	receivers *receivers
	cancel    context.CancelFunc
	work      sync.WaitGroup
	freed     chan struct{} // told when a delivery is done

	inFlight, delivered, retried, dead, unsaved, postponed atomic.Int64
}

// Stats counts what became of deliveries since the start.
type Stats struct {
	InFlight  int64
	Delivered int64
	Retried   int64 // tries that failed and will be made again
	Dead      int64 // given up
	Postponed int64 // put off without a try, because their receiver is away
	Unsaved   int64 // whose outcome the store did not take: they will be made again
}

// New checks the options. Start it then.
func New(o Options) (*Hooks, error) {
	if err := CheckHosts(o.Hosts); err != nil {
		return nil, err
	}
	if len(o.Hosts) > 0 && len(o.Secret) < 16 {
		return nil, errors.New("webhooks need a secret of at least 16 characters to sign with: set WHATIF_WEBHOOK_SECRET")
	}
	setDefaults(&o)
	h := &Hooks{options: o, freed: make(chan struct{}, 1)}
	h.receivers = &receivers{now: o.Now, all: map[string]*receiver{}}
	guarded := &dialer{
		lookup: o.Lookup, timeout: o.Timeout, allowed: func(t target) bool { return allowed(t, o.Hosts) },
	}
	h.client = &http.Client{
		Transport: &http.Transport{ // Proxy stays nil: one of the environment would undo the address check
			DialContext: guarded.DialContext, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: maxAnswer, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

func setDefaults(o *Options) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AtOnce <= 0 {
		o.AtOnce = 32
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupNetIP
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
}

// Start begins to deliver, until Stop or the end of ctx. Without allowed hosts it does nothing: what is
// due waits for a launcher that may deliver it.
func (h *Hooks) Start(ctx context.Context) {
	ctx, h.cancel = context.WithCancel(ctx)
	if len(h.options.Hosts) > 0 {
		h.work.Go(func() { h.run(ctx) })
	}
}

// Stop gives up the tries under way, which another launcher or the next start makes again, and waits
// for them to end. It may be called twice, and before Start.
func (h *Hooks) Stop() {
	if h.cancel != nil {
		h.cancel()
	}
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// Stats returns the counters.
func (h *Hooks) Stats() Stats {
	return Stats{
		InFlight: h.inFlight.Load(), Delivered: h.delivered.Load(), Retried: h.retried.Load(),
		Dead: h.dead.Load(), Postponed: h.postponed.Load(), Unsaved: h.unsaved.Load(),
	}
}

// run looks for due deliveries again and again.
func (h *Hooks) run(ctx context.Context) {
	for ctx.Err() == nil {
		if h.dispatch(ctx) { // there may be more: go on as soon as there is room
			select {
			case <-h.freed:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-time.After(h.options.Poll):
		case <-ctx.Done():
		}
	}
}

// dispatch starts what is due, as far as there is room. full: it found as many as it had room for.
func (h *Hooks) dispatch(ctx context.Context) (full bool) {
	room := h.options.AtOnce - int(h.inFlight.Load())
	if room <= 0 {
		return true
	}
	// The lease outlasts a try and the noting of its outcome.
	due, err := h.options.Store.DueDeliveries(ctx, h.options.Name, 3*h.options.Timeout, room)
	if err != nil {
		if ctx.Err() == nil {
			h.options.Logger.Warn("due webhooks could not be read; trying again", "error", err)
		}
		return false
	}
	for _, d := range due {
		h.inFlight.Add(1)
		h.work.Go(func() {
			defer h.done()
			h.deliver(ctx, d)
		})
	}
	return len(due) == room
}

// done makes room for another delivery.
func (h *Hooks) done() {
	h.inFlight.Add(-1)
	select {
	case h.freed <- struct{}{}:
	default: // it has been told already
	}
}
