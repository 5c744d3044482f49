package engine

import (
	"math/big"
	"math/bits"
)

// choose takes the winner by bid from 64 words of candidates that passed all gates, of which those in words may have
// some; a winner so far stands in v. It reports whether no later candidate can win: ranks descend by greatest bid
// within a priority.
func (s *state) choose(v *visit, row []uint64, words uint64, first int) bool {
	for ; words != 0; words &= words - 1 {
		w := bits.TrailingZeros64(words)
		for x := row[w]; x != 0; x &= x - 1 {
			r := (first+w)<<6 + bits.TrailingZeros64(x)
			h := &s.hot[r]
			if v.winner < 0 {
				v.winner, v.bid, v.priority = r, s.bidOf(h, v.j), h.priority
				continue
			}
			if h.high < v.bid || h.priority != v.priority {
				return true
			}
			switch bid := s.bidOf(h, v.j); {
			case bid > v.bid:
				v.winner, v.bid, v.hasDraw = r, bid, false
			case bid == v.bid:
				s.breakTie(v, r)
			}
		}
	}
	return false
}

// chooseSecond is choose where the second highest bid sets the price: it goes on until no later one can.
func (s *state) chooseSecond(v *visit, row []uint64, words uint64, first int) bool {
	for ; words != 0; words &= words - 1 {
		w := bits.TrailingZeros64(words)
		for x := row[w]; x != 0; x &= x - 1 {
			r := (first+w)<<6 + bits.TrailingZeros64(x)
			h := &s.hot[r]
			bid := h.high
			if v.winner < 0 {
				if h.flags&flagVaries != 0 {
					bid = s.bidOf(h, v.j)
				}
				v.winner, v.bid, v.priority = r, bid, h.priority
				if h.flags&flagFixed == 0 {
					v.top.first, v.top.owner = bid, r
				}
				continue
			}
			if h.priority != v.priority || bid < v.bid && bid <= v.top.second {
				return true
			}
			if h.flags&flagVaries != 0 {
				bid = s.bidOf(h, v.j)
			}
			if h.flags&flagFixed == 0 {
				v.top.add(r, bid)
			}
			if bid > v.bid {
				v.winner, v.bid, v.hasDraw = r, bid, false
			} else if bid == v.bid {
				s.breakTie(v, r)
			}
		}
	}
	return false
}

// breakTie lets the candidate at rank r win over the present winner, with an equal bid, if its draw is higher,
// or equal and its id lower.
func (s *state) breakTie(v *visit, r int) {
	word := s.plan.draws.tie ^ s.block.hash[v.j]
	if !v.hasDraw {
		v.draw, v.hasDraw = mix(word^s.hot[v.winner].tie), true
	}
	draw := mix(word ^ s.hot[r].tie)
	if draw > v.draw || draw == v.draw && s.hot[r].id < s.hot[v.winner].id {
		v.winner, v.draw = r, draw
	}
}

// topBids are the two highest bids that can set a price, and who has the highest.
type topBids struct {
	first, second int64 // -1: none
	owner         int
}

func (t *topBids) add(r int, bid int64) {
	if bid > t.first {
		t.first, t.second, t.owner = bid, t.first, r
	} else if bid > t.second {
		t.second = bid
	}
}

// noBids is before the first.
var noBids = topBids{first: -1, second: -1, owner: -1}

// price is the highest other bid that can set the winner's price, or -1.
func (t *topBids) price(winner int) int64 {
	if t.owner == winner {
		return t.second
	}
	return t.first
}

// chooseByNeed takes the winner from the candidates of the first priority that has any: need goes before the bid.
func (s *state) chooseByNeed(v *visit, row []uint64, words uint64, first int) bool {
	for ; words != 0; words &= words - 1 {
		w := bits.TrailingZeros64(words)
		for x := row[w]; x != 0; x &= x - 1 {
			r := (first+w)<<6 + bits.TrailingZeros64(x)
			h := &s.hot[r]
			if v.winner >= 0 && h.priority != v.priority {
				return true
			}
			bid, need := s.bidOf(h, v.j), s.progressOf(r, v.t)
			if h.flags&flagFixed == 0 {
				v.top.add(r, bid)
			}
			order := -1
			if v.winner >= 0 {
				order = need.compare(v.least)
			}
			switch {
			case order < 0, order == 0 && bid > v.bid:
				v.winner, v.bid, v.priority, v.least, v.hasDraw = r, bid, h.priority, need, false
			case order == 0 && bid == v.bid:
				s.breakTie(v, r)
			}
		}
	}
	return false
}

// progress is floor(delivered*d*2^20 / (goal*e)) in 128 bits; one without a goal comes after all with one.
type progress struct {
	none   bool
	hi, lo uint64
}

func (p progress) compare(q progress) int {
	switch {
	case p.none != q.none:
		if p.none {
			return 1
		}
		return -1
	case p.hi != q.hi:
		if p.hi < q.hi {
			return -1
		}
		return 1
	case p.lo < q.lo:
		return -1
	case p.lo > q.lo:
		return 1
	}
	return 0
}

// progressOf is a candidate's progress at t (semantics 5). The quotient is computed in floating point, and
// exactly only where rounding could have carried it over an integer.
func (s *state) progressOf(r int, t int64) progress {
	c := s.plan.cands[r].terms
	e, d := t-c.start, c.end-c.start
	switch {
	case c.goal == unset:
		return progress{none: true}
	case e == 0 || s.ledger[r].delivered == 0:
		return progress{}
	}
	x := float64(s.ledger[r].delivered) / float64(c.goal) * (float64(d) / float64(e)) * (1 << 20)
	if x < 1<<50 {
		whole := uint64(x)
		// Seven roundings of at most 2^-53 each: the quotient is within x * 2^-50 of x.
		if margin := x * (1.0 / (1 << 50)); uint64(x-margin) == whole && uint64(x+margin) == whole {
			return progress{lo: whole}
		}
	}
	return exactProgress(s.ledger[r].delivered, d, c.goal, e)
}

// exactProgress is the quotient in whole numbers; it stays under 2^83, for delivered < goal.
func exactProgress(delivered, d, goal, e int64) progress {
	n := new(big.Int).Mul(big.NewInt(delivered), big.NewInt(d))
	n.Lsh(n, 20)
	n.Quo(n, new(big.Int).Mul(big.NewInt(goal), big.NewInt(e)))
	lo := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0))).Uint64()
	return progress{hi: n.Rsh(n, 64).Uint64(), lo: lo}
}
