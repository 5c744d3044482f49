package launcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/transforms/results"
)

// makeLoading has what simulations found brought into BigQuery, if the launcher is told to.
func (p *parts) makeLoading(ctx context.Context) error {
	if p.LoadTo.Dataset == "" {
		return nil // an endpoint or a staging prefix alone may be there for other commands
	}
	w, err := loading.Open(ctx, p.results, p.LoadTo)
	if err != nil {
		return fmt.Errorf("launcher: load results: %w", err)
	}
	p.onClose(func(context.Context) error { return w.Close() })
	p.warehouse = (&pulse{ask: w.Ping}).check
	if p.AcceptOnly {
		return nil // those that run simulations load them
	}
	p.loading = loading.New(loading.Options{Loader: w, Backlog: p.ended, Logger: p.Logger, Failed: p.metrics.FailedLoads.Inc})
	p.onClose(func(context.Context) error { p.loading.Stop(); return nil })
	p.metrics.Gauge("whatif_waiting_loads", "Simulations that have ended and are not known to be loaded into the warehouse.", func() float64 {
		n, _ := p.loading.Waiting()
		return float64(n)
	})
	p.metrics.Gauge("whatif_oldest_waiting_load_seconds", "How long the oldest of them has waited.", func() float64 {
		_, oldest := p.loading.Waiting()
		return oldest.Seconds()
	})
	return nil
}

// finished looks after a simulation that has ended.
func (p *parts) finished(queue context.Context, id string) {
	if p.loading != nil {
		p.loading.Add(id)
	}
	p.compact(queue, id)
}

// youngerThan is how old a simulation may be whose rows another launcher may have left behind lately: one that is
// retried later than that is loaded by the launcher that ran it, or at the next start of any.
const youngerThan = 14 * 24 * time.Hour

// ended lists the simulations of this launcher's store that have ended, newest first: all, or the young ones.
func (p *parts) ended(ctx context.Context, all bool) (ids []string, err error) {
	kept, err := p.results.Simulations(ctx)
	if err != nil {
		return nil, err
	}
	for _, sim := range kept {
		if !all && time.Since(sim.SubmittedAt) > youngerThan {
			break
		}
		is, err := p.hasEnded(ctx, sim.ID)
		if err != nil {
			return ids, err
		}
		if is {
			ids = append(ids, sim.ID)
		}
	}
	return ids, nil
}

// hasEnded is false for simulations that this launcher's store does not have: those of `whatif run`, and of others.
func (p *parts) hasEnded(ctx context.Context, id string) (bool, error) {
	plan, err := p.results.Plan(ctx, id)
	if errors.Is(err, results.ErrNotFound) || errors.Is(err, results.ErrDamaged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sim, err := p.store.Simulation(ctx, plan.Tenant, id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return false, nil
	}
	return err == nil && sim.State.Finished(), err
}

// pulse asks whether somebody is well, not more often than every so often: anybody may ask us.
type pulse struct {
	ask func(context.Context) error

	mu    sync.Mutex
	asked time.Time
	last  error
}

// pulseEvery is the least time between two questions.
const pulseEvery = 30 * time.Second

func (p *pulse) check(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.asked.IsZero() || now.Sub(p.asked) >= pulseEvery {
		p.asked, p.last = now, p.ask(ctx)
	}
	return p.last
}
