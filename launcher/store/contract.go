package store

import (
	"context"
	"errors"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// CONTRACT, replaced by its implementation at once: every method below, with these signatures.

// Store is the launcher's memory: SQLite in a file, or PostgreSQL shared by several launchers. It is safe
// for concurrent use. Methods with a tenant see that tenant's rows only; others are ErrNotFound.
type Store struct{}

// Options of Open.
type Options struct {
	Now func() time.Time // default: the database's clock (PostgreSQL), time.Now (SQLite)
}

var errYet = errors.New("store: not implemented yet")

// Open opens the store at a URL, `sqlite:PATH` (or a bare path) or `postgres://..`, and migrates it. One launcher at
// a time opens an SQLite file (flock beside it); ReadWrite tools such as `whatif keys` use OpenShared.
func Open(ctx context.Context, url string, o Options) (*Store, error) { return nil, errYet }

// OpenShared opens the store for tools beside a running launcher.
func OpenShared(ctx context.Context, url string, o Options) (*Store, error) { return nil, errYet }

func (s *Store) Close() error                   { return errYet }
func (s *Store) Ping(ctx context.Context) error { return errYet }

// Changed is closed and renewed whenever this process committed something that a queue or a watcher may wait
// for; others poll. Wait on the channel it returned before looking.
func (s *Store) Changed() <-chan struct{} { return nil }

// Submit makes a submission durable. existing: the idempotency key (or schedule firing) had been used, and sim is the first one.
// Errors: ErrKeyReused; ErrConflict (id taken: make another). Many at once share an fsync.
func (s *Store) Submit(ctx context.Context, sub Submission) (sim Simulation, existing bool, err error) {
	return sim, false, errYet
}

// FindIdempotent answers before any work is done; found is false if the key is new.
func (s *Store) FindIdempotent(ctx context.Context, tenant string, i Idempotency) (sim Simulation, found bool, err error) {
	return sim, false, errYet
}
func (s *Store) Simulation(ctx context.Context, tenant, id string) (Simulation, error) {
	return Simulation{}, errYet
}
func (s *Store) Inputs(ctx context.Context, tenant, id string) (model.Inputs, error) {
	return model.Inputs{}, errYet
}
func (s *Store) Simulations(ctx context.Context, f Filter, p Page) (list []Simulation, next string, err error) {
	return nil, "", errYet
}

// Variants lists in plan order; empty for a simulation never claimed.
func (s *Store) Variants(ctx context.Context, tenant, id string, state VariantState, p Page) (list []Variant, next string, err error) {
	return nil, "", errYet
}
func (s *Store) Variant(ctx context.Context, tenant, id, variant string) (Variant, error) {
	return Variant{}, errYet
}

// Cancel ends a scheduled, queued or paused simulation at once and wishes it of a running one. Cancelling a cancelled one is no error.
func (s *Store) Cancel(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return Simulation{}, errYet
}

// Pause wishes it of a running one.
func (s *Store) Pause(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return Simulation{}, errYet
}

// Resume makes a paused one claimable again, or takes back the wish to pause.
func (s *Store) Resume(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return Simulation{}, errYet
}

// Retry takes a finished one back to queued with the variants that failed or were cancelled (those named, or all): ErrWrongState if none did.
// An unknown variant is ErrNotFound; a named one that succeeded ErrWrongState.
func (s *Store) Retry(ctx context.Context, tenant, id, by string, variants []string) (Simulation, error) {
	return Simulation{}, errYet
}

// Delete makes a finished one's id answer ErrGone. The caller then removes its results (and again at the next start: see Deleted).
func (s *Store) Delete(ctx context.Context, tenant, id, by string) error { return errYet }

// Deleted lists ids deleted whose results were not yet reported removed; ResultsRemoved reports it.
func (s *Store) Deleted(ctx context.Context) ([]string, error)       { return nil, errYet }
func (s *Store) ResultsRemoved(ctx context.Context, id string) error { return errYet }

// Promote queues the scheduled simulations whose time has come and returns when the next is due (zero: none).
func (s *Store) Promote(ctx context.Context) (next time.Time, err error) { return next, errYet }

// Claim takes the next simulation to run, or nil: running ones without a live lease first, then queued ones by priority, then of the tenant
// that has fewest running, then the oldest. Two launchers never get the same one.
func (s *Store) Claim(ctx context.Context, holder string, ttl time.Duration) (*Claimed, error) {
	return nil, errYet
}

// Surrender ends the leases of a holder that is known to be dead (this launcher's own, after a restart under its name).
func (s *Store) Surrender(ctx context.Context, holder string) (int, error) { return 0, errYet }

// Begin records the plan's variants as pending, once; a second call changes nothing. It returns all variants as they stand.
func (s *Store) Begin(ctx context.Context, l Lease, variants []string) ([]Variant, error) {
	return nil, errYet
}

// Heartbeat prolongs the lease and tells of progress.
func (s *Store) Heartbeat(ctx context.Context, l Lease, ttl time.Duration, p Progress) (Wish, error) {
	return "", errYet
}

// NextAttempt numbers an attempt of the simulation, above `atLeast` too.
func (s *Store) NextAttempt(ctx context.Context, l Lease, atLeast int64) (int64, error) {
	return 0, errYet
}

// Record notes what happened to variants, in order, as one transaction. A change that has been recorded before changes nothing.
func (s *Store) Record(ctx context.Context, l Lease, changes []VariantChange) error { return errYet }

// Suspend pauses a running one and gives the lease back.
func (s *Store) Suspend(ctx context.Context, l Lease) error { return errYet }

// Release gives the lease back and leaves the simulation running: the launcher stops.
func (s *Store) Release(ctx context.Context, l Lease) error { return errYet }

// Finish ends a simulation and gives the lease back; with a webhook it creates the delivery in the same transaction.
func (s *Store) Finish(ctx context.Context, l Lease, o Outcome) (Simulation, error) {
	return Simulation{}, errYet
}

// Events lists a simulation's events after a sequence number, in order, at most limit.
func (s *Store) Events(ctx context.Context, tenant, id string, after int64, limit int) ([]Event, error) {
	return nil, errYet
}

// Feed lists what happened in a tenant, newest first (events marked feed).
func (s *Store) Feed(ctx context.Context, tenant string, p Page) (list []Event, next string, err error) {
	return nil, "", errYet
}
func (s *Store) AddNote(ctx context.Context, tenant string, n Note) (Note, error) { return n, errYet }
func (s *Store) Notes(ctx context.Context, tenant, id string, p Page) (list []Note, next string, err error) {
	return nil, "", errYet
}

func (s *Store) CreateSchedule(ctx context.Context, c Schedule) (Schedule, error) { return c, errYet }
func (s *Store) Schedule(ctx context.Context, tenant, id string) (Schedule, error) {
	return Schedule{}, errYet
}
func (s *Store) Schedules(ctx context.Context, tenant string, p Page) (list []Schedule, next string, err error) {
	return nil, "", errYet
}

// UpdateSchedule replaces one whose Version is c.Version, else ErrConflict.
func (s *Store) UpdateSchedule(ctx context.Context, c Schedule) (Schedule, error) { return c, errYet }
func (s *Store) DeleteSchedule(ctx context.Context, tenant, id string) error      { return errYet }

// DueSchedules lists schedules not paused whose NextAt has come, and when the next one is due after those.
func (s *Store) DueSchedules(ctx context.Context, limit int) (due []Schedule, next time.Time, err error) {
	return nil, next, errYet
}

// Fire moves a schedule on to next as one transaction with its simulation (sub nil: skipped, or failed with problem). fired is false if
// another launcher has done this firing.
func (s *Store) Fire(ctx context.Context, c Schedule, fireTime, next time.Time, sub *Submission, problem string) (sim Simulation, fired bool, err error) {
	return sim, false, errYet
}

func (s *Store) CreateKey(ctx context.Context, k Key) error                  { return errYet }
func (s *Store) Key(ctx context.Context, id string) (Key, error)             { return Key{}, errYet }
func (s *Store) Keys(ctx context.Context) ([]Key, error)                     { return nil, errYet }
func (s *Store) RevokeKey(ctx context.Context, id string) error              { return errYet }
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error { return errYet }
func (s *Store) Tiers(ctx context.Context) ([]Tier, error)                   { return nil, errYet } // `standard` (600/min, burst 100, priority 5) exists from the start
func (s *Store) PutTier(ctx context.Context, t Tier) error                   { return errYet }

func (s *Store) CreateLink(ctx context.Context, l Link) (Link, error)    { return l, errYet }      // ErrConflict: alias taken
func (s *Store) VisitLink(ctx context.Context, key string) (Link, error) { return Link{}, errYet } // counts; ErrNotFound, ErrGone (expired)

// DueDeliveries leases webhooks that are due to a holder for ttl.
func (s *Store) DueDeliveries(ctx context.Context, holder string, ttl time.Duration, limit int) ([]Delivery, error) {
	return nil, errYet
}
func (s *Store) SaveDelivery(ctx context.Context, d Delivery) error { return errYet }

func (s *Store) Load(ctx context.Context) (Load, error) { return Load{}, errYet }

// Unfinished counts a tenant's simulations that are not finished.
func (s *Store) Unfinished(ctx context.Context, tenant string) (int, error) { return 0, errYet }
