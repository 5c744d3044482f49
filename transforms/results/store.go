package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// Store holds the results of simulations in one folder, or under one prefix of a bucket. It is safe for
// concurrent use, also by several processes.
type Store struct {
	uri      string
	place    place
	outcomes outcomes
	mirror   mirror
}

// Open is the store at a folder or at gs://bucket/prefix, which need not exist yet. The bucket must.
func Open(uri string) (*Store, error) {
	if uri == "" {
		return nil, errors.New("results: no folder given; name one with --results")
	}
	if objects.IsURI(uri) {
		// The client is the process's and asks for nothing yet, so there is nothing to cancel.
		b, err := objects.Open(context.Background(), uri)
		if err != nil {
			return nil, fmt.Errorf("results: %w", err)
		}
		most, err := mirrorBound()
		if err != nil {
			return nil, err
		}
		return &Store{uri: b.URI(""), place: newBucket(b), mirror: mirror{most: most, free: freeDisk}}, nil
	}
	dir := uri
	if u, err := url.Parse(uri); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" {
			return nil, fmt.Errorf("results: %s: results are kept in folders and at gs://, not at %s://", uri, u.Scheme)
		}
		dir = u.Path
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("results: %s: %w", uri, err)
	}
	return open(abs, osDisk{}), nil
}

func open(dir string, d disk) *Store { return &Store{uri: dir, place: &folder{root: dir, disk: d}} }

// URI is where the store is: an absolute path, or gs://bucket/prefix.
func (s *Store) URI() string { return s.uri }

// Path is the full path, or the address, of a path relative to the store's root, for messages.
func (s *Store) Path(rel string) string { return s.place.at(rel) }

// Ready is nil if the store takes files now.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.place.ready(ctx); err != nil {
		return failed("write to", s.uri, err)
	}
	return nil
}

// Commit makes a row durable under its final name, or leaves nothing there. Committing the same
// row again succeeds. The path is relative to the store's root.
//
// An error holds a storage fault; one that wraps ErrTaken means that another attempt used the number.
func (s *Store) Commit(ctx context.Context, row *model.VariantResult) (path string, err error) {
	if err := errors.Join(checkIDs(row.SimulationID, row.VariantID), ctx.Err()); err != nil {
		return "", err
	}
	data, err := Encode(row)
	if err != nil {
		return "", err
	}
	if len(data) > maxRowFileBytes {
		return "", fmt.Errorf("results: the row of variant %s has %d bytes, more than the %d a row may have; report fewer breakdowns or groups",
			row.VariantID, len(data), maxRowFileBytes)
	}
	path = model.ResultPath(row.SimulationID, row.VariantID, row.Attempt)
	return path, s.place.create(ctx, path, data)
}

// WritePlan makes a simulation's plan durable, before anything of it runs. The same plan may be
// written again; another one under the same id is refused with ErrTaken.
func (s *Store) WritePlan(ctx context.Context, plan *model.Plan) error {
	if err := errors.Join(CheckSimulationID(plan.SimulationID), ctx.Err()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(plan, "", " ")
	if err != nil {
		return fmt.Errorf("results: encode the plan of %s: %w", plan.SimulationID, err)
	}
	if err := s.place.create(ctx, model.PlanPath(plan.SimulationID), data); err != nil {
		return err
	}
	killpoint.Here("results.plan_written")
	return nil
}

// Plan reads a simulation's plan.
func (s *Store) Plan(ctx context.Context, simulation string) (*model.Plan, error) {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return nil, err
	}
	path := model.PlanPath(simulation)
	data, err := s.place.read(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.notFound(simulation)
	}
	if err != nil {
		return nil, failed("read", s.Path(path), err)
	}
	plan := new(model.Plan)
	if err := json.Unmarshal(data, plan); err != nil {
		return nil, fmt.Errorf("results: %s: %w: %w; it was written whole, so another program or the disk changed it", s.Path(path), ErrDamaged, err)
	}
	if plan.SimulationID != simulation {
		return nil, fmt.Errorf("results: %s: %w: it is the plan of %q", s.Path(path), ErrDamaged, plan.SimulationID)
	}
	return plan, nil
}

func (s *Store) notFound(simulation string) error {
	return fmt.Errorf("results: simulation %s: %w in %s; `whatif compare latest` takes the newest one there, --results looks elsewhere", simulation, ErrNotFound, s.uri)
}

// NextAttempt takes the next attempt number of a simulation, for one job. No two callers get the
// same one, here or in another process, and no number comes twice.
func (s *Store) NextAttempt(ctx context.Context, simulation string) (int64, error) {
	if err := CheckSimulationID(simulation); err != nil {
		return 0, err
	}
	last, err := s.LastAttempt(ctx, simulation)
	if err != nil {
		return 0, err
	}
	for n := last + 1; ctx.Err() == nil; n++ {
		if taken, err := s.TakeAttempt(ctx, simulation, n); taken || err != nil {
			return n, err
		}
	}
	return 0, ctx.Err()
}

// TakeAttempt takes an attempt number that somebody else chose; taken is false if another has it.
func (s *Store) TakeAttempt(ctx context.Context, simulation string, n int64) (taken bool, err error) {
	if err := CheckSimulationID(simulation); err != nil {
		return false, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	err = s.place.claim(ctx, model.AttemptPath(simulation, n), fmt.Appendf(nil, "%s %d\n", host, os.Getpid()))
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err == nil {
		killpoint.Here("results.attempt_taken")
	}
	return err == nil, err
}

// LastAttempt is the highest attempt number of a simulation taken so far, 0 with none.
func (s *Store) LastAttempt(ctx context.Context, simulation string) (last int64, err error) {
	if err := CheckSimulationID(simulation); err != nil {
		return 0, err
	}
	dir := path.Dir(model.AttemptPath(simulation, 1))
	names, err := s.place.list(ctx, dir)
	if err != nil {
		return 0, failed("list", s.Path(dir), err)
	}
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			last = max(last, n)
		}
	}
	return last, nil
}

// MarkStarted notes that an attempt at a variant begins. A marker without a row of the same
// attempt tells the next job that the process died with that variant in flight.
func (s *Store) MarkStarted(ctx context.Context, simulation, variant string, attempt int64) error {
	if err := checkIDs(simulation, variant); err != nil {
		return err
	}
	if err := s.place.mark(ctx, model.StartedPath(simulation, variant, attempt)); err != nil {
		return err
	}
	killpoint.Here("results.started_marked")
	return nil
}

// UnmarkStarted takes the marker back: the attempt was cancelled, which says nothing about the variant.
func (s *Store) UnmarkStarted(ctx context.Context, simulation, variant string, attempt int64) error {
	if err := checkIDs(simulation, variant); err != nil {
		return err
	}
	return s.place.unmark(ctx, model.StartedPath(simulation, variant, attempt))
}

// Started lists the attempts that began, by variant, ascending.
func (s *Store) Started(ctx context.Context, simulation string) (map[string][]int64, error) {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return nil, err
	}
	dir := path.Dir(model.StartedPath(simulation, model.BaselineID, 1))
	names, err := s.place.list(ctx, dir)
	if err != nil {
		return nil, failed("list", s.Path(dir), err)
	}
	started := map[string][]int64{}
	for _, name := range names {
		if variant, n, ok := model.ParseStartedName(name); ok {
			started[variant] = append(started[variant], n)
		}
	}
	for _, attempts := range started {
		slices.Sort(attempts)
	}
	return started, nil
}

// Sweep removes what interrupted writers of a simulation left and last touched before a time; the zero
// time: all of it. The caller holds its lock; if that is a shared one, young files may be somebody's.
func (s *Store) Sweep(ctx context.Context, simulation string, before time.Time) error {
	if err := CheckSimulationID(simulation); err != nil {
		return err
	}
	return s.place.sweep(ctx, model.SimulationPath(simulation), before)
}
