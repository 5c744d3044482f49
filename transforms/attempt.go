package transforms

import (
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

// errGivenUp marks an attempt that the variant is not to blame for: it leaves no row.
var errGivenUp = errors.New("given up")

type attempt struct {
	study   *study
	variant model.Variant
	began   model.Instant
	bytes   int64
}

func (a *attempt) failed(err error) outcome {
	return outcome{failure: &Failure{
		Variant: a.variant, Fault: *model.FaultOf(err), StartedAt: a.began, FinishedAt: now(), StateBytes: a.bytes,
	}}
}

// run takes the variant from its values to its row.
func (a *attempt) run(ctx context.Context) (*model.VariantResult, error) {
	s := a.study
	sc, err := s.config.Scenario(a.variant)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, model.NewFault(model.InvalidInput, err.Error()))
	}
	sim, err := s.open(ctx)
	if err != nil {
		return nil, giveUpIfDone(ctx, err)
	}
	if a.bytes = sim.StateBytes(sc); a.bytes > s.limits.bytes {
		return nil, model.NewFault(model.OutOfMemory, fmt.Sprintf(
			"needs up to %s of state, more than the bound of %s; allow more memory, or report fewer breakdowns and groups",
			bytesText(a.bytes), bytesText(s.limits.bytes)))
	}
	if err := s.limits.reserve(ctx, a.bytes); err != nil {
		return nil, errGivenUp
	}
	metrics, err := a.simulate(ctx, sim, sc)
	if err != nil {
		return nil, err
	}
	if err := model.CheckMetrics(metrics, sc); err != nil {
		return nil, fmt.Errorf("the figures contradict each other, which is a defect of this program: %w", err)
	}
	return s.row(a.variant, metrics, a.began, now(), a.bytes), nil
}

func giveUpIfDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errGivenUp
	}
	return err
}

// simulate runs the simulator within the time limit. The bytes reserved are given back when the
// simulator returns, never before.
func (a *attempt) simulate(ctx context.Context, sim Simulator, sc *model.Scenario) (*model.Metrics, error) {
	s := a.study
	a.began = now()
	if err := s.store.MarkStarted(s.job.SimulationID, a.variant.ID, s.job.Attempt); err != nil {
		s.limits.memory.Release(a.bytes)
		return nil, err
	}
	s.notify(Event{Kind: Started, VariantID: a.variant.ID})
	limited, cancel := context.WithTimeoutCause(ctx, s.job.Timeout, errTimedOut)
	defer cancel()
	done := make(chan simulated, 1)
	go func() {
		defer s.limits.memory.Release(a.bytes)
		done <- simulateRecovered(limited, sim, sc)
	}()
	select {
	case r := <-done:
		return a.ended(limited, r)
	case <-limited.Done():
	}
	grace := time.NewTimer(s.job.Grace)
	defer grace.Stop()
	select {
	case r := <-done:
		return a.ended(limited, r)
	case <-grace.C:
		s.limits.close()
		return a.ended(limited, simulated{err: limited.Err(), ignored: true})
	}
}

var errTimedOut = errors.New("time limit")

type simulated struct {
	metrics *model.Metrics
	err     error
	ignored bool // that its context was done
}

func simulateRecovered(ctx context.Context, sim Simulator, sc *model.Scenario) (r simulated) {
	defer func() {
		if p := recover(); p != nil {
			r = simulated{err: panicked(p)}
		}
	}()
	r.metrics, r.err = sim.Simulate(ctx, sc)
	if r.err == nil && r.metrics == nil {
		r.err = errors.New("the simulator returned neither figures nor an error")
	}
	return r
}

// ended judges what the simulator came back with: its context's error means what ended the context.
func (a *attempt) ended(limited context.Context, r simulated) (*model.Metrics, error) {
	if r.err == nil {
		return r.metrics, nil
	}
	if limited.Err() == nil || !(errors.Is(r.err, limited.Err()) || errors.Is(r.err, context.Cause(limited))) {
		return nil, r.err
	}
	s := a.study
	if !errors.Is(context.Cause(limited), errTimedOut) {
		// Cancelled: the marker would count against the variant as if it had brought its process down.
		if err := s.store.UnmarkStarted(s.job.SimulationID, a.variant.ID, s.job.Attempt); err != nil {
			return nil, err
		}
		return nil, errGivenUp
	}
	message := fmt.Sprintf("took longer than %s (execution.variant_timeout)", s.job.Timeout)
	if r.ignored {
		message += fmt.Sprintf(" and ignored for %s that it was over", s.job.Grace)
	}
	return nil, model.NewFault(model.TimedOut, message)
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
