package transforms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Failure is an attempt that came to nothing, and why.
type Failure struct {
	Variant    model.Variant
	Fault      model.Fault
	StartedAt  model.Instant
	FinishedAt model.Instant
	StateBytes int64
}

// outcome is how an attempt ended: with a row, a failure, or neither when it was given up.
type outcome struct {
	row     *model.VariantResult
	failure *Failure
}

// attempt simulates one variant and always comes back, at the latest when its time and grace are
// over; what ignores that is left behind and closes the limits. It runs in a goroutine of its own.
func (s *study) attempt(ctx context.Context, v model.Variant) (o outcome) {
	a := &attempt{study: s, variant: v, began: now()}
	defer func() {
		if p := recover(); p != nil {
			o = a.failed(panicked(p))
		}
		s.notify(a.end(o))
	}()
	row, err := a.run(ctx)
	switch {
	case err == nil:
		return outcome{row: row}
	case errors.Is(err, errGivenUp):
		return outcome{}
	}
	return a.failed(err)
}

// errGivenUp marks an attempt that leaves no row of its own: it was cancelled, which is not the variant's fault,
// or there is a row already.
var errGivenUp = errors.New("given up")

// end is the event of an attempt that is over.
func (a *attempt) end(o outcome) Event {
	if o.row == nil && o.failure == nil {
		return Event{Kind: GivenUp, VariantID: a.variant.ID}
	}
	return Event{Kind: Computed, VariantID: a.variant.ID}
}

type attempt struct {
	study   *study
	variant model.Variant
	began   model.Instant
	bytes   int64
	spent   time.Duration // of the variant's time
}

func (a *attempt) failed(err error) outcome {
	return outcome{failure: &Failure{
		Variant: a.variant, Fault: *model.FaultOf(err), StartedAt: a.began, FinishedAt: now(), StateBytes: a.bytes,
	}}
}

// run takes the variant from its values to its row. Its marker precedes all that is computed for it:
// whatever of that brings the process down is then known to be in flight.
func (a *attempt) run(ctx context.Context) (*model.VariantResult, error) {
	s := a.study
	if done, err := s.hasRow(ctx, a.variant.ID); done || err != nil {
		return nil, cmp.Or(err, errGivenUp)
	}
	sim, err := s.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, errGivenUp
		}
		return nil, err
	}
	a.began = now()
	// Cancelled or not: whether the marker is there must be known.
	if err := s.store.MarkStarted(context.WithoutCancel(ctx), s.job.SimulationID, a.variant.ID, s.job.Attempt); err != nil {
		return nil, err
	}
	s.notify(Event{Kind: Started, VariantID: a.variant.ID})
	need, err := within(ctx, a, func(context.Context) (sized, error) { return a.scenario(sim) })
	a.bytes = need.bytes
	if err != nil {
		return nil, err
	}
	if err := s.limits.reserve(ctx, a.bytes); err != nil {
		return nil, a.giveUp()
	}
	a.began = now()
	metrics, err := within(ctx, a, func(ctx context.Context) (*model.Metrics, error) {
		// The bytes are given back when the simulator returns, never before.
		defer s.limits.memory.Release(a.bytes)
		return sim.Simulate(ctx, need.scenario)
	})
	if err != nil {
		return nil, err
	}
	if metrics == nil {
		return nil, errors.New("the simulator returned neither figures nor an error")
	}
	if err := model.CheckMetrics(metrics, need.scenario); err != nil {
		return nil, fmt.Errorf("the figures contradict each other, which is a defect of this program: %w", err)
	}
	return s.row(a.variant, metrics, a.began, now(), a.bytes), nil
}

// hasRow reports whether a runner elsewhere has had this very attempt before: it lost the bundle after the row
// was committed.
func (s *study) hasRow(ctx context.Context, variant string) (bool, error) {
	if !s.job.Elsewhere {
		return false, nil
	}
	_, has, err := s.store.Outcome(ctx, s.job.SimulationID, variant, s.job.Attempt)
	return has, err
}

// giveUp ends an attempt that was cancelled: its marker would count against the variant as if it had
// brought its process down.
func (a *attempt) giveUp() error {
	if err := a.study.store.UnmarkStarted(context.Background(), a.study.job.SimulationID, a.variant.ID, a.study.job.Attempt); err != nil {
		return err
	}
	return errGivenUp
}

// sized is a scenario with the state that simulating it takes.
type sized struct {
	scenario *model.Scenario
	bytes    int64
}

// scenario is what the variant is simulated on. Its state fits the bound.
func (a *attempt) scenario(sim Simulator) (sized, error) {
	bound := a.study.limits.bytes
	sc, err := a.study.config.Scenario(a.variant)
	if err != nil {
		return sized{}, fmt.Errorf("%w: %w", err, model.NewFault(model.InvalidInput, err.Error()))
	}
	need := sized{sc, sim.StateBytes(sc)}
	if need.bytes > bound {
		return need, model.NewFault(model.OutOfMemory, fmt.Sprintf(
			"needs up to %s of state, more than the bound of %s; allow more memory, or report fewer breakdowns and groups",
			bytesText(need.bytes), bytesText(bound)))
	}
	return need, nil
}

// within does work for the variant, recovered and in what is left of its time. What ignores that the
// time is over is left behind after a grace.
func within[T any](ctx context.Context, a *attempt, work func(context.Context) (T, error)) (T, error) {
	s := a.study
	began := time.Now()
	defer func() { a.spent += time.Since(began) }()
	limited, cancel := context.WithTimeoutCause(ctx, s.job.Timeout-a.spent, errTimedOut)
	defer cancel()
	ready := make(chan result[T], 1)
	go func() { ready <- recovered(limited, work) }()
	select {
	case r := <-ready:
		return r.value, a.ended(limited, r.err, false)
	case <-limited.Done():
	}
	grace := time.NewTimer(s.job.Grace)
	defer grace.Stop()
	select {
	case r := <-ready:
		return r.value, a.ended(limited, r.err, false)
	case <-grace.C:
		s.limits.close()
		var none T
		return none, a.ended(limited, limited.Err(), true)
	}
}

var errTimedOut = errors.New("time limit")

type result[T any] struct {
	value T
	err   error
}

func recovered[T any](ctx context.Context, work func(context.Context) (T, error)) (r result[T]) {
	defer func() {
		if p := recover(); p != nil {
			r = result[T]{err: panicked(p)}
		}
	}()
	r.value, r.err = work(ctx)
	return r
}

// ended judges the error that work came back with: its context's means what ended the context.
func (a *attempt) ended(limited context.Context, err error, ignored bool) error {
	if err == nil {
		return nil
	}
	if limited.Err() == nil || !(errors.Is(err, limited.Err()) || errors.Is(err, context.Cause(limited))) {
		return err
	}
	if !errors.Is(context.Cause(limited), errTimedOut) {
		return a.giveUp()
	}
	job := a.study.job
	message := fmt.Sprintf("took longer than %s (execution.variant_timeout)", job.Timeout)
	if ignored {
		message += fmt.Sprintf(" and ignored for %s that it was over", job.Grace)
	}
	return model.NewFault(model.TimedOut, message)
}

// maxStack bounds the stack that a failed row tells of a panic.
const maxStack = 2 << 10

func panicked(p any) error {
	stack := string(debug.Stack())
	// The first frames are those of the recovery; the panic's own begin after the call of panic.
	if _, after, ok := strings.Cut(stack, "\npanic("); ok {
		if _, frames, ok := strings.Cut(after, "\n\t"); ok {
			if _, rest, ok := strings.Cut(frames, "\n"); ok {
				stack = rest
			}
		}
	}
	return model.NewFault(model.Panicked, fmt.Sprintf("%v\n%.*s", p, maxStack, stack))
}

// now is the clock of the rows' started_at and finished_at, which no figure depends on.
func now() model.Instant { return model.Instant(time.Now().UnixMicro()) }

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
