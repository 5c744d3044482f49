package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/whatif-machine/whatif/model"
)

// Held is a simulation that is this process's until it is released.
type Held struct {
	release func() error
	lost    chan struct{} // nil in a folder, whose locks end with their process only
}

// Release gives the simulation back. It tells with ErrTakenOver that another process has, or had, taken it over,
// since this one was not heard of: a simulation of a bucket. It is called once.
func (h *Held) Release() error { return h.release() }

// Lost is closed when it is seen that another process has taken the simulation over: what goes on here is wasted.
// Where locks end with their process it never is.
func (h *Held) Lost() <-chan struct{} { return h.lost }

// Hold takes a simulation for the caller until it is released: one process at a time runs or deletes it. Shared,
// it is for the caller and others who take it so: it is not deleted meanwhile, and nobody has it alone; they
// make sure of all else in another way.
//
// An error wraps ErrRunning if another has it, ErrNotFound if there is no such simulation.
func (s *Store) Hold(ctx context.Context, simulation string, shared bool) (*Held, error) {
	if err := CheckSimulationID(simulation); err != nil {
		return nil, err
	}
	path := model.SimulationPath(simulation) + "/_lock"
	held, err := s.place.lock(ctx, path, shared)
	switch {
	case err == nil:
		return held, nil
	case errors.Is(err, errLocked):
		return nil, fmt.Errorf("results: simulation %s %w in %w; wait for it, or stop it first", simulation, ErrRunning, err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, s.notFound(simulation)
	}
	return nil, failed("lock", s.Path(path), err)
}

// Lock is Hold, alone, for who has no use for Lost.
func (s *Store) Lock(ctx context.Context, simulation string) (release func() error, err error) {
	return releaseOf(s.Hold(ctx, simulation, false))
}

// LockShared is Hold, shared, for who has no use for Lost.
func (s *Store) LockShared(ctx context.Context, simulation string) (release func() error, err error) {
	return releaseOf(s.Hold(ctx, simulation, true))
}

func releaseOf(held *Held, err error) (func() error, error) {
	if err != nil {
		return nil, err
	}
	return held.Release, nil
}
