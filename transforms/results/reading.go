package results

import (
	"bufio"
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
}

// readers is how many row files are open at a time.
const readers = 4

// Rows reads the outcome of every committed attempt of a simulation, by variant id and attempt.
// A file that is not as it was committed is an error that names it (ErrDamaged), never skipped.
func (s *Store) Rows(ctx context.Context, simulation string) ([]Row, error) {
	paths, err := s.rowPaths(ctx, simulation)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(paths))
	faults := make([]error, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i := range paths {
		group.Go(func() error {
			rows[i] = paths[i]
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
	if err := CheckSimulationID(simulation); err != nil {
		return nil, err
	}
	dir := model.SimulationPath(simulation)
	folders, err := s.place.list(ctx, dir)
	if err != nil {
		return nil, failed("list", s.Path(dir), err)
	}
	for _, name := range folders {
		if !strings.HasPrefix(name, "variant_id=") {
			continue
		}
		files, err := s.place.list(ctx, dir+"/"+name)
		if err != nil {
			return nil, failed("list", s.Path(dir+"/"+name), err)
		}
		for _, file := range files {
			path := dir + "/" + name + "/" + file
			if _, variant, n, ok := model.ParseResultPath(path); ok {
				rows = append(rows, Row{VariantID: variant, Attempt: n, Path: path, simulation: simulation})
			}
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.VariantID, b.VariantID), cmp.Compare(a.Attempt, b.Attempt))
	})
	return rows, nil
}

// readOutcome completes row from its file, and checks that the file is the one its name says.
func (s *Store) readOutcome(ctx context.Context, row *Row) (err error) {
	f, err := s.place.open(ctx, row.Path)
	if err != nil {
		return failed("open", s.Path(row.Path), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return failed("look at", s.Path(row.Path), err)
	}
	found, err := outcome(f, info.Size())
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
	names, err := s.place.list(ctx, ".")
	if err != nil {
		return nil, failed("list", s.uri, err)
	}
	var found []Simulation
	for _, name := range names {
		id, ok := strings.CutPrefix(name, "simulation_id=")
		if !ok || CheckSimulationID(id) != nil {
			continue
		}
		at, err := s.submittedAt(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		found = append(found, Simulation{id, at})
	}
	slices.SortFunc(found, func(a, b Simulation) int {
		return cmp.Or(b.SubmittedAt.Compare(a.SubmittedAt), cmp.Compare(b.ID, a.ID))
	})
	return found, nil
}

// submittedAt reads a plan only as far as its time of submission, which stands near the beginning.
func (s *Store) submittedAt(ctx context.Context, simulation string) (at time.Time, err error) {
	path := model.PlanPath(simulation)
	f, err := s.place.open(ctx, path)
	if err != nil {
		return at, failed("open", s.Path(path), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	dec := json.NewDecoder(bufio.NewReader(f))
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
	all, err := s.Simulations(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", fmt.Errorf("results: %w: there is no simulation in %s; `whatif demo` makes one, --results looks elsewhere", ErrNotFound, s.uri)
	}
	return all[0].ID, nil
}
