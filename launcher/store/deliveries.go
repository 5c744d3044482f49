package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// announcement is the payload of a webhook: who receives it asks for the rest.
type announcement struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      announced `json:"data"`
}

type announced struct {
	SimulationID string `json:"simulation_id"`
	Name         string `json:"name"`
	State        State  `json:"state"`
	Counts       Counts `json:"counts"`
	Fault        *Fault `json:"fault,omitempty"`
}

// announce creates the delivery of a simulation that has just ended.
func (t *tx) announce(ctx context.Context, r *record) error {
	if r.webhook == "" {
		return nil
	}
	payload, err := json.Marshal(announcement{Type: "simulation.finished", Timestamp: t.now,
		Data: announced{SimulationID: r.ID, Name: r.Name, State: r.State, Counts: r.Counts, Fault: r.Fault}})
	if err != nil {
		return fmt.Errorf("webhook of simulation %s: %w", r.ID, err)
	}
	_, err = t.exec(ctx, `INSERT INTO deliveries (id, simulation_id, tenant, url, payload, attempts, next_at, state, last_error, holder)
 VALUES (?, ?, ?, ?, ?, 0, ?, 'pending', '', '')`,
		fmt.Sprintf("msg_%s_%d", r.ID, r.Events), r.ID, r.Tenant, r.webhook, string(payload), t.now.UnixMicro())
	return err
}

func readDelivery(row scanner) (d Delivery, err error) {
	var next instant
	var payload string
	err = row.Scan(&d.ID, &d.SimulationID, &d.Tenant, &d.URL, &payload, &d.Attempts, &next, &d.State, &d.LastError)
	d.Payload, d.NextAt = json.RawMessage(payload), next.zero()
	return d, err
}

// DueDeliveries leases webhooks that are due to a holder for ttl.
func (s *Store) DueDeliveries(ctx context.Context, holder string, ttl time.Duration, limit int) (due []Delivery, err error) {
	err = s.write(ctx, "lease webhooks", func(t *tx) error {
		t.silent = true
		if err := t.tick(ctx); err != nil {
			return err
		}
		due, err = list(ctx, t.session, readDelivery, `SELECT id, simulation_id, tenant, url, payload, attempts, next_at, state, last_error
 FROM deliveries WHERE state = 'pending' AND next_at <= ? AND (lease_until IS NULL OR lease_until <= ?) ORDER BY next_at, id LIMIT ?`+
			t.dialect.skipLocked, t.now.UnixMicro(), t.now.UnixMicro(), max(limit, 1))
		if err != nil || len(due) == 0 {
			return err
		}
		args := []any{holder, t.now.Add(ttl).UnixMicro()}
		for _, d := range due {
			args = append(args, d.ID)
		}
		_, err = t.exec(ctx, "UPDATE deliveries SET holder = ?, lease_until = ? WHERE id IN "+placeholders(1, len(due)), args...)
		return err
	})
	return due, err
}

// SaveDelivery notes how a try went and gives the lease back. One that is delivered or dead stays so.
func (s *Store) SaveDelivery(ctx context.Context, d Delivery) error {
	return s.write(ctx, "save a webhook", func(t *tx) error {
		t.silent = d.State != DeliveryPending
		_, err := t.exec(ctx, "UPDATE deliveries SET attempts = ?, next_at = ?, state = ?, last_error = ?, lease_until = NULL WHERE id = ? AND state = 'pending'",
			d.Attempts, d.NextAt.UnixMicro(), d.State, clip(d.LastError), d.ID)
		return err
	})
}

// Load is what waits and runs now, in all tenants.
func (s *Store) Load(ctx context.Context) (l Load, err error) {
	c := s.reading()
	var oldest instant
	err = c.row(ctx, "SELECT count(*), min(queued_at) FROM simulations WHERE state = 'queued'").Scan(&l.Queued, &oldest)
	if err != nil {
		return l, explain("measure the load", err)
	}
	l.OldestQueued = oldest.zero()
	err = c.row(ctx, `SELECT coalesce(sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END), 0), coalesce(sum(pending), 0), coalesce(sum(running), 0),
 coalesce(sum(succeeded), 0), coalesce(sum(failed), 0), coalesce(sum(cancelled), 0)
 FROM simulations WHERE state IN ('scheduled', 'queued', 'running', 'paused')`).
		Scan(&l.Running, &l.Variants.Pending, &l.Variants.Running, &l.Variants.Succeeded, &l.Variants.Failed, &l.Variants.Cancelled)
	if err != nil {
		return l, explain("measure the load", err)
	}
	err = c.row(ctx, `SELECT (SELECT count FROM tallies WHERE name = 'dead_letters'), (SELECT count FROM tallies WHERE name = 'take_overs'),
 (SELECT count(*) FROM deliveries WHERE state = 'pending')`).Scan(&l.DeadLetters, &l.TakeOvers, &l.Deliveries)
	return l, explain("measure the load", err)
}

// Unfinished counts a tenant's simulations that are not finished.
func (s *Store) Unfinished(ctx context.Context, tenant string) (n int, err error) {
	err = s.reading().row(ctx, "SELECT count(*) FROM simulations WHERE tenant = ? AND state IN ('scheduled', 'queued', 'running', 'paused')", tenant).Scan(&n)
	return n, explain("count unfinished simulations", err)
}
