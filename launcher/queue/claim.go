package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Why a run is ended from outside: the causes of a claim's contexts, besides the store's ErrLeaseLost.
var (
	errCancelled = errors.New("queue: its user cancelled the simulation")
	errPaused    = errors.New("queue: its user paused the simulation")
	errStopping  = errors.New("queue: the launcher stops")
	errUnheard   = errors.New("queue: the store could not be reached for so long that the lease has run out")
)

// claim is a simulation that runs here, from the claim to the end of its lease.
type claim struct {
	store.Claimed
	q   *Queue
	log *slog.Logger

	held    context.Context // until the lease is lost, or must be taken for lost: then nothing more is written
	lose    context.CancelCauseFunc
	running context.Context // part of held: until the run is to end
	stop    context.CancelCauseFunc

	share   *share
	meter   *meter
	changes *recorder

	plan    *model.Plan // nil until it has been written
	retries int         // of a variant
	aside   time.Time   // since when something else has to end before it goes on; zero: nothing has

	goesOn *pipeline.JobGoesOn // elsewhere, though its user wishes otherwise

	mu       sync.Mutex
	finished map[string]bool  // variants, of those known; nil until they are
	latest   map[string]int64 // attempt at each variant that the store knows of
}

func (q *Queue) newClaim(taken store.Claimed) *claim {
	c := &claim{Claimed: taken, q: q}
	sim := taken.Simulation
	c.log = q.Logger.With("simulation_id", sim.ID, "tenant", sim.Tenant, "epoch", taken.Lease.Epoch)
	c.held, c.lose = context.WithCancelCause(q.alive)
	c.running, c.stop = context.WithCancelCause(c.held)
	c.share = q.tokens.join(sim.Tenant, sim.Priority)
	c.meter = newMeter(sim, q.Now)
	c.changes = newRecorder(func(ctx context.Context, changes []store.VariantChange) error {
		return c.ask(ctx, func(ctx context.Context) error { return q.book.Record(ctx, c.Lease, changes) })
	})
	c.heed(sim.Wanted)
	return c
}

// live runs the simulation and ends its lease. claimedAt is a moment before the claim.
func (c *claim) live(claimedAt time.Time) {
	defer c.share.leave()
	defer c.lose(nil)
	defer context.AfterFunc(c.q.open, func() { c.stop(errStopping) })()
	attended, dismiss := context.WithCancel(c.held)
	var attendants sync.WaitGroup
	attendants.Go(func() { c.beat(attended, claimedAt) })
	attendants.Go(func() {
		if err := c.changes.run(attended); err != nil && attended.Err() == nil {
			c.stop(fmt.Errorf("queue: record what happened to variants: %w", err))
		}
	})
	fault, cause := c.guarded()
	dismiss()
	attendants.Wait()
	c.end(fault, cause)
}

// guarded works, and makes a panic the simulation's fault.
func (c *claim) guarded() (fault *store.Fault, cause error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a simulation's run panicked", "panic", p, "stack", string(debug.Stack()))
			c.stop(errors.New("panic"))
			fault, cause = &store.Fault{Reason: string(model.Internal), Message: short(fmt.Sprintf("a defect of this program: %v", p))}, nil
		}
	}()
	return c.work()
}

// end writes down what is left to be written and gives the lease back, in the way that the cause asks for.
func (c *claim) end(fault *store.Fault, cause error) {
	ctx, cancel := context.WithTimeout(c.held, c.q.Lease)
	defer cancel()
	err := c.changes.flush(ctx)
	if err != nil && c.held.Err() == nil && fault == nil {
		fault = faultOf(fmt.Errorf("queue: record what happened to variants: %w", err))
	}
	if c.goesOn != nil {
		c.log.Warn("a job elsewhere goes on of a simulation whose user wishes its end", "error", c.goesOn)
		c.meter.held(c.q.Now(), store.JobOpen, c.goesOn.Error())
	}
	c.lastWords(ctx)
	switch {
	case c.held.Err() != nil:
		err = context.Cause(c.held)
	case errors.Is(cause, errStopping):
		err = c.release(ctx)
	case errors.Is(cause, errPaused):
		err = c.suspend(ctx)
	case errors.Is(cause, errCancelled):
		err = c.finish(ctx, store.Outcome{Cancelled: true, Fault: c.openJob()})
	case cause != nil:
		err = c.finish(ctx, store.Outcome{Fault: faultOf(cause)})
	default:
		err = c.finish(ctx, store.Outcome{Fault: fault})
	}
	if err != nil {
		c.log.Warn("a simulation was let go of without a word to the store; whoever claims it next goes on from its rows", "error", err)
	}
}

// openJob is the fault of a simulation that is cancelled and has a job elsewhere that goes on.
func (c *claim) openJob() *store.Fault {
	if c.goesOn == nil {
		return nil
	}
	return &store.Fault{Reason: store.JobOpen, Message: short(c.goesOn.Error())}
}

// lastWords tells of the progress as it is at the end. What happens next shows whether they were heard.
func (c *claim) lastWords(ctx context.Context) {
	_ = c.ask(ctx, func(ctx context.Context) error {
		_, err := c.q.book.Heartbeat(ctx, c.Lease, c.q.Lease, c.meter.progress())
		return err
	})
}

func (c *claim) release(ctx context.Context) error {
	err := c.ask(ctx, func(ctx context.Context) error { return c.q.book.Release(ctx, c.Lease) })
	if err == nil {
		killpoint.Here("queue.released")
		c.log.Info("released a simulation, to be gone on with")
	}
	return err
}

// suspend pauses the simulation, unless its user has thought better of it meanwhile: the store then gives it
// back to be claimed again, or cancels it.
func (c *claim) suspend(ctx context.Context) error {
	err := c.ask(ctx, func(ctx context.Context) error { return c.q.book.Suspend(ctx, c.Lease) })
	if err == nil {
		c.log.Info("let go of a simulation that was to be paused")
	}
	return err
}

func (c *claim) finish(ctx context.Context, o store.Outcome) error {
	killpoint.Here("queue.before_finish")
	var sim store.Simulation
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		sim, err = c.q.book.Finish(ctx, c.Lease, o)
		return err
	})
	if err != nil {
		return err
	}
	killpoint.Here("queue.finished")
	attributes := []any{"state", sim.State, "counts", sim.Counts}
	if o.Fault != nil {
		attributes = append(attributes, "reason", o.Fault.Reason, "message", o.Fault.Message)
	}
	c.log.Info("finished a simulation", attributes...)
	c.q.unreserve(sim.ID)
	c.q.finished(sim.ID)
	return nil
}

// Waits before the store is asked again that could not be reached.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = time.Second
)

// ask asks the store, and again as long as it can't be reached and ctx is not done. Hearing that the lease
// is lost ends the claim.
func (c *claim) ask(ctx context.Context, call func(context.Context) error) error {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := call(ctx)
		if isLost(err) {
			c.lose(err)
		}
		if err == nil || !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		if sleep(ctx, wait) != nil {
			return err
		}
	}
}

// isLost reports whether the simulation is no longer this launcher's, or no more at all.
func isLost(err error) bool { return errors.Is(err, store.ErrLeaseLost) }

// sleep waits, and returns ctx's error if that is done first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
