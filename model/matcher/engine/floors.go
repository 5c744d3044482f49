package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// floorRowsMost bounds the rows of candidates by bid: with more distinct bids, rows stand for ranges of bids
// and the candidates in between are compared one by one.
const floorRowsMost = 1024

// floorRules are the edits of the floor, and the bids that floors are compared with.
type floorRules struct {
	edits      []floorEdit
	mostTables int
	highs      []int64 // distinct greatest bids of candidates that are held to the floor, ascending
	lows       []int64 // distinct least bids of them; nil where rows of highs are exact
	stepHigh   int     // a row of highs for every step-th
	stepLow    int
}

type floorEdit struct {
	op     model.EditOp
	amount int64 // of set and add
	factor factor
	when   uint32
	always bool
}

// maxFloorTables bounds the tables of edited floors that are kept, one per combination of edits that match.
const maxFloorTables = 64

// compileFloors reads the floor edits and the candidates' bids.
func (e *Engine) compileFloors(p *plan) error {
	f := &p.floors
	anywhere := 0
	for _, ed := range p.sc.Slots.Floors {
		c, err := e.compileFloorEdit(p, ed)
		if err != nil {
			return fmt.Errorf("slots.floor_cpm: %w", err)
		}
		f.edits = append(f.edits, c)
		if !c.always {
			anywhere++
		}
	}
	if anywhere > 32 {
		return fmt.Errorf("%d slots.floor_cpm edits with where; at most 32 are possible", anywhere)
	}
	f.mostTables = min(1<<min(anywhere, 30), maxFloorTables)
	varies := false
	for r := range p.cands {
		c := &p.cands[r]
		if c.campaign.Pricing == model.PricingFixed {
			continue
		}
		f.highs, f.lows = append(f.highs, c.high), append(f.lows, c.low)
		varies = varies || c.low != c.high
	}
	f.highs, f.lows = distinct(f.highs), distinct(f.lows)
	f.stepHigh, f.stepLow = 1+len(f.highs)/floorRowsMost, 1+len(f.lows)/floorRowsMost
	if !varies && f.stepHigh == 1 {
		f.lows = nil
	}
	p.bytes += 32 * int64(len(p.cands))
	return nil
}

func distinct(v []int64) []int64 {
	slices.Sort(v)
	return slices.Compact(v)
}

func (e *Engine) compileFloorEdit(p *plan, ed model.FloorEdit) (floorEdit, error) {
	c := floorEdit{op: ed.Op, always: ed.Where == nil}
	var err error
	if c.when, err = e.predicate(p, ed.Where); err != nil {
		return c, err
	}
	if ed.Op == model.OpMultiply {
		c.factor, err = newFactor(ed.Value)
		return c, err
	}
	// The value is a CPM in units: micros, half to even.
	c.amount, err = roundDecimal(ed.Value.Mul(decimal.NewFromInt(1_000_000)))
	return c, err
}

// apply is a floor after the edit.
func (c *floorEdit) apply(floor int64) (int64, error) {
	switch c.op {
	case model.OpMultiply:
		return c.factor.times(floor)
	case model.OpAdd:
		if c.amount > 0 && floor > math.MaxInt64-c.amount {
			return 0, fmt.Errorf("slots.floor_cpm: %d + %d does not fit in 64 bits", floor, c.amount)
		}
		return max(0, floor+c.amount), nil
	}
	return max(0, c.amount), nil
}

// rowsHigh and rowsLow are how many rows of candidates by bid there are.
func (f *floorRules) rowsHigh() int { return 2 + len(f.highs)/f.stepHigh }

func (f *floorRules) rowsLow() int {
	if f.lows == nil {
		return 0
	}
	return 2 + len(f.lows)/f.stepLow
}

// floorTable is, by floor code, the floor after the edits that match, and the rows of candidates: those whose
// greatest bid may reach it, and those whose least bid does for certain.
type floorTable struct {
	value     []int64
	high, low []uint32
}

func (s *state) reserveFloors(m *meter) {
	f, codes := &s.plan.floors, len(s.engine.snap.FloorValues())
	if !m.dry {
		s.floorTables = slices.Grow(s.floorTables[:0], f.mostTables)[:f.mostTables]
		clear(s.floorMasks)
	}
	for k := range f.mostTables {
		at := &floorTable{}
		if !m.dry {
			at = &s.floorTables[k]
		}
		takeRaw(m, &at.value, codes)
		takeRaw(m, &at.high, codes)
		takeRaw(m, &at.low, codes)
	}
}

// floorWords is the memory of the rows of candidates by bid, in words.
func (p *plan) floorWords() int { return (p.floors.rowsHigh() + p.floors.rowsLow()) * p.words }

// buildFloorRows fills in the rows of candidates by bid, behind those of the columns.
func (s *state) buildFloorRows() {
	p, f := s.plan, &s.plan.floors
	s.highAt = p.rowsEnd
	s.lowAt = s.highAt + f.rowsHigh()*p.words
	s.fillByBid(s.rows[s.highAt:s.lowAt], f.highs, f.stepHigh, func(c *candidate) int64 { return c.high })
	s.fillByBid(s.rows[s.lowAt:s.lowAt+f.rowsLow()*p.words], f.lows, f.stepLow, func(c *candidate) int64 { return c.low })
}

// fillByBid makes row k that of the candidates whose bid reaches limits[k*step] or that are not held to the floor;
// rows beyond the limits have only those. From the last row down, each adds to the one after it.
func (s *state) fillByBid(rows []uint64, limits []int64, step int, bid func(*candidate) int64) {
	words := s.plan.words
	order := make([]int, 0, len(s.plan.cands)) // by bid, descending
	fixed := make([]uint64, words)
	for r := range s.plan.cands {
		if s.plan.cands[r].campaign.Pricing == model.PricingFixed {
			fixed[r>>6] |= 1 << (r & 63)
		} else {
			order = append(order, r)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(bid(&s.plan.cands[b]), bid(&s.plan.cands[a])) })
	row := fixed
	for k := len(rows)/words - 1; k >= 0; k-- {
		for k*step < len(limits) && len(order) > 0 && bid(&s.plan.cands[order[0]]) >= limits[k*step] {
			row[order[0]>>6] |= 1 << (order[0] & 63)
			order = order[1:]
		}
		copy(rows[k*words:], row)
	}
}

// floorTableFor finds or makes the table of the edits in mask. When there is no room for another, all are
// forgotten.
func (s *state) floorTableFor(mask uint64) (*floorTable, error) {
	if k, ok := s.floorMasks[mask]; ok {
		return &s.floorTables[k], nil
	}
	k := len(s.floorMasks)
	if k == len(s.floorTables) {
		clear(s.floorMasks)
		k = 0
	}
	t := &s.floorTables[k]
	for code, v := range s.engine.snap.FloorValues() {
		floor := int64(v)
		var err error
		for i := range s.plan.floors.edits {
			if mask>>i&1 == 1 {
				if floor, err = s.plan.floors.edits[i].apply(floor); err != nil {
					return nil, err
				}
			}
		}
		t.value[code] = floor
		t.high[code], t.low[code] = s.floorRowsFor(floor)
	}
	s.floorMasks[mask] = k
	return t, nil
}

// floorRowsFor are the offsets of the rows for a floor.
func (s *state) floorRowsFor(floor int64) (high, low uint32) {
	p, f := s.plan, &s.plan.floors
	at := sort.Search(len(f.highs), func(i int) bool { return f.highs[i] >= floor })
	high = uint32(s.highAt + at/f.stepHigh*p.words)
	if f.lows != nil {
		at = sort.Search(len(f.lows), func(i int) bool { return f.lows[i] >= floor })
		low = uint32(s.lowAt + (at+f.stepLow-1)/f.stepLow*p.words)
	}
	return high, low
}

// floorMask is which floor edits match at slot i.
func (s *state) floorMask(i uint32) uint64 {
	mask := uint64(0)
	for k := range s.plan.floors.edits {
		if e := &s.plan.floors.edits[k]; e.always || s.predicate(e.when, i) {
			mask |= 1 << k
		}
	}
	return mask
}
