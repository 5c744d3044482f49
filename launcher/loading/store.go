package loading

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/results"
)

// store is a result store as package loads sees it.
type store struct {
	results *results.Store
	staging *objects.Bucket // nil: the results are in a bucket themselves
}

var _ loads.Store = (*store)(nil)

func (s *store) Create(ctx context.Context, name string, data []byte) error {
	return s.results.CreateRecord(ctx, name, data)
}

func (s *store) Read(ctx context.Context, name string) ([]byte, error) {
	return s.results.ReadRecord(ctx, name)
}

func (s *store) List(ctx context.Context, folder string) ([]string, error) {
	return s.results.ListRecords(ctx, folder)
}

func (s *store) Rows(ctx context.Context, simulation string) ([]loads.Row, error) {
	committed, err := s.results.Committed(ctx, simulation)
	rows := make([]loads.Row, 0, len(committed))
	for _, r := range committed {
		rows = append(rows, loads.Row{Variant: r.VariantID, Attempt: r.Attempt})
	}
	return rows, err
}

func (s *store) Check(ctx context.Context, simulation string, row loads.Row) (string, error) {
	return s.results.CheckRow(ctx, simulation, row.Variant, row.Attempt)
}

// uploads is how many files are sent at a time.
const uploads = 8

// Stage uploads files that are in a folder of this machine, create-only: what is there already stays.
func (s *store) Stage(ctx context.Context, paths []string) error {
	if s.staging == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, path := range paths {
		group.Go(func() error { return s.stage(ctx, path) })
	}
	return group.Wait()
}

func (s *store) stage(ctx context.Context, path string) error {
	data, err := os.ReadFile(s.results.Path(path)) // of at most 16 MiB: Commit refuses larger ones
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its simulation was deleted; the job says so, and the round goes on without it
	}
	if err != nil {
		return fmt.Errorf("loading: %w", err)
	}
	_, err = s.staging.Create(ctx, path, data)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("loading: %s holds another row than %s: two result stores have this simulation, and went apart; "+
			"load from one of them only, or give this one a --staging prefix and a dataset of its own: %w", s.staging.URI(path), s.results.Path(path), err)
	}
	return err
}
