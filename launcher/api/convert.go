package api

import (
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

// simulationOf is a simulation as it is answered, without what only a look at more of the store can tell.
func simulationOf(sim store.Simulation) wire.Simulation {
	out := wire.Simulation{
		ID: sim.ID, Name: sim.Name, Owner: sim.Owner, State: string(sim.State), Wanted: string(sim.Wanted),
		Priority: sim.Priority, SubmittedBy: sim.SubmittedBy, ScheduleID: sim.ScheduleID,
		SubmittedAt: sim.SubmittedAt.UTC(), RunAt: utc(sim.RunAt), StartedAt: utc(sim.StartedAt), FinishedAt: utc(sim.FinishedAt),
		Slots: sim.Slots, Campaigns: sim.Campaigns, Variants: sim.Variants, Counts: wire.Counts(sim.Counts),
		Summary: standing(sim, " variants succeeded", nil), Links: linksOf(sim.ID),
	}
	if len(sim.Labels) > 0 {
		out.Labels = labelsOf(sim.Labels)
	}
	if sim.StartedAt != nil {
		out.Progress = progressOf(sim)
	}
	if sim.State == store.Running {
		out.Blocking = blockersOf(sim.Progress.Blocking)
	}
	if sim.Fault != nil {
		out.Fault = &wire.Fault{Reason: sim.Fault.Reason, Message: sim.Fault.Message}
	}
	return out
}

// progressOf is how far a simulation is that was started.
func progressOf(sim store.Simulation) *wire.Progress {
	p := &wire.Progress{Decisions: sim.Progress.Decisions}
	if sim.Variants > 0 {
		p.Fraction = float64(sim.Counts.Succeeded+sim.Counts.Failed+sim.Counts.Cancelled) / float64(sim.Variants)
	}
	if sim.State == store.Running {
		p.DecisionsPerSecond = sim.Progress.DecisionsPerSecond
		p.EstimatedEnd = known(sim.Progress.EstimatedEnd)
	}
	return p
}

func blockersOf(list []store.Blocker) []wire.Blocker {
	var out []wire.Blocker
	for _, b := range list {
		out = append(out, wire.Blocker{
			VariantID: b.VariantID, Attempt: b.Attempt, Since: b.Since.UTC(), NextRetry: known(b.NextRetry), Reason: b.Reason, Message: b.Message,
		})
	}
	return out
}

// linksOf are the addresses of a simulation.
func linksOf(id string) wire.Links {
	self := "/v1/simulations/" + id
	return wire.Links{
		Self: self, Variants: self + "/variants", Comparison: self + "/comparison", Events: self + "/events", Page: "/simulations/" + id,
	}
}

// known is a time that may be the zero one: not known.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return known(*t)
}

// variantOf is a variant as it is answered: what was planned, and what has become of it.
func variantOf(planned planned, v store.Variant) wire.Variant {
	return wire.Variant{
		ID: v.ID, State: string(v.State), Parameters: planned.parameters, Replicate: planned.replicate,
		Attempt: v.Attempt, Reason: v.Reason, Message: v.Message, StartedAt: utc(v.StartedAt), FinishedAt: utc(v.FinishedAt),
	}
}

func eventOf(e store.Event) wire.Event {
	return wire.Event{SimulationID: e.SimulationID, Seq: e.Seq, At: e.At.UTC(), Type: string(e.Type), Data: e.Data}
}

func noteOf(n store.Note) wire.Note {
	n.At = n.At.UTC()
	return wire.Note(n)
}

func scheduleOf(c store.Schedule) wire.Schedule {
	return wire.Schedule{
		ID: c.ID, Name: c.Name, Cron: c.Cron, Timezone: c.Timezone, Missed: c.Missed, Paused: c.Paused, Config: c.Config.Text,
		Priority: c.Priority, Webhook: c.Webhook, CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
		NextAt: known(c.NextAt), LastAt: known(c.LastAt), LastSimulation: c.LastID, LastProblem: c.LastProblem,
	}
}

func linkOf(l store.Link) wire.Link {
	return wire.Link{Key: l.Key, Path: "/s/" + l.Key, Target: l.Target, CreatedAt: l.CreatedAt.UTC(), ExpiresAt: utc(l.ExpiresAt), Visits: l.Visits}
}

// labelsOf are labels by key.
func labelsOf(labels []model.Label) map[string]string {
	out := make(map[string]string, len(labels))
	for _, l := range labels {
		out[l.Key] = l.Value
	}
	return out
}
