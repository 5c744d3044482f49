package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/transforms/results"
)

// reserved are the simulations that were reserved from retention here, or by a launcher before this one, and
// are not known to have ended, or have a job elsewhere that is not.
type reserved struct {
	mu  sync.Mutex
	ids map[string]string // by simulation: its tenant
}

func (r *reserved) add(id, tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids[id] = tenant
}

func (r *reserved) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, id)
}

func (r *reserved) tenant(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// list is a copy, in order.
func (r *reserved) list() (ids []string, tenants map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tenants = map[string]string{}
	for id, tenant := range r.ids {
		ids, tenants[id] = append(ids, id), tenant
	}
	slices.Sort(ids)
	return ids, tenants
}

// reserve keeps a simulation's results from retention until it has ended: they are all there is of the
// variants that are finished.
func (q *Queue) reserve(ctx context.Context, sim store.Simulation) error {
	q.reserved.add(sim.ID, sim.Tenant)
	return q.Results.Reserve(ctx, sim.ID, q.Name)
}

// unreserve leaves a simulation that has ended to retention. What could not be done is tried again. One with a job
// elsewhere that is open stays reserved until that has ended: by its mark whoever comes after this launcher finds it.
func (q *Queue) unreserve(id string) {
	if q.remnants.has(id) {
		return
	}
	open, err := q.hasOpenJob(q.open, id)
	if open {
		q.remnants.add(id, q.reserved.tenant(id))
		return
	}
	if err == nil {
		err = q.Results.Unreserve(q.open, id)
	}
	if err != nil {
		q.complain(q.open, "leaving the results of finished simulations to retention", err)
		return
	}
	q.reserved.drop(id)
}

// tidyEvery is how often it is looked whether simulations have ended elsewhere that were reserved here.
const tidyEvery = sweepEvery

// inheritEvery is how often it is looked for those that other launchers reserved, and may have died with: that asks
// for every simulation there is.
const inheritEvery = time.Hour

// tidy takes away the reservations of simulations that have ended without this launcher: it died between the
// end and that, their user cancelled them while they were paused, or another launcher ran them.
func (q *Queue) tidy(ctx context.Context) {
	for {
		q.tidyRound(ctx)
		if sleep(ctx, tidyEvery) != nil {
			return
		}
	}
}

func (q *Queue) tidyRound(ctx context.Context) {
	if now := q.Now(); q.inherited.IsZero() || now.Sub(q.inherited) >= inheritEvery {
		if err := q.inherit(ctx); err == nil {
			q.inherited = now
		} else {
			q.complain(ctx, "looking for simulations that an earlier launcher was not done with", err)
		}
	}
	if err := q.tidyUp(ctx); err != nil {
		q.complain(ctx, "looking for reserved simulations that have ended", err)
	}
}

// inherit takes over what earlier launchers reserved. Whose plan can't be read is nobody's that could end.
func (q *Queue) inherit(ctx context.Context) error {
	ids, err := q.Results.Reservations(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		plan, err := q.Results.Plan(ctx, id)
		if errors.Is(err, results.ErrNotFound) || errors.Is(err, results.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		q.reserved.add(id, plan.Tenant)
	}
	return nil
}

// tidyUp looks once. A simulation that this store never knew is another's, which is not known to be done with it.
func (q *Queue) tidyUp(ctx context.Context) error {
	ids, tenants := q.reserved.list()
	for _, id := range ids {
		sim, err := q.book.Simulation(ctx, tenants[id], id)
		switch {
		case errors.Is(err, store.ErrGone) || err == nil && sim.State.Finished():
			q.unreserve(id)
		case errors.Is(err, store.ErrNotFound):
			q.reserved.drop(id)
		case err != nil:
			return err
		}
	}
	return nil
}
