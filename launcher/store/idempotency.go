package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// idempotencyFor is how long a key means the submission it was first used for.
	idempotencyFor = 7 * 24 * time.Hour
	pruneEvery     = 10 * time.Minute
	pruneAtMost    = 500
)

// takeKeys claims the idempotency keys of a batch. For a submission whose key had been used it returns
// the id of the simulation that has it; for all others, which are to be made, nothing.
func (t *tx) takeKeys(ctx context.Context, batch []*submission) (leaders []string, err error) {
	leaders = make([]string, len(batch))
	first := map[[2]string]*submission{}
	var order []*submission
	for _, sub := range batch {
		name := [2]string{sub.Simulation.Tenant, sub.Idempotency.Key}
		if sub.Idempotency.Key != "" && first[name] == nil {
			first[name], order = sub, append(order, sub)
		}
	}
	if len(order) == 0 {
		return leaders, nil
	}
	// In the order of keys: two launchers' batches never wait for each other in a circle.
	slices.SortFunc(order, func(a, b *submission) int {
		return cmp.Or(cmp.Compare(a.Simulation.Tenant, b.Simulation.Tenant), cmp.Compare(a.Idempotency.Key, b.Idempotency.Key))
	})
	var rows []any
	for _, sub := range order {
		rows = append(rows, sub.Simulation.Tenant, sub.Idempotency.Key, sub.Idempotency.BodySHA256, sub.Simulation.ID, t.now.UnixMicro())
	}
	ours, err := t.insertReturning(ctx, "INSERT INTO idempotency (tenant, key, body_sha256, simulation_id, created_at) VALUES ", 5,
		` ON CONFLICT (tenant, key) DO UPDATE SET body_sha256 = excluded.body_sha256, simulation_id = excluded.simulation_id,
 created_at = excluded.created_at WHERE idempotency.created_at <= excluded.created_at - 604800000000 RETURNING simulation_id`, rows) // idempotencyFor
	if err != nil {
		return nil, err
	}
	for i, sub := range batch {
		leader := first[[2]string{sub.Simulation.Tenant, sub.Idempotency.Key}]
		switch {
		case leader == nil || leader == sub && ours[sub.Simulation.ID]:
		default:
			if leaders[i], err = t.keyHolder(ctx, sub); err != nil {
				return nil, err
			}
		}
	}
	return leaders, nil
}

// keyHolder is the id of the simulation that a used key belongs to.
func (t *tx) keyHolder(ctx context.Context, sub *submission) (string, error) {
	return text1(t.row(ctx, "SELECT simulation_id FROM idempotency WHERE tenant = ? AND key = ?", sub.Simulation.Tenant, sub.Idempotency.Key))
}

// first is the answer to a submission whose key had been used: the simulation made then, if the body was the same, or ErrGone
// if it was deleted since.
func (t *tx) first(ctx context.Context, sub *submission, id string) (a submitted) {
	body, err := text1(t.row(ctx, "SELECT body_sha256 FROM idempotency WHERE tenant = ? AND key = ?", sub.Simulation.Tenant, sub.Idempotency.Key))
	if err != nil {
		return submitted{err: err}
	}
	if body != sub.Idempotency.BodySHA256 {
		return submitted{err: fmt.Errorf("%w: simulation %s has it", ErrKeyReused, id)}
	}
	a.sim, a.err = readSimulation(t.row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE id = ?", id))
	if errors.Is(a.err, sql.ErrNoRows) {
		a.err = t.missing(ctx, sub.Simulation.Tenant, id)
	}
	a.existing = a.err == nil
	return a
}

// prune removes some of the idempotency keys that have expired, now and then.
func (t *tx) prune(ctx context.Context) error {
	last := t.store.pruned.Load()
	if since := t.now.UnixMicro() - last; last != 0 && since >= 0 && since < pruneEvery.Microseconds() {
		return nil
	}
	n, err := t.exec(ctx, `DELETE FROM idempotency WHERE (tenant, key) IN
 (SELECT tenant, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)`, t.now.Add(-idempotencyFor).UnixMicro(), pruneAtMost)
	if err == nil && n < pruneAtMost { // else the next batch goes on
		t.store.pruned.Store(t.now.UnixMicro())
	}
	return err
}

// FindIdempotent answers before any work is done; found is false if the key is new. ErrGone: its simulation was deleted.
func (s *Store) FindIdempotent(ctx context.Context, tenant string, i Idempotency) (sim Simulation, found bool, err error) {
	c := s.reading()
	now, err := s.clock(ctx, c)
	if err != nil {
		return sim, false, explain("find an idempotency key", err)
	}
	var body, id string
	err = c.row(ctx, "SELECT body_sha256, simulation_id FROM idempotency WHERE tenant = ? AND key = ? AND created_at > ?",
		tenant, i.Key, now.Add(-idempotencyFor).UnixMicro()).Scan(&body, &id)
	if errors.Is(err, sql.ErrNoRows) || i.Key == "" {
		return sim, false, nil
	}
	if err != nil {
		return sim, false, explain("find an idempotency key", err)
	}
	if body != i.BodySHA256 {
		return sim, false, fmt.Errorf("%w: simulation %s has it", ErrKeyReused, id)
	}
	sim, err = s.Simulation(ctx, tenant, id)
	return sim, err == nil, err
}
