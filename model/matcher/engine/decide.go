package engine

import (
	"context"
	"math/bits"
)

// run decides all visits in order.
func (s *state) run(ctx context.Context) error {
	done := 0
	for {
		more, err := s.fillBlock()
		if err != nil || !more {
			return err
		}
		s.decideBlock()
		if done += s.block.n; done >= checkEvery {
			if done = 0; ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
}

// visit is what the decision on one visit finds out.
type visit struct {
	j       int   // place in the block
	t       int64 // its time
	user    uint32
	lost    uint8 // gates that turned a campaign away: lostIdentity ..
	failed  int   // campaigns in state.failed
	winner  int   // rank, or -1
	bid     int64 // the winner's effective bid
	second  int64 // highest other bid that can set the price, or -1
	draw    uint64
	hasDraw bool
}

const (
	lostIdentity = 1 << iota
	lostFrequency
	lostSeparation
)

// decideBlock decides the block's visits.
func (s *state) decideBlock() {
	b, times := &s.block, s.engine.snap.Times()
	at := s.logPosition()
	for j := range b.n {
		t := int64(times[b.slot[j]])
		if t >= s.clock.next {
			s.tick(t)
		}
		v := visit{j: j, t: t, user: b.user[j], winner: -1, second: -1}
		if s.plan.whole {
			s.decideWhole(&v)
		} else {
			s.decideLazily(&v)
		}
		s.won[at] = uint16(v.winner + 1)
		at++
		price := int64(-1)
		if v.winner >= 0 {
			price = s.sell(&v)
		} else {
			s.countUnfilled(&v)
		}
		if len(s.breakdowns) > 0 {
			s.countBreakdowns(b.slot[j], price)
		}
	}
}

// logPosition is the place in the log of the block's first visit.
func (s *state) logPosition() uint32 { return s.visitAt(s.block.slot[0], s.block.copy[0]) }

// decideWhole runs all candidates through all gates: for losses, contention, need and second prices.
func (s *state) decideWhole(v *visit) {
	words := s.plan.words
	reached, offered, cand := s.reached.next(), s.offered.next(), s.candRow
	for w := 0; w < words; w += chunkWords {
		s.matchChunk(v, w, (*[chunkWords]uint64)(reached[w:]), (*[chunkWords]uint64)(offered[w:]))
	}
	s.reached.push()
	s.offered.push()
	copy(cand, offered)
	if s.readCapsOf(v) {
		if s.turnAway(cand, s.capRow, s.countFrequency) {
			v.lost |= lostFrequency
		}
	}
	if s.readClashes(v) {
		if s.turnAway(cand, s.clashRow, s.countSeparation) {
			v.lost |= lostSeparation
		}
	}
	if s.plan.thorough {
		s.chooseThoroughly(v, cand)
	} else {
		s.choose(v, cand, 0)
	}
	if v.winner >= 0 && s.plan.sc.Report.Contention {
		s.countContention(cand, v.winner)
	}
}

// decideLazily looks at the candidates a cache line of bits at a time and stops when no later one can win.
func (s *state) decideLazily(v *visit) {
	words := s.plan.words
	reached, offered := s.reached.ring[:words], s.offered.ring[:words]
	capped, clash := s.readCapsOf(v), s.readClashes(v)
	for w := 0; w < words; w += chunkWords {
		row := (*[chunkWords]uint64)(s.candRow[w:])
		s.matchChunk(v, w, (*[chunkWords]uint64)(reached[w:]), (*[chunkWords]uint64)(offered[w:]))
		*row = ([chunkWords]uint64)(offered[w:])
		if capped && s.turnAway(row[:], s.capRow[w:w+chunkWords], nil) {
			v.lost |= lostFrequency
		}
		if clash && s.turnAway(row[:], s.clashRow[w:w+chunkWords], nil) {
			v.lost |= lostSeparation
		}
		if s.choose(v, row[:], w) {
			return
		}
	}
}

// matchChunk finds which candidates of a chunk of words reach the goal gate, and which of those pass it, the
// budget and the pacing.
func (s *state) matchChunk(v *visit, w int, reached, offered *[chunkWords]uint64) {
	b := &s.block
	live := (*[chunkWords]uint64)(s.live[w:])
	andRows(reached, live, s.rows, b.offs[v.j*b.stride:][:b.stride], w)
	if s.plan.exceptions {
		s.checkExceptions(v, w, reached)
	}
	if v.user == 0 && s.plan.skipsUnknown {
		s.skipCapped(v, w, reached)
	}
	open := (*[chunkWords]uint64)(s.open[w:])
	for i := range offered {
		offered[i] = reached[i] & open[i]
	}
	if s.checks > 0 {
		s.checkBudgets(v, w, reached, offered)
	}
}

// andRows is a chunk of the candidates that are live and that every row lets pass: the kernel of matching.
func andRows(out, live *[chunkWords]uint64, rows []uint64, offs []uint32, w int) {
	x0, x1, x2, x3 := live[0], live[1], live[2], live[3]
	x4, x5, x6, x7 := live[4], live[5], live[6], live[7]
	for _, at := range offs {
		r := (*[chunkWords]uint64)(rows[int(at)+w:])
		x0, x1, x2, x3 = x0&r[0], x1&r[1], x2&r[2], x3&r[3]
		x4, x5, x6, x7 = x4&r[4], x5&r[5], x6&r[6], x7&r[7]
	}
	out[0], out[1], out[2], out[3] = x0, x1, x2, x3
	out[4], out[5], out[6], out[7] = x4, x5, x6, x7
}

// checkExceptions settles what rows cannot: targeting across dimensions, and bids that depend on the slot
// (or lie between two rows) where the floor is between their least and greatest value.
func (s *state) checkExceptions(v *visit, w int, row *[chunkWords]uint64) {
	b := &s.block
	slot, floor := b.slot[v.j], b.floor[v.j]
	if s.plan.residuals {
		s.checkResiduals(w, slot, row)
	}
	if s.plan.floors.lows == nil {
		return
	}
	certain := (*[chunkWords]uint64)(s.rows[int(b.low[v.j])+w:])
	for i := range row {
		for x := row[i] &^ certain[i]; x != 0; x &= x - 1 {
			r := (w+i)<<6 + bits.TrailingZeros64(x)
			if s.bid(r, v.j) < floor {
				row[i] &^= x & -x
			}
		}
	}
}

// checkResiduals settles targeting across dimensions.
func (s *state) checkResiduals(w int, slot uint32, row *[chunkWords]uint64) {
	residual := (*[chunkWords]uint64)(s.residual[w:])
	for i := range row {
		for x := row[i] & residual[i]; x != 0; x &= x - 1 {
			r := (w+i)<<6 + bits.TrailingZeros64(x)
			if !s.plan.cands[r].rest.holds(slot) {
				row[i] &^= x & -x
			}
		}
	}
}

// skipCapped turns campaigns with caps away from a visitor who is not identified.
func (s *state) skipCapped(v *visit, w int, row *[chunkWords]uint64) {
	capped := (*[chunkWords]uint64)(s.capped[w:])
	for i := range row {
		x := row[i] & capped[i]
		if x == 0 {
			continue
		}
		row[i] &^= x
		v.lost |= lostIdentity
		if s.plan.losses() {
			for ; x != 0; x &= x - 1 {
				s.losses[(w+i)<<6+bits.TrailingZeros64(x)].identity++
			}
		}
	}
}

// checkBudgets settles the campaigns whose budget holds some of their bids and not others.
func (s *state) checkBudgets(v *visit, w int, reached, offered *[chunkWords]uint64) {
	check := (*[chunkWords]uint64)(s.check[w:])
	for i := range reached {
		for x := reached[i] & check[i]; x != 0; x &= x - 1 {
			r := (w+i)<<6 + bits.TrailingZeros64(x)
			if s.affords(r, s.bid(r, v.j)) {
				continue
			}
			offered[i] &^= x & -x
			s.losses[r].budget++
			s.failed[v.failed] = uint32(r)
			v.failed++
		}
	}
}

// readCapsOf finds the campaigns that the visitor may not see again now.
func (s *state) readCapsOf(v *visit) bool {
	return len(s.plan.caps.rules) > 0 && v.user != 0 && s.readCaps(s.block.cell[v.j], s.capRow)
}

// readClashes finds the campaigns that the visit's request must not get again.
func (s *state) readClashes(v *visit) bool {
	return s.sep.on && s.sep.read(s.sep.region(s.engine, s.requestOf(v.j), s.block.copy[v.j]), s.clashRow)
}

func (s *state) requestOf(j int) uint32 { return s.engine.snap.Requests()[s.block.slot[j]] }

// turnAway takes the barred campaigns out of a row; it reports whether there were any.
func (s *state) turnAway(row, barred []uint64, count func(w int, x uint64)) bool {
	any := false
	for w := range row {
		x := row[w] & barred[w]
		if x == 0 {
			continue
		}
		any = true
		row[w] &^= x
		if count != nil {
			count(w, x)
		}
	}
	return any
}

func (s *state) countFrequency(w int, x uint64) {
	for ; x != 0; x &= x - 1 {
		s.losses[w<<6+bits.TrailingZeros64(x)].frequency++
	}
}

func (s *state) countSeparation(w int, x uint64) {
	for ; x != 0; x &= x - 1 {
		s.losses[w<<6+bits.TrailingZeros64(x)].separation++
	}
}

// countContention counts the slot for its winner with each campaign that was outbid.
func (s *state) countContention(cand []uint64, winner int) {
	n := len(s.hot)
	row := s.contention[winner*n:][:n]
	for w, x := range cand {
		for ; x != 0; x &= x - 1 {
			row[w<<6+bits.TrailingZeros64(x)]++
		}
	}
	row[winner]--
}

// predicate is the truth of a numbered expression at a slot; it is evaluated once per slot.
func (s *state) predicate(at, slot uint32) bool {
	memo := &s.memo[at]
	if *memo>>1 == uint64(slot)+1 {
		return *memo&1 == 1
	}
	truth := s.plan.predicates[at].holds(slot)
	*memo = (uint64(slot) + 1) << 1
	if truth {
		*memo |= 1
	}
	return truth
}
