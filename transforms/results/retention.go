package results

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Delete removes a simulation and its results, reserved or not. One that is running is refused with ErrRunning.
func (s *Store) Delete(ctx context.Context, simulation string) (err error) {
	release, err := s.Lock(ctx, simulation)
	if errors.Is(err, ErrNotFound) {
		// It may be half removed: whoever began that is gone. That nothing is left is only said if nothing is.
		if failure := s.place.finishRemovals(ctx); failure != nil {
			return failure
		}
		return err
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.place.remove(ctx, model.SimulationPath(simulation))
}

// Expired lists the simulations submitted before a time, oldest first: those that retention may delete, and
// those reserved by a launcher.
func (s *Store) Expired(ctx context.Context, before time.Time) (old, reserved []Simulation, err error) {
	all, err := s.Simulations(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, sim := range slices.Backward(all) {
		if !sim.SubmittedAt.Before(before) {
			continue
		}
		kept, err := s.Reserved(ctx, sim.ID)
		switch {
		case err != nil:
			return nil, nil, err
		case kept:
			reserved = append(reserved, sim)
		default:
			old = append(old, sim)
		}
	}
	return old, reserved, nil
}

// GC deletes the simulations submitted before a time and returns their ids, oldest first. Those that
// are running and those that a launcher has reserved are kept. A dry run only says what would be deleted.
// What an earlier deletion left that was interrupted goes first.
func (s *Store) GC(ctx context.Context, before time.Time, dryRun bool) (removed []string, err error) {
	if !dryRun {
		if err := s.place.finishRemovals(ctx); err != nil {
			return nil, err
		}
	}
	old, _, err := s.Expired(ctx, before)
	if err != nil {
		return nil, err
	}
	for _, sim := range old {
		gone, err := s.collect(ctx, sim.ID, dryRun)
		if err != nil {
			return removed, err
		}
		if gone {
			removed = append(removed, sim.ID)
		}
	}
	return removed, nil
}

// collect deletes a simulation that nobody has, or only says whether it would. That it is not reserved is looked
// at under its lock: whoever reserves a simulation runs it next.
func (s *Store) collect(ctx context.Context, simulation string, dryRun bool) (gone bool, err error) {
	release, err := s.Lock(ctx, simulation)
	if errors.Is(err, ErrRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	reserved, err := s.Reserved(ctx, simulation)
	if err = errors.Join(err, ctx.Err()); err != nil || reserved {
		return false, err
	}
	if !dryRun {
		err = s.place.remove(ctx, model.SimulationPath(simulation))
	}
	return err == nil, err
}
