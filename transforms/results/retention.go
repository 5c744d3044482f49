package results

import (
	"context"
	"errors"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Delete removes a simulation and its results. One that is running is refused with ErrRunning.
func (s *Store) Delete(ctx context.Context, simulation string) (err error) {
	release, err := s.Lock(simulation)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.place.remove(model.SimulationPath(simulation))
}

// Expired lists the simulations submitted before a time, oldest first.
func (s *Store) Expired(ctx context.Context, before time.Time) ([]Simulation, error) {
	all, err := s.Simulations(ctx)
	if err != nil {
		return nil, err
	}
	var old []Simulation
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].SubmittedAt.Before(before) {
			old = append(old, all[i])
		}
	}
	return old, nil
}

// GC deletes the simulations submitted before a time and returns their ids, oldest first. Those that
// are running are kept. A dry run only says what would be deleted. What an earlier deletion left that was
// interrupted goes first.
func (s *Store) GC(ctx context.Context, before time.Time, dryRun bool) (removed []string, err error) {
	if !dryRun {
		if err := s.place.finishRemovals(); err != nil {
			return nil, err
		}
	}
	old, err := s.Expired(ctx, before)
	if err != nil {
		return nil, err
	}
	for _, sim := range old {
		err := s.collect(ctx, sim.ID, dryRun)
		if errors.Is(err, ErrRunning) {
			continue
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, sim.ID)
	}
	return removed, nil
}

func (s *Store) collect(ctx context.Context, simulation string, dryRun bool) error {
	if !dryRun {
		return s.Delete(ctx, simulation)
	}
	release, err := s.Lock(simulation)
	if err != nil {
		return err
	}
	return release()
}
