package matcher

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// gate is one of the eight gates of a slot, in their order (section 5).
type gate int

const (
	gateTargeted gate = iota
	gateFloor
	gateIdentity
	gateGoal
	gateBudget
	gatePacing
	gateFrequency
	gateSeparation
	gatesPassed // no gate failed
)

// bidder is a campaign at one slot, with its effective bid.
type bidder struct {
	*campaign
	bid model.CPM
}

// separationKey is what a request may be sold to only once: a campaign, an advertiser or a category.
type separationKey struct {
	request copied
	taker   string
}

// targeted is gate 1: the slot is in the flight and the targeting matches (disabled campaigns are not here).
func (s *simulation) targeted(c *campaign, o *opportunity) bool {
	return c.start <= o.time && o.time < c.end && matches(c.Targeting, s.slotFields(o.slot, o.time))
}

// firstFailedGate takes a targeted bidder through gates 2 to 8.
func (s *simulation) firstFailedGate(b *bidder, o *opportunity) gate {
	switch {
	case b.Pricing != model.PricingFixed && b.bid < o.floor:
		return gateFloor
	case !o.identified() && b.capped() && s.sc.Policy.UnidentifiedUsers != model.ServeUnknowns:
		return gateIdentity
	case b.goal != nil && b.delivered >= *b.goal:
		return gateGoal
	case !s.affordable(b, o):
		return gateBudget
	case !s.onPace(b.campaign, o.time):
		return gatePacing
	case o.identified() && s.frequencyCapped(b.campaign, o):
		return gateFrequency
	case s.separated(b.campaign, o):
		return gateSeparation
	}
	return gatesPassed
}

// capped reports whether a frequency cap or a cap group applies to the campaign.
func (c *campaign) capped() bool { return len(c.caps.caps) > 0 || len(c.groups) > 0 }

// affordable is gate 5: spent + bid within the budget, and the day's simulated spend + bid within the daily one.
func (s *simulation) affordable(b *bidder, o *opportunity) bool {
	within := func(limit *model.Nanos, spent model.Nanos) bool {
		return limit == nil || model.Nanos(b.bid) <= *limit-spent // spent + bid could overflow, this cannot
	}
	return within(b.budget, b.spent) && within(b.daily, b.spentOn[s.dayNumber(o.time)])
}

// frequencyCapped is gate 7: a cap of the campaign, or of a group that applies to it, is full for this user.
func (s *simulation) frequencyCapped(c *campaign, o *opportunity) bool {
	return c.caps.full(s, o) || slices.ContainsFunc(c.groups, func(g *capSet) bool { return g.full(s, o) })
}

// separated is gate 8: an earlier slot of the request went to the same campaign (advertiser, category).
func (s *simulation) separated(c *campaign, o *opportunity) bool {
	key, ok := s.separationKey(c, o)
	return ok && s.sold[key]
}

// separationKey is what an impression of the campaign takes of the slot's request; ok is false where
// nothing can clash: no policy, an empty field, or a request of one slot.
func (s *simulation) separationKey(c *campaign, o *opportunity) (key separationKey, ok bool) {
	taker := ""
	switch s.sc.Policy.OnePerRequest {
	case model.SeparateCampaign:
		taker = c.ID
	case model.SeparateAdvertiser:
		taker = c.Advertiser
	case model.SeparateCategory:
		taker = c.Category
	}
	if taker == "" || o.slot.RequestID == "" {
		return separationKey{}, false
	}
	return separationKey{copied{o.slot.RequestID, o.copy}, taker}, true
}

// chooseWinner takes the best of those that passed all gates: lowest priority, by policy the least
// progress, highest effective bid, highest tie-break draw, lowest id (section 5).
func (s *simulation) chooseWinner(passed []*bidder, o *opportunity) *bidder {
	tie := func(b *bidder) uint64 { return s.draw("tie", forPair(o.hash, b.ID)) }
	return slices.MinFunc(passed, func(a, b *bidder) int {
		need := 0
		if s.sc.Policy.WithinPriority == model.ByNeed {
			need = compareProgress(a.campaign, b.campaign, o.time)
		}
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority),
			need,
			cmp.Compare(b.bid, a.bid),
			cmp.Compare(tie(b), tie(a)),
			strings.Compare(a.ID, b.ID),
		)
	})
}

// compareProgress orders campaigns by progress; one without a goal comes after all with one (section 5).
func compareProgress(a, b *campaign, t model.Instant) int {
	switch {
	case a.goal == nil && b.goal == nil:
		return 0
	case a.goal == nil:
		return 1
	case b.goal == nil:
		return -1
	}
	return a.progress(t).Cmp(b.progress(t))
}

// progress is 0 if e = 0, else floor(delivered·d·2^20 / (goal·e)), e = t − start, d = end − start (section 5).
func (c *campaign) progress(t model.Instant) *big.Int {
	if t == c.start {
		return new(big.Int)
	}
	scaled := product(c.delivered, int64(c.end-c.start), 1<<20)
	return scaled.Div(scaled, product(*c.goal, int64(t-c.start)))
}

// price is what the winner pays, as a CPM (section 5).
func (s *simulation) price(winner *bidder, passed []*bidder, o *opportunity) model.CPM {
	if winner.Pricing == model.PricingFixed || s.sc.Policy.Auction != model.SecondPrice {
		return winner.bid
	}
	second := o.floor
	for _, b := range passed {
		if b != winner && b.Pricing == model.PricingAuction && b.Priority == winner.Priority {
			second = max(second, b.bid)
		}
	}
	return min(second, winner.bid)
}
