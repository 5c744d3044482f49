package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// loadsFolder is where it is written down what of the store was loaded into which warehouse (package loads).
const loadsFolder = "_loads/"

// CreateRecord makes a record of loads durable and whole. The error wraps fs.ErrExist if the name holds
// another one; the same one again succeeds.
func (s *Store) CreateRecord(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(checkRecord(name), ctx.Err()); err != nil {
		return err
	}
	err := s.place.create(ctx, name, data)
	if errors.Is(err, ErrTaken) {
		err = fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
	return err
}

// ReadRecord reads a record of loads; the error wraps fs.ErrNotExist if there is none.
func (s *Store) ReadRecord(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(checkRecord(name), ctx.Err()); err != nil {
		return nil, err
	}
	data, err := s.place.read(ctx, name)
	if err != nil {
		return nil, failed("read", s.Path(name), err)
	}
	return data, nil
}

// ListRecords lists the names in a folder of records of loads; none if there is no such folder.
func (s *Store) ListRecords(ctx context.Context, folder string) ([]string, error) {
	if err := errors.Join(checkRecord(folder), ctx.Err()); err != nil {
		return nil, err
	}
	names, err := s.place.list(ctx, folder)
	if err != nil {
		return nil, failed("list", s.Path(folder), err)
	}
	return names, nil
}

// checkRecord keeps records of loads in their folder.
func checkRecord(name string) error {
	if !strings.HasPrefix(name, loadsFolder) || path.Clean(name) != name {
		return fmt.Errorf("results: %.200q is no name of a record of loads", name)
	}
	return nil
}

// Committed lists the rows of a simulation by variant id and attempt, by the names of their files: how they
// ended is left open.
func (s *Store) Committed(ctx context.Context, simulation string) ([]Row, error) {
	return s.rowPaths(ctx, simulation)
}

// CheckRow says what is wrong with a row's file: nothing, that it is gone, or that it is damaged.
func (s *Store) CheckRow(ctx context.Context, simulation, variant string, attempt int64) (wrong string, err error) {
	_, err = s.Read(ctx, simulation, variant, attempt)
	switch {
	case errors.Is(err, ErrNotFound):
		return "it is gone", nil
	case errors.Is(err, ErrDamaged):
		return err.Error(), nil
	}
	return "", err
}
