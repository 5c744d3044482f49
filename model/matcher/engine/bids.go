package engine

import (
	"fmt"
	"math/bits"

	"github.com/whatif-machine/whatif/model"
)

// bids is every effective bid that a campaign can have, so that a bid at a slot is a look-up:
//
//	table[mask*spread + draw]   mask: bit i set where adjustment i matches; draw: of bid_spread
//
// A campaign whose bid depends on nothing has one entry.
type bids struct {
	table  []int64
	when   []uint32 // predicate of each adjustment
	spread int      // entries of bid_spread, 1 without
}

// varies reports whether the bid depends on the slot.
func (b *bids) varies() bool { return len(b.table) > 1 }

// bounds are the lowest and the highest bid.
func (b *bids) bounds() (low, high int64) {
	low, high = b.table[0], b.table[0]
	for _, v := range b.table[1:] {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// tabulate computes the effective bids: the adjustments that match in order, then the spread, rounding
// half to even after each factor (semantics 1 and 3).
func tabulate(c *model.Campaign) (bids, error) {
	if len(c.BidAdjustments) > model.MaxBidAdjustments || len(c.BidSpread) > model.MaxBidSpread {
		return bids{}, fmt.Errorf("%d bid adjustments and %d entries of bid_spread; at most %d and %d are possible",
			len(c.BidAdjustments), len(c.BidSpread), model.MaxBidAdjustments, model.MaxBidSpread)
	}
	b := bids{spread: max(1, len(c.BidSpread)), table: []int64{int64(c.BidCPM)}}
	adjusted := b.table
	for _, a := range c.BidAdjustments {
		f, err := newFactor(a.Multiply)
		if err != nil {
			return bids{}, fmt.Errorf("bid adjustment: %w", err)
		}
		// The masks without this adjustment's bit are done; those with it follow them, in the same order.
		for _, v := range adjusted[:len(adjusted):len(adjusted)] {
			if v, err = f.times(v); err != nil {
				return bids{}, fmt.Errorf("bid adjustment: %w", err)
			}
			adjusted = append(adjusted, v)
		}
	}
	if len(c.BidSpread) == 0 {
		b.table = adjusted
		return b, nil
	}
	b.table = make([]int64, 0, len(adjusted)*b.spread)
	for _, v := range adjusted {
		for _, d := range c.BidSpread {
			f, err := newFactor(d)
			if err != nil {
				return bids{}, fmt.Errorf("bid_spread: %w", err)
			}
			spread, err := f.times(v)
			if err != nil {
				return bids{}, fmt.Errorf("bid_spread: %w", err)
			}
			b.table = append(b.table, spread)
		}
	}
	return b, nil
}

// bid is the effective bid of the campaign at rank r on the block's entry j.
func (s *state) bid(r int, j int) int64 { return s.bidOf(&s.hot[r], j) }

// bidOf is the same for who has read what stands in hot.
func (s *state) bidOf(h *hot, j int) int64 {
	if h.flags&flagVaries == 0 {
		return h.high
	}
	b := &s.varying[h.varying]
	at := 0
	if len(s.plan.truths) > 0 {
		truth := s.block.truth[j]
		for i, p := range b.when {
			at |= int(truth>>(p&63)&1) << i
		}
	} else {
		for i, p := range b.when {
			if s.predicate(p, s.block.slot[j]) {
				at |= 1 << i
			}
		}
	}
	at *= b.spread
	if b.spread > 1 {
		draw := mix(s.plan.draws.bid ^ s.block.hash[j] ^ h.tie)
		at += int(reduce(draw, uint64(b.spread)))
	}
	return b.table[at]
}

// reduce is draw mod n.
func reduce(draw, n uint64) uint64 {
	if bits.OnesCount64(n) == 1 {
		return draw & (n - 1)
	}
	return draw % n
}
