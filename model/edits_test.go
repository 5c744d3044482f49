package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse reads a document that must be valid.
func parse(t *testing.T, document string) *Config {
	t.Helper()
	c, problems := ParseConfig("study.yaml", []byte(document))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// describe shows the fields of a campaign that edits can change.
func describe(c *Campaign) string {
	number := func(p *int64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	money := func(p *Nanos) string { return number((*int64)(p)) }
	instant := func(p *Instant) string {
		if p == nil {
			return "-"
		}
		return p.String()
	}
	return fmt.Sprintf("bid %d budget %s daily %s goal %s prio %d %s %s %t [%s, %s) caps %v targeting %s",
		c.BidCPM, money(c.Budget), money(c.DailyBudget), number(c.Goal), c.Priority, c.Pacing, c.Pricing, c.Enabled,
		instant(c.Start), instant(c.End), c.FrequencyCaps, c.Targeting.Canonical())
}

const editedCampaign = `{id: a, bid_cpm: 0.000005, budget: 0.000000003, goal: 3, start: 2026-07-01, end: 2026-07-31, targeting: {country: US},
  frequency_caps: [{impressions: 3, per: day}, {impressions: 9, per: day, units: 7}]}`

const asWritten = "bid 5 budget 3 daily - goal 3 prio 12 asap auction true [2026-07-01T00:00:00Z, 2026-07-31T00:00:00Z) caps [{3 day 1} {9 day 7}] " +
	`targeting {"country":["US"]}`

// Each edit of one campaign, with the field that changes worked out by hand. Halves go to even:
// 5·0.5 = 2.5 -> 2, 5·0.7 = 3.5 -> 4 micros; 3·0.5 = 1.5 -> 2 nanos and impressions.
func TestCampaignEdits(t *testing.T) {
	for _, c := range []struct{ edit, op, value, from, to string }{
		{"bid_cpm", "set", "1.0000005", "bid 5", "bid 1000000"},
		{"bid_cpm", "set", "1.0000015", "bid 5", "bid 1000002"},
		{"bid_cpm", "multiply", "0.5", "bid 5", "bid 2"},
		{"bid_cpm", "multiply", "0.7", "bid 5", "bid 4"},
		{"bid_cpm", "multiply", "-1", "bid 5", "bid 0"},
		{"bid_cpm", "add", "0.000001", "bid 5", "bid 6"},
		{"bid_cpm", "add", "-1", "bid 5", "bid 0"},
		{"budget", "set", "2", "budget 3", "budget 2000000000"},
		{"budget", "multiply", "0.5", "budget 3", "budget 2"},
		{"budget", "add", "-1", "budget 3", "budget 0"},
		{"budget", "set", "none", "budget 3", "budget -"},
		{"daily_budget", "set", "1", "daily -", "daily 1000000000"},
		{"daily_budget", "multiply", "2", "daily -", "daily -"},
		{"daily_budget", "add", "2", "daily -", "daily -"},
		{"goal", "set", "7", "goal 3", "goal 7"},
		{"goal", "multiply", "0.5", "goal 3", "goal 2"},
		{"goal", "multiply", "0", "goal 3", "goal 1"},
		{"goal", "add", "-5", "goal 3", "goal 1"},
		{"goal", "set", "none", "goal 3", "goal -"},
		{"priority", "set", "1", "prio 12", "prio 1"},
		{"pacing", "set", "even", "asap", "even"},
		{"pricing", "set", "fixed", "auction", "fixed"},
		{"enabled", "set", "false", "true [", "false ["},
		{"start", "set", "2026-07-02T12:00:00+02:00", "[2026-07-01T00:00:00Z", "[2026-07-02T10:00:00Z"},
		{"start", "add", "-24h", "[2026-07-01T00:00:00Z", "[2026-06-30T00:00:00Z"},
		{"start", "add", "-1ns", "[2026-07-01T00:00:00Z", "[2026-06-30T23:59:59.999999Z"},
		{"start", "set", "none", "[2026-07-01T00:00:00Z", "[-"},
		{"end", "add", "7d", "2026-07-31T00:00:00Z)", "2026-08-07T00:00:00Z)"},
		{"targeting", "set", "{device: [mobile, 1], not: {country: true}}", `{"country":["US"]}`,
			`{"device":["mobile","1"],"not":{"country":["true"]}}`},
		{"targeting", "set", "none", `{"country":["US"]}`, `{}`},
		{"frequency_caps.day", "set", "5", "[{3 day 1} {9 day 7}]", "[{5 day 1} {9 day 7}]"},
		{"frequency_caps.day", "set", "none", "[{3 day 1} {9 day 7}]", "[{9 day 7}]"},
		{"frequency_caps.week", "set", "5", "[{3 day 1} {9 day 7}]", "[{3 day 1} {9 day 7} {5 week 1}]"},
		{"frequency_caps.lifetime", "set", "none", "[{3 day 1} {9 day 7}]", "[{3 day 1} {9 day 7}]"},
	} {
		t.Run(c.edit+" "+c.op+" "+c.value, func(t *testing.T) {
			config := parse(t, "inventory: s\ncampaigns:\n- "+editedCampaign+"\n- {id: b, bid_cpm: 1}\n"+
				"parameters: {p: {edit: campaigns."+c.edit+", op: "+c.op+", where: {id: a}}}\nsweep: {list: [{p: "+c.value+"}]}\n")
			variants, problems := config.Expand()
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			untouched := describe(&config.Campaigns[1])
			s, err := config.Scenario(variants[1])
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(asWritten, c.from) {
				t.Fatalf("%q is not part of the campaign as written", c.from)
			}
			if diff := cmp.Diff(strings.Replace(asWritten, c.from, c.to, 1), describe(&s.Campaigns[0])); diff != "" {
				t.Error(diff)
			}
			if describe(&config.Campaigns[0]) != asWritten || describe(&s.Written[0]) != asWritten {
				t.Errorf("the edit reached the campaign as written: %s", describe(&config.Campaigns[0]))
			}
			if describe(&s.Campaigns[1]) != untouched {
				t.Errorf("the edit reached a campaign that it does not select")
			}
			baseline, err := config.Scenario(variants[0])
			if err != nil || describe(&baseline.Campaigns[0]) != asWritten {
				t.Errorf("baseline: %v, %v", describe(&baseline.Campaigns[0]), err)
			}
		})
	}
}

// Factors apply in the order of the parameters with one rounding each: 5·0.5 = 2.5 -> 2, 2·0.5 = 1,
// while 5·0.25 at once would be 1.25 -> 1; and 3 micros: 1.5 -> 2 -> 1, at once 0.75 -> 1. With 0.7
// and 0.5: 5·0.7 = 3.5 -> 4, 4·0.5 = 2; the other way round 2.5 -> 2, 1.4 -> 1.
func TestOneRoundingPerFactor(t *testing.T) {
	const campaigns = "inventory: s\ncampaigns: [{id: a, bid_cpm: 0.000005}]\n"
	for order, want := range map[string]CPM{"0.7 0.5": 2, "0.5 0.7": 1} {
		first, second, _ := strings.Cut(order, " ")
		c := parse(t, campaigns+"parameters: {x: {edit: campaigns.bid_cpm, op: multiply}, y: {edit: campaigns.bid_cpm, op: multiply}}\nbaseline: {y: "+second+", x: "+first+"}\n")
		variants, _ := c.Expand()
		s, err := c.Scenario(variants[0])
		if err != nil || s.Campaigns[0].BidCPM != want {
			t.Errorf("%s: %d, %v; want %d", order, s.Campaigns[0].BidCPM, err, want)
		}
	}
}

func TestPolicyAndSlotEdits(t *testing.T) {
	c, problems := ParseConfig("", []byte(`{"inventory": "s", "campaigns": [{"id": "a", "bid_cpm": 1}], "parameters": {
		"auction": {"edit": "policy.auction"}, "one": {"edit": "policy.one_per_request"},
		"need": {"edit": "policy.within_priority"}, "serve": {"edit": "policy.unidentified_users"},
		"f1": {"edit": "slots.floor_cpm", "op": "multiply"}, "w": {"edit": "slots.where"}, "f2": {"edit": "slots.floor_cpm", "op": "add", "where": {"country": "US"}},
		"t": {"edit": "slots.traffic", "where": {"country": ["US"]}}, "s": {"edit": "slots.sample"}},
		"baseline": {"auction": "second_price", "one": "none", "need": "need", "serve": "serve", "f1": 1.10, "f2": -0.5, "w": {"device": "tv"}, "t": 2.5, "s": 0.25}}`))
	// The auction's is the one problem, a warning.
	if len(problems) != 1 || !problems[0].Warning || problems[0].Path != "parameters.auction" {
		t.Fatal(problems)
	}
	variants, _ := c.Expand()
	s, err := c.Scenario(variants[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := (Policy{SecondPrice, ByNeed, SeparateNone, ServeUnknowns}); s.Policy != want || c.Policy != DefaultPolicy {
		t.Errorf("policy %v, as written %v", s.Policy, c.Policy)
	}
	e := s.Slots
	if len(e.Floors) != 2 || e.Floors[0].Op != OpMultiply || e.Floors[0].Value.String() != "1.1" || e.Floors[0].Where != nil ||
		e.Floors[1].Op != OpAdd || e.Floors[1].Value.String() != "-0.5" || e.Floors[1].Where.Dimension != "country" {
		t.Errorf("floors %+v", e.Floors)
	}
	if len(e.Where) != 1 || e.Where[0].Canonical() != `{"device":["tv"]}` {
		t.Errorf("where %+v", e.Where)
	}
	if len(e.Traffic) != 1 || e.Traffic[0].Factor.String() != "2.5" || e.Sample == nil || e.Sample.String() != "0.25" {
		t.Errorf("traffic %+v, sample %v", e.Traffic, e.Sample)
	}
	if got := variants[0].Values[4].Text; got != "1.1" {
		t.Errorf("1.10 is recorded as %q", got)
	}
}

// A plan stores variants as JSON; what comes back must give the same scenario.
func TestVariantsSurviveJSON(t *testing.T) {
	c := parse(t, "inventory: s\ncampaigns:\n- "+editedCampaign+`
parameters: {t: {edit: campaigns.targeting}, s: {edit: campaigns.start}, b: {edit: campaigns.bid_cpm, op: multiply}, g: {edit: campaigns.goal}}
sweep: {list: [{t: {country: [CA]}, s: 2026-07-02, b: 0.1, g: none}, {b: 0}]}
`)
	variants, _ := c.Expand()
	for _, v := range variants {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back Variant
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		a, errA := c.Scenario(v)
		b, errB := c.Scenario(back)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if describe(&a.Campaigns[0]) != describe(&b.Campaigns[0]) || fmt.Sprint(texts(v)) != fmt.Sprint(texts(back)) {
			t.Errorf("%s became another variant: %s", v.ID, text)
		}
	}
}

func texts(v Variant) []string {
	out := make([]string, len(v.Values))
	for i, value := range v.Values {
		out[i] = string(value.Kind) + ":" + value.Text
	}
	return out
}

func TestEditsOnlyAnEditCanBreak(t *testing.T) {
	c := parse(t, "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, goal: 5, pacing: even, start: 2026-07-01, end: 2026-07-03}]\n"+
		"parameters: {g: {edit: campaigns.goal}, e: {edit: campaigns.end, op: add}}\n"+
		"sweep: {list: [{g: 4}, {g: none}, {e: -24h}, {e: -48h}]}\n")
	_, problems := c.Expand()
	want := []string{
		"study.yaml:4:20: sweep.list[0].g: variant v0002: campaign `a`: pacing even needs a goal or a budget",
		"study.yaml:4:39: sweep.list[2].e: variant v0004: campaign `a`: start must be before end, found 2026-07-01T00:00:00Z and 2026-07-01T00:00:00Z",
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if !slices.Equal(want, got) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
