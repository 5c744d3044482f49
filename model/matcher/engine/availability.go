package engine

import (
	"context"
	"crypto/sha256"
	"math/bits"
	"slices"
	"sort"
)

// seen is how many slots, and identified users, pass a campaign's first gate. It depends on its targeting and
// flight and on which slots are visited, but not on bids, floors, budgets, caps or what other campaigns
// do: variants that leave those alone share it.
type seen struct {
	matched, users int64
}

// maxKnown bounds what an engine remembers; beyond it, it starts anew.
const maxKnown = 1 << 17

// availability is what is known by campaign: the key says its targeting, its flight and the visits.
type availability struct {
	turn  chan struct{} // holds one token: whoever took it may use known
	known map[string]seen
}

// segmentsMost bounds the rows of live candidates: with more starts and ends, a row stands for several segments
// of the horizon and the flights that begin or end in it are looked at one by one.
const segmentsMost = 256

// scan counts availability, user by user.
type scan struct {
	found    []seen // by rank
	matched  lanes
	users    lanes
	bounds   []int64  // starts and ends of flights within the horizon, ascending
	cuts     []uint32 // first slot of each segment
	live     []uint64 // by segment: candidates that are live in some of it
	whole    []uint64 // by segment: those that are live in all of it
	row, own []uint64
	offs     []uint32
}

func (c *scan) reserve(m *meter, p *plan) {
	n := len(p.cands)
	take(m, &c.found, n)
	c.matched.reserve(m, p.words)
	c.users.reserve(m, p.words)
	takeRaw(m, &c.bounds, 2*n)
	takeRaw(m, &c.cuts, segmentsMost+1)
	take(m, &c.live, (segmentsMost+1)*p.words)
	take(m, &c.whole, (segmentsMost+1)*p.words)
	take(m, &c.row, p.words)
	take(m, &c.own, p.words)
	takeRaw(m, &c.offs, len(p.tables)+1)
	m.count(int64(n), 256) // keys
}

// findAvailability looks up what is known of each candidate, and scans the slots if something is not. Variants
// that need the same scan at the same time wait for one of them.
func (s *state) findAvailability(ctx context.Context) error {
	a := &s.engine.available
	keys := s.plan.availabilityKeys()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.turn:
	}
	defer func() { a.turn <- struct{}{} }()
	missing := false
	for r, k := range keys {
		v, ok := a.known[k]
		s.seen.found[r] = v
		missing = missing || !ok
	}
	if !missing {
		return nil
	}
	if err := s.scanSlots(ctx); err != nil {
		return err
	}
	if len(a.known)+len(keys) > maxKnown {
		clear(a.known)
	}
	for r, k := range keys {
		s.seen.found[r] = seen{s.seen.matched.total[r], s.seen.users.total[r]}
		a.known[k] = s.seen.found[r]
	}
	return nil
}

// availabilityKeys say by rank what a candidate's availability depends on.
func (p *plan) availabilityKeys() []string {
	prefix := p.visitsKey()
	keys := make([]string, len(p.cands))
	for r := range p.cands {
		t := p.cands[r].terms
		b := append(p.key[:0], prefix...)
		b = append(appendInt(b, max(t.start, p.horizonStart)), ' ')
		b = append(appendInt(b, min(t.end, p.horizonEnd)), ' ')
		p.key = appendKey(b, p.cands[r].campaign.Targeting)
		keys[r] = digest(p.key)
	}
	return keys
}

// visitsKey says which slots the variant visits; it is empty for those that visit each once.
func (p *plan) visitsKey() []byte {
	if !p.visits.edited {
		return nil
	}
	var b []byte
	for _, w := range p.sc.Slots.Where {
		b = append(appendKey(b, w), '&')
	}
	for _, t := range p.sc.Slots.Traffic {
		b = appendKey(append(appendText(b, t.Factor.String()), '@'), t.Where)
	}
	if p.visits.sampled {
		b = append(appendInt(append(b, '%'), int64(p.visits.sample)), ' ')
	}
	b = append(appendInt(append(b, '#'), p.sc.Seed), ' ')
	return append(appendInt(b, int64(p.sc.Replicate)), ' ')
}

// scanSlots counts the slots and users that pass each candidate's first gate.
func (s *state) scanSlots(ctx context.Context) error {
	c := &s.seen
	s.segment()
	done := 0
	for u := range len(s.engine.userFirst) - 1 {
		slots := s.engine.slotsOf(uint32(u))
		for j := range s.userCopies(slots) {
			clear(c.own)
			for _, i := range slots {
				if done++; done%checkEvery == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				if s.copiesOf(i) > j {
					s.scanSlot(i)
				}
			}
			if u > 0 {
				copy(c.users.next(), c.own)
				c.users.push()
			}
		}
	}
	c.matched.finish()
	c.users.finish()
	return nil
}

// scanSlot counts one visit to slot i, and adds its candidates to the user's.
func (s *state) scanSlot(i uint32) {
	c, words := &s.seen, s.plan.words
	for k := range s.plan.tables {
		c.offs[k] = s.rowAt(&s.plan.tables[k], i)
	}
	row := c.matched.next()
	g := c.segmentOf(i)
	set := rowSet{rows: s.rows, offs: c.offs, stride: 1, unions: s.plan.unions[:len(s.plan.columns)]}
	s.targeted(i, &set, 0, c.live[g*words:][:words], row)
	s.checkFlights(row, c.whole[g*words:][:words], int64(s.engine.snap.Times()[i]))
	c.matched.push()
	for w, x := range row {
		c.own[w] |= x
	}
}

// rowAt is the offset of slot i's row in a table.
func (s *state) rowAt(t *table, i uint32) uint32 {
	if t.group < 0 {
		return s.unite(t, i, 0)
	}
	return uint32(t.at) + uint32(s.plan.words)*s.plan.layout.groups[t.group].codeAt(i)
}

// segment cuts the horizon where flights start and end.
func (s *state) segment() {
	p, c := s.plan, &s.seen
	c.bounds = c.bounds[:0]
	for r := range p.cands {
		for _, t := range [2]int64{p.cands[r].terms.start, p.cands[r].terms.end} {
			if t > p.horizonStart && t < p.horizonEnd {
				c.bounds = append(c.bounds, t)
			}
		}
	}
	slices.Sort(c.bounds)
	c.bounds = slices.Compact(c.bounds)
	step := 1 + len(c.bounds)/segmentsMost
	c.cuts = c.cuts[:0]
	from := p.horizonStart
	for k := step - 1; ; k += step {
		to := p.horizonEnd
		if k < len(c.bounds) {
			to = c.bounds[k]
		}
		s.liveIn(len(c.cuts), from, to)
		c.cuts = append(c.cuts, uint32(s.engine.slotsBefore(from)))
		if from = to; to == p.horizonEnd {
			return
		}
	}
}

// liveIn fills in the rows of segment g, [from, to).
func (s *state) liveIn(g int, from, to int64) {
	c, words := &s.seen, s.plan.words
	for r := range s.plan.cands {
		t := s.plan.cands[r].terms
		if t.start < to && t.end > from {
			c.live[g*words+r>>6] |= 1 << (r & 63)
		}
		if t.start <= from && t.end >= to {
			c.whole[g*words+r>>6] |= 1 << (r & 63)
		}
	}
}

// segmentOf is the segment of slot i.
func (c *scan) segmentOf(i uint32) int {
	return sort.Search(len(c.cuts), func(k int) bool { return c.cuts[k] > i }) - 1
}

// checkFlights takes those candidates out of a row that are not live at t: whole are known to be.
func (s *state) checkFlights(row, whole []uint64, t int64) {
	for w := range row {
		for x := row[w] &^ whole[w]; x != 0; x &= x - 1 {
			terms := s.plan.cands[w<<6+bits.TrailingZeros64(x)].terms
			if t < terms.start || t >= terms.end {
				row[w] &^= x & -x
			}
		}
	}
}

// digest stands for a key in memory of a fixed size.
func digest(key []byte) string {
	sum := sha256.Sum256(key)
	return string(sum[:])
}
