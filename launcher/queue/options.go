package queue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Options say what a queue runs and with what of this machine.
type Options struct {
	Store   *store.Store
	Results *results.Store
	// Name is this launcher's among those of its store, the holder of its leases. Under the same name as before a
	// restarted launcher goes on at once with what it had been running; else when the leases have run out.
	Name string

	Parallelism int           // CPU tokens: variants at a time over all simulations; default: one a core
	MaxRunning  int           // simulations at a time; default 8
	MemoryBytes int64         // state that variants in flight may hold, over all simulations; 0: each bounds its own by what is free
	Lease       time.Duration // default 10 s

	Runner    string             // of configurations that name none; default: direct
	Elsewhere pipeline.Elsewhere // for runners beyond this machine

	Command   []string     // argv of a job's process; default: this program and run-job
	Simulator string       // name of a registered simulator; default: the engine
	Logger    *slog.Logger // names the launcher; default: nothing is logged

	// Fire checks a schedule's configuration and pins its inputs as they are now, of a few schedules at a time. Its error
	// becomes the schedule's last problem. Without it no schedule fires here.
	Fire func(ctx context.Context, c store.Schedule, fireTime time.Time) (*store.Submission, error)
	// Finished is told the id of each simulation that ended here, one at a time, some time later. The context ends with Stop.
	Finished func(ctx context.Context, id string)
	// Started is told how long each simulation had been queued when it was claimed here.
	Started func(waited time.Duration)

	Now    func() time.Time
	Random func() float64 // in [0, 1), for the jitter of retries
}

// Defaults of Options.
const (
	defaultMaxRunning = 8
	defaultLease      = 10 * time.Second
)

func (o Options) defaults() (Options, error) {
	switch {
	case o.Store == nil || o.Results == nil:
		return o, errors.New("queue: it needs a store and a result store")
	case o.Name == "":
		return o, errors.New("queue: its launcher needs a name, under which it holds leases")
	case o.Parallelism < 0 || o.MaxRunning < 0 || o.MemoryBytes < 0 || o.Lease < 0:
		return o, errors.New("queue: parallelism, simulations at a time, memory and lease can't be negative")
	}
	if o.Parallelism == 0 {
		o.Parallelism = runtime.GOMAXPROCS(0)
	}
	if o.MaxRunning == 0 {
		o.MaxRunning = defaultMaxRunning
	}
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Finished == nil {
		o.Finished = func(context.Context, string) {}
	}
	if o.Started == nil {
		o.Started = func(time.Duration) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o, nil
}

// memoryShare is what each simulation's variants in flight may hold together. At any time no more than
// one simulation a token has variants in flight, so all that run stay within the whole however many they
// are, and each can try what a fair share of the machine can hold.
func (o Options) memoryShare() int64 {
	if o.MemoryBytes == 0 {
		return 0
	}
	return max(1, o.MemoryBytes/int64(min(o.Parallelism, o.MaxRunning)))
}

// book is what the queue asks of the store.
type book interface {
	Changed() <-chan struct{}
	Simulation(ctx context.Context, tenant, id string) (store.Simulation, error)

	Promote(ctx context.Context) (next time.Time, err error)
	Claim(ctx context.Context, holder string, ttl time.Duration) (*store.Claimed, error)
	Surrender(ctx context.Context, holder string) (int, error)

	Begin(ctx context.Context, l store.Lease, variants []string) ([]store.Variant, error)
	Heartbeat(ctx context.Context, l store.Lease, ttl time.Duration, p store.Progress) (store.Wish, error)
	NextAttempt(ctx context.Context, l store.Lease, atLeast int64) (int64, error)
	Record(ctx context.Context, l store.Lease, changes []store.VariantChange) error
	Suspend(ctx context.Context, l store.Lease) error
	Release(ctx context.Context, l store.Lease) error
	Finish(ctx context.Context, l store.Lease, o store.Outcome) (store.Simulation, error)

	DueSchedules(ctx context.Context, limit int) (due []store.Schedule, next time.Time, err error)
	Schedule(ctx context.Context, tenant, id string) (store.Schedule, error)
	Fire(ctx context.Context, c store.Schedule, fireTime, next time.Time, sub *store.Submission, problem string) (sim store.Simulation, fired bool, err error)

	Deleted(ctx context.Context) ([]string, error)
	ResultsRemoved(ctx context.Context, id string) error
}

// faultOf is what a simulation's user is told of an error that ended it.
func faultOf(err error) *store.Fault {
	fault := model.FaultOf(err)
	return &store.Fault{Reason: fault.Reason, Message: short(fault.Message)}
}
