package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// readBack parses an expression's text where a study has one.
func readBack(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string) *Expr {
	t.Helper()
	c, problems := ParseConfig("s.json", []byte(`{"inventory":"s","campaigns":[{"id":"a","bid_cpm":1,"targeting":`+text+`}]}`))
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	return c.Campaigns[0].Targeting
}

// The text of an expression is what a person writes.
func TestExpressionText(t *testing.T) {
	for written, want := range map[string]string{
		"{}":                            "{}",
		"{all: []}":                     "{}",
		"{any: []}":                     `{"any":[]}`,
		"{country: US}":                 `{"country":["US"]}`,
		"{country: [US, CA], os: <b&>}": `{"country":["US","CA"],"os":["<b&>"]}`,
		"{not: {country: [US]}}":        `{"not":{"country":["US"]}}`,
		"{not: {a: 1, b: true}}":        `{"not":{"a":["1"],"b":["true"]}}`,
		"{any: [{a: x}, {b: y, c: z}]}": `{"any":[{"a":["x"]},{"b":["y"],"c":["z"]}]}`,
		"{all: [{a: x}, {a: y}]}":       `{"all":[{"a":["x"]},{"a":["y"]}]}`,
		"{all: [{not: {a: x}}]}":        `{"all":[{"not":{"a":["x"]}}]}`,
		`{"say \"hi\"": "\n"}`:          `{"say \"hi\"":["\n"]}`,
	} {
		c := parse(t, "inventory: s\ncampaigns: [{id: a, bid_cpm: 1, targeting: "+written+"}]\n")
		if got := c.Campaigns[0].Targeting.Canonical(); got != want {
			t.Errorf("%s: got %s, want %s", written, got, want)
		}
	}
	if got := (*Expr)(nil).Canonical(); got != "{}" {
		t.Errorf("nil: %s", got)
	}
}

// Reading the text of any expression gives an equal one, also at the limit of nesting.
func TestExpressionTextReadsBack(t *testing.T) {
	equal := func(a, b *Expr) string {
		return cmp.Diff(a, b, cmpopts.IgnoreFields(Expr{}, "Pos"), cmpopts.EquateEmpty())
	}
	rapid.Check(t, func(t *rapid.T) {
		e := drawExpr(t, 3)
		if diff := equal(e, readBack(t, e.Canonical())); diff != "" {
			t.Fatalf("%s\n%s", e.Canonical(), diff)
		}
	})
	deepest := `{"a":["x"]}`
	for range MaxExpressionDepth - 1 {
		deepest = `{"a":["x"],"not":` + deepest + `}`
	}
	e := readBack(t, deepest)
	if text := e.Canonical(); text != deepest || strings.Count(text, "not") != MaxExpressionDepth-1 {
		t.Errorf("the deepest expression became %s", text)
	}
}

// drawExpr draws an expression in the form that reading gives.
func drawExpr(t *rapid.T, depth int) *Expr {
	e := &Expr{Op: OpIn}
	readable := func(s string) bool { return !strings.Contains(s, "\x00") } // no document may hold one
	if depth > 0 {
		e.Op = rapid.SampledFrom([]ExprOp{OpIn, OpIn, OpAll, OpAny, OpNot}).Draw(t, "op")
	}
	switch e.Op {
	case OpIn:
		e.Dimension = rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "<<", "labels.x"}), rapid.StringN(1, 9, 40)).
			Filter(func(s string) bool { return s != "" && readable(s) && !slices.Contains(connectives, s) }).Draw(t, "dimension")
		e.Values = rapid.SliceOfNDistinct(rapid.String().Filter(readable), 1, 3, rapid.ID[string]).Draw(t, "values")
	case OpNot:
		e.Args = []*Expr{drawExpr(t, depth-1)}
	default:
		for range rapid.IntRange(0, 3).Draw(t, "arguments") {
			e.Args = append(e.Args, drawExpr(t, depth-1))
		}
	}
	return e
}
