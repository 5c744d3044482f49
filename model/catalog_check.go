package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Bounds of the messages about one snapshot.
const (
	maxUnknownDimensions = 100
	maxAbsentValues      = 50
)

// CheckAgainst checks the configuration and its variants against a snapshot: that every dimension
// is there (and, as warnings, that every value occurs), that no sum of money can leave int64, and
// that breakdowns and the result row keep their limits. It takes a configuration with mistakes too, as
// ParseConfig returns it; there, without variants (nil), money is not looked at.
func (c *Config) CheckAgainst(cat Catalog, variants []Variant) Problems {
	var problems Problems
	if cat.Slots == 0 {
		problems = append(problems, Problem{Position: c.InventoryPos, Message: "the snapshot has no slots"})
	}
	problems = append(problems, c.checkDimensions(cat)...)
	problems = append(problems, c.checkBreakdowns(cat)...)
	problems = append(problems, c.checkRowSize(cat)...)
	return append(problems, c.checkMoney(cat, variants)...)
}

// dimensionCheck collects unknown dimensions and absent values, each once, where it is first named.
type dimensionCheck struct {
	cat    Catalog
	names  []string
	seen   map[[2]string]int // (dimension, value): its problem, or -1 if it is fine
	found  Problems
	absent int
}

func (c *Config) checkDimensions(cat Catalog) Problems {
	k := &dimensionCheck{cat: cat, names: slices.Sorted(maps.Keys(cat.Dimensions)), seen: map[[2]string]int{}}
	for in := range c.memberships {
		k.membership(in)
	}
	for i, name := range c.Report.Breakdowns {
		if _, ok := cat.Dimensions[name]; !ok {
			k.found = append(k.found, unknownDimension(name, c.breakdownAt(i), k.names, k.names))
		}
	}
	if k.absent > maxAbsentValues {
		k.found = append(k.found, Problem{Warning: true, Message: fmt.Sprintf("%d more values never occur in the snapshot", k.absent-maxAbsentValues)})
	}
	return k.found
}

// memberships yields every dimension with values that the study names, in about the document's order; of a
// book those named before are left out.
func (c *Config) memberships(yield func(*Expr) bool) {
	if c.book != nil {
		for _, in := range c.book.memberships {
			if !yield(in) {
				return
			}
		}
	} else if !dimensionsOf(campaignExpressions(c.Campaigns), yield) {
		return
	}
	dimensionsOf(c.ownExpressions, yield)
}

// dimensionsOf passes on what expressions name; false: it was stopped.
func dimensionsOf(expressions iter.Seq[*Expr], yield func(*Expr) bool) bool {
	for e := range expressions {
		for in := range e.Dimensions {
			if !yield(in) {
				return false
			}
		}
	}
	return true
}

// campaignExpressions yields the expressions over slots of campaigns.
func campaignExpressions(campaigns []Campaign) iter.Seq[*Expr] {
	return func(yield func(*Expr) bool) {
		for i := range campaigns {
			if !yield(campaigns[i].Targeting) {
				return
			}
			for _, a := range campaigns[i].BidAdjustments {
				if !yield(a.When) {
					return
				}
			}
		}
	}
}

// ownExpressions yields the expressions over slots of the study, its campaigns aside.
func (c *Config) ownExpressions(yield func(*Expr) bool) {
	for _, p := range c.Parameters {
		if l := findLever(p.Edit); l != nil && l.takesWhere() == "slots" && !yield(p.Where) {
			return
		}
	}
	for v := range c.writtenValues {
		if v.Kind == ValueExpr && !yield(v.Expr) {
			return
		}
	}
}

// writtenValues yields the values of baseline and sweep, draws from intervals aside.
func (c *Config) writtenValues(yield func(Value) bool) {
	lists := [][]Value{c.Baseline}
	for _, axis := range c.Sweep.Grid {
		lists = append(lists, axis.Values)
	}
	lists = append(lists, c.Sweep.List...)
	if c.Sweep.Sample != nil {
		for _, r := range c.Sweep.Sample.Ranges {
			lists = append(lists, r.Choice)
		}
	}
	for _, list := range lists {
		for _, v := range list {
			if !yield(v) {
				return
			}
		}
	}
}

func (k *dimensionCheck) membership(in *Expr) {
	info, known := k.cat.Dimensions[in.Dimension]
	if !known {
		if _, again := k.seen[[2]string{in.Dimension}]; again || len(k.seen) > maxUnknownDimensions && k.unknowns() >= maxUnknownDimensions {
			return
		}
		k.seen[[2]string{in.Dimension}] = len(k.found)
		// `al` may be meant as a dimension or as `all`.
		k.found = append(k.found, unknownDimension(in.Dimension, in.Pos, k.names, slices.Concat(k.names, connectives)))
		return
	}
	for _, value := range in.Values {
		key := [2]string{in.Dimension, value}
		if _, again := k.seen[key]; again {
			continue
		}
		k.seen[key] = -1
		if _, occurs := slices.BinarySearch(info.Values, value); occurs {
			continue
		}
		if k.absent++; k.absent <= maxAbsentValues {
			k.found = append(k.found, Problem{Position: in.Pos, Warning: true, Suggestion: didYouMean(value, info.Values),
				Message: fmt.Sprintf("the value %s of %s never occurs in the snapshot", quote(value), quote(in.Dimension))})
		}
	}
}

func (k *dimensionCheck) unknowns() int {
	count := 0
	for _, p := range k.found {
		if !p.Warning {
			count++
		}
	}
	return count
}

func unknownDimension(name string, at Position, dimensions, meant []string) Problem {
	suggestion := didYouMean(name, meant)
	if suggestion == "" {
		suggestion = "it has " + listed(dimensions)
	}
	return Problem{Position: at, Message: fmt.Sprintf("the snapshot has no dimension %s", quote(name)), Suggestion: suggestion}
}

// listed names the first few of a list.
func listed(names []string) string {
	const most = 20
	text := ""
	for i, name := range names {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += quote(name)
	}
	return text
}

func (c *Config) breakdownAt(i int) Position {
	if at, ok := c.breakdownPos[c.Report.Breakdowns[i]]; ok {
		return at
	}
	return Position{Path: index("report.breakdowns", i)}
}

func (c *Config) checkBreakdowns(cat Catalog) Problems {
	var problems Problems
	for i, name := range c.Report.Breakdowns {
		if n := len(cat.Dimensions[name].Values); n > MaxBreakdownValues {
			problems = append(problems, Problem{Position: c.breakdownAt(i),
				Message:    fmt.Sprintf("%s has %d values; a breakdown has at most %d", quote(name), n, MaxBreakdownValues),
				Suggestion: "break down by a coarser dimension, or look at part of it with slots.where and a smaller snapshot"})
		}
	}
	return problems
}

// Bytes of a result row by estimate, without compression: the fixed columns, a campaign's, a group
// entry's and a breakdown entry's, each with its numbers; texts are added by their length.
const (
	rowBytes          = 4096
	campaignBytes     = 300
	groupBytes        = 80
	breakdownBytes    = 80
	distributionBytes = FrequencyTopBucket * 16
	contenderBytes    = 8
	maxContenders     = 10
)

func (c *Config) checkRowSize(cat Catalog) Problems {
	size := rowBytes
	longest := 0
	for i := range c.Campaigns {
		size += campaignBytes + distributionBytes + len(c.Campaigns[i].ID) + len(c.Campaigns[i].Advertiser)
		longest = max(longest, len(c.Campaigns[i].ID))
	}
	if c.Report.Contention {
		size += len(c.Campaigns) * min(len(c.Campaigns), maxContenders) * (contenderBytes + longest)
	}
	for _, key := range c.Report.Groups {
		seen := map[string]bool{}
		for i := range c.Campaigns {
			value := campaignField(key, &c.Campaigns[i])
			if !seen[value] {
				seen[value] = true
				size += groupBytes + distributionBytes + len(key) + len(value)
			}
		}
	}
	for _, name := range c.Report.Breakdowns {
		for _, value := range cat.Dimensions[name].Values {
			size += breakdownBytes + len(name) + len(value)
		}
	}
	if size <= MaxResultBytes {
		return nil
	}
	return Problems{{Position: c.reportPos,
		Message:    fmt.Sprintf("a result row would hold about %d MiB; the limit is %d MiB", (size+1<<20-1)>>20, MaxResultBytes>>20),
		Suggestion: "report fewer or coarser breakdowns and groups, or leave contention out"}}
}
