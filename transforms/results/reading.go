package results

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
)

// Row says how one attempt at a variant ended. The figures stay in the file.
type Row struct {
	VariantID string
	Attempt   int64
	Status    string       // model.StatusSucceeded or model.StatusFailed
	Reason    model.Reason // of a failed one
	Path      string       // relative to the store's root

	simulation string
	version    int64 // of the file, 0: not known
}

// Rows reads the outcome of every committed attempt of a simulation, by variant id and attempt.
// A file that is not as it was committed is an error that names it (ErrDamaged), never skipped.
func (s *Store) Rows(ctx context.Context, simulation string) ([]Row, error) {
	rows, err := s.rowPaths(ctx, simulation)
	if err != nil {
		return nil, err
	}
	faults := make([]error, len(rows))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.place.readers())
	for i := range rows {
		group.Go(func() error {
			faults[i] = s.readOutcome(ctx, &rows[i])
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return rows, errors.Join(faults...)
}

// rowPaths lists the files of a simulation with what their names say.
func (s *Store) rowPaths(ctx context.Context, simulation string) (rows []Row, err error) {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return nil, err
	}
	found, err := s.place.rows(ctx, model.SimulationPath(simulation))
	if err != nil {
		return nil, err
	}
	for _, file := range found {
		if _, variant, n, ok := model.ParseResultPath(file.path); ok {
			rows = append(rows, Row{VariantID: variant, Attempt: n, Path: file.path, simulation: simulation, version: file.version})
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.VariantID, b.VariantID), cmp.Compare(a.Attempt, b.Attempt))
	})
	return rows, nil
}

// readOutcome completes row from its file, and checks that the file is the one its name says.
func (s *Store) readOutcome(ctx context.Context, row *Row) (err error) {
	if s.outcomes.recall(row) {
		return nil
	}
	f, size, err := s.place.open(ctx, row.Path)
	if err != nil {
		return failed("open", s.Path(row.Path), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	found, err := outcome(f, size)
	switch {
	case err != nil:
	case found.simulation != row.simulation || found.VariantID != row.VariantID || found.Attempt != row.Attempt:
		err = fmt.Errorf("holds attempt %d of variant %s of %s", found.Attempt, found.VariantID, found.simulation)
	case found.Status != model.StatusSucceeded && found.Status != model.StatusFailed:
		err = fmt.Errorf("has status %q", found.Status)
	}
	if err != nil {
		return s.damaged(row.Path, err)
	}
	row.Status, row.Reason = found.Status, found.Reason
	s.outcomes.remember(*row)
	return nil
}

func (s *Store) damaged(path string, cause error) error {
	return fmt.Errorf("results: %s is %w: %w; it was whole when it was committed, so the disk or another program changed it: "+
		"move it away, then `whatif run --resume` computes that variant again", s.Path(path), ErrDamaged, cause)
}

// Counted is the row that counts of every variant that has one (results.md).
func (s *Store) Counted(ctx context.Context, simulation string) (map[string]Row, error) {
	rows, err := s.Rows(ctx, simulation)
	if err != nil {
		return nil, err
	}
	return CountedOf(rows), nil
}

// CountedOf picks the row that counts of each variant. The rows are sorted as Rows returns them.
func CountedOf(rows []Row) map[string]Row {
	counted := map[string]Row{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].VariantID == rows[0].VariantID {
			n++
		}
		best := model.Counting(rows[:n], func(r Row) (int64, string) { return r.Attempt, r.Status })
		counted[rows[best].VariantID] = rows[best]
		rows = rows[n:]
	}
	return counted
}

// Outcome is how one attempt at a variant ended; ok is false if it has no row.
func (s *Store) Outcome(ctx context.Context, simulation, variant string, attempt int64) (row Row, ok bool, err error) {
	if err := errors.Join(checkIDs(simulation, variant), ctx.Err()); err != nil {
		return Row{}, false, err
	}
	row = Row{VariantID: variant, Attempt: attempt, Path: model.ResultPath(simulation, variant, attempt), simulation: simulation}
	err = s.readOutcome(ctx, &row)
	if errors.Is(err, fs.ErrNotExist) {
		return Row{}, false, nil
	}
	return row, err == nil, err
}

// Read reads a whole row and checks its digest.
func (s *Store) Read(ctx context.Context, simulation, variant string, attempt int64) (*model.VariantResult, error) {
	if err := errors.Join(checkIDs(simulation, variant), ctx.Err()); err != nil {
		return nil, err
	}
	path := model.ResultPath(simulation, variant, attempt)
	data, err := s.place.read(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("results: attempt %d of variant %s: %w at %s", attempt, variant, ErrNotFound, s.Path(path))
	}
	if err != nil {
		return nil, failed("read", s.Path(path), err)
	}
	row, err := Decode(data)
	if err != nil {
		return nil, s.damaged(path, err)
	}
	return row, nil
}

// Simulation is one entry of the store's list.
type Simulation struct {
	ID          string
	SubmittedAt time.Time
}

// Simulations lists what the store holds, newest first. Folders without a plan are left out: their
// submission was interrupted, and nothing of them ever ran.
func (s *Store) Simulations(ctx context.Context) ([]Simulation, error) {
	ids, err := s.folders(ctx)
	if err != nil {
		return nil, err
	}
	return s.submitted(ctx, ids)
}

// folders is the simulations that have a folder, by id.
func (s *Store) folders(ctx context.Context) (ids []string, err error) {
	names, err := s.place.list(ctx, ".")
	if err != nil {
		return nil, failed("list", s.uri, err)
	}
	for _, name := range names {
		if id, ok := strings.CutPrefix(name, "simulation_id="); ok && CheckSimulationID(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// submitted is those simulations that have a plan, newest first.
func (s *Store) submitted(ctx context.Context, ids []string) ([]Simulation, error) {
	found := make([]Simulation, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.place.readers())
	for i, id := range ids {
		group.Go(func() error {
			at, err := s.submittedAt(ctx, id)
			if err == nil {
				found[i] = Simulation{id, at}
			}
			return errors.Join(ignoreMissing(err), ctx.Err())
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(s Simulation) bool { return s.ID == "" })
	slices.SortFunc(found, func(a, b Simulation) int {
		return cmp.Or(b.SubmittedAt.Compare(a.SubmittedAt), cmp.Compare(b.ID, a.ID))
	})
	return found, nil
}

// planHead is the beginning of a plan that holds its time of submission, which is the third of its fields.
const planHead = 16 << 10

// submittedAt reads a plan only as far as its time of submission.
func (s *Store) submittedAt(ctx context.Context, simulation string) (at time.Time, err error) {
	path := model.PlanPath(simulation)
	data, err := s.place.head(ctx, path, planHead)
	if err != nil {
		return at, failed("open", s.Path(path), err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.Token()
		if err != nil {
			return at, fmt.Errorf("results: %s: %w: no time of submission: %w", s.Path(path), ErrDamaged, err)
		}
		if token != "submitted_at" {
			continue
		}
		var micros model.Instant
		if err := dec.Decode(&micros); err != nil {
			return at, fmt.Errorf("results: %s: %w: time of submission: %w", s.Path(path), ErrDamaged, err)
		}
		return time.UnixMicro(int64(micros)).UTC(), nil
	}
}

// Resolve is the id of a simulation of the store: itself, or the newest one for `latest`.
func (s *Store) Resolve(ctx context.Context, simulation string) (string, error) {
	if simulation != "latest" {
		if err := CheckSimulationID(simulation); err != nil {
			return "", err
		}
		if _, err := s.submittedAt(ctx, simulation); errors.Is(err, fs.ErrNotExist) {
			return "", s.notFound(simulation)
		} else if err != nil {
			return "", err
		}
		return simulation, nil
	}
	ids, err := s.folders(ctx)
	if err != nil {
		return "", err
	}
	// Ids begin with the day they were submitted on: the newest is of the last day that has one with a plan.
	for len(ids) > 0 {
		day := ids[len(ids)-1][:len("20060102")]
		first := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, day) })
		newest, err := s.submitted(ctx, ids[first:])
		if err != nil {
			return "", err
		}
		if len(newest) > 0 {
			return newest[0].ID, nil
		}
		ids = ids[:first]
	}
	return "", fmt.Errorf("results: %w: there is no simulation in %s; `whatif demo` makes one, --results looks elsewhere", ErrNotFound, s.uri)
}
