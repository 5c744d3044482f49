package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Claim takes the next simulation to run, or nil: running ones without a live lease first, then queued ones by priority, then of the tenant
// that has fewest running, then the one that has been queued for longest (a retried one since its retry). Two launchers never get the same one. A running one is claimed with the wish that
// is still open for it.
func (s *Store) Claim(ctx context.Context, holder string, ttl time.Duration) (got *Claimed, err error) {
	if holder == "" || ttl <= 0 {
		return nil, fmt.Errorf("%w: a claim by %q for %s", ErrInvalid, holder, ttl)
	}
	err = s.write(ctx, "claim", func(t *tx) error {
		got = nil
		if err := t.tick(ctx); err != nil {
			return err
		}
		id, err := t.next(ctx)
		if err != nil || id == "" {
			t.silent = true
			return err
		}
		got, err = t.claim(ctx, id, holder, ttl)
		return err
	})
	if err != nil {
		return nil, err
	}
	if got != nil {
		killpoint.Here("store.claim.committed")
	}
	return got, nil
}

// next is the id of the simulation to be claimed, locked, or nothing.
func (t *tx) next(ctx context.Context) (string, error) {
	id, err := t.maybe(ctx, `SELECT id FROM simulations WHERE state = 'running' AND (lease_until IS NULL OR lease_until <= ?)
 ORDER BY priority DESC, queued_at, number LIMIT 1`+t.dialect.skipLocked, t.now.UnixMicro())
	if err != nil || id != "" {
		return id, err
	}
	for below := 10; ; {
		var priority sql.NullInt64
		err := t.row(ctx, "SELECT max(priority) FROM simulations WHERE state = 'queued' AND priority < ?", below).Scan(&priority)
		if err != nil || !priority.Valid {
			return "", err
		}
		if id, err = t.nextOf(ctx, priority.Int64); err != nil || id != "" {
			return id, err
		}
		below = int(priority.Int64) // other launchers are just taking all of this priority
	}
}

// nextOf is next among the queued ones of a priority. The tenants are found by stepping through the index, not by reading
// all that wait.
func (t *tx) nextOf(ctx context.Context, priority int64) (string, error) {
	tenants, err := list(ctx, t.session, text1, `WITH RECURSIVE waiting (tenant) AS (
   SELECT min(tenant) FROM simulations WHERE state = 'queued' AND priority = ?
   UNION ALL
   SELECT (SELECT min(s.tenant) FROM simulations s WHERE s.state = 'queued' AND s.priority = ? AND s.tenant > w.tenant)
   FROM waiting w WHERE w.tenant IS NOT NULL)
 SELECT w.tenant FROM waiting w WHERE w.tenant IS NOT NULL
 ORDER BY (SELECT count(*) FROM simulations r WHERE r.state = 'running' AND r.tenant = w.tenant),
   (SELECT min(q.queued_at) FROM simulations q WHERE q.state = 'queued' AND q.priority = ? AND q.tenant = w.tenant),
   (SELECT q.number FROM simulations q WHERE q.state = 'queued' AND q.priority = ? AND q.tenant = w.tenant ORDER BY q.queued_at, q.number LIMIT 1)
 LIMIT 100`, priority, priority, priority, priority)
	if err != nil {
		return "", err
	}
	for _, tenant := range tenants {
		id, err := t.maybe(ctx, "SELECT id FROM simulations WHERE state = 'queued' AND priority = ? AND tenant = ? ORDER BY queued_at, number LIMIT 1"+
			t.dialect.skipLocked, priority, tenant)
		if err != nil || id != "" {
			return id, err
		}
	}
	return "", nil
}

// Position is how many of a tenant's queued simulations a claim takes before this one; 0 for one that is not queued.
func (s *Store) Position(ctx context.Context, tenant, id string) (ahead int, err error) {
	c := s.reading()
	err = c.row(ctx, `SELECT CASE WHEN s.state <> 'queued' THEN 0 ELSE
   (SELECT count(*) FROM simulations o WHERE o.state = 'queued' AND o.tenant = s.tenant AND o.priority > s.priority)
 + (SELECT count(*) FROM simulations o WHERE o.state = 'queued' AND o.tenant = s.tenant AND o.priority = s.priority
     AND (o.queued_at, o.number) < (s.queued_at, s.number)) END
 FROM simulations s WHERE s.id = ? AND s.tenant = ?`, id, tenant).Scan(&ahead)
	if errors.Is(err, sql.ErrNoRows) {
		err = c.missing(ctx, tenant, id)
	}
	return ahead, explain("find the place in the queue", err)
}

// maybe reads a row of one text, or nothing if there is no row.
func (t *tx) maybe(ctx context.Context, query string, args ...any) (string, error) {
	found, err := text1(t.row(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return found, err
}

// claim gives a locked simulation to a holder.
func (t *tx) claim(ctx context.Context, id, holder string, ttl time.Duration) (*Claimed, error) {
	r, err := readRecord(t.row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE id = ?", id))
	if err != nil {
		return nil, err
	}
	got := &Claimed{TakenOver: r.lease != nil}
	if got.TakenOver {
		if err := t.tally(ctx, "take_overs", 1); err != nil {
			return nil, err
		}
	}
	until := t.now.Add(ttl)
	r.Holder, r.epoch, r.lease, r.LeaseUntil = holder, r.epoch+1, &until, until
	if r.StartedAt == nil {
		now := t.now
		r.StartedAt = &now
	}
	if r.State == Queued {
		if err := t.turn(r, Running, ""); err != nil {
			return nil, err
		}
	}
	if err := t.save(ctx, r); err != nil {
		return nil, err
	}
	got.Lease = Lease{SimulationID: r.ID, Holder: holder, Epoch: r.epoch}
	got.Simulation = r.Simulation
	got.Inputs, err = t.inputs(ctx, id)
	return got, err
}

// tally counts what happened ever.
func (t *tx) tally(ctx context.Context, name string, n int) error {
	if n == 0 {
		return nil
	}
	_, err := t.exec(ctx, "UPDATE tallies SET count = count + ? WHERE name = ?", n, name)
	return err
}

// void is a lease that ran out before all others: who claims next takes over.
var void = time.UnixMicro(0).UTC()

// Surrender ends the leases of a holder that is known to be dead (this launcher's own, after a restart under its name).
func (s *Store) Surrender(ctx context.Context, holder string) (n int, err error) {
	err = s.write(ctx, "surrender", func(t *tx) error {
		if err := t.tick(ctx); err != nil {
			return err
		}
		changed, err := t.exec(ctx, "UPDATE simulations SET lease_until = ? WHERE state = 'running' AND holder = ? AND lease_until > ?",
			void.UnixMicro(), holder, t.now.UnixMicro())
		n = int(changed)
		return err
	})
	return n, err
}

// held runs f on the simulation of a lease that is live, under its lock, and saves what f changed. Any other
// lease is refused.
func (s *Store) held(ctx context.Context, what string, l Lease, f func(*tx, *record) error) error {
	return s.write(ctx, what, func(t *tx) error {
		r, err := readRecord(t.row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE id = ?"+t.dialect.forUpdate, l.SimulationID))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%s: simulation %s: %w: it was deleted", what, l.SimulationID, ErrLeaseLost)
		}
		if err != nil {
			return err
		}
		if err := t.tick(ctx); err != nil {
			return err
		}
		if r.State != Running || r.Holder != l.Holder || r.epoch != l.Epoch || !r.live(t.now) {
			return fmt.Errorf("%s: simulation %s: %w by %s (claim %d): it is %s, last claimed by %q (claim %d)",
				what, l.SimulationID, ErrLeaseLost, l.Holder, l.Epoch, r.State, r.Holder, r.epoch)
		}
		before := r.Events
		if err := f(t, r); err != nil {
			return err
		}
		t.silent = r.Events == before && r.live(t.now)
		return t.save(ctx, r)
	})
}

// Heartbeat prolongs the lease and tells of progress.
func (s *Store) Heartbeat(ctx context.Context, l Lease, ttl time.Duration, p Progress) (w Wish, err error) {
	if ttl <= 0 {
		return NoWish, fmt.Errorf("%w: a heartbeat for %s", ErrInvalid, ttl)
	}
	err = s.held(ctx, "heartbeat", l, func(t *tx, r *record) error {
		until := t.now.Add(ttl)
		r.lease, r.Progress = &until, p
		w = r.Wanted
		return nil
	})
	return w, err
}

// NextAttempt numbers an attempt of the simulation, above `atLeast` too.
func (s *Store) NextAttempt(ctx context.Context, l Lease, atLeast int64) (n int64, err error) {
	err = s.held(ctx, "number an attempt", l, func(_ *tx, r *record) error {
		r.Attempts = max(r.Attempts, atLeast) + 1
		n = r.Attempts
		return nil
	})
	here(err, "store.attempt.committed")
	return n, err
}

// Suspend gives the lease back and does what was wished: a simulation whose pause was wished is paused, one whose cancel was
// wished meanwhile is cancelled, and one whose pause was taken back meanwhile can be claimed again.
func (s *Store) Suspend(ctx context.Context, l Lease) error {
	err := s.held(ctx, "suspend", l, func(t *tx, r *record) error {
		switch r.Wanted {
		case WantPause:
			return t.turn(r, Paused, r.wantedBy)
		case WantCancel:
			return t.end(ctx, r, Cancelled, r.wantedBy)
		default:
			r.lease, r.LeaseUntil = nil, time.Time{}
			return nil
		}
	})
	here(err, "store.suspend.committed")
	return err
}

// Release gives the lease back and leaves the simulation running: the launcher stops.
func (s *Store) Release(ctx context.Context, l Lease) error {
	return s.held(ctx, "release", l, func(_ *tx, r *record) error {
		r.lease, r.LeaseUntil = nil, time.Time{}
		return nil
	})
}

// Finish ends a simulation and gives the lease back; with a webhook it creates the delivery in the same transaction.
func (s *Store) Finish(ctx context.Context, l Lease, o Outcome) (sim Simulation, err error) {
	err = s.held(ctx, "finish", l, func(t *tx, r *record) error {
		r.Fault = o.Fault
		to, by := outcome(r.Counts), ""
		if o.Fault != nil && to == Succeeded { // what its variants came to is not there any more, or not known
			to = PartiallyFailed
		}
		if o.Cancelled {
			to, by = Cancelled, r.wantedBy
		}
		if err := t.end(ctx, r, to, by); err != nil {
			return err
		}
		sim = r.Simulation
		killpoint.Here("store.finish.before_commit")
		return nil
	})
	here(err, "store.finish.committed")
	return sim, err
}

// outcome is the state that follows from the variants.
func outcome(c Counts) State {
	switch {
	case c.Succeeded == 0:
		return Failed
	case c.Pending+c.Running+c.Failed+c.Cancelled > 0:
		return PartiallyFailed
	default:
		return Succeeded
	}
}

// end finishes a simulation: the variants that are not finished become cancelled, and who wanted to be told is told.
func (t *tx) end(ctx context.Context, r *record, to State, by string) error {
	_, err := t.exec(ctx, "UPDATE variants SET state = 'cancelled', finished_at = ? WHERE simulation_id = ? AND state IN ('pending', 'running')",
		t.now.UnixMicro(), r.ID)
	if err != nil {
		return err
	}
	r.Counts.Cancelled += r.Counts.Pending + r.Counts.Running
	r.Counts.Pending, r.Counts.Running = 0, 0
	if to == Cancelled && r.Fault == nil {
		r.Fault = openJob(r.Progress.Blocking)
	}
	r.Progress.Blocking, r.Progress.EstimatedEnd = nil, time.Time{}
	if err := t.turn(r, to, by); err != nil {
		return err
	}
	return t.announce(ctx, r)
}

// openJob is the fault of a simulation that is cancelled when it was paused, or about to be, and its job elsewhere
// had not ended: it goes on whatever becomes of the simulation.
func openJob(blocking []Blocker) *Fault {
	for _, b := range blocking {
		if b.Reason == JobOpen {
			return &Fault{Reason: JobOpen, Message: b.Message}
		}
	}
	return nil
}

// maxPromoted simulations are queued by one transaction.
const maxPromoted = 200

// Promote queues the scheduled simulations whose time has come and returns when the next is due (zero: none).
func (s *Store) Promote(ctx context.Context) (next time.Time, err error) {
	for more := true; more; {
		err = s.write(ctx, "promote", func(t *tx) error {
			if err := t.tick(ctx); err != nil {
				return err
			}
			due, err := list(ctx, t.session, readRecord, "SELECT "+recordColumns+` FROM simulations WHERE state = 'scheduled' AND run_at <= ?
 ORDER BY run_at, number LIMIT ?`+t.dialect.skipLocked, t.now.UnixMicro(), maxPromoted)
			if err != nil {
				return err
			}
			more, t.silent = len(due) == maxPromoted, len(due) == 0
			for _, r := range due {
				now := t.now
				r.QueuedAt = &now
				if err := errors.Join(t.turn(r, Queued, ""), t.save(ctx, r)); err != nil {
					return err
				}
			}
			var first instant
			err = t.row(ctx, "SELECT min(run_at) FROM simulations WHERE state = 'scheduled'").Scan(&first)
			next = first.zero()
			return err
		})
		if err != nil {
			return time.Time{}, err
		}
	}
	return next, nil
}
