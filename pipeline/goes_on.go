package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/results"
)

// JobGoesOn is the error of a run that has let go of a job elsewhere without seeing its end. The job stays on
// record, and the next run of the simulation looks after it. It computes, and costs, until then. A run that
// was cancelled says so besides: its error is ctx's as well.
type JobGoesOn struct {
	Job    JobStatus
	Ending bool // it was asked to end, which may take longer than anybody waits
	what   string
}

// Error says which job, where, why, and what to do.
func (e *JobGoesOn) Error() string { return e.what }

// jobGoesOn is the error of a job whose end has not been seen: it stays on record.
func (s *supervisor) jobGoesOn(ctx context.Context, job results.Job, end message, cancelled bool) error {
	what, where, id := s.job.String(), placeOf(job), s.plan.SimulationID
	goesOn := &JobGoesOn{Job: *s.job, Ending: end.Ending == endCancelling}
	switch {
	case goesOn.Ending:
		goesOn.what = fmt.Sprintf("pipeline: %s was asked to end and has not within %s%s; it may go on at %s: cancel it there, or have `whatif run --resume %s` look after it",
			what, s.Timing.Elsewhere.Cancel, because(end.Message), where, id)
	case cancelled:
		goesOn.what = fmt.Sprintf("pipeline: %s could not be ended%s\nit goes on at %s: cancel it there, or have `whatif run --resume %s` look after it",
			what, because(end.Message), where, id)
	case end.Ending == endDied:
		goesOn.what = fmt.Sprintf("pipeline: %d processes in a row died that were looking after %s, which goes on; the last one: %s", maxPollers, what, end.Message)
	default:
		goesOn.what = fmt.Sprintf("pipeline: %s can't be looked after: %s\nif it runs at %s it goes on there, and `whatif run --resume %s` takes it up again",
			what, end.Message, where, id)
	}
	var err error = goesOn
	if !cancelled && end.Reason != "" && !end.Reason.Retryable() && end.Reason != model.Internal {
		err = fmt.Errorf("%w%w", err, quiet{model.NewFault(end.Reason, err.Error())})
	}
	if cancelled && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}

// placeOf is where a job runs, for people: its runner, and what that was told of the place.
func placeOf(job results.Job) string {
	var spec remote.Spec
	if json.Unmarshal(job.Spec, &spec) != nil {
		return job.Runner // a record that can't be read is an error elsewhere
	}
	switch set := spec.Settings; {
	case set.Endpoint != "":
		return job.Runner + " at " + set.Endpoint
	case set.Project != "":
		return fmt.Sprintf("%s in %s of project %s", job.Runner, set.Region, set.Project)
	}
	return job.Runner
}

// because is a reason behind a statement, if there is one.
func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
