package matcher

import (
	"cmp"
	"maps"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// tally counts slots: all of the variant, or those of one value of a breakdown (section 8).
type tally struct {
	slots, sold, identified int64
	revenue                 model.Nanos
	reasons                 [gatesPassed]int64
	users                   map[copied]bool
	reached                 map[copied]int64 // impressions by identified user
	all                     []*opportunity   // with what it went for
	paid                    map[*opportunity]model.Nanos
}

func newTally() tally {
	return tally{users: map[copied]bool{}, reached: map[copied]int64{}, paid: map[*opportunity]model.Nanos{}}
}

// see counts a slot and its user.
func (t *tally) see(o *opportunity) {
	t.slots++
	t.all = append(t.all, o)
	if o.identified() {
		t.users[o.user] = true
	}
}

func (t *tally) unfilled(o *opportunity, reason gate) {
	t.see(o)
	t.reasons[reason]++
}

func (t *tally) filled(o *opportunity, paid model.Nanos) {
	t.see(o)
	t.sold++
	t.revenue += paid
	t.paid[o] = paid
	if o.identified() {
		t.identified++
		t.reached[o.user]++
	}
}

// campaignTally counts what happened to one campaign.
type campaignTally struct {
	impressions, identified int64
	spend                   model.Nanos
	reached                 map[copied]int64
	first, last             *int64
	failed                  [gatesPassed + 1]int64 // by first failed gate; those that passed all at the end
	matchedUsers            map[copied]bool
	outbidBy                map[string]int64 // by the winner's id
}

func newCampaignTally() campaignTally {
	return campaignTally{reached: map[copied]int64{}, matchedUsers: map[copied]bool{}, outbidBy: map[string]int64{}}
}

// match counts a slot that passed gate 1, by the gate at which the campaign then failed.
func (t *campaignTally) match(o *opportunity, failed gate) {
	t.failed[failed]++
	if o.identified() {
		t.matchedUsers[o.user] = true
	}
}

func (t *campaignTally) impression(o *opportunity, paid model.Nanos) {
	t.impressions++
	t.spend += paid
	if t.first == nil {
		t.first = new(int64(o.time))
	}
	t.last = new(int64(o.time))
	if o.identified() {
		t.identified++
		t.reached[o.user]++
	}
}

// report turns the counts into the figures of section 8.
func (s *simulation) report() *model.Metrics {
	t := &s.tally
	m := &model.Metrics{
		Slots: t.slots, Filled: t.sold, RevenueNanos: int64(t.revenue),
		UnfilledNoCampaignTargeted: t.reasons[gateTargeted],
		UnfilledBelowFloor:         t.reasons[gateFloor],
		UnfilledUnidentified:       t.reasons[gateIdentity],
		UnfilledGoalReached:        t.reasons[gateGoal],
		UnfilledBudgetSpent:        t.reasons[gateBudget],
		UnfilledPaced:              t.reasons[gatePacing],
		UnfilledFrequencyCapped:    t.reasons[gateFrequency],
		UnfilledSeparated:          t.reasons[gateSeparation],
		Users:                      int64(len(t.users)),
		Reach:                      int64(len(t.reached)),
		IdentifiedImpressions:      t.identified,
		FrequencyDistribution:      distribution(t.reached),
		SampledShare:               1,
	}
	if s.sc.Slots.Sample != nil && !s.share.none() {
		m.SampledShare = float64(s.share.kept) / float64(s.share.total)
	}
	for _, c := range s.campaigns {
		m.Campaigns = append(m.Campaigns, s.reportCampaign(c))
		if c.goal != nil {
			s.reportGoal(m, c)
		}
	}
	m.Groups = s.reportGroups()
	m.Breakdowns = s.reportBreakdowns()
	return m
}

// reportGoal adds a campaign with a goal to the totals of goals.
func (s *simulation) reportGoal(m *model.Metrics, c *campaign) {
	m.Goals++
	if c.delivered >= *c.goal {
		m.GoalsMet++
	}
	m.GoalShortfall += max(0, s.expected(c)-c.tally.impressions)
}

func (s *simulation) reportCampaign(c *campaign) model.CampaignResult {
	t := &c.tally
	r := model.CampaignResult{
		CampaignID: c.ID, Advertiser: optional(c.Advertiser), Priority: int64(c.Priority),
		Impressions: t.impressions, SpendNanos: int64(t.spend),
		Reach: int64(len(t.reached)), IdentifiedImpressions: t.identified, FrequencyDistribution: distribution(t.reached),
		Delivered: c.delivered, FirstImpression: t.first, LastImpression: t.last,
		Goal: c.goal, Budget: c.budget, SpentBefore: c.spentBefore,
	}
	if c.goal != nil {
		expected := s.expected(c)
		r.Expected = &expected
	}
	if s.sc.Report.Losses {
		t.reportLosses(&r)
	}
	if s.sc.Report.Contention {
		r.Contention = t.contention()
	}
	return r
}

// reportLosses fills in the funnel of a campaign: matched = impressions + outbid + first failures.
func (t *campaignTally) reportLosses(r *model.CampaignResult) {
	matched := int64(0)
	for _, n := range t.failed {
		matched += n
	}
	users, outbid := int64(len(t.matchedUsers)), t.failed[gatesPassed]-t.impressions
	r.Matched, r.MatchedUsers, r.Outbid = &matched, &users, &outbid
	r.LostFloor, r.LostIdentity, r.AfterGoal = &t.failed[gateFloor], &t.failed[gateIdentity], &t.failed[gateGoal]
	r.LostBudget, r.LostPacing = &t.failed[gateBudget], &t.failed[gatePacing]
	r.LostFrequency, r.LostSeparation = &t.failed[gateFrequency], &t.failed[gateSeparation]
}

// contention is the ten campaigns that won most of the slots on which this one was outbid, ties by id.
func (t *campaignTally) contention() []model.Contender {
	var list []model.Contender
	for id, n := range t.outbidBy {
		list = append(list, model.Contender{WinnerID: id, Slots: n})
	}
	slices.SortFunc(list, func(a, b model.Contender) int {
		return cmp.Or(cmp.Compare(b.Slots, a.Slots), cmp.Compare(a.WinnerID, b.WinnerID))
	})
	return list[:min(10, len(list))]
}

// reportGroups adds up the campaigns by each value of each report group; a user counts once in it.
func (s *simulation) reportGroups() []model.GroupResult {
	var out []model.GroupResult
	for _, key := range s.sc.Report.Groups {
		groups := map[string]*model.GroupResult{} // by value; empty: missing
		reached := map[string]map[copied]int64{}
		for _, c := range s.campaigns {
			value := first(campaignFields(c.Campaign)(key))
			if groups[value] == nil {
				groups[value] = &model.GroupResult{Group: key, Value: optional(value)}
				reached[value] = map[copied]int64{}
			}
			g := groups[value]
			g.Impressions += c.tally.impressions
			g.SpendNanos += int64(c.tally.spend)
			g.IdentifiedImpressions += c.tally.identified
			for user, n := range c.tally.reached {
				reached[value][user] += n
			}
		}
		for _, value := range slices.Sorted(maps.Keys(groups)) { // missing first
			g := groups[value]
			g.Reach, g.FrequencyDistribution = int64(len(reached[value])), distribution(reached[value])
			out = append(out, *g)
		}
	}
	return out
}

// reportBreakdowns counts the slots by each value of each breakdown dimension; a slot counts once
// under each of its values, one without a value under null.
func (s *simulation) reportBreakdowns() []model.BreakdownResult {
	var out []model.BreakdownResult
	for _, dimension := range s.sc.Report.Breakdowns {
		missing, byValue := newTally(), map[string]*tally{}
		for _, o := range s.tally.all {
			values := slices.Compact(slices.Sorted(slices.Values(s.slotFields(o.slot, o.time)(dimension))))
			if len(values) == 0 {
				s.recount(&missing, o)
			}
			for _, v := range values {
				if byValue[v] == nil {
					t := newTally()
					byValue[v] = &t
				}
				s.recount(byValue[v], o)
			}
		}
		if missing.slots > 0 {
			out = append(out, missing.breakdown(dimension, nil))
		}
		for _, v := range slices.Sorted(maps.Keys(byValue)) {
			out = append(out, byValue[v].breakdown(dimension, &v))
		}
	}
	return out
}

// recount adds a slot to a part of the whole, as it went there.
func (s *simulation) recount(part *tally, o *opportunity) {
	if paid, ok := s.tally.paid[o]; ok {
		part.filled(o, paid)
	} else {
		part.see(o)
	}
}

func (t *tally) breakdown(dimension string, value *string) model.BreakdownResult {
	return model.BreakdownResult{
		Dimension: dimension, Value: value, Slots: t.slots, Filled: t.sold, RevenueNanos: int64(t.revenue),
		Users: int64(len(t.users)), Reach: int64(len(t.reached)), IdentifiedImpressions: t.identified,
	}
}

// distribution counts the users with exactly k impressions for k = 1..19, and with 20 or more.
func distribution(reached map[copied]int64) []model.FrequencyUsers {
	users := map[int64]int64{}
	for _, n := range reached {
		users[min(n, model.FrequencyTopBucket)]++
	}
	var out []model.FrequencyUsers
	for _, k := range slices.Sorted(maps.Keys(users)) {
		out = append(out, model.FrequencyUsers{Frequency: k, Users: users[k]})
	}
	return out
}

// optional is nil for an empty text, which counts as missing.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
