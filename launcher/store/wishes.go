package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// change runs f on a tenant's simulation under its lock, saves what f changed and returns it.
func (s *Store) change(ctx context.Context, what, tenant, id string, f func(*tx, *record) error) (sim Simulation, err error) {
	err = s.write(ctx, what, func(t *tx) error {
		r, err := t.lock(ctx, tenant, id)
		if err != nil {
			return err
		}
		before := r.Events
		if err := f(t, r); err != nil {
			return err
		}
		sim = r.Simulation
		if r.Events == before { // every change says something
			t.silent = true
			return nil
		}
		return t.save(ctx, r)
	})
	return sim, err
}

// wrong is ErrWrongState with the state that it is in and what would have been right.
func wrong(r *record, want string) error {
	return inState("simulation %s is %s: %s", r.ID, r.State, want)
}

// stateError is ErrWrongState in words of its own, which say the state and need no others.
type stateError string

func inState(format string, args ...any) error { return stateError(fmt.Sprintf(format, args...)) }

// Error is what to tell who asked.
func (e stateError) Error() string { return string(e) }

// Unwrap makes it ErrWrongState.
func (e stateError) Unwrap() error { return ErrWrongState }

// wishEvent is the data of EventWish.
type wishEvent struct {
	Wanted Wish   `json:"wanted"`
	By     string `json:"by"`
}

// wish asks the launcher that runs a simulation.
func (t *tx) wish(r *record, w Wish, by string) error {
	r.Wanted, r.wantedBy = w, by
	return t.say(r, EventWish, false, wishEvent{Wanted: w, By: by})
}

// Cancel ends a scheduled, queued or paused simulation at once, also a running one that no launcher
// holds, and wishes it of any other running one. Cancelling a cancelled one is no error.
func (s *Store) Cancel(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return s.change(ctx, "cancel", tenant, id, func(t *tx, r *record) error {
		switch {
		case r.State == Cancelled || r.State == Running && r.live(t.now) && r.Wanted == WantCancel:
			return nil
		case r.State.Finished():
			return wrong(r, "it has ended, there is nothing to cancel")
		case r.State == Running && r.live(t.now):
			return t.wish(r, WantCancel, by)
		default:
			return t.end(ctx, r, Cancelled, by)
		}
	})
}

// Pause wishes it of a running one; one that no launcher holds is paused at once. Pausing a paused one is no error.
func (s *Store) Pause(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return s.change(ctx, "pause", tenant, id, func(t *tx, r *record) error {
		switch {
		case r.State == Paused || r.State == Running && r.live(t.now) && r.Wanted == WantPause:
			return nil
		case r.State != Running:
			return wrong(r, "only a running one can be paused")
		case r.Wanted == WantCancel:
			return wrong(r, "it is being cancelled")
		case r.live(t.now):
			return t.wish(r, WantPause, by)
		default:
			return t.turn(r, Paused, by)
		}
	})
}

// Resume makes a paused one claimable again, or takes back the wish to pause. Resuming one that runs is no error.
func (s *Store) Resume(ctx context.Context, tenant, id, by string) (Simulation, error) {
	return s.change(ctx, "resume", tenant, id, func(t *tx, r *record) error {
		switch {
		case r.State == Running && r.Wanted == NoWish:
			return nil
		case r.State == Running && r.Wanted == WantPause:
			return t.wish(r, NoWish, by)
		case r.State == Paused:
			return t.turn(r, Running, by)
		case r.Wanted == WantCancel:
			return wrong(r, "it is being cancelled")
		default:
			return wrong(r, "only a paused one can be resumed")
		}
	})
}

// retryEvent is the data of EventRetry.
type retryEvent struct {
	Variants int    `json:"variants"`
	By       string `json:"by"`
}

// Retry takes a finished one back to queued with the variants that failed or were cancelled (those named, or all): ErrWrongState if none did.
// An unknown variant is ErrNotFound; a named one that succeeded ErrWrongState, and so is any name if the simulation ended before its plan
// was made.
func (s *Store) Retry(ctx context.Context, tenant, id, by string, variants []string) (Simulation, error) {
	return s.change(ctx, "retry", tenant, id, func(t *tx, r *record) error {
		if !r.State.Finished() {
			return wrong(r, "only a finished one can be retried")
		}
		n, err := t.reset(ctx, r, variants)
		if err != nil {
			return err
		}
		if n == 0 {
			return wrong(r, "no variant failed or was cancelled")
		}
		if err := t.say(r, EventRetry, true, retryEvent{Variants: n, By: by}); err != nil {
			return err
		}
		now := t.now
		r.Fault, r.FinishedAt, r.QueuedAt, r.Progress.Blocking = nil, nil, &now, nil
		return t.turn(r, Queued, by)
	})
}

// reset takes variants that failed or were cancelled back to pending and returns how many.
func (t *tx) reset(ctx context.Context, r *record, names []string) (int, error) {
	if !r.begun && len(names) == 0 { // it ended before its variants had rows
		n := r.Counts.Cancelled
		r.Counts = Counts{Pending: r.Variants}
		return n, nil
	}
	if !r.begun { // its plan was not made yet, so that nobody could say which of the names are right
		return 0, wrong(r, "it ended before any of its variants began; retry it without naming variants, then all of them run")
	}
	rows, err := t.variants(ctx, r.ID, names)
	if err != nil {
		return 0, err
	}
	named := map[string]bool{}
	for _, name := range names {
		named[name] = true
	}
	if len(rows) < len(named) {
		return 0, noVariants(r, named, rows)
	}
	var changed []*variantRow
	for _, v := range rows {
		switch {
		case v.State == VariantFailed || v.State == VariantCancelled:
			r.Counts.move(v.State, VariantPending)
			v.State, v.After, v.Tries, v.Reason, v.Message, v.FinishedAt = VariantPending, r.Attempts, 0, "", "", nil
			changed = append(changed, v)
		case named[v.ID]:
			return 0, inState("variant %s of simulation %s is %s: only one that failed or was cancelled can be retried", v.ID, r.ID, v.State)
		}
	}
	return len(changed), t.saveVariants(ctx, r.ID, changed)
}

// noVariants says which of the variants named a simulation has not: the first of them, and how many more.
func noVariants(r *record, named map[string]bool, has []*variantRow) error {
	for _, v := range has {
		delete(named, v.ID)
	}
	missing, more := slices.Sorted(maps.Keys(named)), ""
	if len(missing) > 1 {
		more = fmt.Sprintf(", nor %d others of those named", len(missing)-1)
	}
	return fmt.Errorf("simulation %s has no variant %q%s: %w", r.ID, missing[0], more, ErrNotFound)
}

// deletedEvent is the data of EventDeleted.
type deletedEvent struct {
	By string `json:"by"`
}

// Delete makes a finished one's id answer ErrGone. The caller then removes its results (and again at the next start: see Deleted).
func (s *Store) Delete(ctx context.Context, tenant, id, by string) error {
	err := s.write(ctx, "delete", func(t *tx) error {
		r, err := t.lock(ctx, tenant, id)
		if err != nil {
			return err
		}
		if !r.State.Finished() {
			return wrong(r, "cancel it first, then delete it")
		}
		if err := t.say(r, EventDeleted, true, deletedEvent{By: by}); err != nil {
			return err
		}
		return t.bury(ctx, r, by)
	})
	here(err, "store.delete.committed")
	return err
}

// bury removes all of a simulation but its tombstone, its last event and its idempotency key: who repeats the submission must
// not get another simulation for it.
func (t *tx) bury(ctx context.Context, r *record, by string) error {
	var config, inventory string
	var campaigns *string
	err := t.row(ctx, "SELECT config, campaigns_doc, inventory FROM simulations WHERE id = ?", r.ID).Scan(&config, &campaigns, &inventory)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "INSERT INTO tombstones (id, tenant, deleted_at, deleted_by, results_removed) VALUES (?, ?, ?, ?, 0)",
		r.ID, r.Tenant, t.now.UnixMicro(), by)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, "DELETE FROM events WHERE simulation_id = ?", r.ID); err != nil { // the rest goes with the simulation's row
		return err
	}
	if _, err := t.exec(ctx, "DELETE FROM simulations WHERE id = ?", r.ID); err != nil {
		return err
	}
	if err := t.insertEvents(ctx, r.fresh); err != nil {
		return err
	}
	shas := []any{config, inventory}
	if campaigns != nil {
		shas = append(shas, *campaigns)
	}
	killpoint.Here("store.delete.before_commit")
	return t.dropDocuments(ctx, shas...)
}

// Deleted lists ids deleted whose results were not yet reported removed; ResultsRemoved reports it.
func (s *Store) Deleted(ctx context.Context) ([]string, error) {
	ids, err := list(ctx, s.reading(), text1, "SELECT id FROM tombstones WHERE results_removed = 0 ORDER BY deleted_at, id")
	return ids, explain("list deleted simulations", err)
}

// ResultsRemoved notes that nothing is left of a deleted simulation.
func (s *Store) ResultsRemoved(ctx context.Context, id string) error {
	return s.write(ctx, "note removed results", func(t *tx) error {
		t.silent = true
		_, err := t.exec(ctx, "UPDATE tombstones SET results_removed = 1 WHERE id = ?", id)
		return err
	})
}
