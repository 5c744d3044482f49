package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// record is a simulation's row with what only the store knows of it, and the events that a change adds.
type record struct {
	Simulation
	wantedBy string
	begun    bool // its variants have rows
	epoch    int64
	lease    *time.Time // nil: nobody's
	webhook  string
	fresh    []Event
}

// recordColumns are read by readRecord, in this order.
const recordColumns = `id, tenant, name, owner, labels, state, priority, submitted_by, schedule_id, submitted_at, run_at, queued_at,
 started_at, finished_at, slots, campaigns, variants, pending, running, succeeded, failed, cancelled, wanted, wanted_by, progress,
 fault, begun, holder, epoch, lease_until, attempts, events, webhook`

func readRecord(row scanner) (*record, error) {
	var r record
	var labels, progress string
	var fault sql.NullString
	var submitted, run, queued, started, finished, lease instant
	err := row.Scan(&r.ID, &r.Tenant, &r.Name, &r.Owner, &labels, &r.State, &r.Priority, &r.SubmittedBy, &r.ScheduleID, &submitted, &run,
		&queued, &started, &finished, &r.Slots, &r.Campaigns, &r.Variants, &r.Counts.Pending, &r.Counts.Running, &r.Counts.Succeeded,
		&r.Counts.Failed, &r.Counts.Cancelled, &r.Wanted, &r.wantedBy, &progress, &fault, &r.begun, &r.Holder, &r.epoch, &lease,
		&r.Attempts, &r.Events, &r.webhook)
	if err != nil {
		return nil, err
	}
	r.SubmittedAt, r.RunAt, r.QueuedAt, r.StartedAt, r.FinishedAt = submitted.zero(), run.at, queued.at, started.at, finished.at
	r.lease = lease.at
	if lease.at != nil && lease.at.UnixMicro() > 0 {
		r.LeaseUntil = *lease.at
	}
	return &r, r.decode(labels, progress, fault)
}

// decode reads the columns that are JSON.
func (r *record) decode(labels, progress string, fault sql.NullString) error {
	if err := json.Unmarshal([]byte(labels), &r.Labels); err != nil {
		return fmt.Errorf("labels of simulation %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(progress), &r.Progress); err != nil {
		return fmt.Errorf("progress of simulation %s: %w", r.ID, err)
	}
	if !fault.Valid {
		return nil
	}
	r.Fault = new(Fault)
	if err := json.Unmarshal([]byte(fault.String), r.Fault); err != nil {
		return fmt.Errorf("fault of simulation %s: %w", r.ID, err)
	}
	return nil
}

func readSimulation(row scanner) (Simulation, error) {
	r, err := readRecord(row)
	if err != nil {
		return Simulation{}, err
	}
	return r.Simulation, nil
}

// lock reads a simulation's row for a change and keeps others from changing it until this transaction ends.
func (t *tx) lock(ctx context.Context, tenant, id string) (*record, error) {
	r, err := readRecord(t.row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE id = ? AND tenant = ?"+t.dialect.forUpdate, id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, t.missing(ctx, tenant, id)
	}
	if err != nil {
		return nil, err
	}
	return r, t.tick(ctx)
}

// missing says why a tenant has no simulation of an id.
func (c session) missing(ctx context.Context, tenant, id string) error {
	var deleted int64
	err := c.row(ctx, "SELECT deleted_at FROM tombstones WHERE id = ? AND tenant = ?", id, tenant).Scan(&deleted)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("simulation %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("simulation %s: %w at %s", id, ErrGone, time.UnixMicro(deleted).UTC().Format(time.RFC3339))
}

// live reports whether somebody holds the lease.
func (r *record) live(now time.Time) bool { return r.lease != nil && r.lease.After(now) }

// say adds an event, numbered after the last.
func (t *tx) say(r *record, kind EventType, feed bool, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event of simulation %s: %w", r.ID, err)
	}
	r.Events++
	r.fresh = append(r.fresh, Event{SimulationID: r.ID, Seq: r.Events, Tenant: r.Tenant, At: t.now, Type: kind, Data: text, feed: feed})
	return nil
}

// stateEvent is the data of EventState.
type stateEvent struct {
	State  State  `json:"state"`
	Counts Counts `json:"counts"`
	Fault  *Fault `json:"fault,omitempty"`
	By     string `json:"by,omitempty"`
}

// turn moves the simulation to a state and says so.
func (t *tx) turn(r *record, to State, by string) error {
	r.State = to
	if to != Running {
		r.Wanted, r.wantedBy, r.lease, r.LeaseUntil = NoWish, "", nil, time.Time{}
	}
	if to.Finished() {
		now := t.now
		r.FinishedAt = &now
	}
	return t.say(r, EventState, true, stateEvent{State: to, Counts: r.Counts, Fault: r.Fault, By: by})
}

// save writes a changed record and its new events.
func (t *tx) save(ctx context.Context, r *record) error {
	if err := t.insertEvents(ctx, r.fresh); err != nil {
		return err
	}
	r.fresh = nil
	progress, err := json.Marshal(r.Progress)
	if err != nil {
		return fmt.Errorf("progress of simulation %s: %w", r.ID, err)
	}
	fault, err := nullJSON(r.Fault)
	if err != nil {
		return fmt.Errorf("fault of simulation %s: %w", r.ID, err)
	}
	var lease any // also the one that Surrender voided, which is before 1970's end
	if r.lease != nil {
		lease = r.lease.UnixMicro()
	}
	_, err = t.exec(ctx, `UPDATE simulations SET state = ?, run_at = ?, queued_at = ?, started_at = ?, finished_at = ?,
 pending = ?, running = ?, succeeded = ?, failed = ?, cancelled = ?, wanted = ?, wanted_by = ?, progress = ?, fault = ?,
 begun = ?, holder = ?, epoch = ?, lease_until = ?, attempts = ?, events = ? WHERE id = ?`,
		string(r.State), microsOf(r.RunAt), microsOf(r.QueuedAt), microsOf(r.StartedAt), microsOf(r.FinishedAt),
		r.Counts.Pending, r.Counts.Running, r.Counts.Succeeded, r.Counts.Failed, r.Counts.Cancelled, string(r.Wanted), r.wantedBy,
		string(progress), fault, bit(r.begun), r.Holder, r.epoch, lease, r.Attempts, r.Events, r.ID)
	return err
}

// bit is a truth value as both databases keep it.
func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// nullJSON is the JSON of what a pointer points to, or null.
func nullJSON[T any](p *T) (any, error) {
	if p == nil {
		return nil, nil
	}
	text, err := json.Marshal(p)
	return string(text), err
}

// labelsOf is how labels are kept: an empty list, never null.
func labelsOf(labels []model.Label) (string, error) {
	if len(labels) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(labels)
	return string(text), err
}

// here is killpoint.Here after a transaction that was committed.
func here(err error, moment string) {
	if err == nil {
		killpoint.Here(moment)
	}
}
