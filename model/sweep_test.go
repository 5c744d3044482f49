package model

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

const oneCampaign = "inventory: s\ncampaigns: [{id: a, bid_cpm: 1}]\n"

// Ids, order and values of a list with replicates: what a point leaves out has the baseline's value.
func TestExpandList(t *testing.T) {
	c := parse(t, oneCampaign+"parameters: {x: {edit: campaigns.bid_cpm}, y: {edit: campaigns.goal}}\nbaseline: {x: 1.50}\n"+
		"sweep: {list: [{y: 2}, {x: 3, y: none}], replicates: 2}\n")
	variants, problems := c.Expand()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, v := range variants {
		got = append(got, fmt.Sprintf("%s %s %d %v", v.ID, v.Point, v.Replicate, texts(v)))
	}
	want := `baseline baseline 0 [number:1.5 :]
baseline.r1 baseline 1 [number:1.5 :]
v0001 v0001 0 [number:1.5 number:2]
v0001.r1 v0001 1 [number:1.5 number:2]
v0002 v0002 0 [number:3 none:none]
v0002.r1 v0002 1 [number:3 none:none]`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	for _, v := range variants {
		if !ValidVariantID(v.ID) {
			t.Errorf("%s is no valid id", v.ID)
		}
	}
}

// A grid is counted before it is expanded: 32 axes of 100 values are 10^64 points.
func TestGridIsCountedFirst(t *testing.T) {
	var parameters, grid strings.Builder
	values := strings.TrimSuffix(strings.Repeat("1, ", 100), ", ")
	for i := range 32 {
		fmt.Fprintf(&parameters, "  p%d: {edit: slots.floor_cpm}\n", i)
		fmt.Fprintf(&grid, "    p%d: [%s]\n", i, values)
	}
	_, problems := ParseConfig("", []byte(oneCampaign+"parameters:\n"+parameters.String()+"sweep:\n  replicates: 3\n  grid:\n"+grid.String()))
	want := "the sweep asks for 1" + strings.Repeat("0", 64) + " variants times 3 replicates, 3" + strings.Repeat("0", 64) + " in all; the limit is 1000"
	if len(problems) != 1 || !strings.Contains(problems[0].Message, want) {
		t.Errorf("got %v\nwant %s", problems, want)
	}
}

// The limit is 1,000 without the baseline, replicates counted.
func TestVariantLimit(t *testing.T) {
	for document, want := range map[string]int{
		"sweep: {sample: {method: random, count: 1000, ranges: {p: [0, 1]}}}":               1001,
		"sweep: {sample: {method: random, count: 1001, ranges: {p: [0, 1]}}}":               0,
		"sweep: {sample: {method: halton, count: 500, ranges: {p: [0, 1]}}, replicates: 2}": 1002,
		"sweep: {sample: {method: halton, count: 501, ranges: {p: [0, 1]}}, replicates: 2}": 0,
		"sweep: {replicates: 1000}": 1000,
	} {
		c, problems := ParseConfig("", []byte(oneCampaign+"parameters: {p: {edit: slots.floor_cpm}}\n"+document))
		if want == 0 {
			if problems.Err() == nil {
				t.Errorf("%s passed", document)
			}
			continue
		}
		if variants, problems := c.Expand(); len(problems) > 0 || len(variants) != want {
			t.Errorf("%s: %d variants, want %d: %v", document, len(variants), want, problems)
		}
	}
}

func sampled(t *testing.T, method string, count int, seed string) []Variant {
	t.Helper()
	c := parse(t, oneCampaign+`parameters: {u: {edit: campaigns.bid_cpm}, l: {edit: slots.floor_cpm}, i: {edit: campaigns.frequency_caps.day}, c: {edit: campaigns.pricing}}
sweep: {sample: {method: `+method+fmt.Sprintf(`, count: %d, seed: %s, ranges: {c: {choice: [auction, fixed]}, i: {integers: [1, 10]}, u: [0.5, 2.0], l: {log: [0.5, 4]}}}}`, count, seed))
	variants, problems := c.Expand()
	if len(problems) > 0 || len(variants) != count+1 {
		t.Fatal(len(variants), problems)
	}
	return variants[1:]
}

// Every method keeps to the ranges and 6 decimals, gives the same points for the same seed and
// others for another one.
func TestSampleProperties(t *testing.T) {
	for _, method := range []string{"random", "latin_hypercube", "halton"} {
		a, b, other := sampled(t, method, 100, "7"), sampled(t, method, 100, "7"), sampled(t, method, 100, "8")
		differ := false
		for k := range a {
			if fmt.Sprint(texts(a[k])) != fmt.Sprint(texts(b[k])) {
				t.Fatalf("%s: point %d differs between equal seeds", method, k)
			}
			differ = differ || fmt.Sprint(texts(a[k])) != fmt.Sprint(texts(other[k]))
			for j, limits := range [][2]string{{"0.5", "2"}, {"0.5", "4"}, {"1", "10"}} {
				v := a[k].Values[j].Number
				if v.LessThan(decimal.RequireFromString(limits[0])) || v.GreaterThan(decimal.RequireFromString(limits[1])) || fractionDigits(v) > 6 || j == 2 && !v.IsInteger() {
					t.Errorf("%s: point %d has %s in dimension %d", method, k, v, j)
				}
			}
		}
		if !differ {
			t.Errorf("%s ignores its seed", method)
		}
	}
}

// What makes a Latin hypercube: of n points exactly one falls into each n-th of every range, and of
// 100 integers from 1 to 10 each comes ten times.
func TestLatinHypercubeStrata(t *testing.T) {
	const n = 100
	strata, integers := map[int64]int{}, map[int64]int{}
	for _, v := range sampled(t, "latin_hypercube", n, "3") {
		// (u - 0.5) / 1.5 · n
		strata[v.Values[0].Number.Sub(decimal.RequireFromString("0.5")).Mul(decimal.NewFromInt(n)).Div(decimal.RequireFromString("1.5")).IntPart()]++
		integers[v.Values[2].Number.IntPart()]++
	}
	if len(strata) != n || len(integers) != 10 {
		t.Errorf("%d strata of %d, %d integers of 10", len(strata), n, len(integers))
	}
	for i, count := range integers {
		if count != n/10 {
			t.Errorf("%d comes %d times", i, count)
		}
	}
}

// Draws at known units, worked out by hand.
func TestDraw(t *testing.T) {
	d := decimal.RequireFromString
	for _, c := range []struct {
		r    Range
		unit float64
		want string
	}{
		{Range{Kind: RangeUniform, Low: d("0.5"), High: d("2")}, 0.5, "1.25"},
		{Range{Kind: RangeUniform, Low: d("0"), High: d("1")}, 1.0 / 3, "0.333333"},
		{Range{Kind: RangeUniform, Low: d("0"), High: d("0.000003")}, 0.5, "0.000002"}, // 1.5 micros, half to even
		{Range{Kind: RangeUniform, Low: d("0"), High: d("1")}, 1, "1"},                 // the largest unit below 1, rounded
		{Range{Kind: RangeLog, Low: d("0.5"), High: d("2")}, 0.5, "1"},
		{Range{Kind: RangeLog, Low: d("1"), High: d("1000")}, 1.0 / 3, "10"},
		{Range{Kind: RangeIntegers, Low: d("1"), High: d("10")}, 0, "1"},
		{Range{Kind: RangeIntegers, Low: d("1"), High: d("10")}, 0.11, "2"},
		{Range{Kind: RangeIntegers, Low: d("1"), High: d("10")}, 1, "10"},
		{Range{Kind: RangeIntegers, Low: d("-2"), High: d("2")}, 0.5, "0"},
		{Range{Kind: RangeChoice, Choice: []Value{{Text: "a"}, {Text: "b"}}}, 0.49, "a"},
		{Range{Kind: RangeChoice, Choice: []Value{{Text: "a"}, {Text: "b"}}}, 0.5, "b"},
		{Range{Kind: RangeChoice, Choice: []Value{{Text: "a"}, {Text: "b"}}}, 1, "b"},
	} {
		if got := c.r.draw(c.unit).Text; got != c.want {
			t.Errorf("%s [%s, %s] at %v: %s, want %s", c.r.Kind, c.r.Low, c.r.High, c.unit, got, c.want)
		}
	}
}

// Local times: New York leaves out 02:00-03:00 on 2026-03-08 and repeats 01:00-02:00 on 2026-11-01.
func TestParseInstant(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-07-01":                     "2026-07-01T04:00:00Z",
		"2026-07-01T18:30":               "2026-07-01T22:30:00Z",
		"2026-07-01 18:30:01":            "2026-07-01T22:30:01Z",
		"2026-07-01T18:30:00Z":           "2026-07-01T18:30:00Z",
		"2026-07-01t18:30z":              "2026-07-01T18:30:00Z",
		"2026-07-01T18:30:00+05:30":      "2026-07-01T13:00:00Z",
		"1969-12-31T23:59:59.9999999Z":   "1969-12-31T23:59:59.999999Z", // floored, before the epoch too
		"1969-12-31T23:59:59.9999991Z":   "1969-12-31T23:59:59.999999Z",
		"2026-03-08T01:59:59":            "2026-03-08T06:59:59Z",
		"2026-03-08T02:30":               "2026-03-08T07:30:00Z", // skipped: 03:30 EDT
		"2026-03-08T03:00":               "2026-03-08T07:00:00Z",
		"2026-11-01T01:30":               "2026-11-01T05:30:00Z", // twice: the first, EDT
		"2026-11-01T02:00":               "2026-11-01T07:00:00Z",
		"2026-11-01T00:59:59.5":          "2026-11-01T04:59:59.5Z",
		"2026-11-01T01:30:00.25-05:00":   "2026-11-01T06:30:00.25Z",
		"2026-07-01T18:30:00.123456789Z": "2026-07-01T18:30:00.123456Z",
		"2026-13-01":                     "",
		"2026-07-01T18:30:00,5Z":         "",
		"2026-7-1":                       "",
		"1782864000":                     "",
		"2026-07-01T25:00":               "",
	} {
		got, err := ParseInstant(text, newYork)
		if want == "" {
			if err == nil {
				t.Errorf("%s passed as %s", text, got)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

// A number reads as exactly what its text says: its canonical text, read again, is the same number,
// and the standard library's big.Rat reads the same from it.
func TestNumbersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})([eE][-+]?[0-9])?`).Draw(t, "number")
		got, form := parseNumber(text)
		if form != exactNumber {
			t.Fatalf("%q is no number", text)
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || got.Rat().Cmp(want) != 0 {
			t.Fatalf("%q reads as %s", text, got)
		}
		again, form := parseNumber(got.String())
		if form != exactNumber || !again.Equal(got) {
			t.Fatalf("%q has the text %s, which reads as %s", text, got, again)
		}
	})
}
