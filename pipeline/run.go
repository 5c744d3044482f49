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
	release, err := store.Lock(o.SimulationID)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, release()) }()
	s, err := newSupervisor(ctx, o, store, plan)
	if err != nil {
		return sum, err
	}
	err = s.run(ctx)
	return s.summary(), err
}

// supervisor runs one simulation.
type supervisor struct {
	RunOptions
	store  *results.Store
	plan   *model.Plan
	config *model.Config
	agenda *agenda

	began     map[string]time.Time // variants in flight
	told      map[string]bool      // of the round, those whose row was heard of
	victims   int                  // of the round, variants in flight at the death of its process
	ran       int
	reasons   map[model.Reason]int
	decisions int64 // of rounds that have ended
	current   Counters
	processes int
	fruitless int // rounds in a row that ended in trouble without a row
	stopped   string
}

func newSupervisor(ctx context.Context, o RunOptions, store *results.Store, plan *model.Plan) (*supervisor, error) {
	config, err := transforms.ConfigOf(plan)
	if err != nil {
		return nil, err
	}
	if o, err = o.defaults(config); err != nil {
		return nil, err
	}
	if err := store.Sweep(plan.SimulationID); err != nil {
		return nil, err
	}
	s := &supervisor{RunOptions: o, store: store, plan: plan, config: config, began: map[string]time.Time{}, told: map[string]bool{}, reasons: map[model.Reason]int{}}
	if s.agenda, err = s.takeUp(ctx); err != nil {
		return nil, err
	}
	if _, _, done := s.agenda.next(o.Timing.Now()); done {
		return s, nil // nothing to compute: the inputs may be gone
	}
	if plan.EngineVersion != model.EngineVersion {
		return nil, fmt.Errorf("pipeline: simulation %s was submitted for version %s of the engine, this program has version %s, whose figures may differ: submit the configuration again",
			plan.SimulationID, plan.EngineVersion, model.EngineVersion)
	}
	return s, transforms.CheckInputs(plan)
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
	again, err := s.again(results.CountedOf(rows))
	if err != nil {
		return nil, err
	}
	a := newAgenda(s.plan, rows, started, again)
	a.retries = s.config.Execution.Retries
	a.delay = backoff{s.Timing.BackoffBase, s.Timing.BackoffMax, s.Timing.Random}.delay
	return a, nil
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

// round gives variants to a process of their own and accounts for each of them when it has ended.
func (s *supervisor) round(ctx context.Context, ids []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, err := s.store.NextAttempt(ctx, s.plan.SimulationID)
	if err != nil {
		return err
	}
	clear(s.began)
	clear(s.told)
	s.victims = 0
	p, err := startProcess(s.Command, s.order(number, ids))
	if err != nil {
		return err
	}
	s.processes++
	end, cancelled := s.follow(ctx, p)
	if end.Ending != endDone {
		// What is known of it is written down even when the run is being cancelled.
		blamed := end.Ending == endDied && !cancelled
		if err := s.account(context.WithoutCancel(ctx), p, number, ids, blamed); err != nil {
			trouble, _ := s.trouble(p, end)
			return errors.Join(trouble, err)
		}
	}
	s.decisions, s.current = s.decisions+s.current.Decisions, Counters{}
	clear(s.began)
	s.report()
	if cancelled {
		return ctx.Err() // nil if the run stops itself
	}
	return s.judge(ctx, p, end)
}

func (s *supervisor) order(number int64, ids []string) order {
	network, err := networkNamespace()
	if err != nil {
		network = "" // what needs to know refuses
	}
	return order{
		Runner: s.Runner, Network: network,
		Job: transforms.Job{
			Results: s.store.URI(), SimulationID: s.plan.SimulationID, Attempt: number, Only: ids, Simulator: s.Simulator,
			Parallelism: min(s.Parallelism, len(ids)), MemoryBytes: s.MemoryBytes,
			Timeout: s.config.Execution.VariantTimeout, Grace: s.Timing.Grace,
		},
		HeapBytes:  s.MemoryBytes + freeMemory()/4,
		TellEveryM: s.Timing.Tell.Milliseconds(),
	}
}

// follow hears a process until it has ended. It is cancelled when ctx is done or too many variants fail.
func (s *supervisor) follow(ctx context.Context, p *process) (end message, cancelled bool) {
	end = message{Ending: endDied}
	done := ctx.Done()
	var killer *time.Timer
	ask := func() {
		if killer == nil {
			p.cancel()
			killer = time.AfterFunc(s.Timing.CancelGrace, p.end)
		}
	}
	for {
		select {
		case m, ok := <-p.messages:
			if !ok {
				if killer != nil {
					killer.Stop()
				}
				return end, cancelled
			}
			if m.Kind == kindEnd {
				end = m
				ask() // it has nothing left to do
				continue
			}
			s.hear(m)
			if s.tooManyFailed() {
				cancelled = true
				ask()
			}
		case <-done:
			done, cancelled = nil, true
			ask()
		}
	}
}

// hear takes note of a message.
func (s *supervisor) hear(m message) {
	switch m.Kind {
	case string(transforms.Started):
		s.began[m.VariantID] = s.Timing.Now()
	case string(transforms.Committed):
		s.commit(m.VariantID, m.Status, m.Reason, m.Retryable)
	case kindProgress:
		if m.Counters != nil {
			s.current = *m.Counters
		}
	}
	s.report()
}

func (s *supervisor) commit(id, status string, reason model.Reason, retryable bool) {
	delete(s.began, id)
	s.told[id] = true
	s.ran++
	if status == model.StatusFailed {
		s.reasons[reason]++
	}
	s.agenda.commit(id, status, reason, retryable, s.Timing.Now())
}

// tooManyFailed notes that the run stops once more variants fail than the configuration allows. One
// that has nothing left to do is not stopped.
func (s *supervisor) tooManyFailed() bool {
	limit := s.config.Execution.MaxFailedVariants
	_, failed, _, _ := s.agenda.standing()
	if limit < 0 || failed <= limit {
		return false
	}
	if _, _, done := s.agenda.next(s.Timing.Now()); done {
		return false
	}
	s.stopped = fmt.Sprintf("%d variants failed, more than execution.max_failed_variants allows (%d)", failed, limit)
	return true
}

// account finds out what became of the variants of a process that has ended without being done, whether
// it said so or not: rows can be there that it could not tell of. Those it began and left without a row
// were in flight; they are blamed if nothing else is known to have ended it.
func (s *supervisor) account(ctx context.Context, p *process, number int64, ids []string, blamed bool) error {
	started, err := s.store.Started(ctx, s.plan.SimulationID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if s.told[id] {
			continue
		}
		row, committed, err := s.store.Outcome(ctx, s.plan.SimulationID, id, number)
		switch {
		case err != nil:
		case committed:
			s.commit(id, row.Status, row.Reason, row.Reason.Retryable())
		case !slices.Contains(started[id], number):
		case blamed:
			err = s.mourn(ctx, p, number, id)
		default:
			// How it ended says nothing about the variant.
			err = s.store.UnmarkStarted(s.plan.SimulationID, id, number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mourn notes a variant in flight at a death, and fails it at the third.
func (s *supervisor) mourn(ctx context.Context, p *process, number int64, id string) error {
	s.victims++
	if !s.agenda.die(id) {
		return nil
	}
	return s.crash(ctx, p, number, id)
}

// crash writes the row that the variant's processes could not.
func (s *supervisor) crash(ctx context.Context, p *process, number int64, id string) error {
	i := slices.IndexFunc(s.plan.Variants, func(v model.Variant) bool { return v.ID == id })
	ended := s.Timing.Now()
	began, told := s.began[id]
	if !told {
		began = ended // it died between the marker and the word of it
	}
	message := fmt.Sprintf("brought its process down %d times, the last time alone in it; %s", deathsUntilFailed, p.death())
	row := transforms.FailedRow(s.plan, s.config, number, transforms.Failure{
		Variant:   s.plan.Variants[i],
		Fault:     *model.NewFault(model.Crashed, message),
		StartedAt: instant(began), FinishedAt: instant(ended),
	})
	if _, err := s.store.Commit(ctx, row); err != nil {
		return err
	}
	s.commit(id, row.Status, model.Crashed, model.Crashed.Retryable())
	s.tooManyFailed()
	return nil
}

func instant(t time.Time) model.Instant { return model.Instant(t.UnixMicro()) }

// judge decides whether the run goes on after a process has ended. One that left neither a row nor a
// victim has got nowhere: that is tolerated as often as a variant may be retried, after longer and
// longer waits.
func (s *supervisor) judge(ctx context.Context, p *process, end message) error {
	if len(s.told) > 0 || s.victims > 0 {
		s.fruitless = 0
		return nil
	}
	s.fruitless++
	err, retryable := s.trouble(p, end)
	if !retryable || s.fruitless > s.config.Execution.Retries {
		return err
	}
	return sleep(ctx, s.agenda.delay(s.fruitless))
}

// trouble is what a process ended in, and whether another one may do better.
func (s *supervisor) trouble(p *process, end message) (err error, retryable bool) {
	if end.Ending == endFailed {
		fault := model.NewFault(end.Reason, end.Message)
		return fmt.Errorf("pipeline: the job can't go on: %w", fault), fault.Retryable
	}
	return fmt.Errorf("pipeline: a job ended without getting anywhere; %s", p.death()), true
}

func (s *supervisor) report() {
	succeeded, failed, waiting, _ := s.agenda.standing()
	s.Progress(Progress{
		Total: len(s.plan.Variants), Succeeded: succeeded, Failed: failed, Running: len(s.began), Waiting: waiting,
		Decisions: s.decisions + s.current.Decisions, Processes: s.processes,
	})
}

func (s *supervisor) summary() Summary {
	succeeded, failed, waiting, left := s.agenda.standing()
	return Summary{
		Total: len(s.plan.Variants), Succeeded: succeeded, Failed: failed + waiting, Skipped: left - waiting, Ran: s.ran,
		Decisions: s.decisions, Processes: s.processes, Reasons: s.reasons, Stopped: s.stopped,
	}
}
