package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
)

// reservation is the file in a simulation's folder that says a launcher is not done with it. A lock ends with
// its process; this outlives it, so that one that is paused, or whose launcher died, keeps its results.
const reservation = "/_launcher"

// Reserve keeps a simulation from retention until Unreserve: its launcher is not done with it. The folder need
// not be there yet. Reserving it again succeeds.
func (s *Store) Reserve(ctx context.Context, simulation, launcher string) error {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return err
	}
	err := s.place.claim(ctx, model.SimulationPath(simulation)+reservation, fmt.Appendf(nil, "%s is not done with this simulation\n", launcher))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Unreserve leaves a simulation to retention again. One that is not reserved, or no more, is no error.
func (s *Store) Unreserve(ctx context.Context, simulation string) error {
	if err := CheckSimulationID(simulation); err != nil {
		return err
	}
	return s.place.unmark(ctx, model.SimulationPath(simulation)+reservation)
}

// Reserved reports whether a launcher is not done with a simulation.
func (s *Store) Reserved(ctx context.Context, simulation string) (bool, error) {
	if err := CheckSimulationID(simulation); err != nil {
		return false, err
	}
	path := model.SimulationPath(simulation) + reservation
	is, err := s.place.exists(ctx, path)
	if err != nil {
		return false, failed("look at", s.Path(path), err)
	}
	return is, nil
}

// Reservations lists the simulations that are reserved, by id.
func (s *Store) Reservations(ctx context.Context) (reserved []string, err error) {
	ids, err := s.folders(ctx)
	if err != nil {
		return nil, err
	}
	is := make([]bool, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.place.readers())
	for i, id := range ids {
		group.Go(func() (err error) {
			is[i], err = s.Reserved(ctx, id)
			return errors.Join(err, ctx.Err())
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if is[i] {
			reserved = append(reserved, id)
		}
	}
	return reserved, nil
}
