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

	users, reached    []int64  // by value, 0: missing
	seenBy, reachedBy []uint32 // by value: the last user that was counted
}

// codeCounts add up the visits with one code; identified are those filled of a user who is known.
type codeCounts struct{ slots, filled, identified, revenue int64 }

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
		for _, list := range []*[]int64{&b.users, &b.reached} {
			take(m, list, n)
		}
		take(m, &b.seenBy, n)
		take(m, &b.reachedBy, n)
		m.count(int64(n), 160) // its entries in the result
	}
}

// countBreakdowns counts the block's visits.
func (s *state) countBreakdowns() {
	for k := range s.breakdowns {
		b := &s.breakdowns[k]
		switch d := b.dim; {
		case d.U8() != nil:
			countCodes(b.counts, d.U8(), &s.block)
		case d.U16() != nil:
			countCodes(b.counts, d.U16(), &s.block)
		default:
			countCodes(b.counts, d.U32(), &s.block)
		}
	}
}

func countCodes[T uint8 | uint16 | uint32](counts []codeCounts, codes []T, b *block) {
	codes = codes[b.slot[0]:]
	for j, i := range b.slot[:b.n] {
		c, price := &counts[codes[i-b.slot[0]]], b.price[j]
		sold, known := uint64(^price)>>63, min(int64(b.user[j]), 1) // 1 or 0: who buys is hard to foretell
		c.slots++
		c.filled += int64(sold)
		c.identified += int64(sold) & known
		c.revenue += price & -int64(sold)
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
	if filled {
		b.reachValue(v, who)
	}
}

func (b *breakdown) reachValue(v, who uint32) {
	if b.reachedBy[v] != who {
		b.reachedBy[v] = who
		b.reached[v]++
	}
}

// countReached counts user number who for the values of the slots that it was served on.
func (b *breakdown) countReached(slots []uint32, who uint32) {
	switch d := b.dim; {
	case d.Multi():
		for _, i := range slots {
			code := d.Code(int(i))
			if code == 0 {
				b.reachValue(0, who)
				continue
			}
			for _, v := range d.Sets()[code-1] {
				b.reachValue(v+1, who)
			}
		}
	case d.U8() != nil:
		countDistinct(b.reached, b.reachedBy, d.U8(), slots, who)
	case d.U16() != nil:
		countDistinct(b.reached, b.reachedBy, d.U16(), slots, who)
	default:
		countDistinct(b.reached, b.reachedBy, d.U32(), slots, who)
	}
}

// countDistinct counts user number who once for each code of its slots; by has who was counted last.
func countDistinct[T uint8 | uint16 | uint32](counts []int64, by []uint32, codes []T, slots []uint32, who uint32) {
	for _, i := range slots {
		if code := codes[i]; by[code] != who {
			by[code] = who
			counts[code]++
		}
	}
}

// audience is how many users have each value of a dimension (0: missing) on one of their slots: the same for all
// variants that visit every slot once. It is counted once.
func (e *Engine) audience(dim *inventory.Dimension) []int64 {
	e.audiences.mutex.Lock()
	defer e.audiences.mutex.Unlock()
	if known := e.audiences.users[dim]; known != nil {
		return known
	}
	n := len(dim.Values()) + 1
	b := breakdown{dim: dim, users: make([]int64, n), seenBy: make([]uint32, n)}
	for u := 1; u < len(e.userFirst)-1; u++ {
		for _, i := range e.slotsOf(uint32(u)) {
			b.countUser(i, uint32(u), false)
		}
	}
	e.audiences.users[dim] = b.users
	return b.users
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
			at.identified += c.identified
			at.revenue += c.revenue
		}
	}
	var out []model.BreakdownResult
	for v, c := range byValue {
		if c.slots == 0 {
			continue
		}
		r := model.BreakdownResult{Dimension: b.dim.Name(), Slots: c.slots, Filled: c.filled, RevenueNanos: c.revenue,
			Users: b.users[v], Reach: b.reached[v], IdentifiedImpressions: c.identified}
		if v > 0 {
			r.Value = &b.dim.Values()[v-1]
		}
		out = append(out, r)
	}
	return out
}
