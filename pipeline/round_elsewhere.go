package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/results"
)

// A round elsewhere outlives whoever looks after it, so its record comes first and goes last:
//
//	attempt taken -> _jobs/<n>.json -> process: submitted, watched -> accounted for -> _jobs/<n>.ended.json
//	                      ^                                                                  |
//	                      +--- killed anywhere between: the next run takes the job up -------+

// roundElsewhere gives variants to a job beyond this machine.
func (s *supervisor) roundElsewhere(ctx context.Context, number int64, ids []string) error {
	spec, err := json.Marshal(s.spec(number))
	if err != nil {
		return fmt.Errorf("pipeline: the record of a job: %w", err)
	}
	job := results.Job{Attempt: number, Runner: s.Runner, Name: s.jobName(number), Spec: spec, Variants: ids, Created: s.Timing.Now().UTC()}
	if err := s.store.RecordJob(ctx, s.plan.SimulationID, job); err != nil {
		return err
	}
	killpoint.Here("pipeline.job_recorded")
	return s.seeThrough(ctx, job, ids, true)
}

// jobName is the same for the same attempt at the same simulation, whoever asks.
func (s *supervisor) jobName(number int64) string {
	return fmt.Sprintf("whatif-%s-%d", s.plan.SimulationID, number)
}

// spec says what the runner is told of a job.
func (s *supervisor) spec(number int64) remote.Spec {
	labels := map[string]string{"whatif-simulation": s.plan.SimulationID, "whatif-attempt": fmt.Sprint(number)}
	for key, value := range s.Elsewhere.Labels {
		labels[key] = value
	}
	return remote.Spec{Name: s.jobName(number), Labels: labels, Settings: s.Elsewhere.Settings}
}

// takeUpJob goes on with a job that an earlier run left open, under its own number and where it was submitted
// to. What it has done meanwhile is known already, from its rows.
func (s *supervisor) takeUpJob(ctx context.Context, job results.Job) error {
	if _, known := outposts[job.Runner]; !known {
		return fmt.Errorf("pipeline: simulation %s has a job of a runner %q, which this program does not have; go on with the version that started it", s.plan.SimulationID, job.Runner)
	}
	left := slices.DeleteFunc(slices.Clone(job.Variants), func(id string) bool {
		it := s.agenda.variants[id]
		return it == nil || it.settled || slices.ContainsFunc(s.rows, func(r results.Row) bool { return r.VariantID == id && r.Attempt == job.Attempt })
	})
	if len(left) == 0 && job.Submitted == "" {
		return s.endUnasked(ctx, job)
	}
	return s.seeThrough(ctx, job, left, false)
}

// endJobs ends the jobs that earlier runs left open, each whatever becomes of the others.
func (s *supervisor) endJobs(ctx context.Context) (err error) {
	for _, job := range s.open {
		err = errors.Join(err, s.endJob(ctx, job))
	}
	return err
}

func (s *supervisor) endJob(ctx context.Context, job results.Job) error {
	if err := s.store.CancelJob(ctx, s.plan.SimulationID, job.Attempt, s.Timing.Now().UTC()); err != nil {
		return err
	}
	job.Cancelled = true
	return s.takeUpJob(ctx, job)
}

// endUnasked closes the record of a job that nobody is known to have started and that nothing is left of.
func (s *supervisor) endUnasked(ctx context.Context, job results.Job) error {
	return s.store.EndJob(ctx, s.plan.SimulationID, job.Attempt, results.JobEnd{
		State: string(remote.Lost), Message: "nothing was left of it to be done", At: s.Timing.Now().UTC()})
}

// inFlight takes the markers of jobs that may be running out of those that tell of deaths.
func inFlight(started map[string][]int64, open []results.Job) {
	for _, job := range open {
		for id, attempts := range started {
			started[id] = slices.DeleteFunc(attempts, func(n int64) bool { return n == job.Attempt })
			if len(started[id]) == 0 {
				delete(started, id)
			}
		}
	}
}

// maxPollers is how many processes in a row may die that look after a job, and tell nothing new of it.
const maxPollers = 3

// seeThrough looks after a job until it has ended and its variants are accounted for. A process that dies
// doing so says nothing about job or variants: another one finds the job by its name.
func (s *supervisor) seeThrough(ctx context.Context, job results.Job, ids []string, fresh bool) error {
	s.begin(job.Attempt)
	s.job = &JobStatus{Runner: job.Runner, Name: job.Name}
	var end message
	var cancelled, left bool
	farewell := func() string {
		word := s.farewell(ctx, &job)
		left = word == leaveLine
		return word
	}
	for tries := 0; ; fresh = false {
		heard := len(s.told)
		p, err := s.sendOut(job, ids, fresh)
		if err != nil {
			return err
		}
		s.admission = newAdmission(ctx, nil)
		end, cancelled = s.follow(ctx, p, farewell)
		refused := s.admission.close() // nil: there are no tokens
		if end.Ending == endDied {
			end.Message = p.death()
		}
		if end.Ending != endDied || cancelled || ctx.Err() != nil {
			break
		}
		if tries++; len(s.told) > heard {
			tries = 0
		}
		if tries == maxPollers {
			break
		}
		if err := errors.Join(refused, sleep(ctx, s.agenda.delay(tries+1))); err != nil {
			return err
		}
	}
	if end.Job != nil {
		s.job = end.Job
	}
	if left && end.Ending != endJob {
		s.conclude()
		return ctx.Err() // as was wished
	}
	return s.concludeJob(ctx, job, ids, end, cancelled)
}

// cancelSlack is what a process may take beyond the job's own time to end.
const cancelSlack = 5 * time.Second

// sendOut starts a process that looks after a job.
func (s *supervisor) sendOut(job results.Job, ids []string, fresh bool) (*process, error) {
	wait := s.Timing.Elsewhere
	e := &errand{
		Watch: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return s.told[id] }),
		Fresh: fresh, Cancelled: job.Cancelled,
		PollM: wait.Poll.Milliseconds(), CancelM: wait.Cancel.Milliseconds(), SubmitM: wait.Submit.Milliseconds(), PatienceM: wait.Patience.Milliseconds(),
	}
	if err := json.Unmarshal(job.Spec, &e.Spec); err != nil {
		return nil, fmt.Errorf("pipeline: the record of job %s: %w", job.Name, err)
	}
	e.Spec.Known = cmp.Or(job.Submitted, s.job.ID)
	o := s.order(job.Attempt, job.Variants)
	o.Runner, o.Errand, o.HeapBytes, o.Tokens = job.Runner, e, 0, false
	o.Job.Elsewhere, o.Job.MemoryBytes, o.Job.Parallelism = true, 0, s.Elsewhere.Parallelism
	p, err := startProcess(s.Command, o, wait.Cancel+cancelSlack)
	if err == nil {
		s.processes++
		killpoint.Here("pipeline.process_started")
	}
	return p, err
}

// farewell is the last word to a job's process: its job is cancelled or left alone. That it is cancelled is
// recorded first, so that whoever takes the simulation up does not take that for somebody else's doing.
func (s *supervisor) farewell(ctx context.Context, job *results.Job) string {
	cause := context.Cause(ctx)
	taken := errors.Is(cause, results.ErrTakenOver) // the job is that process's
	if taken || s.stopped == "" && ctx.Err() != nil && s.Leave(cause) {
		return leaveLine
	}
	recorded := s.store.CancelJob(context.WithoutCancel(ctx), s.plan.SimulationID, job.Attempt, s.Timing.Now().UTC())
	job.Cancelled = recorded == nil // else the next run has to find out by itself
	killpoint.Here("pipeline.cancel_recorded")
	return cancelLine
}

// concludeJob does what is to be done after a job's process has ended for good.
func (s *supervisor) concludeJob(ctx context.Context, job results.Job, ids []string, end message, cancelled bool) error {
	defer s.conclude()
	if end.Ending != endJob {
		return s.jobGoesOn(ctx, job, end, cancelled || s.Ending)
	}
	how := ""
	if end.Job.State == remote.Failed && !cancelled && !job.Cancelled {
		how = fmt.Sprintf("its %s failed: %s", end.Job, end.Message)
	}
	ctx, asked := context.WithoutCancel(ctx), ctx
	if err := s.account(ctx, job.Attempt, ids, how); err != nil {
		return err
	}
	killpoint.Here("pipeline.job_accounted")
	err := s.store.EndJob(ctx, s.plan.SimulationID, job.Attempt, results.JobEnd{State: string(end.Job.State), Message: end.Message, At: s.Timing.Now().UTC()})
	if err != nil {
		return err
	}
	killpoint.Here("pipeline.round_ended")
	if err := s.conflicts(ctx, job); err != nil {
		return err
	}
	if cancelled {
		return asked.Err() // nil if the run stops itself
	}
	return s.judgeJob(asked, job, end)
}

// quiet is in an error's chain and not in its text.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// judgeJob decides whether the run goes on after a job has ended.
func (s *supervisor) judgeJob(ctx context.Context, job results.Job, end message) error {
	message := strings.TrimPrefix(end.Message, "pipeline: ")
	switch {
	case job.Cancelled:
		return ctx.Err() // by an earlier run: the rest is another job's
	case end.Job.State == remote.Refused:
		return final("pipeline: %s was refused: %s", end.Job, message)
	case end.Job.State == remote.Cancelled:
		return final("pipeline: %s was cancelled, not by this program: %s; `whatif run --resume %s` runs the rest in another job", end.Job, orSilent(message), s.plan.SimulationID)
	case len(s.told) > 0 || s.victims > 0:
		s.fruitless = 0
		return nil
	case end.Job.State == remote.Failed:
		return final("pipeline: %s failed before any variant had a result: %s", end.Job, orSilent(message))
	}
	if s.fruitless++; s.fruitless > s.config.Execution.Retries {
		return final("pipeline: %s ended as %s, and none of its variants has a result", end.Job, end.Job.State)
	}
	return sleep(ctx, s.agenda.delay(s.fruitless))
}

func orSilent(message string) string {
	if message == "" {
		return "it does not say why"
	}
	return message
}

// final is an error that another try would meet again.
func final(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return fmt.Errorf("%w%w", err, quiet{model.NewFault(model.Internal, err.Error())})
}

// conflicts is the error of variants that workers computed to different figures.
func (s *supervisor) conflicts(ctx context.Context, job results.Job) error {
	all, err := s.store.Conflicts(ctx, s.plan.SimulationID)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Attempt == job.Attempt {
			return final("pipeline: two workers of %s came to different figures for variant %s (result_sha256 %.12s.. and %.12s..): a defect of this program or of a machine. "+
				"Don't rely on this simulation, and report it", job.Name, c.VariantID, c.ResultSHA256, c.OtherSHA256)
		}
	}
	return nil
}
