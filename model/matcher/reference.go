package matcher

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// simulation is the state of one variant while its slots are visited.
type simulation struct {
	sc       *model.Scenario
	location *time.Location
	seed     uint64 // of every draw: the scenario's, or its replicate's

	times                    []model.Instant // of the whole shifted snapshot, ascending
	horizonStart, horizonEnd model.Instant

	opportunities []*opportunity // the simulated slots, in the order of their visit
	share         share          // of slots.sample
	campaigns     []*campaign    // enabled ones, in the order written
	sold          map[separationKey]bool
	tally         tally
}

// Reference simulates one variant by the letter of the semantics. Slots come as logged: unshifted
// and in any order; they are not changed. Campaigns and edits are those of sc, which is
// valid (model.Config); an amount that overflows all the same is an error.
func Reference(slots []model.Slot, sc *model.Scenario) (*model.Metrics, error) {
	s, err := prepare(slots, sc)
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	for _, o := range s.opportunities {
		if err := s.visit(o); err != nil {
			return nil, fmt.Errorf("reference: slot %q: %w", o.slot.ID, err)
		}
	}
	m := s.report()
	m.Derive(sc.Report)
	return m, nil
}

// prepare makes the slots that the variant simulates and the campaigns that compete for them.
func prepare(slots []model.Slot, sc *model.Scenario) (*simulation, error) {
	if len(slots) == 0 {
		return nil, errors.New("the snapshot has no slots") // section 2
	}
	if len(sc.Written) != len(sc.Campaigns) {
		return nil, fmt.Errorf("the scenario has %d campaigns as written and %d after edits", len(sc.Written), len(sc.Campaigns))
	}
	s := &simulation{sc: sc, location: sc.Location, seed: variantSeed(sc), sold: map[separationKey]bool{}, tally: newTally()}
	if s.location == nil {
		s.location = time.UTC
	}
	s.measureHorizon(slots)
	if err := s.makeOpportunities(slots); err != nil {
		return nil, err
	}
	groups := s.makeCapGroups()
	for i := range sc.Campaigns {
		if sc.Campaigns[i].Enabled {
			s.campaigns = append(s.campaigns, s.makeCampaign(&sc.Written[i], &sc.Campaigns[i], groups))
		}
	}
	return s, nil
}

// measureHorizon finds the shifted times of the whole snapshot, and with them the horizon (section 2).
func (s *simulation) measureHorizon(slots []model.Slot) {
	for i := range slots {
		s.times = append(s.times, s.shifted(slots[i].Time))
	}
	slices.Sort(s.times)
	s.horizonStart, s.horizonEnd = s.times[0], s.times[len(s.times)-1]+1
}

// shifted is a slot's time in the study: whole days of 86,400 s are added (section 1).
func (s *simulation) shifted(t model.Instant) model.Instant {
	return t + model.Instant(s.sc.ShiftDays*86_400*1_000_000)
}

// visit sells one slot: gates, winner, price, counts (section 5).
func (s *simulation) visit(o *opportunity) error {
	var passed []*bidder
	reason := gateTargeted // of an unfilled slot: the latest first failed gate
	for _, c := range s.campaigns {
		if !s.targeted(c, o) {
			continue
		}
		bid, err := s.effectiveBid(c, o)
		if err != nil {
			return fmt.Errorf("campaign %q: %w", c.ID, err)
		}
		b := &bidder{campaign: c, bid: bid}
		gate := s.firstFailedGate(b, o)
		c.tally.match(o, gate)
		reason = max(reason, gate)
		if gate == gatesPassed {
			passed = append(passed, b)
		}
	}
	if len(passed) == 0 {
		s.tally.unfilled(o, reason)
		return nil
	}
	winner := s.chooseWinner(passed, o)
	price := s.price(winner, passed, o)
	s.deliver(winner, passed, price, o)
	return nil
}

// deliver books an impression: on the campaign, its caps and cap groups, its request, and the counts.
func (s *simulation) deliver(winner *bidder, passed []*bidder, price model.CPM, o *opportunity) {
	c, paid := winner.campaign, model.Nanos(price) // an impression at m micros CPM costs m nanos
	c.delivered++
	c.spent += paid
	c.spentOn[s.dayNumber(o.time)] += paid
	if o.identified() {
		c.caps.count(s, o)
		for _, g := range c.groups {
			g.count(s, o)
		}
	}
	if key, ok := s.separationKey(c, o); ok {
		s.sold[key] = true
	}
	s.tally.filled(o, paid)
	c.tally.impression(o, paid)
	for _, b := range passed {
		if b != winner {
			b.campaign.tally.outbidBy[c.ID]++
		}
	}
}
