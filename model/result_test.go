package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// 0x00.. is aaaaaaaaaa; 0xff.. is 7777777777: base32 of RFC 4648 in small letters.
func TestSimulationIDs(t *testing.T) {
	late := time.Date(2026, 6, 30, 23, 30, 0, 0, time.FixedZone("", -3600))
	for b, want := range map[byte]string{0: "20260701-aaaaaaaaaa", 0xff: "20260701-7777777777"} {
		id, err := NewSimulationID(late, bytes.NewReader(bytes.Repeat([]byte{b}, 7)))
		if err != nil || id != want || !ValidSimulationID(id) {
			t.Errorf("%s, %v; want %s", id, err, want)
		}
	}
	if _, err := NewSimulationID(late, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too few random bytes: %v", err)
	}
	for _, id := range []string{"", "latest", "20260701-aaaaaaaaa", "20260701-aaaaaaaaaaa", "20260701-aaaaaaaaa1", "20260701-AAAAAAAAAA", "20260230-aaaaaaaaaa", "20260701-aaaaaaaaaa/", "../60701-aaaaaaaaaa", "20260701-aaaaaaaaaa\n"} {
		if ValidSimulationID(id) {
			t.Errorf("%q passed", id)
		}
	}
}

func TestPaths(t *testing.T) {
	const sim = "20260701-abcdefgh23"
	path := ResultPath(sim, "v0001.r2", 3)
	if path != "simulation_id=20260701-abcdefgh23/variant_id=v0001.r2/attempt=3.parquet" {
		t.Error(path)
	}
	s, v, n, ok := ParseResultPath(path)
	if s != sim || v != "v0001.r2" || n != 3 || !ok {
		t.Error(s, v, n, ok)
	}
	if StartedPath(sim, "baseline", 1) != "simulation_id="+sim+"/_started/baseline.1" || PlanPath(sim) != "simulation_id="+sim+"/_plan.json" || AttemptPath(sim, 2) != "simulation_id="+sim+"/_attempts/2" {
		t.Error(StartedPath(sim, "baseline", 1), PlanPath(sim), AttemptPath(sim, 2))
	}
	if v, n, ok := ParseStartedName("v0001.r2.13"); v != "v0001.r2" || n != 13 || !ok {
		t.Error(v, n, ok)
	}
	for _, bad := range []string{"", path + "x", "/" + path, strings.Replace(path, "3", "03", 1), strings.Replace(path, "=3", "=0", 1), strings.Replace(path, "=3", "=+3", 1),
		strings.Replace(path, "v0001.r2", "..", 1), strings.Replace(path, "v0001.r2", "v0001.r0", 1), strings.Replace(path, "parquet", "parquet.tmp", 1), "simulation_id=" + sim + "/_plan.json"} {
		if _, _, _, ok := ParseResultPath(bad); ok {
			t.Errorf("%q passed", bad)
		}
	}
	for _, bad := range []string{"", "baseline", "baseline.", "baseline.0", "v0001.r2", "x.1", "v0001.r2.1.tmp"} {
		if _, _, ok := ParseStartedName(bad); ok {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestCounting(t *testing.T) {
	for rows, want := range map[string]int{"": -1, "f1": 0, "f1 f3 f2": 1, "f1 s4 f9": 1, "s3 s2 f1": 1, "s2 s3": 0} {
		got := Counting(strings.Fields(rows), func(row string) (int64, string) {
			status := map[byte]string{'f': StatusFailed, 's': StatusSucceeded}[row[0]]
			return int64(row[1] - '0'), status
		})
		if got != want {
			t.Errorf("%q: %d counts, want %d", rows, got, want)
		}
	}
}

func number(n int64) *int64 { return &n }

func text(s string) *string { return &s }

// consistent is a small variant whose figures were made up by hand to agree: 10 slots of 4 users,
// 6 filled; campaign a won 4 (3 of user 1, 1 of user 2), b won 2 (1 of user 1, 1 unidentified).
func consistent() (*Metrics, *Scenario) {
	universe := int64(100)
	sc := &Scenario{Campaigns: []Campaign{
		{ID: "a", Advertiser: "x", Priority: 12, Enabled: true, Goal: number(5)}, {ID: "off"}, {ID: "b", Priority: 3, Enabled: true}},
		Report: Report{Losses: true, Contention: true, Groups: []string{"advertiser"}, Breakdowns: []string{"country", "day"}, Universe: &universe}}
	none := func() *int64 { return number(0) }
	m := &Metrics{Slots: 10, Filled: 6, UnfilledNoCampaignTargeted: 3, UnfilledPaced: 1, RevenueNanos: 60, Users: 4, Reach: 2,
		IdentifiedImpressions: 5, SampledShare: 1, Goals: 1, GoalsMet: 1, GoalShortfall: 2, FrequencyDistribution: []FrequencyUsers{{1, 1}, {4, 1}},
		Campaigns: []CampaignResult{
			{CampaignID: "a", Advertiser: text("x"), Priority: 12, Impressions: 4, SpendNanos: 40, Reach: 2, IdentifiedImpressions: 4,
				FrequencyDistribution: []FrequencyUsers{{1, 1}, {3, 1}}, Delivered: 5, Expected: number(6), FirstImpression: number(1), LastImpression: number(9), Goal: number(5),
				Matched: number(7), MatchedUsers: number(3), LostFloor: none(), LostIdentity: none(), AfterGoal: number(1), LostBudget: none(), LostPacing: number(1), LostFrequency: none(), LostSeparation: none(), Outbid: number(1),
				Contention: []Contender{{"b", 1}}},
			{CampaignID: "b", Priority: 3, Impressions: 2, SpendNanos: 20, Reach: 1, IdentifiedImpressions: 1, FrequencyDistribution: []FrequencyUsers{{1, 1}}, Delivered: 2, FirstImpression: number(2), LastImpression: number(2),
				Matched: number(2), MatchedUsers: number(1), LostFloor: none(), LostIdentity: none(), AfterGoal: none(), LostBudget: none(), LostPacing: none(), LostFrequency: none(), LostSeparation: none(), Outbid: none()}},
		Groups: []GroupResult{
			{Group: "advertiser", Impressions: 2, SpendNanos: 20, IdentifiedImpressions: 1, Reach: 1, FrequencyDistribution: []FrequencyUsers{{1, 1}}},
			{Group: "advertiser", Value: text("x"), Impressions: 4, SpendNanos: 40, IdentifiedImpressions: 4, Reach: 2, FrequencyDistribution: []FrequencyUsers{{1, 1}, {3, 1}}}},
		Breakdowns: []BreakdownResult{
			{Dimension: "country", Slots: 4, Filled: 2, RevenueNanos: 20, Users: 2, Reach: 1, IdentifiedImpressions: 2},
			{Dimension: "country", Value: text("US"), Slots: 6, Filled: 4, RevenueNanos: 40, Users: 2, Reach: 1, IdentifiedImpressions: 3},
			{Dimension: "day", Value: text("2026-07-01"), Slots: 10, Filled: 6, RevenueNanos: 60, Users: 4, Reach: 2, IdentifiedImpressions: 5}},
	}
	m.Derive(sc.Report)
	return m, sc
}

func TestCheckMetrics(t *testing.T) {
	m, sc := consistent()
	if err := CheckMetrics(m, sc); err != nil {
		t.Fatal(err)
	}
	for want, breakIt := range map[string]func(m *Metrics, sc *Scenario){
		"the sum of unfilled reasons is 5":          func(m *Metrics, _ *Scenario) { m.UnfilledPaced++ },
		"filled is 6, but the sum of campaign":      func(m *Metrics, _ *Scenario) { m.Campaigns[1].Impressions++ },
		"revenue_nanos is 60, but the sum":          func(m *Metrics, _ *Scenario) { m.Campaigns[0].SpendNanos-- },
		"reach is 5":                                func(m *Metrics, _ *Scenario) { m.Reach = 5 },
		"the users of frequency_distribution":       func(m *Metrics, _ *Scenario) { m.FrequencyDistribution[0].Users++ },
		"the impressions of frequency_distribution": func(m *Metrics, _ *Scenario) { m.FrequencyDistribution[1].Frequency++ },
		"campaign a: delivered is 6, goal 5":        func(m *Metrics, _ *Scenario) { m.Campaigns[0].Delivered = 6 },
		"campaign a: spent 45 nanos, budget 44, before 5": func(m *Metrics, _ *Scenario) {
			b := Nanos(44)
			m.Campaigns[0].Budget, m.Campaigns[0].SpentBefore = &b, 5
		},
		"campaign a: matched is 8":                                    func(m *Metrics, _ *Scenario) { *m.Campaigns[0].Matched++ },
		"counts of losses must be there":                              func(_ *Metrics, sc *Scenario) { sc.Report.Losses = false },
		"contenders won 2 slots":                                      func(m *Metrics, _ *Scenario) { m.Campaigns[0].Contention[0].Slots = 2 },
		"group advertiser \"x\": spend_nanos":                         func(m *Metrics, _ *Scenario) { m.Groups[1].SpendNanos++ },
		"groups: entries of advertiser and advertiser":                func(m *Metrics, _ *Scenario) { m.Groups[0], m.Groups[1] = m.Groups[1], m.Groups[0] },
		"breakdown country: its slots sum to 9":                       func(m *Metrics, _ *Scenario) { m.Breakdowns[1].Slots-- },
		"breakdown day: its revenue_nanos sum to 59":                  func(m *Metrics, _ *Scenario) { m.Breakdowns[2].RevenueNanos-- },
		"a ratio of the totals":                                       func(m *Metrics, _ *Scenario) { *m.FillRate = 0.7 },
		"the number of campaigns is 2, but that of enabled ones is 3": func(_ *Metrics, sc *Scenario) { sc.Campaigns[1].Enabled = true },
		"goals_met is 0, but":                                         func(m *Metrics, _ *Scenario) { m.GoalsMet = 0 },
		"goal_shortfall is 3, but":                                    func(m *Metrics, _ *Scenario) { m.GoalShortfall = 3 },
		"sampled_share is 0.5 without a sample":                       func(m *Metrics, _ *Scenario) { m.SampledShare = 0.5 },
		"first impression after last":                                 func(m *Metrics, _ *Scenario) { *m.Campaigns[0].FirstImpression = 10 },
		"campaign a stands where z should":                            func(_ *Metrics, sc *Scenario) { sc.Campaigns[0].ID = "z" },
	} {
		m, sc := consistent()
		breakIt(m, sc)
		if err := CheckMetrics(m, sc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

// What was there before may exceed goal and budget, as long as nothing is added to it.
func TestCheckMetricsBefore(t *testing.T) {
	m, sc := consistent()
	c := &m.Campaigns[1]
	budget := Nanos(10)
	c.Budget, c.SpentBefore, c.SpendNanos = &budget, 30, 0
	m.Campaigns[0].SpendNanos, m.Groups[0].SpendNanos, m.Groups[1].SpendNanos = 60, 0, 60
	if err := CheckMetrics(m, sc); err != nil {
		t.Error(err)
	}
	c.SpentBefore = 5
	c.SpendNanos = 6
	if err := CheckMetrics(m, sc); err == nil || !strings.Contains(err.Error(), "campaign b: spent 11 nanos, budget 10, before 5") {
		t.Error(err)
	}
}

func TestMatchCampaignAndGroups(t *testing.T) {
	c := &Campaign{ID: "a", Advertiser: "acme", Priority: 8, Pricing: PricingFixed, Labels: map[string]string{"team": "7", "empty": ""}}
	for expression, want := range map[string]bool{
		"{}": true, "{id: a}": true, "{id: [b, a]}": true, "{name: ''}": false, "{not: {name: x}}": true, "{priority: 8}": true, "{priority: ['8']}": true, "{priority: 08}": true,
		"{pricing: fixed, advertiser: acme}": true, "{pricing: auction, advertiser: acme}": false, "{labels.team: 7}": true, "{labels.empty: ''}": false, "{labels.none: x}": false,
		"{any: []}": false, "{all: []}": true, "{any: [{id: b}, {advertiser: acme}]}": true, "{not: {any: [{id: b}, {advertiser: acme}]}}": false, "{id: a, not: {category: x}}": true,
	} {
		root, problem := parseDocument("", []byte(expression))
		if problem != nil {
			t.Fatal(problem)
		}
		r := &reader{}
		e, ok := r.selection(root, "where")
		if !ok {
			t.Fatal(expression, r.problems)
		}
		if MatchCampaign(e, c) != want || len(selected(e, []Campaign{*c})) == 1 != want {
			t.Errorf("%s: %t", expression, !want)
		}
	}
	for key, want := range map[string]string{"advertiser": "acme", "category": "<nil>", "priority": "8", "labels.team": "7", "labels.empty": "<nil>", "labels.x": "<nil>"} {
		got := "<nil>"
		if v := GroupValue(key, c); v != nil {
			got = *v
		}
		if got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestCheckAgainst(t *testing.T) {
	catalog := Catalog{Slots: 1_000_000, MaxFloor: 5_000_000, Dimensions: map[string]DimensionInfo{"country": {Values: []string{"CA", "US"}}, "segments": {Multi: true, Values: []string{"auto"}}}}
	c := parse(t, `inventory: s
campaigns:
  - {id: a, bid_cpm: 1, targeting: {contry: [US], country: [US, UK]}}
  - {id: b, bid_cpm: 1, bid_adjustments: [{when: {segment: [auto]}, multiply: 2}]}
report: {breakdowns: [day]}
parameters: {bid: {edit: campaigns.bid_cpm, op: multiply}, f: {edit: slots.floor_cpm}, w: {edit: slots.where}}
sweep: {list: [{bid: 9223372}, {bid: 9223373}, {f: 9e12}, {w: {planet: earth}}]}
`)
	variants, problems := c.Expand()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, p := range c.CheckAgainst(catalog, variants) {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, strings.TrimPrefix(p.String(), p.Position.File)))
	}
	for _, want := range []string{"the snapshot has no dimension `contry`; did you mean `country`?", "warning: the value `UK` of `country` never occurs", "no dimension `segment`; did you mean `segments`?",
		"no dimension `planet`", "no dimension `day`"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("no message %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// The largest factor that fits, worked out by hand: without adjustments a bid of 1,000,000 micros
// times f, on 1,000,000 slots once each, must stay below 2^63 = 9,223,372,036,854,775,808 nanos:
// f = 9223372 does, f = 9223373 does not. With a replicate there may be twelve copies: f = 768614
// gives 9.223368e18, f = 768615 gives 9.22338e18.
func TestMoneyBound(t *testing.T) {
	catalog := Catalog{Slots: 1_000_000}
	for _, c := range []struct {
		factor, replicates int64
		fits               bool
	}{{9223372, 1, true}, {9223373, 1, false}, {768614, 2, true}, {768615, 2, false}} {
		config := parse(t, oneCampaign+fmt.Sprintf("parameters: {f: {edit: campaigns.bid_cpm, op: multiply}}\nsweep: {list: [{f: %d}], replicates: %d}\n", c.factor, c.replicates))
		variants, _ := config.Expand()
		problems := config.CheckAgainst(catalog, variants)
		if (problems.Err() == nil) != c.fits || len(problems) > 1 {
			t.Errorf("factor %d, %d replicates: %v", c.factor, c.replicates, problems)
		}
	}
}

func TestBreakdownAndRowLimits(t *testing.T) {
	values := make([]string, MaxBreakdownValues+1)
	for i := range values {
		values[i] = fmt.Sprintf("%05d", i)
	}
	c := parse(t, oneCampaign+"report: {breakdowns: [country, url]}\n")
	catalog := Catalog{Slots: 1, Dimensions: map[string]DimensionInfo{"country": {Values: values}, "url": {Values: []string{strings.Repeat("x", MaxResultBytes)}}}}
	variants, _ := c.Expand()
	problems := c.CheckAgainst(catalog, variants)
	if len(problems) != 2 || problems[0].Line != 3 || !strings.Contains(problems[0].Message, "has 10001 values; a breakdown has at most 10000") ||
		!strings.Contains(problems[1].Message, "a result row would hold about 17 MiB; the limit is 16 MiB") {
		t.Error(problems)
	}
}

func TestRoundingOfMoney(t *testing.T) {
	for text, want := range map[string]CPM{"0.0000005": 0, "0.0000015": 2, "0.0000025": 2, "0.000002500000001": 3, "1": 1_000_000, "9223372036854.775807": 1<<63 - 1} {
		if got, ok := ToCPM(decimal.RequireFromString(text)); got != want || !ok {
			t.Errorf("%s is %d micros, want %d", text, got, want)
		}
	}
	if _, ok := ToCPM(decimal.RequireFromString("9223372036854.7758075")); ok {
		t.Error("2^63 fits an int64")
	}
}

// A list of the largest size is read in a time that nobody minds.
func TestTenThousandCampaigns(t *testing.T) {
	var b strings.Builder
	for i := range MaxCampaigns {
		fmt.Fprintf(&b, "- id: c%05d\n  advertiser: adv%d\n  bid_cpm: 3.25\n  goal: 100000\n  start: 2026-07-01\n  end: 2026-08-01\n  targeting: {country: [US, CA], device_type: mobile}\n  frequency_caps: [{impressions: 3, per: day}]\n", i, i%100)
	}
	campaigns, problems := ParseCampaigns("c.yaml", []byte(b.String()), time.UTC)
	if len(problems) > 0 || len(campaigns) != MaxCampaigns || campaigns[9999].ID != "c09999" {
		t.Fatal(len(campaigns), problems)
	}
	fmt.Fprintf(&b, "- {id: one-more, bid_cpm: 1}\n")
	if _, problems = ParseCampaigns("c.yaml", []byte(b.String()), time.UTC); len(problems) != 1 || !strings.Contains(problems[0].Message, "10001 campaigns; the limit is 10000") {
		t.Error(problems)
	}
}

func BenchmarkParseTenThousandCampaigns(b *testing.B) {
	text := []byte(strings.Repeat("- {id: a, bid_cpm: 3.25, goal: 100000, start: 2026-07-01, targeting: {country: [US, CA]}, frequency_caps: [{impressions: 3, per: day}]}\n", MaxCampaigns))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		ParseCampaigns("c.yaml", text, time.UTC)
	}
}
