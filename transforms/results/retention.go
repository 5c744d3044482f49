package results

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Delete removes a simulation and its results, reserved or not. One that is running is refused with ErrRunning,
// and so is one with a job beyond this machine that is not accounted for: its workers would commit more rows.
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
	if err := s.checkJobs(ctx, simulation); err != nil {
		return err
	}
	return s.remove(ctx, simulation)
}

// remove removes a simulation, and what this machine has of it.
func (s *Store) remove(ctx context.Context, simulation string) error {
	if err := s.place.remove(ctx, model.SimulationPath(simulation)); err != nil || s.IsLocal() {
		return err
	}
	return s.mirror.drop(ctx, s.uri, simulation)
}

// checkJobs refuses with ErrRunning to remove a simulation that has a job which may commit more rows.
func (s *Store) checkJobs(ctx context.Context, simulation string) error {
	open, err := s.OpenJobs(ctx, simulation)
	if err != nil || len(open) == 0 {
		return err
	}
	job := open[0]
	return fmt.Errorf("results: simulation %s %w: job %s of the runner %s, its attempt %d, is not known to have ended and may write more rows; "+
		"`whatif run --resume %s` sees it to its end, then remove the simulation", simulation, ErrRunning, job.Name, job.Runner, job.Attempt, simulation)
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
// What an earlier deletion left that was interrupted goes first, and what came in after one goes last.
//
// Those that are kept for a job beyond this machine are in the error, which wraps ErrRunning: nobody may know.
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
	var working []error
	for _, sim := range old {
		gone, err := s.collect(ctx, sim.ID, dryRun)
		switch {
		case errors.Is(err, ErrRunning), errors.Is(err, ErrDamaged):
			working = append(working, err)
		case err != nil:
			return removed, err
		case gone:
			removed = append(removed, sim.ID)
		}
	}
	if !dryRun {
		working = append(working, s.removeStrays(ctx, before))
	}
	return removed, errors.Join(working...)
}

// collect deletes a simulation that nobody has, or only says whether it would. That it is not reserved is looked
// at under its lock: whoever reserves a simulation runs it next.
func (s *Store) collect(ctx context.Context, simulation string, dryRun bool) (gone bool, err error) {
	release, err := s.Lock(ctx, simulation)
	if errors.Is(err, ErrRunning) || errors.Is(err, ErrNotFound) {
		return false, nil // somebody is at it, or another has just removed it
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	reserved, err := s.Reserved(ctx, simulation)
	if err = errors.Join(err, ctx.Err()); err != nil || reserved {
		return false, err
	}
	if err := s.checkJobs(ctx, simulation); err != nil {
		return false, err
	}
	if !dryRun {
		err = s.remove(ctx, simulation)
	}
	return err == nil, err
}

// removeStrays removes what is in folders of simulations that have no plan and whose day was over before a time:
// rows of workers that went on after the simulation was removed, and what a writer left that died before its plan.
func (s *Store) removeStrays(ctx context.Context, before time.Time) error {
	ids, err := s.folders(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if day, err := model.SimulationDate(id); err != nil || day.AddDate(0, 0, 1).After(before) {
			continue
		}
		stray, err := s.isStray(ctx, id)
		if err != nil {
			return err
		}
		if stray {
			err = s.place.remove(ctx, model.SimulationPath(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isStray tells whether a folder is that of no simulation, nor of one that a launcher is about to make.
func (s *Store) isStray(ctx context.Context, simulation string) (bool, error) {
	reserved, err := s.Reserved(ctx, simulation)
	if err != nil || reserved {
		return false, err
	}
	planned, err := s.place.exists(ctx, model.PlanPath(simulation))
	if err != nil {
		return false, failed("look at", s.Path(model.PlanPath(simulation)), err)
	}
	return !planned, nil
}
