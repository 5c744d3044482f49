package inputs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
)

// bounds on the reading of one snapshot.
type bounds struct {
	pipeline.CatalogBounds
	time   time.Duration
	advice string // to who needs more
}

// An upload is read while its sender waits, and comes from anybody who may submit: it has less than the files
// that the operator has put below a root.
var (
	ofFiles   = bounds{time: time.Minute, advice: "name fewer files, or submit again when the machine has less to do"}
	ofUploads = bounds{
		CatalogBounds: pipeline.CatalogBounds{MemoryBytes: 512 << 20, Rows: 5_000_000}, time: 20 * time.Second,
		advice: "an upload is for small snapshots; have larger files put below an input root of the launcher",
	}
)

// catalogWithin reads a snapshot within bounds, and says what to do when one of them is met.
func (in *Inputs) catalogWithin(ctx context.Context, files []model.PinnedInput, o inventory.Options, most bounds) (model.Catalog, error) {
	within, end := context.WithTimeout(ctx, most.time)
	defer end()
	c, err := in.catalog(within, files, o, most.CatalogBounds)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return c, ctx.Err()
	case isStorage(err):
		in.log.Warn("the objects of a snapshot can't be read", "error", err)
		return c, notNow{"the launcher can't read the snapshot from its bucket at the moment; submit again in a moment"}
	case within.Err() != nil:
		return c, fmt.Errorf("the snapshot took longer than %v to read; %s", most.time, most.advice)
	case most.Rows > 0:
		return c, fmt.Errorf("%w (%s)", err, most.advice)
	}
	return c, err
}

// isStorage tells whether trouble may pass by itself.
func isStorage(err error) bool {
	f, ok := errors.AsType[*model.Fault](err)
	return ok && f.Reason == string(model.Storage)
}

const (
	turnsAtOnce = 2           // processes that read a catalog
	turnWait    = time.Minute // for a turn, at most
)

// errBusy is returned to who has waited too long for his turn. Like the end of any wait it is a
// context.DeadlineExceeded: the same request may be made again.
var errBusy error = tooBusy{}

type tooBusy struct{}

func (tooBusy) Error() string {
	return "the launcher has been reading other snapshots all the while; submit again in a moment"
}
func (tooBusy) Unwrap() error { return context.DeadlineExceeded }
func (tooBusy) Busy() bool    { return true }

// turns lets a few snapshots be read at a time, and of one tenant one, so that nobody waits behind all that
// another tenant has sent.
type turns struct {
	places chan struct{}

	mu      sync.Mutex
	tenants map[string]*tenantTurn
}

// tenantTurn is the place of a tenant, there as long as somebody has or wants it.
type tenantTurn struct {
	place chan struct{}
	users int
}

func newTurns() *turns {
	return &turns{places: make(chan struct{}, turnsAtOnce), tenants: map[string]*tenantTurn{}}
}

// take waits for the tenant's place and then for one of all.
func (t *turns) take(ctx context.Context, tenant string) (leave func(), err error) {
	waiting, end := context.WithTimeoutCause(ctx, turnWait, errBusy)
	defer end()
	own := t.join(tenant)
	if err := enter(waiting, own.place); err != nil {
		t.part(tenant)
		return nil, err
	}
	if err := enter(waiting, t.places); err != nil {
		<-own.place
		t.part(tenant)
		return nil, err
	}
	return func() {
		<-t.places
		<-own.place
		t.part(tenant)
	}, nil
}

func enter(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *turns) join(tenant string) *tenantTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.tenants[tenant]
	if own == nil {
		own = &tenantTurn{place: make(chan struct{}, 1)}
		t.tenants[tenant] = own
	}
	own.users++
	return own
}

func (t *turns) part(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.tenants[tenant]
	if own.users--; own.users == 0 {
		delete(t.tenants, tenant)
	}
}
