package model

import "slices"

// What simulating takes, in nanoseconds of a common core. Only their proportions matter, and those roughly: work is
// compared with other work over the same snapshot.
const (
	workRow      = 10_000_000 // a variant: its row, written and committed
	workCampaign = 5_000      // a campaign: compiled and reported

	workChoice = 10 // a slot of the snapshot, where the variant has to decide how often it is visited

	// A visited slot.
	workVisit     = 30
	workResample  = 5  // more, of a copy's own draws
	workSeparate  = 5  // more, to keep a request's winners apart
	workSecond    = 10 // more, for the price of a second-price auction
	workNeed      = 30 // more, to find the candidate with the least progress
	workBreakdown = 2  // more, for each breakdown

	// A visited slot, for each thousand campaigns in flight that ..
	workInFlight = 20 // .. are looked at
	workCapped   = 40 // .. have frequency caps
	workPaced    = 25 // .. are paced
	workVaried   = 60 // .. bid by the slot

	// Of a visited slot, all of the above in per cent.
	workLosses     = 15
	workContention = 20
)

// Glance is what an estimate knows of a snapshot.
type Glance struct {
	Slots      int64                 // of the snapshot
	Start, End Instant               // the horizon, shifted; equal: not known
	Seen       []func(in *Expr) bool // some of its slots: the truth of an OpIn there; none: nothing is known of them
}

// Work estimates how long simulating the scenario takes, to be compared with that of others over the same
// snapshot: by the slots visited after all edits and copies, the campaigns in flight and what the
// report counts. An edit of slots that the glance can't settle is taken to leave more of them rather than fewer.
func (s *Scenario) Work(g *Glance) float64 {
	slots := float64(g.Slots)
	visit := s.workOfVisit(g)
	if s.Report.Losses {
		visit += visit * workLosses / 100
	}
	if s.Report.Contention {
		visit += visit * workContention / 100
	}
	work := workRow + workCampaign*float64(len(s.Campaigns)) + visit*slots*s.Slots.visits(g)
	if e := &s.Slots; s.Replicate > 0 || len(e.Where)+len(e.Traffic) > 0 || e.Sample != nil {
		work += workChoice * slots
	}
	return work
}

// workOfVisit is what one visit takes, counts of losses and contention aside.
func (s *Scenario) workOfVisit(g *Glance) float64 {
	work := workVisit + workBreakdown*float64(len(s.Report.Breakdowns))
	for _, more := range []struct {
		is   bool
		work float64
	}{
		{s.Replicate > 0, workResample},
		{s.Policy.OnePerRequest != SeparateNone, workSeparate},
		{s.Policy.Auction == SecondPrice, workSecond},
		{s.Policy.WithinPriority == ByNeed, workNeed},
	} {
		if more.is {
			work += more.work
		}
	}
	for i := range s.Campaigns {
		work += s.Campaigns[i].inFlight(g) * s.Campaigns[i].workOfVisit() / 1000
	}
	return work
}

// workOfVisit is what a thousand such campaigns add to a visit.
func (c *Campaign) workOfVisit() float64 {
	work := float64(workInFlight)
	if len(c.FrequencyCaps) > 0 {
		work += workCapped
	}
	if c.Pacing == PacingEven || c.Pacing == PacingTraffic {
		work += workPaced
	}
	if len(c.BidAdjustments)+len(c.BidSpread) > 0 {
		work += workVaried
	}
	return work
}

// inFlight is the share of the horizon in which the campaign is.
func (c *Campaign) inFlight(g *Glance) float64 {
	if !c.Enabled {
		return 0
	}
	if g.End <= g.Start {
		return 1
	}
	from, to := g.Start, g.End
	if c.Start != nil {
		from = max(from, *c.Start)
	}
	if c.End != nil {
		to = min(to, *c.End)
	}
	return max(0, float64(to-from)) / float64(g.End-g.Start)
}

// visits is how often a slot of the snapshot is visited on average. Bootstrap copies are one.
func (s *SlotEdits) visits(g *Glance) float64 {
	share := 1.0
	if s.Sample != nil {
		share = s.Sample.InexactFloat64()
	}
	if len(s.Where)+len(s.Traffic) == 0 {
		return share
	}
	if len(g.Seen) == 0 {
		return share * s.visitsUnseen()
	}
	sum := 0.0
	for _, slot := range g.Seen {
		sum += s.visitsOf(slot)
	}
	return share * sum / float64(len(g.Seen))
}

// visitsOf is how often a slot is visited before sampling.
func (s *SlotEdits) visitsOf(slot func(*Expr) bool) float64 {
	if slices.ContainsFunc(s.Where, func(w *Expr) bool { return !w.Holds(slot) }) {
		return 0
	}
	visits := 1.0
	for _, t := range s.Traffic {
		if t.Where.Holds(slot) {
			visits *= t.Factor.InexactFloat64()
		}
	}
	return visits
}

// visitsUnseen is the most that a slot can be visited: where nothing is known of it, edits that take slots away
// may match none, and those that multiply them all.
func (s *SlotEdits) visitsUnseen() float64 {
	visits := 1.0
	for _, t := range s.Traffic {
		factor := t.Factor.InexactFloat64()
		if t.Where != nil {
			factor = max(1, factor)
		}
		visits *= factor
	}
	return visits
}
