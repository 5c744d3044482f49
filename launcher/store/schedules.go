package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// scheduleRow is a schedule and the digest of its configuration, whose text is read apart.
type scheduleRow struct {
	Schedule
	config string
}

const scheduleColumns = `id, tenant, name, cron, timezone, missed, paused, config_name, config, priority, webhook, created_by, created_at,
 updated_at, next_at, last_at, last_id, last_problem, version`

func readSchedule(row scanner) (c scheduleRow, err error) {
	var created, updated, next, last instant
	err = row.Scan(&c.ID, &c.Tenant, &c.Name, &c.Cron, &c.Timezone, &c.Missed, &c.Paused, &c.Config.Name, &c.config, &c.Priority, &c.Webhook,
		&c.CreatedBy, &created, &updated, &next, &last, &c.LastID, &c.LastProblem, &c.Version)
	c.CreatedAt, c.UpdatedAt, c.NextAt, c.LastAt = created.zero(), updated.zero(), next.zero(), last.zero()
	return c, err
}

// plainSchedules are rows as they are listed: a configuration's name and digest, without its text. A text may have four
// megabytes, and a list many of them.
func plainSchedules(rows []scheduleRow) []Schedule {
	schedules := make([]Schedule, len(rows))
	for i, row := range rows {
		row.Config.SHA256 = row.config
		schedules[i] = row.Schedule
	}
	return schedules
}

// CreateSchedule keeps a new schedule; times of its making that are not given are now. ErrConflict: the id is taken.
func (s *Store) CreateSchedule(ctx context.Context, c Schedule) (Schedule, error) {
	if c.ID == "" || c.Tenant == "" {
		return c, fmt.Errorf("%w: a schedule needs an id and a tenant", ErrInvalid)
	}
	c = c.storable()
	all := texts{}
	sha, err := all.addDocument(c.Config)
	if err != nil {
		return c, err
	}
	made := c
	err = s.write(ctx, "create a schedule", func(t *tx) error {
		if err := t.tick(ctx); err != nil {
			return err
		}
		made = c
		made.Version, made.Config.SHA256 = 1, sha
		made.CreatedAt, made.UpdatedAt, made.NextAt, made.LastAt = orNow(c.CreatedAt, t.now), orNow(c.UpdatedAt, t.now), trimmed(c.NextAt), time.Time{}
		made.LastID, made.LastProblem = "", ""
		if err := t.keep(ctx, all); err != nil {
			return err
		}
		_, err := t.exec(ctx, "INSERT INTO schedules ("+scheduleColumns+") VALUES "+placeholders(1, 19),
			made.ID, made.Tenant, made.Name, made.Cron, made.Timezone, made.Missed, bit(made.Paused), made.Config.Name, sha, made.Priority, made.Webhook,
			made.CreatedBy, made.CreatedAt.UnixMicro(), made.UpdatedAt.UnixMicro(), micros(made.NextAt), nil, "", "", made.Version)
		if kindOf(err) == duplicate {
			return fmt.Errorf("schedule %s exists: %w", c.ID, ErrConflict)
		}
		return err
	})
	return made, err
}

// storable is a schedule whose free texts both databases can keep.
func (c Schedule) storable() Schedule {
	c.Name, c.CreatedBy, c.Webhook = storable(c.Name), storable(c.CreatedBy), storable(c.Webhook)
	return c
}

func orNow(given, now time.Time) time.Time {
	if given.IsZero() {
		return now
	}
	return whole(given)
}

// trimmed is whole for times that may be zero.
func trimmed(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return whole(t)
}

// Schedule is one with its configuration.
func (s *Store) Schedule(ctx context.Context, tenant, id string) (Schedule, error) {
	c := s.reading()
	row, err := readSchedule(c.row(ctx, "SELECT "+scheduleColumns+" FROM schedules WHERE id = ? AND tenant = ?", id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return Schedule{}, fmt.Errorf("schedule %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return Schedule{}, explain("read a schedule", err)
	}
	if row.Config, err = c.named(ctx, row.Config.Name, row.config); err != nil {
		return Schedule{}, explain("read a schedule", fmt.Errorf("configuration of schedule %s: %w", id, err))
	}
	return row.Schedule, nil
}

// Schedules lists a tenant's schedules by name, their configurations without the texts.
func (s *Store) Schedules(ctx context.Context, tenant string, p Page) ([]Schedule, string, error) {
	cursor, err := p.open("schedules", tenant)
	if err != nil {
		return nil, "", err
	}
	query, args := "SELECT "+scheduleColumns+" FROM schedules WHERE tenant = ?", []any{tenant}
	if !cursor.first() {
		query, args = query+" AND (name, id) > (?, ?)", append(args, cursor.text(0), cursor.text(1))
	}
	c := s.reading()
	rows, err := list(ctx, c, readSchedule, query+" ORDER BY name, id LIMIT ?", append(args, p.size()+1)...)
	if err != nil {
		return nil, "", explain("list schedules", err)
	}
	rows, next, err := paged(p, cursor, rows, func(r scheduleRow) []string { return []string{r.Name, r.ID} })
	if err != nil {
		return nil, "", err
	}
	return plainSchedules(rows), next, nil
}

// UpdateSchedule replaces one whose Version is c.Version, else ErrConflict. What its firings left and who made it stay.
func (s *Store) UpdateSchedule(ctx context.Context, c Schedule) (made Schedule, err error) {
	c = c.storable()
	all := texts{}
	sha, err := all.addDocument(c.Config)
	if err != nil {
		return c, err
	}
	err = s.write(ctx, "update a schedule", func(t *tx) error {
		if err := t.keep(ctx, all); err != nil {
			return err
		}
		before, err := t.lockSchedule(ctx, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		if before.Version != c.Version {
			return fmt.Errorf("schedule %s has version %d, not %d: %w", c.ID, before.Version, c.Version, ErrConflict)
		}
		made = c
		made.CreatedAt, made.CreatedBy, made.LastAt, made.LastID, made.LastProblem = before.CreatedAt, before.CreatedBy, before.LastAt, before.LastID, before.LastProblem
		made.UpdatedAt, made.Version, made.NextAt, made.Config.SHA256 = t.now, c.Version+1, trimmed(c.NextAt), sha
		_, err = t.exec(ctx, `UPDATE schedules SET name = ?, cron = ?, timezone = ?, missed = ?, paused = ?, config_name = ?, config = ?,
 priority = ?, webhook = ?, updated_at = ?, next_at = ?, version = ? WHERE id = ?`,
			made.Name, made.Cron, made.Timezone, made.Missed, bit(made.Paused), made.Config.Name, sha, made.Priority, made.Webhook,
			made.UpdatedAt.UnixMicro(), micros(made.NextAt), made.Version, made.ID)
		if err != nil || before.config == sha {
			return err
		}
		return t.dropDocuments(ctx, before.config)
	})
	return made, err
}

// lockSchedule reads a schedule for a change.
func (t *tx) lockSchedule(ctx context.Context, tenant, id string) (scheduleRow, error) {
	row, err := readSchedule(t.row(ctx, "SELECT "+scheduleColumns+" FROM schedules WHERE id = ? AND tenant = ?"+t.dialect.forUpdate, id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("schedule %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return row, err
	}
	return row, t.tick(ctx)
}

// DeleteSchedule removes a schedule; the simulations that it fired stay.
func (s *Store) DeleteSchedule(ctx context.Context, tenant, id string) error {
	return s.write(ctx, "delete a schedule", func(t *tx) error {
		row, err := t.lockSchedule(ctx, tenant, id)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "DELETE FROM schedules WHERE id = ?", id); err != nil {
			return err
		}
		return t.dropDocuments(ctx, row.config)
	})
}

// DueSchedules lists schedules not paused whose NextAt has come, their configurations without the texts, and when the next one
// is due after those.
func (s *Store) DueSchedules(ctx context.Context, limit int) (due []Schedule, next time.Time, err error) {
	c := s.reading()
	now, err := s.clock(ctx, c)
	if err != nil {
		return nil, next, explain("due schedules", err)
	}
	rows, err := list(ctx, c, readSchedule, "SELECT "+scheduleColumns+" FROM schedules WHERE paused = 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?",
		now.UnixMicro(), max(limit, 1))
	if err != nil {
		return nil, next, explain("due schedules", err)
	}
	var first instant
	if err := c.row(ctx, "SELECT min(next_at) FROM schedules WHERE paused = 0 AND next_at > ?", now.UnixMicro()).Scan(&first); err != nil {
		return nil, next, explain("due schedules", err)
	}
	return plainSchedules(rows), first.zero(), nil
}

// errFired says that a firing was done before, by another launcher.
var errFired = errors.New("fired before")

// Fire moves a schedule on to next as one transaction with its simulation (sub nil: skipped, or failed with problem). fired is false if
// another launcher has done this firing, or the schedule was changed since c was read.
func (s *Store) Fire(ctx context.Context, c Schedule, fireTime, next time.Time, sub *Submission, problem string) (sim Simulation, fired bool, err error) {
	var waiting *submission
	if sub != nil {
		made := *sub
		made.FireTime, made.Simulation.ScheduleID, made.Simulation.Tenant = fireTime, c.ID, c.Tenant
		if waiting, err = s.prepare(made); err != nil {
			return sim, false, err
		}
	}
	err = s.write(ctx, "fire a schedule", func(t *tx) error {
		row, err := t.lockSchedule(ctx, c.Tenant, c.ID)
		if errors.Is(err, ErrNotFound) || err == nil && row.Version != c.Version {
			return errFired
		}
		if err != nil {
			return err
		}
		if waiting != nil {
			answers, err := t.submit(ctx, []*submission{waiting})
			if err != nil {
				return err
			}
			if answers[0].err != nil {
				return answers[0].err
			}
			sim, row.LastAt, row.LastID, row.LastProblem = answers[0].sim, fireTime, answers[0].sim.ID, ""
		} else if problem != "" {
			row.LastAt, row.LastID, row.LastProblem = fireTime, "", clip(problem)
		}
		_, err = t.exec(ctx, "UPDATE schedules SET next_at = ?, last_at = ?, last_id = ?, last_problem = ?, version = version + 1 WHERE id = ?",
			micros(next), micros(row.LastAt), row.LastID, row.LastProblem, row.ID)
		return err
	})
	if errors.Is(err, errFired) {
		return Simulation{}, false, nil
	}
	if errors.Is(err, ErrConflict) {
		if sim, found := s.fired(ctx, waiting); found {
			return sim, false, nil
		}
	}
	here(err, "store.fire.committed")
	return sim, err == nil, err
}
