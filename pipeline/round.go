package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/results"
)

// round gives variants to a process of their own, or to a job elsewhere, and accounts for each of them when
// it has ended.
func (s *supervisor) round(ctx context.Context, ids []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, err := s.nextAttempt(ctx)
	if err != nil {
		return err
	}
	if _, far := outposts[s.Runner]; far {
		return s.roundElsewhere(ctx, number, ids)
	}
	s.begin(number)
	p, err := startProcess(s.Command, s.order(number, ids), s.Timing.CancelGrace)
	if err != nil {
		return err
	}
	killpoint.Here("pipeline.process_started")
	s.processes++
	s.admission = newAdmission(ctx, s.Tokens)
	end, cancelled := s.follow(ctx, p, func() string { return cancelLine })
	refused := s.admission.close()
	if end.Ending != endDone {
		// What is known of it is written down even when the run is being cancelled.
		how := ""
		if end.Ending == endDied && !cancelled {
			how = p.death()
		}
		if err := s.account(context.WithoutCancel(ctx), number, ids, how); err != nil {
			trouble, _ := s.trouble(p, end)
			return errors.Join(trouble, err)
		}
	}
	s.conclude()
	killpoint.Here("pipeline.round_ended")
	if refused != nil {
		return fmt.Errorf("pipeline: a token for a variant of %s: %w", s.plan.SimulationID, refused)
	}
	if cancelled {
		return ctx.Err() // nil if the run stops itself
	}
	return s.judge(ctx, p, end)
}

// begin forgets the round before.
func (s *supervisor) begin(number int64) {
	clear(s.began)
	clear(s.told)
	s.number, s.victims = number, 0
}

// conclude adds up what the round has counted.
func (s *supervisor) conclude() {
	s.decisions, s.current = s.decisions+s.current.Decisions, Counters{}
	clear(s.began)
	s.report()
}

// nextAttempt takes a number for a job's attempts, whoever gives it: its marker in the store keeps any
// later run from taking it again.
func (s *supervisor) nextAttempt(ctx context.Context) (int64, error) {
	id := s.plan.SimulationID
	if s.NextAttempt == nil {
		return s.store.NextAttempt(ctx, id)
	}
	last, err := s.store.LastAttempt(ctx, id)
	if err != nil {
		return 0, err
	}
	s.highest = max(s.highest, last)
	for {
		n, err := s.NextAttempt(ctx, s.highest)
		if err != nil {
			return 0, err
		}
		if n <= s.highest {
			return 0, fmt.Errorf("pipeline: simulation %s was given attempt %d, but %d has been taken", id, n, s.highest)
		}
		s.highest = n
		// Another process may have taken that very number meanwhile; then it is that one's.
		taken, err := s.store.TakeAttempt(ctx, id, n)
		if taken || err != nil {
			return n, err
		}
	}
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
		SilenceM:   s.Silence.Milliseconds(),
		Tokens:     s.Tokens != nil,
	}
}

// follow hears a process until it has ended. It is cancelled when ctx is done or too many variants fail: by
// the line that farewell returns.
func (s *supervisor) follow(ctx context.Context, p *process, farewell func() string) (end message, cancelled bool) {
	end = message{Ending: endDied}
	done := ctx.Done()
	var killer *time.Timer
	ask := func() {
		if killer == nil {
			killer = time.AfterFunc(p.grace, p.end)
			p.say(farewell())
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
				if killer == nil { // it has nothing left to do
					killer = time.AfterFunc(p.grace, p.end)
					p.say(cancelLine)
				}
				continue
			}
			s.hear(m)
			if s.tooManyFailed() {
				cancelled = true
				ask()
			}
		case g := <-s.admission.grants:
			if !s.admission.enter(g) {
				cancelled = true
				ask()
				continue
			}
			p.say(goLine + g.variant)
		case <-done:
			done, cancelled = nil, true
			ask()
		}
	}
}

// hear takes note of a message.
func (s *supervisor) hear(m message) {
	switch m.Kind {
	case kindWant:
		s.admission.ask(m.VariantID)
		return
	case kindJob:
		s.job = m.Job
	case string(transforms.Started):
		if _, again := s.began[m.VariantID]; again {
			return // the process that looked after the job before has told it
		}
		s.began[m.VariantID] = s.Timing.Now()
		s.observe(VariantEvent{VariantID: m.VariantID, Kind: VariantStarted})
	case string(transforms.Committed):
		killpoint.Here("pipeline.heard_committed")
		s.admission.leave(m.VariantID)
		s.commit(m.VariantID, m.Status, m.Reason, m.Retryable, m.Message)
	case string(transforms.GivenUp):
		s.admission.leave(m.VariantID)
		s.giveUp(m.VariantID)
	case kindProgress:
		if m.Counters != nil {
			s.current = *m.Counters
		}
	}
	s.report()
}

// commit accounts for a row of the round.
func (s *supervisor) commit(id, status string, reason model.Reason, retryable bool, message string) {
	delete(s.began, id)
	s.told[id] = true
	s.ran++
	if status == model.StatusFailed {
		s.reasons[reason]++
	}
	v := s.agenda.commit(id, status, reason, retryable, s.Timing.Now())
	e := VariantEvent{VariantID: id, Kind: VariantSucceeded, Reason: reason, Message: message, NextRetry: v.due}
	switch {
	case v.again:
		e.Kind = VariantRetrying
	case status == model.StatusFailed:
		e.Kind = VariantFailed
		if v.budget {
			e.Message = fmt.Sprintf("%s (not tried again: the run has used up its %d retries)", transforms.Short(message), s.RetryBudget)
		}
	}
	s.observe(e)
}

// giveUp notes a variant that was cancelled in flight.
func (s *supervisor) giveUp(id string) {
	if _, runs := s.began[id]; runs {
		delete(s.began, id)
		s.observe(VariantEvent{VariantID: id, Kind: VariantGivenUp})
	}
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

// account finds out what became of the variants of a process that has ended without being done, or of a
// job elsewhere, whether it said so or not: rows can be there that it could not tell of. Those it began
// and left without a row were in flight; they are blamed if nothing else is known to have ended it, and
// then how tells how it ended.
func (s *supervisor) account(ctx context.Context, number int64, ids []string, how string) error {
	at, err := s.store.Standing(ctx, s.plan.SimulationID, number, s.told)
	if err != nil {
		return err
	}
	for _, id := range ids {
		switch {
		case s.told[id]:
		case at.Rows[id]:
			err = s.discover(ctx, id, number)
		case !at.Started[id]:
		case how != "":
			err = s.mourn(ctx, number, id, how)
		default:
			// How it ended says nothing about the variant.
			err = s.store.UnmarkStarted(context.WithoutCancel(ctx), s.plan.SimulationID, id, number)
			s.giveUp(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// discover accounts for a row that nobody told of.
func (s *supervisor) discover(ctx context.Context, id string, number int64) error {
	row, _, err := s.store.Outcome(ctx, s.plan.SimulationID, id, number)
	if err != nil {
		return err
	}
	message := ""
	if row.Status == model.StatusFailed {
		var err error
		if message, err = s.message(ctx, row.VariantID, row.Attempt); err != nil {
			return err
		}
	}
	s.commit(row.VariantID, row.Status, row.Reason, row.Reason.Retryable(), message)
	return nil
}

// mourn notes a variant in flight at a death, and fails it at the third.
func (s *supervisor) mourn(ctx context.Context, number int64, id, how string) error {
	s.victims++
	if !s.agenda.die(id) {
		delete(s.began, id)
		s.observe(VariantEvent{VariantID: id, Kind: VariantRetrying, Reason: model.Crashed, Message: "was in flight when " + how, NextRetry: s.Timing.Now()})
		return nil
	}
	return s.crash(ctx, number, id, how)
}

// crash writes the row that the variant's processes could not.
func (s *supervisor) crash(ctx context.Context, number int64, id, how string) error {
	i := slices.IndexFunc(s.plan.Variants, func(v model.Variant) bool { return v.ID == id })
	ended := s.Timing.Now()
	began, told := s.began[id]
	if !told {
		began = ended // it died between the marker and the word of it
	}
	message := fmt.Sprintf("brought its process down %d times, the last time alone in it; %s", deathsUntilFailed, how)
	row := transforms.FailedRow(s.plan, s.config, number, transforms.Failure{
		Variant:   s.plan.Variants[i],
		Fault:     *model.NewFault(model.Crashed, message),
		StartedAt: instant(began), FinishedAt: instant(ended),
	})
	if _, err := s.store.Commit(ctx, row); errors.Is(err, results.ErrTaken) {
		return s.discover(ctx, id, number) // another supervisor of the same job, or a worker taken for lost
	} else if err != nil {
		return err
	}
	s.commit(id, row.Status, model.Crashed, model.Crashed.Retryable(), message)
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
