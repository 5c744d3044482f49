package engine

import (
	"context"
	"fmt"
	"math"

	"github.com/whatif-machine/whatif/model"
)

// Flags of a candidate in the loop.
const (
	flagVaries  = 1 << iota // its bid depends on the slot
	flagFixed               // fixed pricing
	flagCapped              // it has rules to count in
	flagPaced               // even or traffic
	flagFinance             // a goal, budget or daily budget to watch
)

// hot is what the loop reads of a candidate: half a cache line.
type hot struct {
	high     int64  // greatest effective bid; the bid if it does not vary
	tie      uint64 // what its id contributes to draws
	priority int32
	id       int32 // order of ids
	flags    uint32
	varying  int32 // its place in state.varying
}

// ledger is what a candidate did: written on its wins only.
type ledger struct {
	impressions, spend int64
	delivered, spent   int64 // with what was before
	today              int64 // spend of the local day
	goal               int64 // never: none
	calm, calmToday    int64 // while spent and today are no more than these, its greatest bid fits in its budgets
	first, last        int64 // instants of impressions; meaningful once impressions > 0
}

// state is the simulation of one variant. Its buffers are kept and used again by later variants.
type state struct {
	engine *Engine
	plan   *plan

	rows        []uint64 // tables' rows, then those by bid
	atomRows    []uint64 // rows of an atom before they are fused
	floorTables []floorTable
	floorMasks  map[uint64]int
	highAt      int
	lowAt       int
	memo        []uint64 // by predicate: slot+1 and its truth at the last slot asked for

	copies []uint16 // by slot, where visits are edited
	logAt  []uint32 // by slot: place of its first visit in won

	won     []uint16 // by visit: rank+1 of the winner, 0 for none
	hot     []hot
	varying []bids // of the candidates whose bid depends on the slot
	ledger  []ledger
	paces   []pace
	wheel   wheel // of instants
	traffic wheel // of slots

	// Rows of bits by rank.
	live, goalDone, spentOut, paced, check, open []uint64
	residual, capped                             []uint64
	candRow                                      []uint64

	userAt    []uint32 // by user: offset of its first copy's region in cells
	cells     []uint32 // see caps
	wideCells []uint64 // instead of cells, where they are wide
	capGroups memberSets
	current   []uint64 // by cap: window and cap as a cell of the present window has them
	sep       separation

	clock timeline
	block block
	visit visit // the present one

	// Counters, written in the order of the gates.
	reached, offered lanes   // passed identity; passed all gates
	unknown          lanes   // turned away for want of identity
	since            []int64 // reached when the campaign was closed by its goal or budget
	losses           []losses
	lostFrequency    []int64
	lostSeparation   []int64
	checks           int      // bits of check
	checkWords       []uint64 // words of check that have a bit
	some             []uint64 // words of the present row that have a bit
	failed           []uint32 // campaigns that failed the budget at this slot only
	contention       []uint32 // [winner*n + loser]

	tally      model.Metrics
	breakdowns []breakdown
	reach      reach
	seen       scan
}

// losses are the first failures that are counted one by one.
type losses struct {
	goal, budget int64
}

// reserve takes all the memory that the variant needs.
func (s *state) reserve(m *meter, c census) {
	p, e := s.plan, s.engine
	n, words := len(p.cands), p.words
	takeRaw(m, &s.rows, p.rowsEnd+p.floorWords())
	takeRaw(m, &s.atomRows, p.mostClasses*words)
	s.reserveFloors(m)
	take(m, &s.memo, len(p.predicates))
	if p.visits.edited {
		takeRaw(m, &s.copies, len(e.hashes))
		takeRaw(m, &s.logAt, len(e.hashes))
	}
	takeRaw(m, &s.won, int(c.kept))
	take(m, &s.hot, n)
	takeRaw(m, &s.varying, p.varying)
	s.varying = s.varying[:0]
	take(m, &s.ledger, n)
	take(m, &s.paces, n)
	s.wheel.reserve(m, n)
	s.traffic.reserve(m, n)
	for _, row := range []*[]uint64{&s.live, &s.goalDone, &s.spentOut, &s.paced, &s.check, &s.open,
		&s.residual, &s.capped, &s.candRow} {
		take(m, row, words)
	}
	s.reserveUsers(m, c)
	s.sep.reserve(m, p, e, max(1, c.copies))
	s.block.reserve(m, p)
	s.clock.reserve(m, p)
	s.reached.reserve(m, words)
	s.offered.reserve(m, words)
	s.unknown.reserve(m, words)
	take(m, &s.checkWords, (words+63)/64)
	take(m, &s.some, (words+63)/64)
	take(m, &s.since, n)
	take(m, &s.losses, n)
	take(m, &s.lostFrequency, n)
	take(m, &s.lostSeparation, n)
	takeRaw(m, &s.failed, n)
	if p.sc.Report.Contention {
		take(m, &s.contention, n*n)
	}
	s.reserveBreakdowns(m)
	s.reach.reserve(m, s)
	if p.losses() {
		s.seen.reserve(m, p)
	}
}

// reserveUsers takes the users' regions.
func (s *state) reserveUsers(m *meter, c census) {
	p := s.plan
	take(m, &s.current, len(p.caps.rules))
	if len(p.caps.rules) == 0 {
		return
	}
	takeRaw(m, &s.userAt, len(s.engine.userHashes))
	if p.caps.wide {
		takeRaw(m, &s.wideCells, int(c.cells)+1)
	} else {
		takeRaw(m, &s.cells, int(c.cells)+1)
	}
	s.capGroups.reserve(m, p.words, len(p.caps.groups), func(k int) []uint32 { return p.caps.groups[k] })
}

// simulate runs the plan.
func (s *state) simulate(ctx context.Context, e *Engine, p *plan, c census) (*model.Metrics, error) {
	s.engine, s.plan = e, p
	if s.floorMasks == nil {
		s.floorMasks = map[uint64]int{}
	}
	if words := p.rowsEnd + p.floorWords(); max(int64(words), c.cells, int64(e.requestCells)*int64(c.copies)) > math.MaxUint32 {
		return nil, fmt.Errorf("the variant needs %d words of targeting, %d of user state and %d of %d copies of requests; at most %d of each are possible",
			words, c.cells, e.requestCells, c.copies, uint32(math.MaxUint32))
	}
	s.reserve(&meter{}, c)
	if err := s.decideVisits(ctx); err != nil {
		return nil, err
	}
	s.begin(c)
	if p.losses() {
		if err := s.findAvailability(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	if err := s.countReach(ctx); err != nil {
		return nil, err
	}
	return s.report(c), nil
}

// begin sets the variant up as it stands before the first slot.
func (s *state) begin(c census) {
	p := s.plan
	for i := range p.entries {
		if c.total > 0 {
			p.entries[i].terms.scale(c.kept, c.total)
		}
	}
	s.tally = model.Metrics{Slots: c.kept, SampledShare: 1}
	if c.total > 0 {
		s.tally.SampledShare = float64(c.kept) / float64(c.total)
	}
	s.checks = 0
	s.buildTables()
	s.buildFloorRows()
	s.layOutUsers()
	s.wheel.reset(p.horizonStart, p.horizonEnd)
	s.traffic.reset(0, int64(len(s.engine.hashes)))
	for r := range p.cands {
		s.beginCandidate(r)
	}
	s.clock.begin(s)
}

// layOutUsers gives each copy of each user its region.
func (s *state) layOutUsers() {
	if len(s.plan.caps.rules) == 0 {
		return
	}
	at := uint32(1) // 0 stands for no region
	for u := 1; u < len(s.userAt); u++ {
		s.userAt[u] = at
		slots := s.engine.slotsOf(uint32(u))
		size := uint32(1 + s.plan.caps.cells(len(slots)))
		for range s.userCopies(slots) {
			if s.plan.caps.wide {
				s.wideCells[at] = 0
			} else {
				s.cells[at] = 0
			}
			at += size
		}
	}
}

// userCopies is how many users a user stands for: the most visits to one of its slots.
func (s *state) userCopies(slots []uint32) uint32 {
	if !s.plan.visits.edited {
		return 1
	}
	most := uint16(0)
	for _, i := range slots {
		most = max(most, s.copies[i])
	}
	return uint32(most)
}

// beginCandidate sets up the candidate at rank r: what the loop reads, and which gates are closed.
func (s *state) beginCandidate(r int) {
	p := s.plan
	c := &p.cands[r]
	h, l := &s.hot[r], &s.ledger[r]
	*h = hot{high: c.high, tie: idBits(c.campaign.ID), priority: int32(c.campaign.Priority), id: c.id}
	l.delivered, l.spent = c.terms.delivered, c.terms.spent
	l.goal, l.calm, l.calmToday = never, never, never
	if c.terms.goal != unset {
		l.goal = c.terms.goal
	}
	if c.terms.budget != unset {
		l.calm = c.terms.budget - c.high
	}
	if c.terms.daily != unset {
		l.calmToday = c.terms.daily - c.high
	}
	set := func(row []uint64, on bool) {
		if on {
			row[r>>6] |= 1 << (r & 63)
		}
	}
	set(s.residual, c.rest != nil)
	set(s.capped, c.capped)
	if c.bids.varies() {
		h.flags |= flagVaries
		h.varying = int32(len(s.varying))
		s.varying = append(s.varying, c.bids)
	}
	if c.campaign.Pricing == model.PricingFixed {
		h.flags |= flagFixed
	}
	if p.caps.first[r] != p.caps.first[r+1] {
		h.flags |= flagCapped
	}
	if c.terms.goal != unset || c.terms.budget != unset || c.terms.daily != unset {
		h.flags |= flagFinance
	}
	if c.campaign.Pacing != model.PacingASAP && c.campaign.Pacing != "" {
		h.flags |= flagPaced
		s.paces[r] = s.engine.newPace(c)
		s.repace(r, 0, p.horizonStart)
	}
	set(s.goalDone, c.terms.goal != unset && l.delivered >= c.terms.goal)
	s.watchBudget(r)
	s.setOpen(r)
}
