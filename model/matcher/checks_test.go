package matcher_test

import (
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestChecksThatFollow holds every implementation to section 11 and to the sums of section 8 on random studies.
func TestChecksThatFollow(t *testing.T) {
	everyImplementation(t, func(t *testing.T, run simulate) {
		for i := range rounds(250, 10_000) {
			slots, sc := study(i)
			m := run(t, slots, sc)
			for _, broken := range brokenChecks(m, sc) {
				t.Fatalf("study %d: %s\n%s", i, broken, show(slots, sc))
			}
		}
	})
}

// brokenChecks lists what does not add up in a result.
func brokenChecks(m *model.Metrics, sc *model.Scenario) (broken []string) {
	check := func(ok bool, what string) {
		if !ok {
			broken = append(broken, what)
		}
	}
	var impressions, spend, identified int64
	for _, c := range m.Campaigns {
		impressions, spend, identified = impressions+c.Impressions, spend+c.SpendNanos, identified+c.IdentifiedImpressions
		before := c.Delivered - c.Impressions
		check(c.Goal == nil || c.Delivered <= *c.Goal || (c.Impressions == 0 && before > *c.Goal), c.CampaignID+": delivered beyond its goal")
		spent := c.SpendNanos + int64(c.SpentBefore)
		check(c.Budget == nil || spent <= int64(*c.Budget) || c.SpendNanos == 0, c.CampaignID+": spent beyond its budget")
		check(c.Reach <= m.Reach && c.Reach <= c.IdentifiedImpressions && c.IdentifiedImpressions <= c.Impressions, c.CampaignID+": reach")
		check(users(c.FrequencyDistribution) == c.Reach, c.CampaignID+": its distribution does not sum to its reach")
		check((c.FirstImpression == nil) == (c.Impressions == 0), c.CampaignID+": first impression")
		check((c.Matched != nil) == sc.Report.Losses, c.CampaignID+": losses are there or not by report.losses")
		if c.Matched != nil {
			lost := *c.LostFloor + *c.LostIdentity + *c.AfterGoal + *c.LostBudget + *c.LostPacing + *c.LostFrequency + *c.LostSeparation
			check(*c.Matched == c.Impressions+*c.Outbid+lost, c.CampaignID+": matched is not the sum of its parts")
			check(*c.MatchedUsers <= m.Users && c.Reach <= *c.MatchedUsers, c.CampaignID+": matched users")
		}
	}
	check(m.Filled == impressions, "filled is not the sum of impressions")
	check(m.RevenueNanos == spend, "revenue is not the sum of spend")
	check(m.IdentifiedImpressions == identified, "identified impressions are not the sum of those of the campaigns")
	check(m.Reach <= m.Users && users(m.FrequencyDistribution) == m.Reach, "reach")
	unfilled := m.UnfilledNoCampaignTargeted + m.UnfilledBelowFloor + m.UnfilledUnidentified + m.UnfilledGoalReached +
		m.UnfilledBudgetSpent + m.UnfilledPaced + m.UnfilledFrequencyCapped + m.UnfilledSeparated
	check(m.Slots == m.Filled+unfilled, "slots are not filled + unfilled")
	return append(broken, brokenParts(m)...)
}

// brokenParts checks that groups, and breakdowns by a dimension with one value a slot, sum to the whole.
func brokenParts(m *model.Metrics) (broken []string) {
	groups := map[string]int64{}
	for _, g := range m.Groups {
		groups[g.Group] += g.Impressions
		if users(g.FrequencyDistribution) != g.Reach || g.Reach > m.Reach {
			broken = append(broken, g.Group+": reach")
		}
	}
	for key, n := range groups {
		if n != m.Filled {
			broken = append(broken, key+": groups do not sum to filled")
		}
	}
	slots, revenue := map[string]int64{}, map[string]int64{}
	for _, b := range m.Breakdowns {
		slots[b.Dimension] += b.Slots
		revenue[b.Dimension] += b.RevenueNanos
	}
	for d, n := range slots {
		multi := slices.Contains([]string{"segments", "topics", "tags"}, d)
		if n < m.Slots || (!multi && (n != m.Slots || revenue[d] != m.RevenueNanos)) {
			broken = append(broken, d+": the breakdown does not sum to the whole")
		}
	}
	return broken
}

func users(distribution []model.FrequencyUsers) (n int64) {
	for _, f := range distribution {
		n += f.Users
	}
	return n
}

// TestRandomStudiesReachEverything makes sure that the random studies exercise what they are for:
// every reason, loss and figure is other than 0 in many of them.
func TestRandomStudiesReachEverything(t *testing.T) {
	seen := map[string]int{}
	note := func(name string, n int64) {
		if n > 0 {
			seen[name]++
		}
	}
	n := 300
	for i := range n {
		slots, sc := study(i)
		m := reference(t, slots, sc)
		note("filled", m.Filled)
		note("no campaign targeted", m.UnfilledNoCampaignTargeted)
		note("below floor", m.UnfilledBelowFloor)
		note("unidentified", m.UnfilledUnidentified)
		note("goal reached", m.UnfilledGoalReached)
		note("budget spent", m.UnfilledBudgetSpent)
		note("paced", m.UnfilledPaced)
		note("frequency capped", m.UnfilledFrequencyCapped)
		note("separated", m.UnfilledSeparated)
		note("goals met", m.GoalsMet)
		note("shortfall", m.GoalShortfall)
		note("reach", m.Reach)
		note("contention", contended(m))
		note("price below bid", priceBelowBid(m, sc))
		note("sampled", int64((1-m.SampledShare)*1000))
		note("more slots than the snapshot", m.Slots-int64(len(slots)))
		note("fewer slots than the snapshot", int64(len(slots))-m.Slots)
	}
	for _, name := range []string{"filled", "no campaign targeted", "below floor", "unidentified", "goal reached", "budget spent", "paced",
		"frequency capped", "separated", "goals met", "shortfall", "reach", "contention", "price below bid", "sampled",
		"more slots than the snapshot", "fewer slots than the snapshot"} {
		if seen[name] < n/50 {
			t.Errorf("%q happened in %d of %d random studies, want at least %d", name, seen[name], n, n/50)
		}
	}
}

// contended counts the slots on which a campaign was outbid.
func contended(m *model.Metrics) (n int64) {
	for _, c := range m.Campaigns {
		for _, rival := range c.Contention {
			n += rival.Slots
		}
	}
	return n
}

// priceBelowBid counts campaigns that, bidding the same everywhere, paid less than their bids.
func priceBelowBid(m *model.Metrics, sc *model.Scenario) (n int64) {
	bids := map[string]int64{}
	for _, c := range sc.Campaigns {
		if len(c.BidAdjustments) == 0 && len(c.BidSpread) == 0 {
			bids[c.ID] = int64(c.BidCPM)
		}
	}
	for _, c := range m.Campaigns {
		if c.SpendNanos < c.Impressions*bids[c.CampaignID] {
			n++
		}
	}
	return n
}
