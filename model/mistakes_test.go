package model

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every mistake of testdata/mistakes.yaml is reported in one go, at the place where it stands. The
// places were read off the file by hand.
func TestMistakes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "mistakes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2:1 nam: unknown key `nam`; did you mean `name`?",
		"3:16 labels.a: duplicate key `a`",
		"4:11 currency: null is not allowed",
		"6:11 timezone: expected an IANA time zone",
		"7:8 shift: expected whole days such as 364d",
		"8:7 seed: must be a whole number of at least 0",
		"10:12 policy.auction: expected one of first_price, second_price, found `second-price`; did you mean `second_price`?",
		"13:12 report.groups[0]: expected advertiser, category, priority or labels.<key>, found `advertisers`; did you mean `advertiser`?",
		"14:13 report.universe: expected a whole number, found 1.5",
		"16:22 campaigns[0].bid_cpm: expected a number, found the text `2`; drop the quotes",
		"17:5 campaigns[1].id: the id `a` is taken by the campaign in line 16",
		"17:22 campaigns[1].bid_cpm: a CPM has at most 9 digits after the point",
		"20:5 campaigns[2].frequency_cap: unknown key `frequency_cap`; did you mean `frequency_caps`?",
		"23:23 campaigns[2].frequency_caps[1].impressions: must be a whole number of at least 1",
		"23:31 campaigns[2].frequency_caps[1].per: expected one of minute, hour, day, week, month, lifetime, found `fortnight`",
		"25:10 campaigns[2].end: start must be before end",
		"27:16 campaigns[2].targeting.country: a list of values must not be empty",
		"28:12 campaigns[2].targeting.not: expected an expression (a map), found a list",
		"30:15 parameters.bid.edit: unknown edit `campaigns.bid_cmp`; did you mean `campaigns.bid_cpm`?",
		"31:49 parameters.cap.op: campaigns.frequency_caps.day does not take add, only set",
		"33:10 sweep.grid.cup: `cup` is no parameter of this study; did you mean `cap`?",
		"34:15 sweep.replicates: must be a whole number from 1 to 1000, found 0",
		"35:22 execution.retries: expected a number, found `many`",
	}
	_, problems := ParseConfig("m.yaml", text)
	var got []string
	for _, p := range problems {
		s := fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Path, p.Message)
		if p.Suggestion != "" {
			s += "; " + p.Suggestion
		}
		got = append(got, s)
	}
	for i := range got { // the beginning of a message is enough
		if i < len(want) && strings.HasPrefix(got[i], want[i]) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(problems) < 20 || problems.Err() == nil {
		t.Errorf("%d problems", len(problems))
	}
}

// One mistake each in an otherwise valid document: where it is and what the message says.
func TestOneMistake(t *testing.T) {
	const head = "inventory: s.parquet\ncampaigns: [{id: a, bid_cpm: 1}]\n"
	for _, c := range []struct{ name, document, want string }{
		{"empty", "", "1:1: the document is empty"},
		{"not a map", "- 1\n", "1:1: expected a map, found a list"},
		{"required", "name: x\n", "1:1: `inventory` is required\n1:1: `campaigns` is required"},
		{"syntax", "a: [1\n", "1:1: invalid YAML"},
		{"syntax of a list", "a: [1\nb: {", "2:1: invalid YAML: did not find expected ',' or ']'"},
		{"syntax of a list further on", "name: x\ninventory: s\n  campaigns: [{id: a}\nseed: 3\n", "3:3: invalid YAML: mapping values"},
		{"syntax of a list that begins further on", "name: x\ninventory: s\ncampaigns: [{id: a}\nseed: 3\n", "3:1: invalid YAML: did not find expected ',' or ']'"},
		{"currency", head + "currency: dollars\n", "3:11: currency: expected the three capital letters of a currency (ISO 4217), such as USD, found `dollars`"},
		{"no campaigns", "inventory: s\ncampaigns: []\n", "2:12: campaigns: warning: there are no campaigns: nothing can be sold"},
		{"half an edit", head + "parameters: {p: {edit: campaigns.bid}}\n", "3:24: parameters.p.edit: unknown edit `campaigns.bid`; did you mean `campaigns.bid_cpm`?"},
		{"JSON duplicates", `{"inventory":"s","campaigns":[{"id":"a","id":"b","bid_cpm":1,"targeting":{"c":"x","c":"y"}}]}`,
			"1:41: campaigns[0].id: duplicate key `id`; keep one of them\n1:83: campaigns[0].targeting.c: duplicate key `c`; keep one of them"},
		{"JSON syntax", "{\"inventory\": \"x\",\n  \"campaigns\": [}", "2:17: invalid JSON"},
		{"JSON position", "{\"inventory\": \"x\",\n \"campaigns\": \"c\",\n \"sede\": 1}", "3:2: sede: unknown key `sede`; did you mean `seed`?"},
		{"JSON duplicate", "{\"inventory\": \"x\", \"inventory\": \"y\", \"campaigns\": \"c\"}", "1:20: inventory: duplicate key `inventory`"},
		{"two documents", head + "---\n" + head, "a second document begins"},
		{"merge key", head + "policy: {<<: {auction: first_price}}\n", "3:10: merge keys"},
		{"cycle", head + "labels: &a {b: *a}\n", "3:16: the value of `&a` contains itself"},
		{"unknown alias", head + "labels: *a\n", "3:9: invalid YAML: unknown anchor 'a'"},
		{"tag", head + "name: !!binary aa\n", "3:7: the tag `!!binary` is not known"},
		{"infinite", "inventory: s\ncampaigns: [{id: a, bid_cpm: .inf}]\n", "2:30: campaigns[0].bid_cpm: expected a finite number, found .inf"},
		{"huge exponent", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1e999999999}]\n", "2:30: campaigns[0].bid_cpm: the number `1e999999999` is too long"},
		{"CPM overflow", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1e13}]\n", "2:30: campaigns[0].bid_cpm: a CPM must be below 2^63 micros"},
		{"budget overflow", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, budget: 9223372036.854775808}]\n", "2:41: campaigns[0].budget: an amount must be below 2^63 nanos"},
		{"seed overflow", head + "seed: 9223372036854775808\n", "3:7: seed: must be a whole number of at least 0 (and below 2^63)"},
		{"null in a list", head + "report: {breakdowns: [country, null]}\n", "3:32: report.breakdowns[1]: null is not allowed"},
		{"empty value", head + "name:\n", "name: null is not allowed"},
		{"lifetime units", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, frequency_caps: {impressions: 1, per: lifetime, units: 2}}]\n", "2:88: campaigns[0].frequency_caps.units: a lifetime cap has no units"},
		{"cap twice", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, frequency_caps: [{impressions: 1, per: day}, {impressions: 2, per: day, units: 1}]}]\n", "2:78: campaigns[0].frequency_caps[1]: there is a cap per 1 day already"},
		{"pacing", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, pacing: even}]\n", "2:41: campaigns[0].pacing: pacing even needs a goal or a budget"},
		{"spread", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, bid_spread: [1]}]\n", "2:45: campaigns[0].bid_spread: a bid spread has 2 to 64 factors, found 1"},
		{"adjustments", "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, bid_adjustments: [{when: {}, multiply: -1}]}]\n", "2:72: campaigns[0].bid_adjustments[0].multiply: must be at least 0, found -1"},
		{"cap groups", head + "cap_groups: [{name: g, frequency_caps: {impressions: 1, per: day}}, {name: g, frequency_caps: {impressions: 1, per: day}}]\n", "3:76: cap_groups[1].name: there is a cap group `g` already"},
		{"where field", head + "parameters: {p: {edit: campaigns.goal, where: {advertizer: x}}}\n", "3:48: parameters.p.where.advertizer: unknown campaign field `advertizer`; did you mean `advertiser`?"},
		{"where selects none", head + "parameters: {p: {edit: campaigns.goal, where: {advertiser: x}}}\n", "3:48: parameters.p.where.advertiser: the edit of parameter `p` selects no campaign"},
		{"where on policy", head + "parameters: {p: {edit: policy.within_priority, where: {id: a}}}\n", "3:55: parameters.p.where: policy.within_priority takes no where"},
		{"none", head + "parameters: {p: {edit: campaigns.priority}}\nbaseline: {p: none}\n", "4:15: baseline.p: set of campaigns.priority takes no `none`"},
		{"none to multiply", head + "parameters: {p: {edit: campaigns.budget, op: multiply}}\nbaseline: {p: none}\n", "4:15: baseline.p: multiply of campaigns.budget takes no `none`"},
		{"null value", head + "parameters: {p: {edit: campaigns.budget}}\nbaseline: {p: ~}\n", "4:15: baseline.p: null is not allowed"},
		{"set below zero", head + "parameters: {p: {edit: slots.floor_cpm}}\nsweep: {grid: {p: [1, -1]}}\n", "4:23: sweep.grid.p[1]: must be at least 0, found -1"},
		{"traffic", head + "parameters: {p: {edit: slots.traffic}}\nsweep: {grid: {p: [10, 10.5]}}\n", "4:24: sweep.grid.p[1]: must be from 0 to 10 with at most 6 digits"},
		{"traffic digits", head + "parameters: {p: {edit: slots.traffic}}\nsweep: {grid: {p: [0.1234567]}}\n", "4:20: sweep.grid.p[0]: must be from 0 to 10 with at most 6 digits"},
		{"sample zero", head + "parameters: {p: {edit: slots.sample}}\nsweep: {grid: {p: [1, 0]}}\n", "4:23: sweep.grid.p[1]: must be from above 0 to 1"},
		{"two samples", head + "parameters: {p: {edit: slots.sample}, q: {edit: slots.sample}}\n", "3:39: parameters.q: at most one parameter can edit slots.sample"},
		{"goal", head + "parameters: {p: {edit: campaigns.goal}}\nsweep: {grid: {p: [1.5]}}\n", "4:20: sweep.grid.p[0]: expected a whole number, found 1.5"},
		{"op", head + "parameters: {p: {edit: campaigns.start, op: multiply}}\n", "3:45: parameters.p.op: campaigns.start does not take multiply, only set, add"},
		{"time", head + "parameters: {p: {edit: campaigns.start}}\nsweep: {grid: {p: [tomorrow]}}\n", "4:20: sweep.grid.p[0]: expected a time such as"},
		{"duration", head + "parameters: {p: {edit: campaigns.start, op: add}}\nsweep: {grid: {p: [1]}}\n", "4:20: sweep.grid.p[0]: expected a duration such as"},
		{"grid and list", head + "parameters: {p: {edit: campaigns.goal}}\nsweep: {grid: {p: 1}, list: [{p: 2}]}\n", "4:29: sweep.list: a sweep is one of grid, list and sample; there is grid already; keep one of them"},
		{"empty axis", head + "parameters: {p: {edit: campaigns.goal}}\nsweep: {grid: {p: []}}\n", "4:19: sweep.grid.p: a list of values must not be empty"},
		{"method", head + "parameters: {p: {edit: campaigns.goal}}\nsweep: {sample: {method: sobol, count: 1, ranges: {p: [1, 2]}}}\n", "4:26: sweep.sample.method: expected one of random, latin_hypercube, halton, found `sobol`"},
		{"interval", head + "parameters: {p: {edit: campaigns.goal}}\nsweep: {sample: {method: halton, count: 1, ranges: {p: [2, 1]}}}\n", "4:56: sweep.sample.ranges.p: low must not be above high, found [2, 1]"},
		{"log", head + "parameters: {p: {edit: campaigns.bid_cpm}}\nsweep: {sample: {method: halton, count: 1, ranges: {p: {log: [0, 1]}}}}\n", "4:63: sweep.sample.ranges.p.log[0]: a log range begins above 0, found 0"},
		{"caps want integers", head + "parameters: {p: {edit: campaigns.frequency_caps.day}}\nsweep: {sample: {method: halton, count: 1, ranges: {p: [1, 2]}}}\n", "4:56: sweep.sample.ranges.p: campaigns.frequency_caps.day takes whole numbers; write {integers: [low, high]}"},
		{"two ranges", head + "parameters: {p: {edit: campaigns.bid_cpm}}\nsweep: {sample: {method: halton, count: 1, ranges: {p: {log: [1, 2], integers: [1, 2]}}}}\n", "4:56: sweep.sample.ranges.p: expected exactly one of"},
		{"timeout", head + "execution: {variant_timeout: 0s}\n", "3:30: execution.variant_timeout: must be longer than 0"},
		{"runner", head + "execution: {runner: spark}\n", "3:21: execution.runner: expected one of direct, prism, flink, dataflow, found `spark`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := ParseConfig("", []byte(c.document))
			if text := problems.Error(); !strings.Contains(text, c.want) {
				t.Errorf("got %q\nwant %q", text, c.want)
			}
			if want := strings.Count(c.want, "\n") + 1; len(problems) != want {
				t.Errorf("%d problems, want %d: %v", len(problems), want, problems)
			}
		})
	}
}

// A configuration with mistakes goes on to the snapshot's checks: what is wrong there is found in the same go, and
// a part that can't be read does not hide the rest of it.
func TestMistakesDoNotHideOthers(t *testing.T) {
	c, problems := ParseConfig("s.yaml", []byte(`inventory: s
campaigns:
  - {id: a, bid_cpm: no, targeting: {contry: [US], country: []}}
  - {id: b, bid_cpm: 1, targeting: {no: {country: [US]}, al: [x]}}
report: {breakdowns: [device, 3: x, contry]}
parameters: {f: {edit: slots.floor_cpm, where: {cities: x, any: [[]]}}, q: {edit: nothing}}
baseline: {f: [], q: 3}
sweep: {grid: {f: [a]}, list: [{q: 1}]}
`))
	if c == nil || problems.Err() == nil {
		t.Fatal(c, problems)
	}
	if variants, _ := c.Expand(); len(variants) == 0 {
		t.Error("no variants")
	}
	var got []string
	for _, p := range c.CheckAgainst(Catalog{Slots: 1, Dimensions: map[string]DimensionInfo{"country": {Values: []string{"US"}}, "device": {}}}, nil) {
		got = append(got, fmt.Sprintf("%d:%d %s; %s", p.Line, p.Column, p.Message, p.Suggestion))
	}
	want := []string{
		"3:38 the snapshot has no dimension `contry`; did you mean `country`?",
		"4:37 the snapshot has no dimension `no`; did you mean `not`?",
		"4:58 the snapshot has no dimension `al`; did you mean `all`?",
		"6:49 the snapshot has no dimension `cities`; it has `country`, `device`",
		"5:37 the snapshot has no dimension `contry`; did you mean `country`?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What only the snapshot shows to be wrong has a place too.
func TestPlacesOfSnapshotMistakes(t *testing.T) {
	c := parse(t, `inventory: s
name: x
campaigns:
  - {id: a, bid_cpm: 1}
  - {id: b, bid_cpm: 9000000}
report: {groups: [advertiser]}
`)
	variants, _ := c.Expand()
	for _, test := range []struct {
		cat  Catalog
		want string
	}{
		{Catalog{}, "study.yaml:1:12: inventory: the snapshot has no slots"},
		{Catalog{Slots: 2_000_000}, "study.yaml:5:5: campaigns[1]: variant baseline: campaign `b`: an effective bid of up to 9000000000000 micros"},
	} {
		if got := c.CheckAgainst(test.cat, variants).Error(); !strings.HasPrefix(got, test.want) {
			t.Errorf("got %s\nwant %s", got, test.want)
		}
	}
	if c.InventoryPos.Line != 1 || c.CampaignsPos.Line != 4 || c.CampaignsPos.Column != 3 {
		t.Errorf("inventory at %v, campaigns at %v", c.InventoryPos, c.CampaignsPos)
	}
}

// A NUL is refused wherever it stands and however it is written, with its place; the texts beside it are not.
func TestNoNUL(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"m.yaml", "name: a\nlabels: {team: \"x\\0y\"}\n", "2:16"},
		{"m.yaml", "name: a\nlabels: {\"te\\x00am\": x}\n", "2:10"},
		{"m.yaml", "name: a\nlabels:\n  team: \"\\u0000\"\n", "3:9"},
		{"m.yaml", "campaigns: [{id: a, targeting: {country: [\"D\\0E\"]}}]\n", "1:43"},
		{"m.yaml", "name: a\nowner: b\x00\n", "2:9"},
		{"m.json", "{\"name\": \"a\",\n \"labels\": {\"team\": \"x\\u0000y\"}}", "2:21"},
		{"m.json", "{\"name\": \"a\",\n \"lab\\u0000els\": {}}", "2:2"},
	} {
		_, problems := ParseConfig(c.name, []byte(c.text))
		if len(problems) != 1 || fmt.Sprintf("%d:%d", problems[0].Line, problems[0].Column) != c.want {
			t.Errorf("%q: %v, want one problem at %s", c.text, problems, c.want)
		}
	}
	for _, text := range []string{`name: "x\\0y"`, `name: 'x\0y'`, "name: x\\0y"} { // a backslash and a zero
		if _, problems := ParseConfig("m.yaml", []byte(text)); strings.Contains(problems.Error(), "NUL") {
			t.Errorf("%q: %v", text, problems)
		}
	}
}
