package matcher

import (
	"github.com/whatif-machine/whatif/model"
)

// campaign is an enabled campaign of the variant and how far it has come.
type campaign struct {
	*model.Campaign                       // after edits
	start, end      model.Instant         // flight of the variant; end <= start: empty
	goal            *int64                // after edits and sample
	budget, daily   *model.Nanos          // after edits and sample
	before          int64                 // delivered before the horizon, after sample
	spentBefore     model.Nanos           // spent before the horizon, after sample
	caps            *capSet               // its own frequency caps
	groups          []*capSet             // the cap groups that apply to it
	delivered       int64                 // with before
	spent           model.Nanos           // with before
	spentOn         map[int64]model.Nanos // simulated spend by local day
	tally           campaignTally
}

// share is kept/total of slots.sample: the slots after and before sampling (section 9).
type share struct{ kept, total int64 }

// none reports whether there was nothing to sample from, where the share counts as 1.
func (r share) none() bool { return r.total == 0 }

// count scales a number of impressions down to the sample, rounded down.
func (r share) count(n int64) int64 {
	if r.none() {
		return n
	}
	return floorOf(n, r.kept, r.total)
}

// money scales an amount down to the sample, rounded half to even.
func (r share) money(n model.Nanos) model.Nanos {
	if r.none() {
		return n
	}
	return model.Nanos(halfEvenOf(int64(n), r.kept, r.total))
}

// makeCampaign fills in the flight and what was before, and scales goal and money to the sample.
func (s *simulation) makeCampaign(written, edited *model.Campaign, groups []*capSet) *campaign {
	c := &campaign{Campaign: edited, spentOn: map[int64]model.Nanos{}, tally: newCampaignTally()}
	c.start, c.end = s.flight(edited)
	delivered, spent := s.deliveredBefore(written)
	c.before, c.spentBefore = s.share.count(delivered), s.share.money(spent)
	if edited.Goal != nil {
		goal := max(1, s.share.count(*edited.Goal))
		c.goal = &goal
	}
	c.budget, c.daily = s.scaled(edited.Budget), s.scaled(edited.DailyBudget)
	c.delivered, c.spent = c.before, c.spentBefore
	c.caps = &capSet{caps: edited.FrequencyCaps, from: c.start, shown: map[shownKey]int64{}}
	for _, g := range groups {
		if matches(g.where, campaignFields(written)) { // by its fields, before any edit (section 6)
			c.groups = append(c.groups, g)
		}
	}
	return c
}

func (s *simulation) scaled(money *model.Nanos) *model.Nanos {
	if money == nil {
		return nil
	}
	n := s.share.money(*money)
	return &n
}

// flight is [start, end), each the horizon's where it is not written (section 3).
func (s *simulation) flight(c *model.Campaign) (start, end model.Instant) {
	start, end = s.horizonStart, s.horizonEnd
	if c.Start != nil {
		start = *c.Start
	}
	if c.End != nil {
		end = *c.End
	}
	return start, end
}

// deliveredBefore is what the campaign, as written, delivered and spent before the horizon: what it
// says, else on schedule so far (section 3).
func (s *simulation) deliveredBefore(written *model.Campaign) (int64, model.Nanos) {
	start, end := s.flight(written)
	onSchedule := func(x int64) int64 {
		if start >= s.horizonStart {
			return 0
		}
		return floorOf(x, int64(min(s.horizonStart, end)-start), int64(end-start))
	}
	delivered, spent := int64(0), model.Nanos(0)
	if written.DeliveredBefore != nil {
		delivered = *written.DeliveredBefore
	} else if written.Goal != nil {
		delivered = onSchedule(*written.Goal)
	}
	if written.SpentBefore != nil {
		spent = *written.SpentBefore
	} else if written.Budget != nil {
		spent = model.Nanos(onSchedule(int64(*written.Budget)))
	}
	return delivered, spent
}

// effectiveBid is bid_cpm, times every matching adjustment in order, times one of bid_spread, each
// product rounded (sections 1 and 3).
func (s *simulation) effectiveBid(c *campaign, o *opportunity) (model.CPM, error) {
	bid := c.BidCPM
	var err error
	for _, a := range c.BidAdjustments {
		if !matches(a.When, s.slotFields(o.slot, o.time)) {
			continue
		}
		if bid, err = timesFactor(bid, a.Multiply); err != nil {
			return 0, err
		}
	}
	if n := uint64(len(c.BidSpread)); n > 0 {
		return timesFactor(bid, c.BidSpread[s.draw("bid", forPair(o.hash, c.ID))%n])
	}
	return bid, nil
}

// expected is the part of the goal that is due at min(end, horizon end), less what was delivered
// before; at least 0, and 0 for an empty flight (section 8).
func (s *simulation) expected(c *campaign) int64 {
	if c.end <= c.start {
		return 0
	}
	elapsed := min(c.end, s.horizonEnd) - c.start
	return max(0, floorOf(*c.goal, int64(elapsed), int64(c.end-c.start))-c.before)
}
