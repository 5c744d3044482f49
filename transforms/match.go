package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
)

func init() {
	register.DoFn5x1[context.Context, string, model.Variant, func(model.VariantResult), func(Failure), error](&matchFn{})
	register.Emitter1[model.VariantResult]()
	register.Emitter1[Failure]()
}

// The live counters of a job.
const (
	Namespace        = "whatif"
	CounterStarted   = "variants_started"
	CounterSucceeded = "variants_succeeded"
	CounterFailed    = "variants_failed"
	CounterDecisions = "slots_decided"
)

var (
	startedCount   = beam.NewCounter(Namespace, CounterStarted)
	succeededCount = beam.NewCounter(Namespace, CounterSucceeded)
	failedCount    = beam.NewCounter(Namespace, CounterFailed)
	decisionsCount = beam.NewCounter(Namespace, CounterDecisions)
)

// MatchVariants: PCollection<KV<variant id, Variant>> -> PCollection<VariantResult>, PCollection<Failure>
//
// Each variant is simulated once, Job.Parallelism of them at a time in a process, and handed on in
// the order of completion: a slow one holds nobody back.
func MatchVariants(s beam.Scope, job Job, variants beam.PCollection) (rows, failures beam.PCollection) {
	s = s.Scope("MatchVariants")
	return beam.ParDo2(s, &matchFn{Job: job}, variants)
}

// matchFn runs a bundle's variants on a bounded pool, because a runner may give it all of them as
// one bundle on one goroutine. That goroutine hands over and is the only one that emits.
type matchFn struct {
	Job Job

	study    *study
	finished chan outcome
	inFlight int
}

func (f *matchFn) StartBundle(ctx context.Context, _ func(model.VariantResult), _ func(Failure)) error {
	study, err := openStudy(ctx, f.Job)
	if err != nil {
		return err
	}
	f.study, f.finished, f.inFlight = study, make(chan outcome, study.job.Parallelism), 0
	return nil
}

// ProcessElement hands the variant to the pool as soon as it has a place and is let in, and passes on
// what has finished meanwhile. A variant that gets neither is not begun.
func (f *matchFn) ProcessElement(ctx context.Context, _ string, v model.Variant, emit func(model.VariantResult), fail func(Failure)) error {
	places, entrance := f.study.limits.places, (<-chan struct{})(nil)
	for !f.study.limits.closed() && ctx.Err() == nil {
		select {
		case o := <-f.finished:
			f.passOn(ctx, o, emit, fail)
		case places <- struct{}{}:
			places, entrance = nil, f.study.entrance(v.ID)
		case <-entrance:
			f.handOver(ctx, v)
			if f.Job.Elsewhere {
				// The runner gives each of its threads a bundle. What a bundle has queued nobody else can take over.
				return f.finish(ctx, emit, fail)
			}
			return nil
		case <-f.study.limits.stuck:
		case <-ctx.Done():
		}
	}
	if places == nil {
		<-f.study.limits.places
	}
	return f.finish(ctx, emit, fail)
}

// FinishBundle waits for what is in flight.
func (f *matchFn) FinishBundle(ctx context.Context, emit func(model.VariantResult), fail func(Failure)) error {
	return f.finish(ctx, emit, fail)
}

// finish passes on everything in flight. Attempts end by themselves when ctx does, so this does too.
// Its error says why variants that were not handed over, or given up, have no row.
func (f *matchFn) finish(ctx context.Context, emit func(model.VariantResult), fail func(Failure)) error {
	for f.inFlight > 0 {
		f.passOn(ctx, <-f.finished, emit, fail)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.study.limits.closed() {
		return f.recycle(ctx)
	}
	return nil
}

// recycle ends a process that holds a variant which ignores that its time is over. A runner elsewhere would
// give the bundle to the same process again: there the process retires, once nothing else of it is in
// flight, and the runner starts another one. What is handed on has its row by then.
func (f *matchFn) recycle(ctx context.Context) error {
	if !f.Job.Elsewhere {
		return ErrRecycle
	}
	select {
	case <-f.study.limits.landed():
		retire(ErrRecycle)
	case <-ctx.Done():
	}
	return ErrRecycle
}

func (f *matchFn) handOver(ctx context.Context, v model.Variant) {
	f.inFlight++
	f.study.limits.fly()
	startedCount.Inc(ctx, 1)
	study, finished := f.study, f.finished
	go func() {
		o := study.attempt(ctx, v)
		<-study.limits.places
		finished <- o // waits, if so many have finished, until the bundle passes one on
	}()
}

func (f *matchFn) passOn(ctx context.Context, o outcome, emit func(model.VariantResult), fail func(Failure)) {
	f.inFlight--
	defer f.study.limits.land()
	switch {
	case o.row != nil:
		decisionsCount.Inc(ctx, o.row.Slots)
		succeededCount.Inc(ctx, 1)
		emit(*o.row)
	case o.failure != nil:
		failedCount.Inc(ctx, 1)
		fail(*o.failure)
	}
}
