package report

import (
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// point is a variant of a hand-made study: its parameters as index into lever values (asWritten: not set),
// then reach, fill and revenue.
type point struct {
	id                   string
	set                  []int
	reach, fill, revenue float64
}

// handMade builds a study of the levers daily_cap (1, 2, 3, none) and acme_bid (0.8, 1, 1.25); the
// deltas are the plain differences to the point called baseline.
func handMade(points ...point) *study {
	s := &study{Measures: measures, Outcomes: outcomes, Baseline: -1, Simulation: simulation{ID: "20260701-x", Currency: "USD", Succeeded: len(points)}}
	s.Parameters = []parameter{
		{"daily_cap", []parameterValue{{"1", known(1)}, {"2", known(2)}, {"3", known(3)}, {"none", number{}}}},
		{"acme_bid", []parameterValue{{"0.8", known(0.8)}, {"1", known(1)}, {"1.25", known(1.25)}}},
	}
	var base *point
	for i, p := range points {
		if p.id == model.BaselineID {
			base, s.Baseline = &points[i], i
		}
	}
	for _, p := range points {
		v := variant{ID: p.id, Comparable: true, Set: p.set, Value: unknowns(), Delta: unknowns(), Relative: unknowns(), Outcome: make([]int64, len(outcomes))}
		for m, x := range []float64{p.reach, p.fill, p.revenue} {
			v.Value[m] = known(x)
			if base != nil {
				was := []float64{base.reach, base.fill, base.revenue}[m]
				v.Delta[m] = known(x - was)
				if was != 0 {
					v.Relative[m] = known((x - was) / was)
				}
			}
		}
		s.Variants = append(s.Variants, v)
	}
	return s
}

// Indices into handMade's values.
const (
	cap1, cap2, cap3, capNone = 0, 1, 2, 3
	bid08, bid1, bid125       = 0, 1, 2
)

func TestSentence(t *testing.T) {
	// 1,000 people reached, half the slots filled, 200 earned.
	base := point{"baseline", []int{cap3, bid1}, 1000, 0.5, 200}
	for _, c := range []struct {
		name  string
		study *study
		want  string
	}{
		{"the example of the interfaces: 1120/1000, 46 % - 50 %, 186/200",
			handMade(base, point{"v0001", []int{cap1, bid1}, 1120, 0.46, 186}),
			"daily cap 3 -> 1: reach +12 %, fill -4 points, revenue -7 %"},
		{"the stronger of two levers, by its largest figure: 20 % of revenue beats 12 % of reach",
			handMade(base, point{"v0001", []int{cap1, bid1}, 1120, 0.46, 186}, point{"v0002", []int{cap3, bid125}, 1000, 0.51, 240}),
			"acme bid 1 -> 1.25: reach unchanged, fill +1 point, revenue +20 %"},
		{"a change of one lever counts before a larger one of two",
			handMade(base, point{"v0001", []int{cap1, bid125}, 2000, 0.9, 400}, point{"v0002", []int{cap2, bid1}, 1034, 0.495, 198}),
			"daily cap 3 -> 2: reach +3.4 %, fill -0.5 points, revenue -1 %"},
		{"only changes of two levers: the variant is named",
			handMade(base, point{"v0001", []int{capNone, bid125}, 900, 0.6, 300}, point{"v0002", []int{cap1, bid08}, 1010, 0.5, 150}),
			"v0001 (daily cap 3 -> none, acme bid 1 -> 1.25): reach -10 %, fill +10 points, revenue +50 %"},
		{"a baseline as written, found again at cap 3 and bid 1: the grid's lever is told from there, not from cap 2 with its own figures",
			handMade(point{"baseline", []int{asWritten, asWritten}, 1000, 0.5, 200}, point{"v0001", []int{cap2, bid1}, 1050, 0.5, 200},
				point{"v0002", []int{cap3, bid1}, 1000, 0.5, 200}, point{"v0003", []int{cap3, bid08}, 800, 0.5, 200}),
			"acme bid 1 -> 0.8: reach -20 %, fill unchanged, revenue unchanged"},
		{"of two references the nearer value: caps 3 and 2 both change nothing, 2 -> 1 is the step",
			handMade(base, point{"v0001", []int{cap2, bid1}, 1000, 0.5, 200}, point{"v0002", []int{cap1, bid1}, 700, 0.5, 200}),
			"daily cap 2 -> 1: reach -30 %, fill unchanged, revenue unchanged"},
		{"a lever that the baseline leaves alone",
			handMade(point{"baseline", []int{asWritten, bid1}, 1000, 0.5, 200}, point{"v0001", []int{cap1, bid1}, 1120, 0.46, 186}),
			"daily cap as written -> 1: reach +12 %, fill -4 points, revenue -7 %"},
		{"a change too small to print is no zero",
			handMade(base, point{"v0001", []int{cap1, bid1}, 1000, 0.5001, 210}),
			"daily cap 3 -> 1: reach unchanged, fill almost unchanged, revenue +5 %"},
		{"from nothing there is no percentage",
			handMade(point{"baseline", []int{cap3, bid1}, 0, 0, 0}, point{"v0001", []int{cap1, bid1}, 12345, 0.25, 1234.5}),
			"daily cap 3 -> 1: reach from 0 to 12,345, fill +25 points, revenue from USD 0.00 to USD 1,234.50"},
		{"more than a thousand percent", handMade(base, point{"v0001", []int{cap1, bid1}, 13500, 0.5, 200}),
			"daily cap 3 -> 1: reach +1,250 %, fill unchanged, revenue unchanged"},
		{"nothing moves", handMade(base, point{"v0001", []int{cap1, bid1}, 1000, 0.5, 200}, point{"v0002", []int{cap2, bid1}, 1000, 0.5, 200}),
			"no effect: reach, fill and revenue are the baseline's in all of 2 variants"},
		{"the baseline alone", handMade(base), "the baseline alone: reach 1,000, fill 50 %, revenue USD 200.00"},
		{"no baseline", handMade(point{"v0001", []int{cap1, bid1}, 900, 0.461, 200}, point{"v0002", []int{cap2, bid1}, 1100, 0.5, 200}),
			"the baseline has no result, so nothing is compared; over 2 variants reach 900 to 1,100, fill 46.1 % to 50 %, revenue USD 200.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sentence(c.study); got != c.want {
				t.Errorf("sentence:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSentenceOfFailures(t *testing.T) {
	base := point{"baseline", []int{cap3, bid1}, 1000, 0.5, 200}
	some := handMade(base, point{"v0001", []int{cap1, bid1}, 1120, 0.46, 186})
	some.Simulation.Succeeded, some.Simulation.Failed = 997, 3
	if got, want := sentence(some), "daily cap 3 -> 1: reach +12 %, fill -4 points, revenue -7 %; 3 of 1,000 variants failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	noBase := handMade(point{"v0001", []int{cap1, bid1}, 900, 0.5, 200})
	noBase.Simulation.Failed = 1
	noBase.Failures = []failure{{Variant: "baseline", Reason: "out_of_memory"}}
	if got, want := sentence(noBase), "the baseline failed (out_of_memory), so nothing is compared; over 1 variant reach 900, fill 50 %, revenue USD 200.00; 1 of 2 variants failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	all := handMade()
	all.Simulation.Failed = 4
	all.Failures = []failure{{Variant: "baseline", Reason: "panic"}, {Variant: "v0001", Reason: "timed_out"}, {Variant: "v0002", Reason: "timed_out"}, {Variant: "v0003", Reason: "crashed"},
		{Variant: "v0003.r1", Replicate: 1, Reason: "storage"}}
	if got, want := sentence(all), "all 4 variants failed: 2 timed_out, 1 crashed, 1 panic"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	one := handMade()
	one.Simulation.Failed = 1
	one.Failures = []failure{{Variant: "baseline", Reason: "panic"}}
	if got, want := sentence(one), "the only variant failed: 1 panic"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Intervals are bounds of the difference: 100 to 140 people of 1,000 are +10 % to +14 %, -0.05 to -0.03 are points already.
func TestSentenceWithIntervals(t *testing.T) {
	s := handMade(point{"baseline", []int{cap3, bid1}, 1000, 0.5, 200}, point{"v0001", []int{cap1, bid1}, 1120, 0.46, 186})
	s.Variants[1].Interval = []interval{{known(100), known(140)}, {known(-0.05), known(-0.03)}, {}}
	if got, want := sentence(s), "daily cap 3 -> 1: reach +12 % (+10 to +14), fill -4 points (-5 to -3), revenue -7 %"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A variant on other inputs can't be compared, however far it is off.
func TestSentenceLeavesOtherInputsAside(t *testing.T) {
	s := handMade(point{"baseline", []int{cap3, bid1}, 1000, 0.5, 200}, point{"v0001", []int{cap1, bid1}, 9000, 0.9, 900}, point{"v0002", []int{cap2, bid1}, 1020, 0.5, 200})
	s.Variants[1].Comparable = false
	if got, want := sentence(s), "daily cap 3 -> 2: reach +2 %, fill unchanged, revenue unchanged"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Many levers are counted, long values cut, an unknown figure left out.
func TestSentenceStaysOneLine(t *testing.T) {
	s := handMade(point{"baseline", []int{cap3, bid1}, 1000, 0.5, 200}, point{"v0001", []int{cap1, bid125}, 1000, 0.5, 230})
	for _, name := range []string{"a", "b", "c"} {
		s.Parameters = append(s.Parameters, parameter{name, []parameterValue{{Text: `{"all": [{"country": ["US", "CA"]}, {"device_type": ["mobile"]}]}`}}})
	}
	s.Variants[0].Set = []int{cap3, bid1, asWritten, asWritten, asWritten}
	s.Variants[1].Set = []int{cap1, bid125, 0, 0, 0}
	s.Variants[1].Delta[fillMeasure], s.Variants[1].Relative[fillMeasure] = number{}, number{}
	want := `v0001 (daily cap 3 -> 1, acme bid 1 -> 1.25, a {"all": [{"country": ["US", "CA"]}, {"d…, 2 more): reach unchanged, revenue +15 %`
	if got := sentence(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A lever set to an expression, alone: the expression as it is written, its end left out where it is long.
func TestSentenceOfExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`{"not":{"country":["US"]}}`:                       `market as written -> {"not":{"country":["US"]}}: reach -87 %, fill unchanged, revenue unchanged`,
		`{"country":["US","CA","MX","BR","AR","CL","PE"]}`: `market as written -> {"country":["US","CA","MX","BR","AR","C…: reach -87 %, fill unchanged, revenue unchanged`,
	} {
		s := handMade(point{"baseline", []int{asWritten}, 1000, 0.5, 200}, point{"v0001", []int{0}, 130, 0.5, 200})
		s.Parameters = []parameter{{"market", []parameterValue{{Text: text}}}}
		if got := sentence(s); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
