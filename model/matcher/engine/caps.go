package engine

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/whatif-machine/whatif/model"
)

// rule is one frequency cap of a campaign or of a cap group.
type rule struct {
	limit  uint64
	clock  int32
	member int32 // rank of the campaign; ^k: the k-th cap group's campaigns
}

// caps are the caps of a variant that can ever bind, numbered.
//
// A user's state is a region of words, one load away, of 32 bits where all that a cell holds fits, else of 64:
//
//	[cells | closed] [closed cells ..] [open cells ..] free
//	cell: window | cap | count, from the high bits down
//
// A cell stands for one cap in one window. It moves to the front when its count reaches the limit; so
// the frequency gate reads only cells that are closed, side by side, and not counters. A closed cell whose
// window is over moves back when it is met. A user of n slots needs no more than n x (caps a win
// can touch) cells, and no more than there are caps.
type caps struct {
	rules   []rule
	clocks  []clock
	rulesOf [][]uint32 // by clock
	first   []uint32   // by rank: its rules are list[first[r]:first[r+1]], its own and its groups'
	list    []uint32
	groups  [][]uint32 // members of each cap group that has a rule, as ranks
	touch   int        // most rules that one win counts in
	rewinds bool       // the local date goes back within the horizon: a window can come again

	countBits, windowAt uint
	capMask             uint64
	wide                bool // words of 64 bits
}

// word is what user state is made of.
type word interface{ uint32 | uint64 }

// half is the number of bits of half a word.
func half[T word]() uint { return 4 * uint(unsafe.Sizeof(T(0))) }

// clock numbers the windows of caps with the same period, length and phase.
type clock struct {
	per                model.CapPeriod
	units, phase, base int64
}

// window is the number of the window that a unit is in, from 0.
func (c *clock) window(unit int64) uint64 {
	return uint64(floorDiv(unit-c.phase, c.units) - c.base)
}

// capBuilder collects rules.
type capBuilder struct {
	caps
	cal        *calendar
	start, end int64 // the horizon
	clockOf    map[clock]int32
	most       int64 // impressions that one user can get at most
	last       uint64
}

// clockFor is the clock of windows of k periods that count from an instant.
func (b *capBuilder) clockFor(c model.FrequencyCap, from int64) (int32, error) {
	units := max(1, c.Units)
	if c.Per == model.PerLifetime {
		units = 1
	}
	origin, _ := b.cal.unit(c.Per, from)
	clk := clock{per: c.Per, units: units, phase: origin - floorDiv(origin, units)*units}
	// Two units to spare on both sides, for local dates that go back.
	first, _ := b.cal.unit(c.Per, b.start)
	final, _ := b.cal.unit(c.Per, b.end)
	clk.base = floorDiv(first-2-clk.phase, units)
	b.last = max(b.last, clk.window(final+2))
	if at, ok := b.clockOf[clk]; ok {
		return at, nil
	}
	at := int32(len(b.clocks))
	b.clockOf[clk] = at
	b.clocks, b.rulesOf = append(b.clocks, clk), append(b.rulesOf, nil)
	return at, nil
}

// add numbers the caps that can bind, and returns their numbers.
func (b *capBuilder) add(list []model.FrequencyCap, member int32, from int64, out []uint32) ([]uint32, error) {
	for _, c := range list {
		if c.Impressions >= b.most {
			continue // no user has so many slots
		}
		clk, err := b.clockFor(c, from)
		if err != nil {
			return nil, err
		}
		out = append(out, uint32(len(b.rules)))
		b.rulesOf[clk] = append(b.rulesOf[clk], uint32(len(b.rules)))
		b.rules = append(b.rules, rule{limit: uint64(c.Impressions), clock: clk, member: member})
	}
	return out, nil
}

// compileCaps numbers the caps of the candidates, in rank order, and of the cap groups.
func (e *Engine) compileCaps(p *plan) error {
	cal := newCalendar(p.sc.Location)
	b := capBuilder{cal: &cal, start: p.horizonStart, end: p.horizonEnd, clockOf: map[clock]int32{}, most: int64(e.mostSlots)}
	groupRules, err := b.addGroups(p)
	if err != nil {
		return err
	}
	b.first = make([]uint32, len(p.cands)+1)
	for r := range p.cands {
		c := &p.cands[r]
		if b.list, err = b.add(c.campaign.FrequencyCaps, int32(r), c.terms.start, b.list); err != nil {
			return err
		}
		for _, g := range c.groups {
			b.list = append(b.list, groupRules[g]...)
		}
		b.first[r+1] = uint32(len(b.list))
		b.touch = max(b.touch, int(b.first[r+1]-b.first[r]))
	}
	b.rewinds = cal.rewinds(e.snap.Times())
	p.caps = b.caps
	return p.caps.layOut(b.last, e.mostSlots)
}

// addGroups numbers the rules of the cap groups and notes which candidates they hold.
func (b *capBuilder) addGroups(p *plan) ([][]uint32, error) {
	rules := make([][]uint32, len(p.sc.CapGroups))
	for g := range p.sc.CapGroups {
		var err error
		if rules[g], err = b.add(p.sc.CapGroups[g].FrequencyCaps, ^int32(len(b.groups)), p.horizonStart, nil); err != nil {
			return nil, err
		}
		if len(rules[g]) == 0 {
			continue
		}
		var members []uint32
		for r := range p.cands {
			for _, of := range p.cands[r].groups {
				if int(of) == g {
					members = append(members, uint32(r))
				}
			}
		}
		b.groups = append(b.groups, members)
	}
	return rules, nil
}

// layOut decides how many bits of a cell the window, the cap and the count take, if no user has more slots.
func (c *caps) layOut(lastWindow uint64, mostSlots int) error {
	most := uint64(1)
	for _, r := range c.rules {
		most = max(most, r.limit)
	}
	c.countBits = uint(bits.Len64(most))
	capBits := uint(bits.Len(uint(len(c.rules))))
	c.capMask = 1<<capBits - 1
	c.windowAt = c.countBits + capBits
	all := c.windowAt + uint(bits.Len64(lastWindow))
	c.wide = all > 32 || c.cells(mostSlots) > math.MaxUint16
	if all > 64 {
		return fmt.Errorf("%d frequency caps with limits up to %d and %d windows do not fit in the counters of a user; use fewer caps, lower limits or longer windows",
			len(c.rules), most, lastWindow)
	}
	return nil
}

// cells is the most cells that a user of n slots needs.
func (c *caps) cells(n int) int {
	if c.rewinds {
		return n * c.touch
	}
	return min(n*c.touch, len(c.rules))
}

// setWindow notes the present window of a clock.
func (s *state) setWindow(clock int, window uint64) {
	c := &s.plan.caps
	for _, k := range c.rulesOf[clock] {
		s.current[k] = window<<((c.windowAt-c.countBits)&63) | uint64(k)
	}
}

// turnAwayCapped takes the campaigns out of a row, in the words from..to, that the visitor may not see again now.
func (s *state) turnAwayCapped(v *visit, row []uint64, from, to int) {
	var taken bool
	if at := s.block.cell[v.j]; s.plan.caps.wide {
		taken = turnAwayCapped(s, s.wideCells[at:], row, from, to)
	} else {
		taken = turnAwayCapped(s, s.cells[at:], row, from, to)
	}
	if taken {
		v.lost |= lostFrequency
	}
}

func turnAwayCapped[T word](s *state, cells []T, row []uint64, from, to int) bool {
	closed := int(cells[0] & (1<<half[T]() - 1))
	if closed == 0 {
		return false
	}
	c, taken := &s.plan.caps, false
	rules, current, capAt, mask := c.rules, s.current, c.countBits&63, c.capMask
	for i := 1; i <= closed; {
		cell := uint64(cells[i]) >> capAt
		k := cell & mask
		if cell != current[k] {
			if c.rewinds {
				i++
				continue
			}
			cells[i], cells[closed] = cells[closed], cells[i]
			closed--
			cells[0]--
			continue
		}
		if m := rules[k].member; m >= 0 {
			taken = takeBit(row, uint32(m), from, to, s.lostFrequency) || taken
		} else {
			taken = s.capGroups.take(int(^m), row, from, to, s.lostFrequency) || taken
		}
		i++
	}
	return taken
}

// countCaps counts an impression of the campaign at rank r to the user at cell offset o.
func (s *state) countCaps(o uint32, r int) {
	c := &s.plan.caps
	for _, k := range c.list[c.first[r]:c.first[r+1]] {
		if c.wide {
			countCap(s, s.wideCells[o:], uint64(k))
		} else {
			countCap(s, s.cells[o:], uint64(k))
		}
	}
}

// countCap counts an impression in the present window of cap k.
func countCap[T word](s *state, cells []T, k uint64) {
	c := &s.plan.caps
	closed, used := int(cells[0]&(1<<half[T]()-1)), int(cells[0]>>half[T]())
	present, capAt := s.current[k], c.countBits&63
	fresh := present << capAt
	at := closed + 1
	for ; at <= used; at++ {
		cell := uint64(cells[at])
		if cell>>capAt == present {
			fresh = cell
			break
		}
		if cell>>capAt&c.capMask == k && !c.rewinds {
			break // the window is over: its cell starts anew
		}
	}
	if at > used {
		cells[0] += 1 << half[T]()
	}
	fresh++
	cells[at] = T(fresh)
	if fresh&(1<<capAt-1) == c.rules[k].limit {
		cells[at], cells[closed+1] = cells[closed+1], T(fresh)
		cells[0]++
	}
}
