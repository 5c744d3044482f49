package synthetic_test

import (
	"os"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// standardStudy is the study that speed is measured on, at its full size with WHATIF_FULL=1,
// else with an eighth of the slots and users.
func standardStudy() synthetic.Options {
	o := synthetic.Options{Slots: 1_000_000, Campaigns: 1000, Users: 200_000, Days: 7, Seed: 7}
	if os.Getenv("WHATIF_FULL") == "" {
		o.Slots, o.Users = o.Slots/8, o.Users/8
	}
	return o
}

// The standard study is hard in every respect, and its log and campaigns have the figures of real ones.
func TestStandardStudy(t *testing.T) {
	t.Parallel()
	g := generate(t, standardStudy())
	log := survey(t, g.files.Snapshot)
	t.Run("hard", func(t *testing.T) { assertHard(t, g, log) })
	t.Run("users", func(t *testing.T) { assertUsers(t, log) })
	t.Run("places", func(t *testing.T) { assertPlaces(t, log) })
	t.Run("hours, devices, sizes", func(t *testing.T) { assertTraffic(t, log) })
	t.Run("sites", func(t *testing.T) { assertSites(t, log) })
	t.Run("floors", func(t *testing.T) { assertFloors(t, log) })
	t.Run("requests and sessions", func(t *testing.T) { assertVisits(t, log) })
	t.Run("campaigns", func(t *testing.T) { assertCampaigns(t, g.config.Campaigns) })
}

// assertHard: what makes the standard study hard for a matcher.
func assertHard(t *testing.T, g *generated, log *logSurvey) {
	m := g.baseline(t)
	matched := int64(0)
	for _, c := range m.Campaigns {
		matched += *c.Matched
	}
	near(t, "fill", *m.FillRate, synthetic.DefaultFill, 0.03)
	within(t, "campaigns targeted per slot", float64(matched)/float64(m.Slots), 50, 100)
	within(t, "share of the traffic of users with 64 slots and more", log.heavyShare, 0.5, 0.6)

	campaigns := g.config.Campaigns
	near(t, "capped", shareOf(campaigns, func(c *model.Campaign) bool { return len(c.FrequencyCaps) > 0 }), 0.60, 0.002)
	near(t, "paced", shareOf(campaigns, func(c *model.Campaign) bool { return c.Pacing != model.PacingASAP }), 0.40, 0.001)
	near(t, "paced by traffic", shareOf(campaigns, func(c *model.Campaign) bool { return c.Pacing == model.PacingTraffic }), 0.16, 0.05)
	near(t, "with bid adjustments", shareOf(campaigns, func(c *model.Campaign) bool { return len(c.BidAdjustments) > 0 }), 0.10, 0.005)
	near(t, "with a bid spread", shareOf(campaigns, func(c *model.Campaign) bool { return len(c.BidSpread) > 0 }), 0.03, 0.005)
	within(t, "with a budget", shareOf(campaigns, func(c *model.Campaign) bool { return c.Budget != nil }), 0.5, 0.9)
	within(t, "with a daily budget", shareOf(campaigns, func(c *model.Campaign) bool { return c.DailyBudget != nil }), 0.1, 0.2)
	within(t, "with multi-valued targeting", shareOf(campaigns, func(c *model.Campaign) bool {
		return targets(c, "interests") || targets(c, "segments")
	}), 0.2, 0.35)
	bids := map[model.CPM]int{}
	most := 0
	for i := range campaigns {
		bids[campaigns[i].BidCPM]++
		most = max(most, bids[campaigns[i].BidCPM])
	}
	near(t, "share of the commonest bid", float64(most)/float64(len(campaigns)), 1./3, 0.01)

	lost := map[string]int64{}
	for _, c := range m.Campaigns {
		lost["floor"] += *c.LostFloor
		lost["identity"] += *c.LostIdentity
		lost["goal"] += *c.AfterGoal
		lost["budget"] += *c.LostBudget
		lost["pacing"] += *c.LostPacing
		lost["frequency"] += *c.LostFrequency
		lost["separation"] += *c.LostSeparation
	}
	for _, gate := range []string{"floor", "identity", "goal", "budget", "pacing", "frequency", "separation"} {
		within(t, "share of targeted campaigns lost at "+gate, float64(lost[gate])/float64(matched), 0.002, 0.7)
	}
	outbid := int64(0)
	for _, c := range m.Campaigns {
		outbid += *c.Outbid
	}
	within(t, "campaigns outbid per slot", float64(outbid)/float64(m.Slots), 2, 60)
}

// shareOf is the share of campaigns for which is holds.
func shareOf(campaigns []model.Campaign, is func(*model.Campaign) bool) float64 {
	n := 0
	for i := range campaigns {
		if is(&campaigns[i]) {
			n++
		}
	}
	return float64(n) / float64(len(campaigns))
}

// targets says whether a campaign's targeting names a dimension.
func targets(c *model.Campaign, dimension string) bool {
	found := false
	c.Targeting.Dimensions(func(e *model.Expr) bool {
		found = found || e.Dimension == dimension
		return !found
	})
	return found
}

// near fails unless got is want, give or take tolerance.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	within(t, what, got, want-tolerance, want+tolerance)
}

// within fails unless low <= got <= high.
func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	t.Logf("%s: %.4g", what, got)
	if !(got >= low && got <= high) {
		t.Errorf("%s is %.4g, want %.4g to %.4g", what, got, low, high)
	}
}

// quantileOf is the value below which a share p of the values lies. It sorts them.
func quantileOf[T int | int64 | model.CPM](values []T, p float64) float64 {
	slices.Sort(values)
	return float64(values[min(int(p*float64(len(values))), len(values)-1)])
}
