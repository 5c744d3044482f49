package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// variantRow is a variant with what only the store knows of it.
type variantRow struct {
	Variant
	position     int
	failuresSeen int64        // the highest attempt whose failure was recorded
	stored       VariantState // as the database has it
}

const variantColumns = "position, id, state, attempt, after, tries, failures_seen, reason, message, started_at, finished_at"

func readVariant(row scanner) (*variantRow, error) {
	var v variantRow
	var started, finished instant
	err := row.Scan(&v.position, &v.ID, &v.State, &v.Attempt, &v.After, &v.Tries, &v.failuresSeen, &v.Reason, &v.Message, &started, &finished)
	v.StartedAt, v.FinishedAt, v.stored = started.at, finished.at, v.State
	return &v, err
}

// variants reads those named, or all, in plan order.
func (c session) variants(ctx context.Context, id string, names []string) (rows []*variantRow, err error) {
	if len(names) == 0 {
		return list(ctx, c, readVariant, "SELECT "+variantColumns+" FROM variants WHERE simulation_id = ? ORDER BY position", id)
	}
	seen, distinct := map[string]bool{}, []any{}
	for _, name := range names {
		if !seen[name] {
			seen[name], distinct = true, append(distinct, name)
		}
	}
	err = inChunks(distinct, 1, func(n int, args []any) error {
		some, err := list(ctx, c, readVariant, "SELECT "+variantColumns+" FROM variants WHERE simulation_id = ? AND id IN "+placeholders(1, n), append([]any{id}, args...)...)
		rows = append(rows, some...)
		return err
	})
	return rows, err
}

func plain(rows []*variantRow) []Variant {
	out := make([]Variant, len(rows))
	for i, v := range rows {
		out[i] = v.Variant
	}
	return out
}

// move counts one variant from a state to another.
func (c *Counts) move(from, to VariantState) {
	*c.of(from)--
	*c.of(to)++
}

func (c *Counts) of(s VariantState) *int {
	switch s {
	case VariantRunning:
		return &c.Running
	case VariantSucceeded:
		return &c.Succeeded
	case VariantFailed:
		return &c.Failed
	case VariantCancelled:
		return &c.Cancelled
	default:
		return &c.Pending
	}
}

// saveVariants writes changed variants. One that went from pending through running within this transaction is
// taken both steps, for the database refuses to see it leap.
func (t *tx) saveVariants(ctx context.Context, id string, rows []*variantRow) error {
	var through, all []any
	for _, v := range rows {
		if v.stored == VariantPending && (v.State == VariantSucceeded || v.State == VariantFailed) {
			through = append(through, v.position)
		}
		all = append(all, v.position, string(v.State), v.Attempt, v.After, v.Tries, v.failuresSeen, v.Reason, v.Message, microsOf(v.StartedAt), microsOf(v.FinishedAt))
		v.stored = v.State
	}
	err := inChunks(through, 1, func(n int, args []any) error {
		_, err := t.exec(ctx, "UPDATE variants SET state = 'running' WHERE simulation_id = ? AND position IN "+placeholders(1, n), append([]any{id}, args...)...)
		return err
	})
	if err != nil {
		return err
	}
	return inChunks(all, 10, func(n int, args []any) error {
		_, err := t.exec(ctx, variantUpdate(n), append(args[:len(args):len(args)], id)...)
		return err
	})
}

// variantUpdate sets n variants of one simulation; the casts tell PostgreSQL the types of the rows that follow, too.
func variantUpdate(n int) string {
	more := ""
	if n > 1 {
		more = "," + placeholders(n-1, 10)
	}
	return `WITH c (position, state, attempt, after, tries, failures_seen, reason, message, started_at, finished_at) AS (VALUES
 (CAST(? AS bigint), CAST(? AS text), CAST(? AS bigint), CAST(? AS bigint), CAST(? AS bigint), CAST(? AS bigint), CAST(? AS text),
 CAST(? AS text), CAST(? AS bigint), CAST(? AS bigint))` + more + `)
 UPDATE variants SET state = c.state, attempt = c.attempt, after = c.after, tries = c.tries, failures_seen = c.failures_seen,
 reason = c.reason, message = c.message, started_at = c.started_at, finished_at = c.finished_at
 FROM c WHERE variants.simulation_id = ? AND variants.position = c.position`
}

// Begin records the plan's variants as pending, once; a second call changes nothing. It returns all variants as they stand.
func (s *Store) Begin(ctx context.Context, l Lease, variants []string) (all []Variant, err error) {
	err = s.held(ctx, "begin", l, func(t *tx, r *record) error {
		if !r.begun {
			if len(variants) != r.Variants {
				return fmt.Errorf("%w: the plan of simulation %s has %d variants, its submission said %d", ErrInvalid, r.ID, len(variants), r.Variants)
			}
			rows := make([]any, 0, 3*len(variants))
			for i, name := range variants {
				rows = append(rows, r.ID, i, name)
			}
			if err := t.insert(ctx, "INSERT INTO variants (simulation_id, position, id) VALUES ", 3, "", rows); err != nil {
				return err
			}
			r.begun = true
		}
		rows, err := t.variants(ctx, r.ID, nil)
		all = plain(rows)
		return err
	})
	here(err, "store.begin.committed")
	return all, err
}

// Record notes what happened to variants, in order, as one transaction. A change that has been recorded before changes nothing.
func (s *Store) Record(ctx context.Context, l Lease, changes []VariantChange) error {
	err := s.held(ctx, "record", l, func(t *tx, r *record) error {
		names := make([]string, len(changes))
		for i, c := range changes {
			names[i] = c.VariantID
		}
		if len(names) == 0 {
			return nil
		}
		rows, err := t.variants(ctx, r.ID, names)
		if err != nil {
			return err
		}
		byID := map[string]*variantRow{}
		for _, v := range rows {
			byID[v.ID] = v
		}
		dead := 0
		for _, c := range changes {
			v := byID[c.VariantID]
			if v == nil {
				return fmt.Errorf("variant %s of simulation %s: %w", c.VariantID, r.ID, ErrNotFound)
			}
			was := v.State
			if err := t.apply(r, v, c); err != nil {
				return err
			}
			if was != VariantFailed && v.State == VariantFailed {
				dead++
			}
		}
		if err := t.tally(ctx, "dead_letters", dead); err != nil {
			return err
		}
		if err := t.saveVariants(ctx, r.ID, rows); err != nil {
			return err
		}
		killpoint.Here("store.record.before_commit")
		return nil
	})
	here(err, "store.record.committed")
	return err
}

// variantEvent is the data of EventVariant.
type variantEvent struct {
	VariantID string       `json:"variant_id"`
	State     VariantState `json:"state"`
	Attempt   int64        `json:"attempt"`
	Reason    string       `json:"reason,omitempty"`
	Message   string       `json:"message,omitempty"`
	NextRetry *time.Time   `json:"next_retry,omitempty"`
}

// maxMessage is how much of a failure's message is kept.
const maxMessage = 2 << 10

// apply makes one change of a variant, unless it was made before.
func (t *tx) apply(r *record, v *variantRow, c VariantChange) error {
	if c.State != VariantRunning && c.State != VariantSucceeded && c.State != VariantFailed {
		return fmt.Errorf("%w: a change of variant %s to %q", ErrInvalid, v.ID, c.State)
	}
	if c.Attempt < 1 {
		return fmt.Errorf("%w: a change of variant %s by attempt %d", ErrInvalid, v.ID, c.Attempt)
	}
	// An attempt from before the last retry, or before the latest one, has no say any more.
	if c.Attempt <= v.After || c.Attempt < v.Attempt {
		return nil
	}
	if v.State.Finished() {
		if c.Attempt == v.Attempt && (c.State == v.State || c.State == VariantRunning) {
			return nil
		}
		return inState("variant %s of simulation %s is %s since attempt %d, attempt %d can't make it %s", v.ID, r.ID, v.State, v.Attempt, c.Attempt, c.State)
	}
	if c.Attempt > v.Attempt || v.State == VariantPending {
		if err := t.started(r, v, c); err != nil {
			return err
		}
	}
	if c.State != VariantRunning {
		return t.ended(r, v, c)
	}
	return t.failedTry(r, v, c)
}

// at is when a change happened: when it says, else now.
func (t *tx) at(c VariantChange) *time.Time {
	at := t.now
	if !c.At.IsZero() {
		at = whole(c.At)
	}
	return &at
}

// started begins an attempt.
func (t *tx) started(r *record, v *variantRow, c VariantChange) error {
	r.Counts.move(v.State, VariantRunning)
	v.State, v.Attempt, v.StartedAt, v.Tries = VariantRunning, c.Attempt, t.at(c), v.Tries+1
	r.Attempts = max(r.Attempts, c.Attempt)
	return t.say(r, EventVariant, false, variantEvent{VariantID: v.ID, State: VariantRunning, Attempt: c.Attempt})
}

// failedTry notes that the latest attempt failed and that there will be another.
func (t *tx) failedTry(r *record, v *variantRow, c VariantChange) error {
	if c.Reason == "" || v.failuresSeen >= c.Attempt {
		return nil
	}
	v.Reason, v.Message, v.failuresSeen = c.Reason, clip(c.Message), c.Attempt
	e := variantEvent{VariantID: v.ID, State: VariantRunning, Attempt: c.Attempt, Reason: v.Reason, Message: v.Message}
	if !c.NextRetry.IsZero() {
		next := c.NextRetry.UTC()
		e.NextRetry = &next
	}
	return t.say(r, EventVariant, false, e)
}

// ended finishes a variant.
func (t *tx) ended(r *record, v *variantRow, c VariantChange) error {
	r.Counts.move(v.State, c.State)
	v.State, v.FinishedAt = c.State, t.at(c)
	v.Reason, v.Message = "", ""
	if c.State == VariantFailed {
		v.Reason, v.Message, v.failuresSeen = c.Reason, clip(c.Message), c.Attempt
	}
	return t.say(r, EventVariant, false, variantEvent{VariantID: v.ID, State: v.State, Attempt: v.Attempt, Reason: v.Reason, Message: v.Message})
}

// clip shortens a message to what is kept, at the end of a character, and to what PostgreSQL can keep.
func clip(message string) string {
	message = storable(message)
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage - len("…")
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}

// Variants lists in plan order; empty for a simulation never claimed.
func (s *Store) Variants(ctx context.Context, tenant, id string, state VariantState, p Page) ([]Variant, string, error) {
	cursor, err := p.open("variants", tenant, id, string(state))
	if err != nil {
		return nil, "", err
	}
	c := s.reading()
	if err := c.exists(ctx, tenant, id); err != nil {
		return nil, "", explain("list variants", err)
	}
	from := int64(-1)
	if !cursor.first() {
		from = cursor.number(0)
	}
	query, args := "SELECT "+variantColumns+" FROM variants WHERE simulation_id = ? AND position > ?", []any{id, from}
	if state != "" {
		query, args = query+" AND state = ?", append(args, string(state))
	}
	rows, err := list(ctx, c, readVariant, query+" ORDER BY position LIMIT ?", append(args, p.size()+1)...)
	if err != nil {
		return nil, "", explain("list variants", err)
	}
	rows, next, err := paged(p, cursor, rows, func(v *variantRow) []string { return []string{strconv.Itoa(v.position)} })
	return plain(rows), next, err
}

// Variant is where one stands.
func (s *Store) Variant(ctx context.Context, tenant, id, variant string) (Variant, error) {
	c := s.reading()
	if err := c.exists(ctx, tenant, id); err != nil {
		return Variant{}, explain("read a variant", err)
	}
	v, err := readVariant(c.row(ctx, "SELECT "+variantColumns+" FROM variants WHERE simulation_id = ? AND id = ?", id, variant))
	if errors.Is(err, sql.ErrNoRows) {
		return Variant{}, fmt.Errorf("variant %s of simulation %s: %w", variant, id, ErrNotFound)
	}
	if err != nil {
		return Variant{}, explain("read a variant", err)
	}
	return v.Variant, nil
}
