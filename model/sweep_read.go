package model

import (
	"math/big"
	"slices"

	"github.com/shopspring/decimal"
)

// parameterNamed finds the parameter that a field of the document names, noting an unknown one.
func (r *reader) parameterNamed(c *Config, f field, path string) int {
	i := slices.IndexFunc(c.Parameters, func(p Parameter) bool { return p.Name == f.key })
	if i < 0 {
		names := make([]string, len(c.Parameters))
		for j, p := range c.Parameters {
			names[j] = p.Name
		}
		r.note(f.line, f.column, join(path, f.key), didYouMean(f.key, names), "%s is no parameter of this study", quote(f.key))
	}
	return i
}

// seenAt remembers where a parameter's first value stands.
func (r *reader) seenAt(p *Parameter, n *node, path string) {
	if p.Values.Line == 0 {
		p.Values = r.at(n, path)
	}
}

// point reads values for some of the parameters; the others stay unset.
func (r *reader) point(c *Config) func(*node, string) ([]Value, bool) {
	return func(n *node, path string) ([]Value, bool) {
		fields, ok := r.entries(n, path)
		values := make([]Value, len(c.Parameters))
		for _, f := range fields {
			i := r.parameterNamed(c, f, path)
			if i < 0 {
				ok = false
				continue
			}
			at := join(path, f.key)
			r.seenAt(&c.Parameters[i], f.value, at)
			v, read := r.sweepValue(&c.Parameters[i])(f.value, at)
			values[i], ok = v, ok && read
		}
		return values, ok
	}
}

// sweep reads grid, list or sample and counts what it asks for before anything is expanded.
func (r *reader) sweep(n *node, c *Config) {
	o, ok := r.object(n, "sweep", sweepKeys)
	if !ok {
		return
	}
	take(o, "replicates", &c.Sweep.Replicates, r.small(1, maxReplicates))
	var kinds []string
	for _, kind := range []string{"grid", "list", "sample"} {
		if o.values[kind] != nil {
			kinds = append(kinds, kind)
		}
	}
	for _, kind := range kinds[min(1, len(kinds)):] {
		r.note(o.values[kind].line, o.values[kind].column, "sweep."+kind, "keep one of them", "a sweep is one of grid, list and sample; there is %s already", kinds[0])
	}
	if grid := o.values["grid"]; grid != nil {
		r.grid(grid, c)
	}
	if list := o.values["list"]; list != nil {
		r.pointList(list, c)
	}
	if sample := o.values["sample"]; sample != nil {
		r.sample(sample, c)
	}
	if len(kinds) == 1 {
		if wrong := tooMany(c.Sweep); wrong != "" {
			r.fail(o.values[kinds[0]], "sweep."+kinds[0], "%s", wrong)
			c.Sweep.Grid, c.Sweep.List, c.Sweep.Sample = nil, nil, nil
		}
	}
}

// points counts the variants that a sweep asks for, without the baseline and before replicates. A
// grid of 32 axes may ask for more than fits any integer of the machine.
func (s Sweep) points() *big.Int {
	switch {
	case s.Sample != nil:
		return big.NewInt(int64(s.Sample.Count))
	case len(s.Grid) > 0:
		count := big.NewInt(1)
		for _, axis := range s.Grid {
			count.Mul(count, big.NewInt(int64(len(axis.Values))))
		}
		return count
	}
	return big.NewInt(int64(len(s.List)))
}

// tooMany says that a sweep asks for more than the limit; empty: it does not.
func tooMany(s Sweep) string {
	points := s.points()
	asked := new(big.Int).Mul(points, big.NewInt(int64(max(1, s.Replicates))))
	if asked.Cmp(big.NewInt(MaxVariants)) <= 0 {
		return ""
	}
	text := "the sweep asks for " + points.String() + " variants"
	if s.Replicates > 1 {
		text += " times " + big.NewInt(int64(s.Replicates)).String() + " replicates, " + asked.String() + " in all"
	}
	return text + "; the limit is " + big.NewInt(MaxVariants).String()
}

// grid reads the axes and puts them in the order of the parameters.
func (r *reader) grid(n *node, c *Config) {
	fields, ok := r.entries(n, "sweep.grid")
	if ok && len(n.fields) == 0 {
		r.fail(n, "sweep.grid", "a grid needs at least one parameter")
	}
	for _, f := range fields {
		i := r.parameterNamed(c, f, "sweep.grid")
		if i < 0 {
			continue
		}
		path := join("sweep.grid", f.key)
		r.seenAt(&c.Parameters[i], f.value, path)
		values, _ := r.values(f.value, path, &c.Parameters[i])
		c.Sweep.Grid = append(c.Sweep.Grid, Axis{i, values})
	}
	slices.SortFunc(c.Sweep.Grid, func(a, b Axis) int { return a.Parameter - b.Parameter })
}

// values reads a list of values of one parameter, not empty.
func (r *reader) values(n *node, path string, p *Parameter) ([]Value, bool) {
	if n.kind == listNode && len(n.items) == 0 {
		r.fail(n, path, "a list of values must not be empty")
		return nil, false
	}
	return each(r, n, path, r.sweepValue(p))
}

func (r *reader) pointList(n *node, c *Config) {
	if n.kind == listNode && len(n.items) == 0 {
		r.fail(n, "sweep.list", "a list needs at least one point")
		return
	}
	if items := r.list(n); len(items) > MaxVariants {
		r.fail(n, "sweep.list", "%s", tooMany(Sweep{List: make([][]Value, len(items)), Replicates: c.Sweep.Replicates}))
		return
	}
	c.Sweep.List, _ = each(r, n, "sweep.list", r.point(c))
}

func (r *reader) sample(n *node, c *Config) {
	o, ok := r.object(n, "sweep.sample", sampleKeys)
	if !ok || !o.require("method", "count", "ranges") {
		return
	}
	s := &Sample{}
	seed := int64(0)
	valid := take(o, "method", &s.Method, choice(r, "random", "latin_hypercube", "halton"))
	valid = take(o, "count", &s.Count, r.small(1, 1<<31-1)) && valid
	take(o, "seed", &seed, r.whole(0, 1<<63-1))
	s.Seed = uint64(seed)
	fields, entries := r.entries(o.values["ranges"], "sweep.sample.ranges")
	if entries && len(o.values["ranges"].fields) == 0 {
		r.fail(o.values["ranges"], "sweep.sample.ranges", "a sample needs at least one range")
	}
	for _, f := range fields {
		i := r.parameterNamed(c, f, "sweep.sample.ranges")
		if i < 0 {
			continue
		}
		path := join("sweep.sample.ranges", f.key)
		r.seenAt(&c.Parameters[i], f.value, path)
		if rng, ok := r.rangeOf(f.value, path, &c.Parameters[i]); ok {
			rng.Parameter = i
			s.Ranges = append(s.Ranges, rng)
		}
	}
	slices.SortFunc(s.Ranges, func(a, b Range) int { return a.Parameter - b.Parameter })
	if valid {
		c.Sweep.Sample = s
	}
}

// Kinds of Range.
const (
	RangeUniform  = "uniform"
	RangeLog      = "log"
	RangeIntegers = "integers"
	RangeChoice   = "choice"
)

// rangeOf reads [low, high], {log: [low, high]}, {integers: [low, high]} or {choice: [..]}.
func (r *reader) rangeOf(n *node, path string, p *Parameter) (Range, bool) {
	if n.kind == listNode {
		return r.interval(n, path, RangeUniform, p)
	}
	o, ok := r.object(n, path, rangeKeys)
	if !ok {
		return Range{}, false
	}
	if len(n.fields) != 1 {
		r.fail(n, path, "expected exactly one of %s, or [low, high]", "log, integers, choice")
		return Range{}, false
	}
	for _, kind := range []string{RangeLog, RangeIntegers} {
		if v := o.values[kind]; v != nil {
			return r.interval(v, join(path, kind), kind, p)
		}
	}
	if v := o.values[RangeChoice]; v != nil {
		values, ok := r.values(v, join(path, RangeChoice), p)
		return Range{Kind: RangeChoice, Choice: values}, ok
	}
	return Range{}, false // unknown or null, and noted
}

// interval reads [low, high] and checks that both ends, and so everything between them, suit the parameter.
func (r *reader) interval(n *node, path, kind string, p *Parameter) (Range, bool) {
	if n.kind != listNode || len(n.items) != 2 {
		r.fail(n, path, "expected [low, high], found %s", n.describe())
		return Range{}, false
	}
	ends, ok := each(r, n, path, r.decimal)
	l := findLever(p.Edit)
	if !ok || l == nil {
		return Range{}, false
	}
	if !l.numeric(p.Op) {
		r.fail(n, path, "%s takes no numbers", p.Edit)
		return Range{}, false
	}
	low, high := ends[0], ends[1]
	switch {
	case low.GreaterThan(high):
		r.fail(n, path, "low must not be above high, found [%s, %s]", low, high)
		return Range{}, false
	case kind == RangeLog && !low.IsPositive():
		r.fail(n.items[0], index(path, 0), "a log range begins above 0, found %s", low)
		return Range{}, false
	case kind == RangeIntegers && !(low.IsInteger() && high.IsInteger()):
		r.fail(n, path, "expected whole numbers, found [%s, %s]", low, high)
		return Range{}, false
	case kind != RangeIntegers && l.form == formWhole:
		r.note(n.line, n.column, path, "write {integers: [low, high]}", "%s takes whole numbers", p.Edit)
		return Range{}, false
	}
	for i, end := range []decimal.Decimal{low, high} {
		if kind != RangeIntegers {
			end = end.RoundBank(drawDigits) // what is drawn is rounded, the ends too
		}
		if wrong := l.checkNumber(p.Op, end); wrong != "" {
			r.fail(n.items[i], index(path, i), "%s", wrong)
			return Range{}, false
		}
	}
	return Range{Kind: kind, Low: low, High: high}, true
}
