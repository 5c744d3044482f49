package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/results"
)

// sentry submits a job elsewhere, or finds it, and watches it to its end.
//
//	submit --no answer: again--> watch: Status, then the names in the store --> .. --> it has ended
//	   |                           |  |                                                     ^
//	   | refused                   |  +--out of reach for too long--> the job goes on       |
//	   v                           +--asked to end--> Cancel, watch for a bounded time------+
//	the job never was
//
// What happens to its variants it finds in the store, and tells the supervisor as if it happened here.
type sentry struct {
	order
	errand
	*watch
	tell func(message)
	job  remote.Job
	last JobStatus // as it was told last
}

// The waits of a sentry that nobody chooses.
const (
	firstLook  = 200 * time.Millisecond // after which the job is looked at again, the first time
	answerTime = 30 * time.Second       // for one question
)

// runErrand does the errand, and returns what is to be said of its end.
func runErrand(ctx context.Context, o order, t *teller) message {
	if err := o.Job.Check(); err != nil {
		return errandFailed(err)
	}
	post, known := outposts[o.Runner]
	if !known {
		return errandFailed(CheckRunner(o.Runner))
	}
	store, err := results.Open(o.Job.Results)
	if err != nil {
		return errandFailed(err)
	}
	s := &sentry{order: o, errand: *o.Errand, tell: t.tell, last: JobStatus{Runner: o.Runner, Name: o.Errand.Spec.Name},
		watch: newWatch(store, o.Job, o.Errand.Watch, t.tell)}
	return s.run(ctx, post.runner())
}

func errandFailed(err error) message {
	return message{Kind: kindEnd, Ending: endFailed, Message: err.Error(), Reason: model.Reason(model.FaultOf(err).Reason)}
}

func (s *sentry) run(ctx context.Context, runner remote.Runner) message {
	if end, ok := s.submit(ctx, runner); !ok {
		return end
	}
	killpoint.Here("pipeline.errand_submitted")
	if s.Cancelled {
		return s.cancel()
	}
	return s.attend(ctx)
}

// submit starts or finds the job; ok is false if it has not come to know it.
func (s *sentry) submit(ctx context.Context, runner remote.Runner) (end message, ok bool) {
	patience := time.NewTimer(ms(s.SubmitM))
	defer patience.Stop()
	certain := s.Fresh // that there is no such job
	for wait := firstLook; ; wait = min(2*wait, ms(s.PollM)) {
		killpoint.Here("pipeline.errand_submitting")
		job, err := s.submitOnce(ctx, runner)
		if ctx.Err() != nil && brokenOff(err) {
			err = passing{err} // nobody knows what it came to
		}
		switch {
		case err == nil:
			s.job = job
			s.stands(remote.Status{State: remote.Pending})
			if err := s.acknowledge(ctx); err != nil {
				s.waits(err)
			}
			return message{}, true
		case ctx.Err() != nil && !isAsked(ctx):
			return s.left(), false
		case !isTemporary(err) && certain:
			return s.ended(remote.Status{State: remote.Refused, Message: err.Error()}), false
		case !isTemporary(err):
			return s.unreachable("the job could not be looked for", err), false
		case ctx.Err() != nil:
			s.last.Message = err.Error()
			return message{Kind: kindEnd, Ending: endCancelling, Job: &s.last, Message: err.Error()}, false
		}
		certain = false // an answer may have been lost
		s.waits(err)
		select {
		case <-patience.C:
			return s.unreachable("there is no answer to its submission", err), false
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// acknowledge records that the runner has the job. Without the record it is looked for by its name.
func (s *sentry) acknowledge(ctx context.Context) error {
	if s.Spec.Known != "" {
		return nil
	}
	o := s.order.Job
	return s.watch.store.SubmitJob(context.WithoutCancel(ctx), o.SimulationID, o.Attempt, s.job.ID(), time.Now().UTC()) //nolint:forbidigo // for people who read the record
}

// submitOnce asks the runner once. A submission under way is not broken off when the job is to be cancelled:
// what it started would be known to nobody. Beam takes no context with a deadline.
func (s *sentry) submitOnce(ctx context.Context, runner remote.Runner) (remote.Job, error) {
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		if !isAsked(ctx) {
			stop()
			return
		}
		time.AfterFunc(ms(s.CancelM), stop)
	})()
	return runner.Submit(asking, Build(s.order.Job), s.Spec)
}

// brokenOff reports whether an error says only that a question was given up, by us.
func brokenOff(err error) bool {
	code := grpcstatus.Code(err) // of gRPC, also of a context's error within
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || code == codes.Canceled || code == codes.DeadlineExceeded
}

// attend watches the job until it has ended, it is to be cancelled, or it is left alone.
func (s *sentry) attend(ctx context.Context) message {
	patience := time.NewTimer(ms(s.PatienceM)) // since both were heard of, the job and its results
	defer patience.Stop()
	for wait := firstLook; ; wait = min(wait*3/2, ms(s.PollM)) {
		status, err := s.look(ctx)
		killpoint.Here("pipeline.errand_looked")
		switch {
		case ctx.Err() != nil && isAsked(ctx):
			return s.cancel()
		case ctx.Err() != nil:
			return s.left()
		case err == nil && status.State.Final():
			return s.ended(status)
		case err == nil:
			patience.Reset(ms(s.PatienceM))
		case !isTemporary(err):
			return s.unreachable("", err)
		default:
			s.waits(err)
		}
		select {
		case <-patience.C:
			if err != nil {
				return s.unreachable("for "+ms(s.PatienceM).String()+" now", err)
			}
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// look asks how the job stands and then what became of its variants: when the job has ended, that is all of
// them.
func (s *sentry) look(ctx context.Context) (remote.Status, error) {
	asking, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	status, err := s.job.Status(asking)
	if err != nil && asking.Err() != nil && ctx.Err() == nil {
		err = passing{fmt.Errorf("no answer within %s: %w", answerTime, err)}
	}
	if err == nil && !status.State.Final() {
		s.stands(status)
	}
	if err == nil && status.Counters != nil {
		s.tell(message{Kind: kindProgress, Counters: countersNamed(status.Counters)})
	}
	// What can be seen of the variants is told whether the job answers or not.
	unseen := s.watch.look(ctx)
	if unseen != nil && storePasses(unseen) {
		unseen = passing{unseen}
	}
	switch {
	case err != nil && !isTemporary(err):
		return status, err
	case err == nil || unseen != nil && !isTemporary(unseen):
		return status, unseen
	}
	return status, passing{errors.Join(err, unseen)}
}

// cancel asks for the job's end and waits for it, but not for ever.
func (s *sentry) cancel() message {
	patience, stop := context.WithTimeout(context.Background(), ms(s.CancelM))
	defer stop()
	why := "" // it has not ended yet
	for asked := false; ; {
		var err error
		if !asked {
			err = s.job.Cancel(patience)
			asked = err == nil
			killpoint.Here("pipeline.errand_cancelled")
		}
		status, trouble := s.look(patience)
		switch {
		case trouble == nil && status.State.Final():
			return s.ended(status)
		case err != nil && !isTemporary(err) && patience.Err() == nil:
			return s.unreachable("it could not be asked to end", err)
		}
		if patience.Err() == nil { // else they tell of that
			why = textOf(errors.Join(err, trouble))
		}
		select {
		case <-patience.Done():
			return message{Kind: kindEnd, Ending: endCancelling, Job: &s.last, Message: why}
		case <-time.After(min(cancelLook, ms(s.PollM))):
		}
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// cancelLook is how often it is looked whether a job has ended that was asked to.
const cancelLook = 500 * time.Millisecond

// stands tells how the job stands, if that is news.
func (s *sentry) stands(status remote.Status) {
	now := s.last
	now.ID, now.State, now.Message = s.job.ID(), status.State, status.Message
	if now != s.last {
		s.last = now
		s.tell(message{Kind: kindJob, Job: &now})
	}
}

// waits tells what is out of reach at the moment.
func (s *sentry) waits(err error) {
	now := s.last
	now.Message = err.Error()
	if now != s.last {
		s.last = now
		s.tell(message{Kind: kindJob, Job: &now})
	}
}

func (s *sentry) ended(status remote.Status) message {
	s.last.State, s.last.Message = status.State, status.Message
	if s.job != nil {
		s.last.ID = s.job.ID()
	}
	return message{Kind: kindEnd, Ending: endJob, Job: &s.last, Message: status.Message}
}

func (s *sentry) left() message { return message{Kind: kindEnd, Ending: endLeft, Job: &s.last} }

// unreachable says what could not be asked, why, and what to do.
func (s *sentry) unreachable(what string, err error) message {
	if what != "" {
		what += ": "
	}
	m := errandFailed(err)
	m.Ending, m.Job, m.Message = endUnreachable, &s.last, what+err.Error()
	return m
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func isAsked(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errAsked) }

// passing is an error that may pass.
type passing struct{ error }

// Temporary is true.
func (passing) Temporary() bool { return true }

func (p passing) Unwrap() error { return p.error }

// isTemporary reports whether an error may pass, as it says of itself.
func isTemporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// storePasses reports whether the result store may be in reach again later.
func storePasses(err error) bool {
	fault, ok := errors.AsType[*model.Fault](err)
	return ok && fault.Retryable && !errors.Is(err, results.ErrDamaged)
}

// countersNamed are a job's counters by their names.
func countersNamed(of map[string]int64) *Counters {
	c := &Counters{}
	for name, value := range of {
		c.add(name, value)
	}
	return c
}
