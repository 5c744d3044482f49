package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// namedChanges is how many levers the sentence names before it counts the rest.
const namedChanges = 3

// sentence says what a study means, in one line. It is about reach, fill and revenue against the
// baseline; where these are known it is one of, in this order:
//
//   - every variant failed: how many and why
//   - the baseline has no succeeded row: the ranges of the three over the others
//   - nothing but the baseline ran: its three figures
//   - no variant moves any of the three: that
//   - else the strongest one-at-a-time change: of all pairs of a variant and a reference that differ in
//     one lever only, the one whose largest printed figure (reach and revenue in percent, fill in points) is
//     largest. References are the baseline and every variant that equals it in all figures: a grid whose
//     baseline is "as written" still shows what its levers do. Of several references the nearest value counts.
//   - without such a pair (lists, samples) the variant with the largest figure, with its levers
//
// Changes are in percent of the baseline's value, of the fill rate in percentage points; with replicates
// the 95 % interval follows in brackets. Variants run on other inputs than the baseline are left aside. Failures end the sentence.
func sentence(s *study) string {
	text := s.finding()
	if s.Simulation.Failed > 0 && s.Simulation.Succeeded > 0 {
		text += fmt.Sprintf("; %s of %s failed", Grouped(int64(s.Simulation.Failed)), variantsOf(s.Simulation.Total()))
	}
	return text
}

// finding is the sentence without its failures.
func (s *study) finding() string {
	switch {
	case len(s.Variants) == 0:
		return s.allFailed()
	case s.Baseline < 0:
		return s.ranges()
	case len(s.Variants) == 1:
		return s.baselineAlone()
	}
	if c, ok := s.strongest(); ok {
		return s.change(c)
	}
	return fmt.Sprintf("no effect: reach, fill and revenue are the baseline's in all of %s", variantsOf(len(s.Variants)-1))
}

// change is a variant and the levers in which it differs from a reference.
type change struct {
	from, to *variant
	moved    []int // indices into Parameters
	alone    bool  // one lever, all else equal to the reference
}

// strongest finds the change that the sentence is about; ok is false where nothing moves.
func (s *study) strongest() (best change, ok bool) {
	references := s.references()
	bestScore := 0.0
	for i := range s.Variants {
		v := &s.Variants[i]
		score := strength(v)
		if i == s.Baseline || !v.Comparable || score == 0 {
			continue
		}
		c := s.explain(v, references)
		if better := c.alone && !best.alone || c.alone == best.alone && score > bestScore; !ok || better {
			best, bestScore, ok = c, score, true
		}
	}
	return best, ok
}

// references are the baseline and the variants that equal it in every figure, in order.
func (s *study) references() []*variant {
	base := &s.Variants[s.Baseline]
	out := []*variant{base}
	for i := range s.Variants {
		v := &s.Variants[i]
		if i != s.Baseline && v.Comparable && slices.Equal(v.Value, base.Value) && slices.Equal(v.Outcome, base.Outcome) {
			out = append(out, v)
		}
	}
	return out
}

// explain names the levers that make the variant: one of them against a reference if there is such
// a reference, else all in which it differs from the baseline.
func (s *study) explain(v *variant, references []*variant) change {
	var best change
	nearest := math.Inf(1)
	for _, r := range references {
		moved := differing(r, v)
		if len(moved) != 1 {
			continue
		}
		if d := s.distance(moved[0], r, v); !best.alone || d < nearest {
			best, nearest = change{r, v, moved, true}, d
		}
	}
	if best.alone {
		return best
	}
	base := references[0]
	return change{base, v, differing(base, v), false}
}

// differing lists the parameters that two variants set to different values.
func differing(a, b *variant) []int {
	var out []int
	for p := range a.Set {
		if a.Set[p] != b.Set[p] {
			out = append(out, p)
		}
	}
	return out
}

// distance is how far apart two variants set a parameter; infinite where a value is no number.
func (s *study) distance(p int, a, b *variant) float64 {
	x, y := s.setting(p, a), s.setting(p, b)
	if !x.Number.Known || !y.Number.Known {
		return math.Inf(1)
	}
	return math.Abs(x.Number.Value - y.Number.Value)
}

// setting is what a variant gives a parameter.
func (s *study) setting(p int, v *variant) parameterValue {
	if i := v.Set[p]; i != asWritten {
		return s.Parameters[p].Values[i]
	}
	return parameterValue{Text: "as written"}
}

// strength is the largest of the figures the sentence would print, as a fraction: relative changes of reach and revenue, the
// difference of the fill rate. A rise from nothing counts as a doubling.
func strength(v *variant) float64 {
	largest := 0.0
	for m := range measures[:revenueMeasure+1] {
		x := v.Relative[m]
		if measures[m].Kind == share || !x.Known {
			x = v.Delta[m]
			if measures[m].Kind != share && x.Value != 0 {
				x.Value = 1
			}
		}
		largest = max(largest, math.Abs(x.Value))
	}
	return largest
}

// change writes one change and its three figures.
func (s *study) change(c change) string {
	var head []string
	for _, p := range c.moved[:min(len(c.moved), namedChanges)] {
		from, to := s.setting(p, c.from).Text, s.setting(p, c.to).Text
		if !c.alone && c.from.Set[p] == asWritten {
			head = append(head, lever(s.Parameters[p].Name)+" "+shortened(to, 40))
			continue
		}
		head = append(head, fmt.Sprintf("%s %s -> %s", lever(s.Parameters[p].Name), shortened(from, 40), shortened(to, 40)))
	}
	if more := len(c.moved) - namedChanges; more > 0 {
		head = append(head, fmt.Sprintf("%d more", more))
	}
	subject := strings.Join(head, ", ")
	if !c.alone {
		subject = strings.TrimSpace(c.to.ID + " (" + subject + ")")
		subject = strings.TrimSuffix(subject, " ()")
	}
	return subject + ": " + strings.Join(s.figures(c.to), ", ")
}

// figures writes a variant's reach, fill and revenue against the baseline; an unknown one is left out.
func (s *study) figures(v *variant) []string {
	var out []string
	for m, measure := range measures[:revenueMeasure+1] {
		if text := s.figure(v, m); text != "" {
			out = append(out, strings.ToLower(measure.Label)+" "+text)
		}
	}
	return out
}

// figure writes one change: "+12 %", "-4 points", "unchanged", "from 0 to 1,234".
func (s *study) figure(v *variant, m int) string {
	k, delta, relative := measures[m].Kind, v.Delta[m], v.Relative[m]
	switch {
	case !delta.Known:
		return ""
	case delta.Value == 0:
		return "unchanged"
	case k == share:
		return moved(delta, v.bounds(m), number{1, true}, "points")
	case !relative.Known:
		base := s.Variants[s.Baseline].Value[m].Value
		return "from " + amount(k, base, s.Simulation.Currency) + " to " + amount(k, v.Value[m].Value, s.Simulation.Currency)
	}
	return moved(relative, v.bounds(m), s.Variants[s.Baseline].Value[m], "%")
}

// bounds is the interval of a measure's delta.
func (v *variant) bounds(m int) interval {
	if m < len(v.Interval) {
		return v.Interval[m]
	}
	return interval{}
}

// moved writes a fraction as a change in hundredths; bounds are divided by base to be fractions too.
func moved(x number, bounds interval, base number, unit string) string {
	text, ok := signed(x.Value * 100)
	if !ok {
		return "almost unchanged"
	}
	if unit == "points" && (text == "+1" || text == "-1") {
		unit = "point"
	}
	text += " " + unit
	if bounds.Low.Known && bounds.High.Known && base.Known && base.Value > 0 {
		low, _ := signed(bounds.Low.Value / base.Value * 100)
		high, _ := signed(bounds.High.Value / base.Value * 100)
		text += " (" + low + " to " + high + ")"
	}
	return text
}

// allFailed says why there is nothing to say, most frequent reason first.
func (s *study) allFailed() string {
	times := map[string]int{}
	var reasons []string
	for _, f := range s.Failures {
		if f.Replicate != 0 {
			continue
		}
		if times[f.Reason]++; times[f.Reason] == 1 {
			reasons = append(reasons, f.Reason)
		}
	}
	slices.SortStableFunc(reasons, func(a, b string) int {
		if times[a] != times[b] {
			return times[b] - times[a]
		}
		return strings.Compare(a, b)
	})
	for i, r := range reasons {
		reasons[i] = Grouped(int64(times[r])) + " " + r
	}
	if s.Simulation.Failed == 1 {
		return "the only variant failed: " + strings.Join(reasons, ", ")
	}
	return "all " + variantsOf(s.Simulation.Failed) + " failed: " + strings.Join(reasons, ", ")
}

// ranges says what is known without a baseline: from where to where the three go.
func (s *study) ranges() string {
	why := "has no result"
	for _, f := range s.Failures {
		if f.Variant == model.BaselineID {
			why = "failed (" + f.Reason + ")"
		}
	}
	var parts []string
	for m, measure := range measures[:revenueMeasure+1] {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range s.Variants {
			if v.Value[m].Known {
				low, high = min(low, v.Value[m].Value), max(high, v.Value[m].Value)
			}
		}
		if low <= high {
			parts = append(parts, strings.ToLower(measure.Label)+" "+span(measure.Kind, low, high, s.Simulation.Currency))
		}
	}
	return fmt.Sprintf("the baseline %s, so nothing is compared; over %s %s", why, variantsOf(len(s.Variants)), strings.Join(parts, ", "))
}

// span is "1,000 to 2,000", or one figure where both are written alike.
func span(k kind, low, high float64, currency string) string {
	from, to := amount(k, low, currency), amount(k, high, currency)
	if from == to {
		return from
	}
	return from + " to " + to
}

// baselineAlone says what the only variant found.
func (s *study) baselineAlone() string {
	var parts []string
	for m, measure := range measures[:revenueMeasure+1] {
		if v := s.Variants[s.Baseline].Value[m]; v.Known {
			parts = append(parts, strings.ToLower(measure.Label)+" "+amount(measure.Kind, v.Value, s.Simulation.Currency))
		}
	}
	return "the baseline alone: " + strings.Join(parts, ", ")
}
