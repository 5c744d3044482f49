package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/results"
)

// maxTroubles is how often in a row a run may end in trouble that may pass, without another variant done.
const maxTroubles = 5

// work runs the simulation until nothing is left to do (nil, nil), it can't go on (a fault), or it is
// ended from outside (the cause).
func (c *claim) work() (*store.Fault, error) {
	troubles, left := 0, -1
	for {
		sum, err := c.round()
		open := c.unfinished()
		if open != left {
			troubles, left = 0, open
		}
		ending, goesOn := jobOf(err)
		if !ending && !errors.Is(err, results.ErrRunning) {
			c.aside = time.Time{}
		}
		switch {
		case c.held.Err() != nil:
			return nil, context.Cause(c.held)
		case isLostResults(err):
			return faultOf(err), nil
		case open == 0:
			return nil, nil
		case c.running.Err() != nil:
			c.goesOn = goesOn
			return nil, context.Cause(c.running)
		case sum.Stopped != "":
			return &store.Fault{Reason: "stopped", Message: short(sum.Stopped)}, nil
		case errors.Is(err, results.ErrRunning):
			c.standAside("another process has this simulation for itself, such as `whatif run --resume`, `whatif retry` or `whatif gc`; it goes on here when that has ended")
			continue
		case ending:
			c.standAside("an earlier job of this simulation was asked to end and has not yet; the rest begins when it has: " + goesOn.Error())
			continue
		case err == nil:
			err = fmt.Errorf("queue: the run ended and said nothing of %d variants", open)
		}
		if troubles++; troubles > maxTroubles || !mayPass(err) {
			return faultOf(err), c.settle()
		}
		c.log.Warn("a simulation's run ended in trouble; it is tried again", "error", err, "tries", troubles)
		c.pause(troubles, err)
	}
}

// jobOf is the job elsewhere that a run has let go of, if it has, and whether that job is ending, as it was
// asked to: that takes what it takes, and is nobody's trouble.
func jobOf(err error) (ending bool, job *pipeline.JobGoesOn) {
	job, ok := errors.AsType[*pipeline.JobGoesOn](err)
	return ok && job.Ending, job
}

// round takes up what is left to do, and does it. What was recorded is known even of a simulation that is
// not to be run on.
func (c *claim) round() (sum pipeline.Summary, err error) {
	if err := c.prepare(); err != nil {
		return sum, err
	}
	todo, err := c.takeUp(c.held)
	if err != nil || len(todo) == 0 {
		return sum, err
	}
	if c.running.Err() == nil {
		sum, err = c.q.run(c.running, c.options(todo))
	}
	if _, job := jobOf(err); job == nil && c.running.Err() != nil && !leaves(context.Cause(c.running)) {
		err = errors.Join(err, c.endJobs(todo))
	}
	c.meter.ended()
	return sum, errors.Join(err, c.changes.flush(c.held))
}

// endJobs ends what jobs elsewhere a simulation still has whose user wishes its end: they are an earlier launcher's,
// and the wish came before a run had found them.
func (c *claim) endJobs(todo []pipeline.Todo) error {
	open, err := c.q.Results.OpenJobs(c.held, c.plan.SimulationID)
	if err == nil && len(open) > 0 {
		options := c.options(todo)
		options.Ending = true
		_, err = c.q.run(c.held, options)
	}
	if _, job := jobOf(err); err != nil && job == nil {
		c.log.Warn("a simulation is to end, and its job elsewhere could not be seen to; it may go on", "error", err)
	}
	return err
}

// prepare makes the plan durable beside where its results will be.
func (c *claim) prepare() error {
	if c.plan != nil {
		return nil
	}
	sim := c.Simulation
	plan, err := pipeline.PlanOf(&c.Inputs, sim.ID, sim.Tenant, sim.SubmittedAt)
	if err != nil {
		return model.Invalid("%w", err)
	}
	config, problems := model.ParseConfig(c.Inputs.Config.Name, []byte(c.Inputs.Config.Text))
	if err := problems.Err(); err != nil {
		return model.Invalid("%w", err)
	}
	// Reserved first: what has a plan can be seen by retention.
	if err := c.q.reserve(c.held, sim); err != nil {
		return err
	}
	if err := c.q.Results.WritePlan(c.held, plan); err != nil {
		return err
	}
	killpoint.Here("queue.plan_written")
	c.plan, c.retries = plan, config.Execution.Retries
	return nil
}

// takeUp finds out what is left to do, from the variants of the store and the rows of the result store. What
// has ended meanwhile is recorded.
func (c *claim) takeUp(ctx context.Context) ([]pipeline.Todo, error) {
	ids := make([]string, len(c.plan.Variants))
	for i, v := range c.plan.Variants {
		ids[i] = v.ID
	}
	var variants []store.Variant
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		variants, err = c.q.book.Begin(ctx, c.Lease, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	killpoint.Here("queue.begun")
	c.know(variants)
	rows, err := c.q.Results.Rows(ctx, c.plan.SimulationID)
	if err != nil {
		return nil, err
	}
	f := reconcile(variants, rows, c.retries)
	for _, row := range f.ended {
		whole, err := c.q.Results.Read(ctx, c.plan.SimulationID, row.VariantID, row.Attempt)
		if err != nil {
			return nil, err
		}
		c.record(changeOfRow(whole))
	}
	if len(f.ended) > 0 {
		c.log.Info("found variants that had ended without a record", "variants", len(f.ended))
	}
	err = c.changes.flush(c.held)
	killpoint.Here("queue.reconciled")
	if len(f.lost) > 0 {
		err = errors.Join(err, &lostError{f.lost})
	}
	return f.todo, err
}

// lostError says that rows are gone of variants that are finished: the simulation can't be completed any more.
type lostError struct{ variants []string }

func (e *lostError) Error() string {
	what := fmt.Sprintf("of %d finished variants were", len(e.variants))
	if len(e.variants) == 1 {
		what = "of a finished variant were"
	}
	return fmt.Sprintf("the results %s removed from the results folder (%s first), so this simulation can't be completed; submit its configuration again", what, e.variants[0])
}

// Unwrap makes it a fault that is no use to be tried again.
func (e *lostError) Unwrap() error {
	return &model.Fault{Reason: string(model.Storage), Message: e.Error()}
}

func isLostResults(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// settle records what has become of variants before a simulation ends that could not go on. That it fails
// is no news then.
func (c *claim) settle() error {
	if c.plan == nil {
		return nil
	}
	if _, err := c.takeUp(c.held); err != nil {
		c.log.Warn("what became of the last variants could not be looked up", "error", err)
	}
	return context.Cause(c.running)
}

// cancelGrace is what a job's process may take to end when asked: of the two seconds in which a wish is done the rest
// is for hearing of it and for writing down what it came to.
const cancelGrace = time.Second

// options are what the pipeline runs the variants with. It has places for more than there are tokens: see tokens.
func (c *claim) options(todo []pipeline.Todo) pipeline.RunOptions {
	q := c.q
	return pipeline.RunOptions{
		Results: q.Results.URI(), SimulationID: c.plan.SimulationID, Only: todo, NextAttempt: c.nextAttempt,
		Tokens: c.share, Parallelism: 2 * q.Parallelism, MemoryBytes: q.memoryShare(),
		Shared: true, Silence: q.Lease, Simulator: q.Simulator, Command: q.Command,
		Timing:        pipeline.Timing{Now: q.Now, Random: q.Random, CancelGrace: cancelGrace},
		DefaultRunner: q.Runner, Elsewhere: q.Elsewhere, Leave: leaves,
		Observe: c.observe, Progress: c.meter.hear,
	}
}

// leaves tells whether a job that runs elsewhere goes on when the run of its simulation is ended: unless its
// user wishes the end, it is for whoever claims the simulation next.
func leaves(cause error) bool { return !errors.Is(cause, errCancelled) && !errors.Is(cause, errPaused) }

func (c *claim) nextAttempt(ctx context.Context, atLeast int64) (n int64, err error) {
	err = c.ask(ctx, func(ctx context.Context) (err error) {
		n, err = c.q.book.NextAttempt(ctx, c.Lease, atLeast)
		return err
	})
	return n, err
}

func (c *claim) observe(e pipeline.VariantEvent) {
	if change, ok := changeOf(e); ok {
		c.record(change)
	}
}

// record takes a change for the store. Of an attempt before the latest the store hears no more; yet the row that
// counts can be that of an earlier one, which a stopped launcher's job committed late. It is told as what the
// latest came to.
func (c *claim) record(change store.VariantChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := change.VariantID
	change.Attempt = max(change.Attempt, c.latest[id])
	c.latest[id] = change.Attempt
	if change.State.Finished() && !c.finished[id] {
		c.finished[id] = true
		c.meter.stands(len(c.finished))
		if change.State == store.VariantFailed {
			c.q.deadLetters.Add(1)
		}
	}
	c.changes.add(change)
}

// know notes how the variants stand in the store.
func (c *claim) know(variants []store.Variant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished, c.latest = map[string]bool{}, map[string]int64{}
	for _, v := range variants {
		c.latest[v.ID] = v.Attempt
		if v.State.Finished() {
			c.finished[v.ID] = true
		}
	}
	c.meter.stands(len(c.finished))
}

// unfinished counts the variants that have not ended; at least one while they are not known.
func (c *claim) unfinished() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished == nil {
		return max(1, c.Simulation.Variants)
	}
	return len(c.plan.Variants) - len(c.finished)
}

// asideFor is how often it is looked whether another process has let go of a simulation.
const asideFor = time.Second

// standAside waits while another process has the simulation for itself, or a job of it is still ending.
func (c *claim) standAside(message string) {
	if c.aside.IsZero() {
		c.aside = c.q.Now()
		c.log.Warn(message)
	}
	c.meter.held(c.aside, "", message)
	_ = sleep(c.running, asideFor) // what ended it is looked at next
}

// pause waits before another try, longer each time and never as long as others that failed together.
func (c *claim) pause(tries int, err error) {
	c.meter.held(c.q.Now(), faultOf(err).Reason, err.Error())
	bound := c.q.backoff << (tries - 1)
	_ = sleep(c.running, bound/2+time.Duration(c.q.Random()*float64(bound)/2)) // what ended it is looked at next
}

// mayPass reports whether another try may go better.
func mayPass(err error) bool {
	if errors.Is(err, results.ErrTaken) || errors.Is(err, results.ErrDamaged) {
		return false
	}
	fault, ok := errors.AsType[*model.Fault](err)
	return !ok || fault.Retryable
}
