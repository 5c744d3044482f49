package synthetic_test

import (
	"os"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// standard is the study that speed is measured on.
var standard = synthetic.Options{Slots: 1_000_000, Campaigns: 1000, Users: 200_000, Days: 7, Seed: 7}

// surveyed is the standard study at its full size with WHATIF_FULL=1, else with an eighth of the slots and users.
func surveyed() synthetic.Options {
	o := standard
	if os.Getenv("WHATIF_FULL") == "" {
		o.Slots, o.Users = o.Slots/8, o.Users/8
	}
	return o
}

// The standard study's log and campaigns have the figures of real ones.
func TestStandardStudy(t *testing.T) {
	t.Parallel()
	g := generate(t, surveyed())
	log := survey(t, g.files.Snapshot)
	t.Run("users", func(t *testing.T) { assertUsers(t, log) })
	t.Run("places", func(t *testing.T) { assertPlaces(t, log) })
	t.Run("hours, devices, sizes", func(t *testing.T) { assertTraffic(t, log) })
	t.Run("sites", func(t *testing.T) { assertSites(t, log) })
	t.Run("floors", func(t *testing.T) { assertFloors(t, log) })
	t.Run("requests and sessions", func(t *testing.T) { assertVisits(t, log) })
	t.Run("campaigns", func(t *testing.T) { assertCampaigns(t, g.config.Campaigns) })
}

// The standard study, at its full size, is hard for a matcher in every respect: a slot has many candidates, most of
// them with a rule that depends on what happened before, many alike, and half of the traffic is of users with
// a long history.
func TestStandardStudyIsHard(t *testing.T) {
	t.Parallel()
	g := generate(t, standard)
	m := g.baseline(t)
	within(t, "fill", *m.FillRate, 0.60, 0.98)
	near(t, "fill, as asked for", *m.FillRate, synthetic.DefaultFill, 0.03)
	within(t, "share of the traffic of users with 64 slots and more", heavyShare(g.snapshot), 0.5, 0.6)
	t.Run("rules", func(t *testing.T) { assertRules(t, g) })
	t.Run("gates", func(t *testing.T) { assertGates(t, m) })
	if g.config.Policy.Auction != model.SecondPrice || g.config.Policy.OnePerRequest == model.SeparateNone || len(g.config.CapGroups) == 0 {
		t.Errorf("the policy is %+v with %d cap groups; want second price, separation and a cap group", g.config.Policy, len(g.config.CapGroups))
	}
	if r := g.config.Report; !r.Losses || len(r.Breakdowns) < 3 || len(r.Groups) == 0 {
		t.Errorf("the report is %+v; want losses, three breakdowns and a group", r)
	}
}

// heavyShare is the share of the slots of users with 64 and more.
func heavyShare(s *inventory.Snapshot) float64 {
	of := make([]int, len(s.UserHashes()))
	for _, u := range s.Users() {
		of[u]++
	}
	heavy := 0
	for _, n := range of[1:] { // 0 is nobody
		if n >= 64 {
			heavy += n
		}
	}
	return float64(heavy) / float64(s.Len())
}

// assertRules: the shares of campaigns with each rule that costs a matcher time.
func assertRules(t *testing.T, g *generated) {
	var multi []string
	for _, d := range g.snapshot.Dimensions() {
		if d.Multi() {
			multi = append(multi, d.Name())
		}
	}
	campaigns := g.config.Campaigns
	share := func(is func(*model.Campaign) bool) float64 { return shareOf(campaigns, is) }
	near(t, "capped", share(func(c *model.Campaign) bool { return len(c.FrequencyCaps) > 0 }), 0.60, 0.002)
	near(t, "paced", share(func(c *model.Campaign) bool { return c.Pacing != model.PacingASAP }), 0.40, 0.001)
	near(t, "paced by traffic", share(func(c *model.Campaign) bool { return c.Pacing == model.PacingTraffic }), 0.16, 0.05)
	near(t, "with bid adjustments", share(func(c *model.Campaign) bool { return len(c.BidAdjustments) > 0 }), 0.10, 0.005)
	near(t, "with a bid spread", share(func(c *model.Campaign) bool { return len(c.BidSpread) > 0 }), 0.03, 0.005)
	within(t, "with a budget", share(func(c *model.Campaign) bool { return c.Budget != nil }), 0.5, 0.9)
	within(t, "with a daily budget", share(func(c *model.Campaign) bool { return c.DailyBudget != nil }), 0.1, 0.2)
	within(t, "with a goal", share(func(c *model.Campaign) bool { return c.Goal != nil }), 0.7, 0.9)
	within(t, "with multi-valued targeting", share(func(c *model.Campaign) bool {
		return slices.ContainsFunc(multi, func(d string) bool { return targets(c, d) })
	}), 0.2, 0.35)
	bids := map[model.CPM]int{}
	most := 0
	for i := range campaigns {
		bids[campaigns[i].BidCPM]++
		most = max(most, bids[campaigns[i].BidCPM])
	}
	near(t, "share of the commonest bid", float64(most)/float64(len(campaigns)), 1./3, 0.01)
}

// assertGates: every gate turns campaigns away, and none of them nearly all.
func assertGates(t *testing.T, m *model.Metrics) {
	matched, outbid := int64(0), int64(0)
	lost := map[string]int64{}
	for _, c := range m.Campaigns {
		matched += *c.Matched
		outbid += *c.Outbid
		lost["floor"] += *c.LostFloor
		lost["identity"] += *c.LostIdentity
		lost["goal"] += *c.AfterGoal
		lost["budget"] += *c.LostBudget
		lost["pacing"] += *c.LostPacing
		lost["frequency"] += *c.LostFrequency
		lost["separation"] += *c.LostSeparation
	}
	within(t, "campaigns targeted per slot", float64(matched)/float64(m.Slots), 50, 100)
	for gate, n := range lost {
		within(t, "share of targeted campaigns lost at "+gate, float64(n)/float64(matched), 0.002, 0.7)
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
