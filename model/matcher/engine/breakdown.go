package engine

import (
	"slices"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// breakdown counts by the codes of a dimension while visits are decided, and by its values afterwards.
type breakdown struct {
	dim    *inventory.Dimension
	counts []codeCounts // by code

	users, reached, impressions []int64  // by value, 0: missing
	seenBy, reachedBy           []uint32 // by value: the last user that was counted
}

// codeCounts add up the visits with one code.
type codeCounts struct{ slots, filled, revenue int64 }

func (s *state) reserveBreakdowns(m *meter) {
	names := s.plan.sc.Report.Breakdowns
	if !m.dry {
		s.breakdowns = slices.Grow(s.breakdowns[:0], len(names))[:len(names)]
	}
	for k, name := range names {
		b := &breakdown{}
		if !m.dry {
			b = &s.breakdowns[k]
		}
		b.dim = s.engine.snap.Dimension(name)
		n := len(b.dim.Values()) + 1
		take(m, &b.counts, b.dim.Cardinality())
		for _, list := range []*[]int64{&b.users, &b.reached, &b.impressions} {
			take(m, list, n)
		}
		take(m, &b.seenBy, n)
		take(m, &b.reachedBy, n)
		m.count(int64(n), 160) // its entries in the result
	}
}

// countBreakdowns counts a visit to slot i; price is -1 if it was not sold.
func (s *state) countBreakdowns(i uint32, price int64) {
	for k := range s.breakdowns {
		b := &s.breakdowns[k]
		c := &b.counts[b.dim.Code(int(i))]
		c.slots++
		if price >= 0 {
			c.filled++
			c.revenue += price
		}
	}
}

// countUser counts a visit of identified user (with its copy) number who to slot i for each of its values.
func (b *breakdown) countUser(i, who uint32, filled bool) {
	code := b.dim.Code(int(i))
	if code == 0 || !b.dim.Multi() {
		b.countValue(code, who, filled)
		return
	}
	for _, v := range b.dim.Sets()[code-1] {
		b.countValue(v+1, who, filled)
	}
}

func (b *breakdown) countValue(v, who uint32, filled bool) {
	if b.seenBy[v] != who {
		b.seenBy[v] = who
		b.users[v]++
	}
	if !filled {
		return
	}
	b.impressions[v]++
	if b.reachedBy[v] != who {
		b.reachedBy[v] = who
		b.reached[v]++
	}
}

// results are the entries of the values that occur, missing first.
func (b *breakdown) results() []model.BreakdownResult {
	byValue := make([]codeCounts, len(b.users))
	for code, c := range b.counts {
		if code == 0 || !b.dim.Multi() {
			byValue[code] = c
			continue
		}
		for _, v := range b.dim.Sets()[code-1] {
			at := &byValue[v+1]
			at.slots += c.slots
			at.filled += c.filled
			at.revenue += c.revenue
		}
	}
	var out []model.BreakdownResult
	for v, c := range byValue {
		if c.slots == 0 {
			continue
		}
		r := model.BreakdownResult{Dimension: b.dim.Name(), Slots: c.slots, Filled: c.filled, RevenueNanos: c.revenue,
			Users: b.users[v], Reach: b.reached[v], IdentifiedImpressions: b.impressions[v]}
		if v > 0 {
			r.Value = &b.dim.Values()[v-1]
		}
		out = append(out, r)
	}
	return out
}
