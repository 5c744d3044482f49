package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

const (
	maxBatch      = 128      // submissions that share a transaction and its fsync
	maxBatchBytes = 16 << 20 // of their new texts, after which a batch is closed
)

// submission is one that waits for its batch.
type submission struct {
	Submission
	row    inputsRow
	texts  texts
	labels string
	done   chan submitted // holds one
}

// submitted is its answer.
type submitted struct {
	sim      Simulation
	existing bool
	err      error
}

// Submit makes a submission durable. existing: the idempotency key (or schedule firing) had been used, and sim is the first one.
// Errors: ErrKeyReused; ErrGone (the first one was deleted); ErrInvalid; ErrConflict (id taken: make another). Many at once share an fsync.
// When ctx ends first, or the database is lost at the very moment of the commit, the submission may have been made all the
// same: an idempotency key makes it safe to send it again.
func (s *Store) Submit(ctx context.Context, sub Submission) (sim Simulation, existing bool, err error) {
	waiting, err := s.prepare(sub)
	if err != nil {
		return sim, false, err
	}
	select {
	case s.inbox <- waiting:
	case <-ctx.Done():
		return sim, false, ctx.Err()
	case <-s.stopped.Done():
		return sim, false, errClosed
	}
	select {
	case answer := <-waiting.done:
		return answer.sim, answer.existing, answer.err
	case <-ctx.Done():
		return sim, false, ctx.Err()
	case <-s.drained: // it may have been answered just before
		select {
		case answer := <-waiting.done:
			return answer.sim, answer.existing, answer.err
		default:
			return sim, false, errClosed
		}
	}
}

// prepare checks a submission and does all that needs no database, in the goroutine of who submits.
func (s *Store) prepare(sub Submission) (*submission, error) {
	sim := &sub.Simulation
	switch key := sub.Idempotency.Key; {
	case sim.ID == "" || len(sim.ID) > 100 || sim.Tenant == "":
		return nil, fmt.Errorf("%w: a submission needs an id and a tenant", ErrInvalid)
	case sim.Priority < 0 || sim.Priority > 9:
		return nil, fmt.Errorf("%w: priority is %d, want 0 to 9", ErrInvalid, sim.Priority)
	case sim.Variants < 1:
		return nil, fmt.Errorf("%w: a submission of %d variants", ErrInvalid, sim.Variants)
	case len(key) > 255:
		return nil, fmt.Errorf("%w: the idempotency key has %d bytes, at most 255 are allowed", ErrInvalid, len(key))
	case key != "" && sub.Idempotency.BodySHA256 == "":
		return nil, fmt.Errorf("%w: an idempotency key without the digest of its body", ErrInvalid)
	}
	sim.Labels = slices.Clone(sim.Labels)
	for i := range sim.Labels {
		sim.Labels[i] = model.Label{Key: storable(sim.Labels[i].Key), Value: storable(sim.Labels[i].Value)}
	}
	labels, err := labelsOf(sim.Labels)
	if err != nil {
		return nil, fmt.Errorf("labels of simulation %s: %w", sim.ID, err)
	}
	row, all, err := split(sub.Inputs)
	if err == nil {
		err = s.documents.packNew(all)
	}
	if err != nil {
		return nil, err
	}
	sim.Name, sim.Owner, sim.SubmittedBy, sub.Webhook = storable(sim.Name), storable(sim.Owner), storable(sim.SubmittedBy), storable(sub.Webhook)
	return &submission{Submission: sub, row: row, texts: all, labels: labels, done: make(chan submitted, 1)}, nil
}

// startCommitting starts who commits submissions. On PostgreSQL two take turns at waiting for the disk.
func (s *Store) startCommitting() {
	committers := 1
	if s.dialect.numbered {
		committers = 2
	}
	for range committers {
		s.loops.Go(s.commitBatches)
	}
}

// commitBatches takes what has come in while the last batch was on its way to the disk as the next one: alone when
// there is little to do, together when there is much.
func (s *Store) commitBatches() {
	for {
		select {
		case first := <-s.inbox:
			s.commitBatch(s.gather(first))
		case <-s.stopped.Done():
			return
		}
	}
}

func (s *Store) gather(first *submission) []*submission {
	batch, bytes := []*submission{first}, 0
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		for _, x := range batch[len(batch)-1].texts {
			bytes += len(x.body)
		}
		select {
		case next := <-s.inbox:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commitBatch commits submissions as one transaction. When one of them can't be, each gets its own, so that
// its error is nobody else's.
func (s *Store) commitBatch(batch []*submission) {
	ctx, cancel := s.committing()
	defer cancel()
	var answers []submitted
	err := s.write(ctx, "submit", func(t *tx) (err error) {
		if answers, err = t.submit(ctx, batch); err != nil {
			return err
		}
		if err := t.prune(ctx); err != nil {
			return err
		}
		killpoint.Here("store.submit.before_commit")
		return nil
	})
	err = s.tooLate(ctx, err)
	here(err, "store.submit.committed")
	if err != nil && len(batch) > 1 && !errors.Is(err, ErrUnavailable) {
		for _, one := range batch {
			s.commitBatch([]*submission{one})
		}
		return
	}
	for i, waiting := range batch {
		answer := submitted{err: err}
		if err == nil {
			if answer = answers[i]; answer.err == nil && !answer.existing {
				s.documents.learn(waiting.texts)
			}
		} else if sim, found := s.fired(ctx, waiting); found {
			answer = submitted{sim: sim, existing: true}
		}
		waiting.done <- answer
	}
}

// fired is the simulation that a schedule's firing was submitted as before, if it was.
func (s *Store) fired(ctx context.Context, sub *submission) (sim Simulation, found bool) {
	if sub.FireTime.IsZero() {
		return sim, false
	}
	sim, err := readSimulation(s.reading().row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE schedule_id = ? AND fire_time = ?",
		sub.Simulation.ScheduleID, sub.FireTime.UnixMicro()))
	return sim, err == nil
}

// submit writes submissions, with the answer to each.
func (t *tx) submit(ctx context.Context, batch []*submission) ([]submitted, error) {
	if err := t.tick(ctx); err != nil {
		return nil, err
	}
	leaders, err := t.takeKeys(ctx, batch)
	if err != nil {
		return nil, err
	}
	var fresh []*record
	all := texts{}
	answers := make([]submitted, len(batch))
	for i, sub := range batch {
		if leaders[i] == "" {
			fresh = append(fresh, t.birth(sub))
			maps.Copy(all, sub.texts)
		}
	}
	if err := t.keep(ctx, all); err != nil {
		return nil, err
	}
	if err := t.insertSimulations(ctx, batch, fresh); err != nil {
		return nil, err
	}
	for i, sub := range batch {
		if leaders[i] == "" {
			answers[i].sim, fresh = fresh[0].Simulation, fresh[1:]
			continue
		}
		answers[i] = t.first(ctx, sub, leaders[i])
		if err := answers[i].err; err != nil && !meant(err) {
			return nil, err
		}
	}
	return answers, nil
}

// birth is the record of a new simulation.
func (t *tx) birth(sub *submission) *record {
	r := &record{Simulation: sub.Simulation, webhook: sub.Webhook}
	r.State, r.Counts = Queued, Counts{Pending: r.Variants}
	r.StartedAt, r.FinishedAt, r.QueuedAt, r.Wanted, r.Progress, r.Fault = nil, nil, nil, NoWish, Progress{}, nil
	r.Holder, r.LeaseUntil, r.Attempts, r.Events = "", time.Time{}, 0, 0
	if r.SubmittedAt.IsZero() {
		r.SubmittedAt = t.now
	}
	r.SubmittedAt = whole(r.SubmittedAt)
	if r.RunAt != nil {
		at := whole(*r.RunAt)
		r.RunAt = &at
	}
	if len(r.Labels) == 0 {
		r.Labels = []model.Label{}
	}
	if r.RunAt != nil && r.RunAt.After(t.now) {
		r.State = Scheduled
	} else {
		now := t.now
		r.QueuedAt = &now
	}
	return r
}

// insertSimulations writes new records, their labels and first events.
func (t *tx) insertSimulations(ctx context.Context, batch []*submission, fresh []*record) error {
	subs := map[string]*submission{}
	for _, sub := range batch {
		subs[sub.Simulation.ID] = sub
	}
	var rows, labels, ids []any
	var events []Event
	for _, r := range fresh {
		sub := subs[r.ID]
		rows = append(rows, r.ID, r.Tenant, r.Name, r.Owner, sub.labels, string(r.State), r.Priority, r.SubmittedBy, r.ScheduleID, micros(sub.FireTime),
			r.SubmittedAt.UnixMicro(), microsOf(r.RunAt), microsOf(r.QueuedAt), r.Slots, r.Campaigns, r.Variants, r.Variants, r.webhook,
			sub.row.engine, sub.row.snapshot, sub.row.configName, sub.row.config, sub.row.campaignsName, sub.row.campaigns, sub.row.inventory)
		for _, label := range r.Labels {
			labels = append(labels, r.Tenant, label.Key, label.Value, r.ID)
		}
		if err := t.say(r, EventState, true, stateEvent{State: r.State, Counts: r.Counts}); err != nil {
			return err
		}
		events, ids = append(events, r.fresh...), append(ids, r.ID)
	}
	if err := t.insertNew(ctx, rows, ids); err != nil {
		return err
	}
	if err := t.insert(ctx, "INSERT INTO label_index (tenant, key, value, simulation_id) VALUES ", 4, " ON CONFLICT DO NOTHING", labels); err != nil {
		return err
	}
	return t.insertEvents(ctx, events)
}

// insertNew writes simulations' rows, all or (with an error) none.
func (t *tx) insertNew(ctx context.Context, rows, ids []any) error {
	if len(ids) == 0 {
		return nil
	}
	written, err := t.insertReturning(ctx, `INSERT INTO simulations (id, tenant, name, owner, labels, state, priority, submitted_by, schedule_id,
 fire_time, submitted_at, run_at, queued_at, slots, campaigns, variants, pending, webhook, engine, snapshot, config_name, config, campaigns_name,
 campaigns_doc, inventory) VALUES `, 25, " ON CONFLICT DO NOTHING RETURNING id", rows)
	if err != nil {
		return err
	}
	buried, err := list(ctx, t.session, text1, "SELECT id FROM tombstones WHERE id IN "+placeholders(1, len(ids)), ids...)
	if err != nil {
		return err
	}
	if len(written) < len(ids) || len(buried) > 0 {
		return fmt.Errorf("a simulation's id, or a schedule's firing, was used before: %w", ErrConflict)
	}
	return nil
}
