package engine

import (
	"cmp"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// contenders is how many winners a campaign's contention lists.
const contenders = 10

// report makes the variant's figures of its counters (semantics 8).
func (s *state) report(c census) *model.Metrics {
	if s.plan.losses() {
		s.settleLosses()
	}
	m := s.tally
	m.Users, m.Reach, m.IdentifiedImpressions = s.reach.users, s.reach.all.reach(), s.reach.impressed
	m.FrequencyDistribution = s.reach.all.list()
	m.Campaigns = slices.Grow(m.Campaigns, len(s.plan.entries))[:len(s.plan.entries)] // nil without any
	for i := range s.plan.entries {
		e := &s.plan.entries[i]
		r := &m.Campaigns[i]
		s.reportCampaign(r, e)
		m.Filled += r.Impressions
		m.RevenueNanos += r.SpendNanos
		if e.terms.goal == unset {
			continue
		}
		m.Goals++
		if r.Delivered >= e.terms.goal {
			m.GoalsMet++
		}
		m.GoalShortfall += max(0, *r.Expected-r.Impressions)
	}
	for k := range s.reach.groups {
		m.Groups = append(m.Groups, s.reach.groups[k].results(m.Campaigns)...)
	}
	for k := range s.breakdowns {
		m.Breakdowns = append(m.Breakdowns, s.breakdowns[k].results()...)
	}
	return &m
}

// reportCampaign reports on one campaign; one that never matches has rank -1 and zeros.
func (s *state) reportCampaign(r *model.CampaignResult, e *entry) {
	c, t := &s.plan.sc.Campaigns[e.index], &e.terms
	*r = model.CampaignResult{CampaignID: c.ID, Priority: int64(c.Priority), Delivered: t.delivered, SpentBefore: model.Nanos(t.spent)}
	if c.Advertiser != "" {
		r.Advertiser = &c.Advertiser
	}
	if t.goal != unset {
		goal, expected := t.goal, t.expected()
		r.Goal, r.Expected = &goal, &expected
	}
	if t.budget != unset {
		budget := model.Nanos(t.budget)
		r.Budget = &budget
	}
	if e.rank >= 0 {
		s.reportDelivery(r, int(e.rank))
	}
	if s.plan.losses() {
		s.reportLosses(r, int(e.rank))
	}
	if s.plan.sc.Report.Contention && e.rank >= 0 {
		r.Contention = s.contendersOf(int(e.rank))
	}
}

func (s *state) reportDelivery(out *model.CampaignResult, r int) {
	l := &s.ledger[r]
	out.Impressions, out.SpendNanos, out.Delivered = l.impressions, l.spend, l.delivered
	out.Reach, out.IdentifiedImpressions = s.reach.campaigns[r].reach(), s.reach.identified[r]
	out.FrequencyDistribution = s.reach.campaigns[r].list()
	if l.impressions > 0 {
		first, last := l.first, l.last
		out.FirstImpression, out.LastImpression = &first, &last
	}
}

// reportLosses reports where a campaign's matched slots went. Most are not counted one by one: a gate's failures
// are what came to it less what passed it.
func (s *state) reportLosses(out *model.CampaignResult, r int) {
	n := new([10]int64)
	out.Matched, out.MatchedUsers, out.LostFloor, out.LostIdentity, out.AfterGoal = &n[0], &n[1], &n[2], &n[3], &n[4]
	out.LostBudget, out.LostPacing, out.LostFrequency, out.LostSeparation, out.Outbid = &n[5], &n[6], &n[7], &n[8], &n[9]
	if r < 0 {
		return
	}
	l, found := &s.losses[r], s.seen.found[r]
	reached, offered := s.reached.total[r], s.offered.total[r]
	*out.Matched, *out.MatchedUsers = found.matched, found.users
	*out.LostIdentity, *out.AfterGoal, *out.LostBudget = s.unknown.total[r], l.goal, l.budget
	*out.LostFloor = found.matched - reached - s.unknown.total[r]
	*out.LostPacing = reached - l.goal - l.budget - offered - s.lostFrequency[r] - s.lostSeparation[r]
	*out.LostFrequency, *out.LostSeparation = s.lostFrequency[r], s.lostSeparation[r]
	*out.Outbid = offered - out.Impressions
}

// contendersOf lists the campaigns that won most of the slots on which the one at rank r was outbid.
func (s *state) contendersOf(r int) []model.Contender {
	n := len(s.hot)
	var out []model.Contender
	for w := range n {
		if slots := s.contention[w*n+r]; slots > 0 {
			out = append(out, model.Contender{WinnerID: s.plan.cands[w].campaign.ID, Slots: int64(slots)})
		}
	}
	slices.SortFunc(out, func(a, b model.Contender) int {
		return cmp.Or(cmp.Compare(b.Slots, a.Slots), cmp.Compare(a.WinnerID, b.WinnerID))
	})
	return slices.Clone(out[:min(len(out), contenders)])
}

// results adds up the campaigns of each value.
func (g *groupReach) results(campaigns []model.CampaignResult) []model.GroupResult {
	out := make([]model.GroupResult, len(g.values))
	for v := range out {
		out[v] = model.GroupResult{Group: g.key, Value: g.values[v], Reach: g.dist[v].reach(),
			IdentifiedImpressions: g.identified[v], FrequencyDistribution: g.dist[v].list()}
	}
	for i := range campaigns {
		r := &out[g.of[i]]
		r.Impressions += campaigns[i].Impressions
		r.SpendNanos += campaigns[i].SpendNanos
	}
	return out
}
