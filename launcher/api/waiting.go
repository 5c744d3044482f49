package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// waiting says why nothing of a simulation runs right now, in words; empty: something does, or nothing
// more will.
func (s *server) waiting(ctx context.Context, sim store.Simulation) (string, error) {
	now := s.Now()
	switch sim.State {
	case store.Scheduled:
		if sim.RunAt == nil {
			return "waits for its time", nil
		}
		return fmt.Sprintf("waits for its time, %s, in %s", moment(*sim.RunAt), lasting(sim.RunAt.Sub(now))), nil
	case store.Queued:
		return s.inQueue(ctx, sim)
	case store.Paused:
		return s.pausedBy(ctx, sim)
	case store.Running:
		return running(sim, now), nil
	}
	return "", nil
}

// running says why nothing of a running simulation runs.
func running(sim store.Simulation, now time.Time) string {
	switch {
	case sim.LeaseUntil.IsZero():
		return "waits for a launcher to go on with it; the one that ran it has stopped"
	case sim.LeaseUntil.Before(now):
		return fmt.Sprintf("waits for a launcher to take it over; %s, which ran it, has not been heard of since %s", sim.Holder, moment(sim.LeaseUntil))
	case sim.Wanted == store.WantCancel:
		return "is being cancelled"
	case sim.Wanted == store.WantPause:
		return "is being paused"
	case sim.Counts.Running > 0 || sim.Counts.Pending == 0 && len(sim.Progress.Blocking) == 0:
		return ""
	}
	var next time.Time
	for _, b := range sim.Progress.Blocking {
		if b.NextRetry.IsZero() {
			return "" // it runs, or is about to
		}
		if next.IsZero() || b.NextRetry.Before(next) {
			next = b.NextRetry
		}
	}
	if next.IsZero() {
		return "waits for a free processor: other simulations have them all"
	}
	return fmt.Sprintf("waits until %s to try a failed variant again", moment(next))
}

// inQueue says what a queued simulation waits behind.
func (s *server) inQueue(ctx context.Context, sim store.Simulation) (string, error) {
	load, err := s.load.get(ctx)
	if err != nil {
		return "", err
	}
	ahead, err := s.Store.Position(ctx, sim.Tenant, sim.ID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("queued, number %s of this tenant by priority and age; in all %s queued and %s running",
		grouped(ahead+1), grouped(max(load.Queued, ahead+1)), grouped(load.Running)), nil
}

// recentEvents is how far back it is looked for who paused a simulation.
const recentEvents = 200

// pausedBy says who paused a simulation, and when, as its events tell.
func (s *server) pausedBy(ctx context.Context, sim store.Simulation) (string, error) {
	events, err := s.Store.Events(ctx, sim.Tenant, sim.ID, max(0, sim.Events-recentEvents), recentEvents)
	if err != nil && !errors.Is(err, store.ErrGone) {
		return "", err
	}
	text := "paused"
	for _, e := range events {
		var told struct {
			Wanted, State, By string
		}
		if err := json.Unmarshal(e.Data, &told); err != nil {
			return "", fmt.Errorf("event %d of %s: %w", e.Seq, e.SimulationID, err)
		}
		switch {
		case e.Type == store.EventWish && told.Wanted == string(store.WantPause), e.Type == store.EventState && told.State == string(store.Paused) && text == "paused":
			text = "paused"
			if told.By != "" {
				text += " by " + told.By
			}
			text += " since " + moment(e.At)
		}
	}
	return text + "; `resume` goes on with it", nil
}
