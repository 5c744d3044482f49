package synthetic

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// What is written is what was simulated to set the fill: reading the file back gives the same
// campaigns, and as many as there may be fit into a document.
func TestCampaignsFileReadsBack(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 50, 300, 300, model.MaxCampaigns} {
		o := Options{Slots: 10_000, Campaigns: n, Users: 2_000, Days: 7, Seed: int64(seed), Fill: 0.8}
		m := market{items: newLineItems(&o), days: o.Days, fill: o.Fill}
		made := m.campaigns(o.Slots, 1.3)
		back, problems := model.ParseCampaigns("campaigns.yaml", renderCampaigns(made, o.banner()), time.UTC)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		same := cmp.Options{
			cmpopts.IgnoreTypes(model.Position{}),
			cmpopts.EquateEmpty(),
			cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
		}
		if len(back) != n {
			t.Fatalf("%d campaigns read back, want %d", len(back), n)
		}
		if diff := cmp.Diff(made[:min(n, 300)], back[:min(n, 300)], same); diff != "" {
			t.Errorf("seed %d: made and read back differ: %s", seed, diff)
		}
	}
}

// The share of slots that a campaign is said to match, from the shares of ages, regions and so
// on, is the share that it does match: goals are held to it.
func TestAudienceSharesAreTrue(t *testing.T) {
	t.Parallel()
	o := Options{Slots: 60_000, Campaigns: 400, Users: 30_000, Days: 7, Seed: 11, Fill: DefaultFill}
	var slots []model.Slot
	err := newTraffic(&o, func(s *model.Slot, _ bool) error {
		slots = append(slots, clone(s))
		return nil
	}).run(t.Context(), newVisitors(stream(o.Seed, streamPopulation), &o, 1))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := inventory.Build(slots, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := market{items: newLineItems(&o), days: o.Days, fill: o.Fill}
	var campaigns []model.Campaign
	for i := range m.items {
		c := m.items[i].Campaign
		c.Start, c.End, c.Pacing = nil, nil, model.PacingASAP // the whole log, so that only targeting counts
		campaigns = append(campaigns, c)
	}
	metrics, err := engine.New(snapshot).Simulate(t.Context(), &model.Scenario{
		Location: time.UTC, Written: campaigns, Campaigns: campaigns, Policy: model.DefaultPolicy, Report: model.Report{Losses: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	said, found := 0.0, 0.0
	for i, c := range metrics.Campaigns {
		matched := float64(*c.Matched) / float64(o.Slots)
		said, found = said+m.items[i].share, found+matched
		if off := math.Abs(matched - m.items[i].share); off > 0.03+0.2*m.items[i].share {
			t.Errorf("%s is said to match %.3f of the slots and matches %.3f: %s", c.CampaignID, m.items[i].share, matched, expression(m.items[i].Targeting))
		}
	}
	t.Logf("campaigns matching a slot: said %.1f, found %.1f", said, found)
	if math.Abs(found/said-1) > 0.05 {
		t.Errorf("%.1f campaigns match a slot on average, %.1f were said to", found, said)
	}
}

// clone is a slot that outlives the making of the next.
func clone(s *model.Slot) model.Slot {
	kept := *s
	kept.Scalars, kept.Sets = map[string]string{}, map[string][]string{}
	for k, v := range s.Scalars {
		kept.Scalars[k] = v
	}
	for k, v := range s.Sets {
		kept.Sets[k] = v
	}
	return kept
}
