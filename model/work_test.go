package model

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
)

// glanceForTests: a million slots of an hour, of which four were looked at, three of them mobile and one of those in US.
func glanceForTests() *Glance {
	seen := func(device, country string) func(*Expr) bool {
		return func(in *Expr) bool {
			return in.Dimension == "device" && in.Values[0] == device || in.Dimension == "country" && in.Values[0] == country
		}
	}
	return &Glance{Slots: 1_000_000, Start: 0, End: 3_600_000_000,
		Seen: []func(*Expr) bool{seen("mobile", "US"), seen("mobile", "CA"), seen("mobile", "CA"), seen("desktop", "CA")}}
}

func isIn(dimension, value string) *Expr {
	return &Expr{Op: OpIn, Dimension: dimension, Values: []string{value}}
}

// TestVisits of a slot on average, worked out by hand.
func TestVisits(t *testing.T) {
	tenth := decimal.New(1, -1)
	for name, c := range map[string]struct {
		edits        SlotEdits
		seen, unseen float64
	}{
		"none":               {SlotEdits{}, 1, 1},
		"a sample":           {SlotEdits{Sample: &tenth}, 0.1, 0.1},
		"three of four":      {SlotEdits{Where: []*Expr{isIn("device", "mobile")}}, 0.75, 1},
		"one of four":        {SlotEdits{Where: []*Expr{isIn("device", "mobile"), isIn("country", "US")}}, 0.25, 1},
		"the others":         {SlotEdits{Where: []*Expr{{Op: OpNot, Args: []*Expr{isIn("country", "US")}}}}, 0.75, 1},
		"twice":              {SlotEdits{Traffic: []TrafficEdit{{Factor: decimal.New(2, 0)}}}, 2, 2},
		"half of mobile":     {SlotEdits{Traffic: []TrafficEdit{{Factor: decimal.New(5, -1), Where: isIn("device", "mobile")}}}, 0.625, 1},                            // (3 * 0.5 + 1) / 4
		"mobile and US more": {SlotEdits{Traffic: []TrafficEdit{{decimal.New(3, 0), isIn("device", "mobile")}, {decimal.New(2, 0), isIn("country", "US")}}}, 3.25, 6}, // (6 + 3 + 3 + 1) / 4
		"all of it": {SlotEdits{Where: []*Expr{isIn("country", "CA")}, Traffic: []TrafficEdit{{decimal.New(3, 0), isIn("device", "mobile")}}, Sample: &tenth},
			0.175, 0.3}, // (3 + 3 + 1) / 4 / 10
	} {
		unseen := *glanceForTests()
		unseen.Seen = nil
		if got := c.edits.visits(glanceForTests()); math.Abs(got-c.seen) > 1e-12 {
			t.Errorf("%s: %v visits, want %v", name, got, c.seen)
		}
		if got := c.edits.visits(&unseen); math.Abs(got-c.unseen) > 1e-12 {
			t.Errorf("%s, nothing seen: %v visits, want %v", name, got, c.unseen)
		}
	}
}

// TestInFlight: the share of the hour's horizon.
func TestInFlight(t *testing.T) {
	at := func(minute int64) *Instant { i := Instant(minute * 60_000_000); return &i }
	for name, c := range map[string]struct {
		campaign Campaign
		want     float64
	}{
		"all of it":         {Campaign{Enabled: true}, 1},
		"not enabled":       {Campaign{}, 0},
		"its second half":   {Campaign{Enabled: true, Start: at(30)}, 0.5},
		"its first quarter": {Campaign{Enabled: true, Start: at(-60), End: at(15)}, 0.25},
		"before it":         {Campaign{Enabled: true, Start: at(-60), End: at(-5)}, 0},
	} {
		if got := c.campaign.inFlight(glanceForTests()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if (&Campaign{Enabled: true, Start: at(30)}).inFlight(&Glance{}) != 1 {
		t.Error("without a horizon a campaign is in flight")
	}
}

// TestWorkGrows with whatever makes a variant longer, and with nothing else.
func TestWorkGrows(t *testing.T) {
	of := func(change func(*Scenario)) float64 {
		s := &Scenario{Policy: DefaultPolicy, Campaigns: make([]Campaign, 100)}
		for i := range s.Campaigns {
			s.Campaigns[i] = Campaign{Enabled: true, Pacing: PacingASAP}
		}
		change(s)
		return s.Work(glanceForTests())
	}
	base := of(func(*Scenario) {})
	for name, change := range map[string]func(*Scenario){
		"losses":       func(s *Scenario) { s.Report.Losses = true },
		"contention":   func(s *Scenario) { s.Report.Contention = true },
		"a breakdown":  func(s *Scenario) { s.Report.Breakdowns = []string{"country"} },
		"second price": func(s *Scenario) { s.Policy.Auction = SecondPrice },
		"need":         func(s *Scenario) { s.Policy.WithinPriority = ByNeed },
		"separation":   func(s *Scenario) { s.Policy.OnePerRequest = SeparateCampaign },
		"a resample":   func(s *Scenario) { s.Replicate = 1 },
		"a cap": func(s *Scenario) {
			s.Campaigns[0].FrequencyCaps = []FrequencyCap{{Impressions: 1, Per: PerDay, Units: 1}}
		},
		"pacing":       func(s *Scenario) { s.Campaigns[0].Pacing = PacingEven },
		"a bid spread": func(s *Scenario) { s.Campaigns[0].BidSpread = []decimal.Decimal{decimal.New(1, 0), decimal.New(2, 0)} },
		"a campaign":   func(s *Scenario) { s.Campaigns = append(s.Campaigns, Campaign{Enabled: true}) },
	} {
		if got := of(change); !(got > base) {
			t.Errorf("%s: %v, no more than %v", name, got, base)
		}
	}
	if got := of(func(s *Scenario) { s.Campaigns[0].BidCPM = 5; s.Seed = 9 }); got != base {
		t.Errorf("another bid and seed: %v, not %v", got, base)
	}
	sixtieth := decimal.New(16_667, -6)
	if ratio := base / of(func(s *Scenario) { s.Slots.Sample = &sixtieth }); !(ratio > 2 && ratio < 60) {
		t.Errorf("a sixtieth of the users takes 1/%v", ratio)
	}
}
