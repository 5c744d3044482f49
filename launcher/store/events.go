package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// insertEvents writes events that were numbered under their simulation's lock.
func (t *tx) insertEvents(ctx context.Context, events []Event) error {
	rows := make([]any, 0, 7*len(events))
	for _, e := range events {
		rows = append(rows, e.SimulationID, e.Seq, e.Tenant, e.At.UnixMicro(), string(e.Type), string(e.Data), bit(e.feed))
	}
	return t.insert(ctx, "INSERT INTO events (simulation_id, seq, tenant, at, type, data, feed) VALUES ", 7, "", rows)
}

func readEvent(row scanner) (e Event, err error) {
	var at instant
	var data string
	err = row.Scan(&e.SimulationID, &e.Seq, &e.Tenant, &at, &e.Type, &data, &e.feed)
	e.At, e.Data = at.zero(), json.RawMessage(data)
	return e, err
}

const eventColumns = "simulation_id, seq, tenant, at, type, data, feed"

// maxEvents of one answer.
const maxEvents = 10_000

// Events lists a simulation's events after a sequence number, in order, at most limit.
func (s *Store) Events(ctx context.Context, tenant, id string, after int64, limit int) ([]Event, error) {
	c := s.reading()
	if err := c.exists(ctx, tenant, id); err != nil {
		return nil, explain("events", err)
	}
	events, err := list(ctx, c, readEvent, "SELECT "+eventColumns+" FROM events WHERE simulation_id = ? AND seq > ? ORDER BY seq LIMIT ?",
		id, after, min(max(limit, 1), maxEvents))
	return events, explain("events", err)
}

// Feed lists what happened in a tenant, newest first (events marked feed).
func (s *Store) Feed(ctx context.Context, tenant string, p Page) ([]Event, string, error) {
	cursor, err := p.open("feed", tenant)
	if err != nil {
		return nil, "", err
	}
	query, args := "SELECT "+eventColumns+" FROM events WHERE feed = 1 AND tenant = ?", []any{tenant}
	if !cursor.first() {
		query, args = query+" AND (at, simulation_id, seq) < (?, ?, ?)", append(args, cursor.number(0), cursor.text(1), cursor.number(2))
	}
	events, err := list(ctx, s.reading(), readEvent, query+" ORDER BY at DESC, simulation_id DESC, seq DESC LIMIT ?", append(args, p.size()+1)...)
	if err != nil {
		return nil, "", explain("feed", err)
	}
	return paged(p, cursor, events, func(e Event) []string {
		return []string{strconv.FormatInt(e.At.UnixMicro(), 10), e.SimulationID, strconv.FormatInt(e.Seq, 10)}
	})
}

// maxNote is the longest text of a note in bytes.
const maxNote = 4 << 10

// AddNote keeps a note and tells those who watch the simulation. An ID or time that is not given is made: the ID
// from the number of its event.
func (s *Store) AddNote(ctx context.Context, tenant string, n Note) (Note, error) {
	if n.Text == "" || len(n.Text) > maxNote {
		return n, fmt.Errorf("%w: a note has 1 to %d bytes, this one %d", ErrInvalid, maxNote, len(n.Text))
	}
	n.Author, n.Text = storable(n.Author), storable(n.Text)
	made := n
	err := s.write(ctx, "add a note", func(t *tx) error {
		made = n
		r, err := t.lock(ctx, tenant, n.SimulationID)
		if err != nil {
			return err
		}
		if err := t.checkVariant(ctx, r, n.VariantID); err != nil {
			return err
		}
		if made.At = whole(n.At); n.At.IsZero() {
			made.At = t.now
		}
		if made.ID == "" {
			made.ID = fmt.Sprintf("note-%d", r.Events+1)
		}
		if err := t.say(r, EventNote, true, made); err != nil {
			return err
		}
		_, err = t.exec(ctx, "INSERT INTO notes (simulation_id, seq, id, variant_id, author, at, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
			r.ID, r.Events, made.ID, made.VariantID, made.Author, made.At.UnixMicro(), made.Text)
		if kindOf(err) == duplicate {
			return fmt.Errorf("note %s: %w", made.ID, ErrConflict)
		}
		return errors.Join(err, t.save(ctx, r))
	})
	return made, err
}

// checkVariant refuses a variant that a simulation with rows has not got.
func (t *tx) checkVariant(ctx context.Context, r *record, variant string) error {
	if variant == "" || !r.begun {
		return nil
	}
	var n int
	if err := t.row(ctx, "SELECT count(*) FROM variants WHERE simulation_id = ? AND id = ?", r.ID, variant).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("variant %s of simulation %s: %w", variant, r.ID, ErrNotFound)
	}
	return nil
}

// numberedNote is a note and the number of its event, by which notes are listed.
type numberedNote struct {
	Note
	seq int64
}

func readNote(row scanner) (n numberedNote, err error) {
	var at instant
	err = row.Scan(&n.SimulationID, &n.seq, &n.ID, &n.VariantID, &n.Author, &at, &n.Text)
	n.At = at.zero()
	return n, err
}

// Notes lists a simulation's notes, oldest first.
func (s *Store) Notes(ctx context.Context, tenant, id string, p Page) ([]Note, string, error) {
	cursor, err := p.open("notes", tenant, id)
	if err != nil {
		return nil, "", err
	}
	c := s.reading()
	if err := c.exists(ctx, tenant, id); err != nil {
		return nil, "", explain("notes", err)
	}
	numbered, err := list(ctx, c, readNote, `SELECT simulation_id, seq, id, variant_id, author, at, text FROM notes
 WHERE simulation_id = ? AND seq > ? ORDER BY seq LIMIT ?`, id, cursor.number(0), p.size()+1)
	if err != nil {
		return nil, "", explain("notes", err)
	}
	numbered, next, err := paged(p, cursor, numbered, func(n numberedNote) []string { return []string{strconv.FormatInt(n.seq, 10)} })
	notes := make([]Note, len(numbered))
	for i := range numbered {
		notes[i] = numbered[i].Note
	}
	return notes, next, err
}
