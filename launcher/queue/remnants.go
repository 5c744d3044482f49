package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// A simulation that is over may have a job elsewhere that is not: it could not be ended, or its launcher died
// before. It computes, and costs, until somebody ends it, and its results can't be removed. Here somebody does:
//
//	ended, or found ended, with an open job --> reserved still, and a remnant --asked to end--> accounted for, unreserved
//	deleted with an open job -----------------> tombstone still, and a remnant --asked to end--> removed
//	                                                        ^                          |
//	                                                        +---again, later-----------+ out of reach, or not ended yet
//
// What is written down is the reservation or the tombstone. A launcher that starts finds both.

// remnants are simulations that are over and have open jobs.
type remnants struct {
	mu sync.Mutex
	of map[string]*remnant
}

// remnant is such a simulation.
type remnant struct {
	id, tenant string    // of no tenant: it was deleted
	due        time.Time // not before this is it tried again; zero: at once
	tries      int       // that came to nothing
}

func (r *remnants) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id] != nil
}

// add has the jobs of a simulation ended, if they are not to be already.
func (r *remnants) add(id, tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[id] == nil {
		r.of[id] = &remnant{id: id, tenant: tenant}
	}
}

func (r *remnants) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, id)
}

// due are those to be tried now, the longest due first.
func (r *remnants) due(now time.Time) (list []remnant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.of {
		if !one.due.After(now) {
			list = append(list, *one)
		}
	}
	slices.SortFunc(list, func(a, b remnant) int { return a.due.Compare(b.due) })
	return list
}

// later has one tried again after a while. That grows with the tries that came to nothing; one that was not made,
// since somebody else is at it, is none.
func (r *remnants) later(id string, now time.Time, wait time.Duration, tried bool) (tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.of[id]
	if one == nil {
		return 0
	}
	if tried {
		one.tries++
	}
	one.due = now.Add(min(wait<<max(0, min(one.tries, 10)-1), endAgainAtMost))
	return one.tries
}

const (
	endAgainAtMost = 10 * time.Minute // before another try; the second one has its time after the queue's endEvery
	endTogether    = 4                // tries at a time: each is a process that waits for an answer, mostly
	// endWait is how long a try waits for the end of a job that was asked to. It may take longer: the next try looks
	// again, and meanwhile a launcher that stops is not held up.
	endWait = 5 * time.Second
)

// hasOpenJob reports whether a simulation has a job elsewhere that is not known to have ended.
func (q *Queue) hasOpenJob(ctx context.Context, id string) (bool, error) {
	open, err := q.Results.OpenJobs(ctx, id)
	return len(open) > 0, err
}

// endJobs ends open jobs of simulations that are over, until ctx is done.
func (q *Queue) endJobs(ctx context.Context) {
	for {
		var group errgroup.Group
		group.SetLimit(endTogether)
		for _, one := range q.remnants.due(q.Now()) {
			group.Go(func() error { q.endJobsOf(ctx, one); return nil })
		}
		_ = group.Wait() // they complain for themselves
		if sleep(ctx, q.endEvery) != nil {
			return
		}
	}
}

// endJobsOf tries once. Who has a simulation alone is the only one to do so, of all launchers and of other
// programs; a run of it that somebody has is left alone.
func (q *Queue) endJobsOf(ctx context.Context, one remnant) {
	over, err := q.isOver(ctx, one)
	if err == nil && over {
		_, err = q.run(ctx, q.endingOptions(one.id))
	}
	switch {
	case ctx.Err() != nil:
	case err == nil && over:
		q.Logger.Info("no job elsewhere is open any more of a simulation that is over", "simulation_id", one.id)
		q.remnants.drop(one.id)
		q.unreserve(one.id)
	case err == nil, errors.Is(err, results.ErrNotFound):
		q.remnants.drop(one.id)
	case errors.Is(err, results.ErrRunning):
		q.remnants.later(one.id, q.Now(), q.endEvery, false)
	case q.remnants.later(one.id, q.Now(), q.endEvery, true) == 1:
		q.Logger.Warn("a job elsewhere of a simulation that is over has not been ended; it is tried again until it is", "simulation_id", one.id, "error", err)
	}
}

// isOver reports whether nobody is to run a simulation, as far as the store knows it. One that is retried takes its
// job up itself.
func (q *Queue) isOver(ctx context.Context, one remnant) (bool, error) {
	if one.tenant == "" {
		return true, nil
	}
	sim, err := q.book.Simulation(ctx, one.tenant, one.id)
	switch {
	case errors.Is(err, store.ErrGone):
		return true, nil
	case err != nil:
		return false, err
	}
	return sim.State.Finished(), nil
}

// endingOptions are what the pipeline ends the jobs of a simulation with. A launcher that stops leaves them to the next
// try. Where jobs run is on their records, so nothing of this launcher's settings is needed.
func (q *Queue) endingOptions(id string) pipeline.RunOptions {
	return pipeline.RunOptions{
		Results: q.Results.URI(), SimulationID: id, Ending: true, Runner: pipeline.Direct, Silence: q.Lease, Command: q.Command,
		Timing: pipeline.Timing{Now: q.Now, Random: q.Random, CancelGrace: cancelGrace, Elsewhere: pipeline.TimingElsewhere{Cancel: endWait}},
		Leave:  func(error) bool { return true },
	}
}
