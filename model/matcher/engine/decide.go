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
	j        int   // place in the block
	t        int64 // its time
	lost     uint8 // gates that turned a campaign away: lostIdentity ..
	failed   int   // campaigns in state.failed
	winner   int   // rank, or -1
	bid      int64 // the winner's effective bid; -1 before there is one
	priority int32 // the winner's
	draw     uint64
	hasDraw  bool
	top      topBids
	least    progress // the winner's, where need decides
}

const (
	lostIdentity = 1 << iota
	lostFrequency
	lostSeparation
)

// decideBlock decides the block's visits.
func (s *state) decideBlock() {
	b, times := &s.block, s.engine.snap.Times()
	at, v := s.logPosition(), &s.visit
	for j := range b.n {
		t := int64(times[b.slot[j]])
		if t >= s.clock.next {
			s.tick(t)
		}
		if i := int64(b.slot[j]); i >= s.traffic.wakeAt {
			s.wakeByTraffic(i, t)
		}
		v.j, v.t, v.lost, v.failed = j, t, 0, 0
		v.winner, v.bid, v.hasDraw, v.top = -1, -1, false, noBids
		s.decide(v)
		s.won[at] = uint16(v.winner + 1)
		at++
		b.price[j] = -1
		if v.winner >= 0 {
			b.price[j] = s.sell(v)
		} else {
			s.countUnfilled(v)
		}
	}
	s.countBreakdowns()
}

// logPosition is the place in the log of the block's first visit.
func (s *state) logPosition() uint32 { return s.visitAt(s.block.slot[0], s.block.copy[0]) }

// decide finds the winner of a visit. Where all candidates count, for losses, contention or need, it looks at all in
// one go; else only at the first by rank, as a later one can hardly win or set the price.
func (s *state) decide(v *visit) {
	b, words := &s.block, s.plan.words
	for from, to := 0, b.matched; ; from, to = to, words {
		if from > 0 {
			s.matchRest(v.j)
		}
		row := s.offer(v, from, to)
		if b.cell[v.j] != 0 {
			s.turnAwayCapped(v, row, from, to)
		}
		if at := b.request[v.j]; at != 0 && s.sep.cells[at] != 0 {
			s.turnAwayClashing(v, row, from, to)
		}
		if s.chooseFrom(v, row, from, to) || to == words {
			if v.winner >= 0 && s.plan.sc.Report.Contention {
				s.countContention(row, v.winner)
			}
			break
		}
	}
	v.lost |= b.lost[v.j]
}

// offer finds the candidates that pass goal, budget and pacing, in the words from..to of the row that it returns. Losses
// count what is left of that row.
func (s *state) offer(v *visit, from, to int) []uint64 {
	row := s.candRow
	if s.plan.losses() {
		row = s.offered.next()
		s.offered.push()
		s.reached.n = v.j + 1
	}
	intersect(row[from:to], s.reached.row(v.j)[from:to], s.open[from:to], s.some)
	if s.checks > 0 {
		s.checkBudgets(v, row, from, to)
	}
	return row
}

// chooseFrom goes on with the choice of the winner with the candidates of a row in the words from..to; it reports
// whether no later one matters.
func (s *state) chooseFrom(v *visit, row []uint64, from, to int) bool {
	for first := from; first < to; first += 64 {
		var done bool
		words := s.some[(first-from)>>6]
		switch {
		case s.plan.secondPrice && !s.plan.byNeed:
			done = s.chooseSecond(v, row[first:], words, first)
		case s.plan.byNeed:
			done = s.chooseByNeed(v, row[first:], words, first)
		default:
			done = s.choose(v, row[first:], words, first)
		}
		if done {
			return true
		}
	}
	return false
}

// checkFloors settles bids that depend on the slot (or lie between two rows) where the floor is between their least and
// greatest value: in at most 64 words.
func (s *state) checkFloors(first, last, from, to int) {
	b := &s.block
	findUnsure(b.unsure[first:last], s.reached.ring[first*s.plan.words:], s.rows, b.low[first:last], s.plan.words, from, to)
	for j := first; j < last; j++ {
		if b.unsure[j] == 0 {
			continue
		}
		row, certain := s.reached.row(j), s.rows[b.low[j]:]
		for words := b.unsure[j]; words != 0; words &= words - 1 {
			w := from + bits.TrailingZeros64(words)
			for x := row[w] &^ certain[w]; x != 0; x &= x - 1 {
				if s.bid(w<<6+bits.TrailingZeros64(x), j) < b.floor[j] {
					row[w] &^= x & -x
				}
			}
		}
	}
}

// checkResiduals settles targeting across dimensions.
func (s *state) checkResiduals(row []uint64, slot uint32, from, to int) {
	for w := from; w < to; w++ {
		for x := row[w] & s.residual[w]; x != 0; x &= x - 1 {
			r := w<<6 + bits.TrailingZeros64(x)
			if !s.plan.cands[r].rest.holds(slot) {
				row[w] &^= x & -x
			}
		}
	}
}

// skipCapped turns campaigns with caps away from a visitor who is not identified.
func (s *state) skipCapped(j int, row []uint64, from, to int) {
	out := s.unknown.next()
	some := uint64(0)
	for w := from; w < to; w++ {
		x := row[w] & s.capped[w]
		out[w] = x
		row[w] &^= x
		some |= x
	}
	if some != 0 {
		s.block.lost[j] |= lostIdentity
	}
	if s.plan.losses() { // all words of a row are settled at once
		s.unknown.push()
	}
}

// checkBudgets settles the campaigns whose budget holds some of their bids and not others.
func (s *state) checkBudgets(v *visit, row []uint64, from, to int) {
	reached := s.reached.row(v.j)
	for first := from &^ 63; first < to; first += 64 {
		for words := s.checkWords[first>>6]; words != 0; words &= words - 1 {
			w := first + bits.TrailingZeros64(words)
			if w < from || w >= to {
				continue
			}
			for x := reached[w] & s.check[w]; x != 0; x &= x - 1 {
				r := w<<6 + bits.TrailingZeros64(x)
				if s.affords(r, s.bid(r, v.j)) {
					continue
				}
				row[w] &^= x & -x
				s.losses[r].budget++
				s.failed[v.failed] = uint32(r)
				v.failed++
			}
		}
	}
}

// turnAwayClashing takes the campaigns out of a row that the visit's request must not get again.
func (s *state) turnAwayClashing(v *visit, row []uint64, from, to int) {
	region := s.sep.cells[s.block.request[v.j]:]
	for _, k := range region[1 : 1+region[0]] {
		if s.sep.sets.take(int(k), row, from, to, s.lostSeparation) {
			v.lost |= lostSeparation
		}
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
