package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Run runs what a submitted simulation has left to do, and returns when every variant has a row that
// counts, when ctx is done, or when it can't go on. On a simulation that was interrupted it resumes.
//
// Failed variants are no error; the summary counts them. An error says why nothing more could be
// done: another process runs the simulation (results.ErrRunning), its inputs have changed (a fault
// input_changed), results can't be stored, or ctx's error. What was committed stays in every case.
func Run(ctx context.Context, o RunOptions) (sum Summary, err error) {
	store, err := results.Open(o.Results)
	if err != nil {
		return sum, err
	}
	plan, err := store.Plan(ctx, o.SimulationID)
	if err != nil {
		return sum, err
	}
	held, err := store.Hold(ctx, o.SimulationID, o.Shared)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	ctx, done := whileHeld(ctx, held)
	defer done()
	s, err := newSupervisor(ctx, o, store, plan)
	if err != nil {
		return sum, err
	}
	err = s.run(ctx)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, results.ErrTakenOver) {
		err = fmt.Errorf("pipeline: simulation %s is let go of: %w", o.SimulationID, cause)
	}
	return s.summary(), err
}

// whileHeld is ctx until another process has taken the simulation over: what is begun after that is wasted.
func whileHeld(ctx context.Context, held interface{ Lost() <-chan struct{} }) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-held.Lost():
			end(results.ErrTakenOver)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { end(nil); <-ended }
}

// sharedLeftovers is how old a temporary file must be to be nobody's, while another process may be at work
// in the same simulation: one is written and committed in well under a second.
const sharedLeftovers = 10 * time.Minute

// supervisor runs one simulation.
type supervisor struct {
	RunOptions
	store  *results.Store
	plan   *model.Plan
	config *model.Config
	agenda *agenda

	number    int64                   // of the round: its attempts'
	highest   int64                   // number that was seen in the store
	began     map[string]time.Time    // variants in flight
	told      map[string]bool         // of the round, those whose row was heard of
	failures  map[string]VariantEvent // the last one of variants that will be tried again
	admission *admission              // of the round: its tokens
	victims   int                     // of the round, variants in flight at the death of its process
	ran       int
	reasons   map[model.Reason]int
	decisions int64 // of rounds that have ended
	current   Counters
	processes int
	open      []results.Job // jobs elsewhere of earlier runs, to be taken up
	rows      []results.Row // that were there at the beginning, if there are such jobs
	job       *JobStatus    // elsewhere, the latest
	fruitless int           // rounds in a row that ended in trouble without a row
	stopped   string
}

func newSupervisor(ctx context.Context, o RunOptions, store *results.Store, plan *model.Plan) (*supervisor, error) {
	config, err := transforms.ConfigOf(plan)
	if err != nil {
		return nil, err
	}
	if o, err = o.defaults(config, len(plan.Variants)); err != nil {
		return nil, err
	}
	far, err := store.HasJobs(ctx, plan.SimulationID)
	if err != nil {
		return nil, err
	}
	var leftBefore time.Time // nobody else writes
	if o.Shared || far {     // or perhaps a worker elsewhere does, of a job that goes on or one taken for ended
		leftBefore = o.Timing.Now().Add(-sharedLeftovers)
	}
	if err := store.Sweep(ctx, plan.SimulationID, leftBefore); err != nil {
		return nil, err
	}
	s := &supervisor{RunOptions: o, store: store, plan: plan, config: config, reasons: map[model.Reason]int{},
		began: map[string]time.Time{}, told: map[string]bool{}, failures: map[string]VariantEvent{}}
	if s.agenda, err = s.takeUp(ctx); err != nil {
		return nil, err
	}
	if _, _, done := s.agenda.next(o.Timing.Now()); done || o.Ending {
		return s, nil // nothing to compute: the inputs may be gone
	}
	if err := checkVersion(plan.SimulationID, plan.EngineVersion); err != nil {
		return nil, err
	}
	return s, transforms.CheckInputs(ctx, plan)
}

// takeUp reads from the store what is left to do.
func (s *supervisor) takeUp(ctx context.Context) (*agenda, error) {
	rows, err := s.store.Rows(ctx, s.plan.SimulationID)
	if err != nil {
		return nil, err
	}
	started, err := s.store.Started(ctx, s.plan.SimulationID)
	if err != nil {
		return nil, err
	}
	if s.open, err = s.store.OpenJobs(ctx, s.plan.SimulationID); err != nil {
		return nil, err
	}
	s.rows = rows
	inFlight(started, s.open)
	again, err := s.again(results.CountedOf(rows))
	if err != nil {
		return nil, err
	}
	a := newAgenda(s.plan, rows, started, again)
	a.retries, a.budget = s.config.Execution.Retries, s.RetryBudget
	a.delay = backoff{s.Timing.BackoffBase, s.Timing.BackoffMax, s.Timing.Random}.delay
	for _, row := range rows {
		s.highest = max(s.highest, row.Attempt)
	}
	for _, attempts := range started {
		s.highest = max(s.highest, slices.Max(attempts))
	}
	for _, job := range s.open {
		s.highest = max(s.highest, job.Attempt)
	}
	if s.Only == nil {
		return a, nil
	}
	if err := a.limit(s.Only, rows, started); err != nil {
		return nil, err
	}
	return a, s.recall(ctx, a, rows)
}

// recall tells of the variants to be run that earlier runs have settled: whoever wants them did not know.
func (s *supervisor) recall(ctx context.Context, a *agenda, rows []results.Row) error {
	for _, todo := range s.Only {
		if !a.variants[todo.VariantID].settled {
			continue
		}
		since := slices.DeleteFunc(slices.Clone(rows), func(r results.Row) bool {
			return r.VariantID != todo.VariantID || r.Attempt <= todo.After
		})
		row := results.CountedOf(since)[todo.VariantID]
		e := VariantEvent{VariantID: row.VariantID, Kind: VariantSucceeded, Attempt: row.Attempt, Reason: row.Reason}
		if row.Status == model.StatusFailed {
			e.Kind = VariantFailed
			var err error
			if e.Message, err = s.message(ctx, row.VariantID, row.Attempt); err != nil {
				return err
			}
		}
		s.observe(e)
	}
	return nil
}

// message is what a failed row says.
func (s *supervisor) message(ctx context.Context, id string, attempt int64) (string, error) {
	row, err := s.store.Read(ctx, s.plan.SimulationID, id, attempt)
	if err != nil || row.Error == nil {
		return "", err
	}
	return row.Error.Message, nil
}

// again is the set of variants to be retried; nil: none, but those without a row are run.
func (s *supervisor) again(counted map[string]results.Row) (map[string]bool, error) {
	if !s.RetryAll && len(s.Retry) == 0 {
		return nil, nil
	}
	set := map[string]bool{}
	if s.RetryAll {
		for id, row := range counted {
			if row.Status == model.StatusFailed {
				set[id] = true
			}
		}
	}
	for _, id := range s.Retry {
		row, ok := counted[id]
		switch {
		case !ok:
			return nil, fmt.Errorf("pipeline: variant %s of %s has no result to retry; `whatif failures` lists those that failed, `whatif run --resume` runs the rest", id, s.plan.SimulationID)
		case row.Status != model.StatusFailed:
			return nil, fmt.Errorf("pipeline: variant %s of %s has succeeded; only failed ones are retried", id, s.plan.SimulationID)
		}
		set[id] = true
	}
	return set, nil
}

// run does round after round until nothing is left.
func (s *supervisor) run(ctx context.Context) error {
	s.report()
	if s.Ending {
		return s.endJobs(ctx)
	}
	for _, job := range s.open {
		if err := s.takeUpJob(ctx, job); err != nil {
			return err
		}
	}
	for {
		round, wait, done := s.agenda.next(s.Timing.Now())
		switch {
		case done || s.stopped != "":
			return nil
		case len(round) == 0:
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		default:
			if err := s.round(ctx, round); err != nil {
				return err
			}
		}
	}
}

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

func (s *supervisor) report() {
	succeeded, failed, waiting, _ := s.agenda.standing()
	s.Progress(Progress{
		Total: len(s.plan.Variants), Succeeded: succeeded, Failed: failed, Running: len(s.began), Waiting: waiting,
		Decisions: s.decisions + s.current.Decisions, Processes: s.processes, Job: s.job, Blocking: s.blocking(),
	})
}

func (s *supervisor) summary() Summary {
	succeeded, failed, waiting, left := s.agenda.standing()
	return Summary{
		Total: len(s.plan.Variants), Succeeded: succeeded, Failed: failed + waiting, Skipped: left - waiting, Ran: s.ran,
		Decisions: s.decisions, Processes: s.processes, Reasons: s.reasons, Stopped: s.stopped,
	}
}
