package engine

import (
	"context"
	"fmt"
	"math"

	"github.com/shopspring/decimal"
)

const (
	// maxCopies bounds the copies of one slot, and maxVisits the simulated slots of one variant: what the
	// counters and logs of the engine hold.
	maxCopies = math.MaxUint16
	maxVisits = math.MaxInt32
	// checkEvery is how many slots pass between two looks at the context.
	checkEvery = 4096
)

// visitRules say which slots a variant visits, and how often (semantics 9 and 10).
type visitRules struct {
	edited    bool // else every slot once
	bootstrap bool
	where     []uint32 // predicates that must hold
	traffic   []trafficRule
	sampled   bool
	sample    uint64                 // a unit below it stays
	takes     map[uint64]trafficTake // by the mask of traffic rules that match
}

type trafficRule struct {
	factor decimal.Decimal
	when   uint32 // predicate
	always bool
}

// trafficTake is a traffic factor: least copies, and the threshold of units that get one more.
type trafficTake struct {
	least     uint32
	threshold uint64
}

// compileVisits reads the slot edits that change which slots are visited.
func (e *Engine) compileVisits(p *plan) error {
	v, edits := &p.visits, &p.sc.Slots
	v.bootstrap = p.sc.Replicate > 0
	v.takes = map[uint64]trafficTake{}
	for _, w := range edits.Where {
		at, err := e.predicate(p, w)
		if err != nil {
			return fmt.Errorf("slots.where: %w", err)
		}
		v.where = append(v.where, at)
	}
	if len(edits.Traffic) > 64 {
		return fmt.Errorf("%d slots.traffic edits; at most 64 are possible", len(edits.Traffic))
	}
	for _, t := range edits.Traffic {
		at, err := e.predicate(p, t.Where)
		if err != nil {
			return fmt.Errorf("slots.traffic: %w", err)
		}
		if t.Factor.IsNegative() {
			return fmt.Errorf("slots.traffic: factor %s is negative", t.Factor)
		}
		v.traffic = append(v.traffic, trafficRule{t.Factor, at, t.Where == nil})
	}
	if edits.Sample != nil {
		v.sampled, v.sample = true, threshold(*edits.Sample)
	}
	v.edited = v.bootstrap || v.sampled || len(v.where)+len(v.traffic) > 0
	return nil
}

// byUser reports whether all slots of a user are visited equally often.
func (v *visitRules) byUser() bool { return len(v.where)+len(v.traffic) == 0 }

// factorOf is the traffic factor of slots on which the rules in mask match.
func (v *visitRules) factorOf(mask uint64) (trafficTake, error) {
	if t, ok := v.takes[mask]; ok {
		return t, nil
	}
	f := decimal.NewFromInt(1)
	for i := range v.traffic {
		if mask>>i&1 == 1 {
			f = f.Mul(v.traffic[i].factor)
		}
	}
	whole := f.Floor()
	if whole.GreaterThanOrEqual(decimal.NewFromInt(maxCopies)) {
		return trafficTake{}, fmt.Errorf("slots.traffic: a factor of %s; at most %d copies of a slot are possible", f, maxCopies)
	}
	t := trafficTake{least: uint32(whole.IntPart()), threshold: threshold(f.Sub(whole))}
	v.takes[mask] = t
	return t, nil
}

// visit is how often a slot is visited before and after sampling.
func (e *Engine) visit(p *plan, i uint32, holds func(uint32, uint32) bool) (before, after uint32, err error) {
	v := &p.visits
	who := e.hashes[i]
	if u := e.users[i]; u != 0 {
		who = e.userHashes[u]
	}
	copies := uint32(1)
	if v.bootstrap {
		if copies = bootstrapCopies(unit(p.draws.bootstrap, who)); copies == 0 {
			return 0, 0, nil
		}
	}
	for _, w := range v.where {
		if !holds(w, i) {
			return 0, 0, nil
		}
	}
	if len(v.traffic) > 0 {
		mask := uint64(0)
		for k := range v.traffic {
			if v.traffic[k].always || holds(v.traffic[k].when, i) {
				mask |= 1 << k
			}
		}
		t, err := v.factorOf(mask)
		if err != nil {
			return 0, 0, err
		}
		k := t.least
		if unit(p.draws.traffic, who) < t.threshold {
			k++
		}
		copies *= k
	}
	if copies > maxCopies {
		return 0, 0, fmt.Errorf("%d copies of one slot; at most %d are possible", copies, maxCopies)
	}
	if v.sampled && unit(p.draws.sample, who) >= v.sample {
		return copies, 0, nil
	}
	return copies, copies, nil
}

// census is what the visits of a variant add up to.
type census struct {
	total, kept int64 // slots before and after sampling
	users       int   // users with their copies, seen or not
	copies      int   // most copies of one slot
	cells       int64 // words of user state
}

// countVisits adds up the visits, user by user, without keeping them: what StateBytes needs to know.
func (e *Engine) countVisits(ctx context.Context, p *plan) (census, error) {
	var c census
	done := 0
	if !p.visits.edited {
		return e.wholeCensus(p), nil
	}
	holds := func(at, i uint32) bool { return p.predicates[at].holds(i) }
	for u := range len(e.userFirst) - 1 {
		most := uint32(0)
		slots := e.slotsOf(uint32(u))
		asked, alike := slots, int64(1)
		if u > 0 && p.visits.byUser() && len(slots) > 0 {
			asked, alike = slots[:1], int64(len(slots)) // what is true of one is true of all
		}
		for _, i := range asked {
			if done++; done%checkEvery == 0 && ctx.Err() != nil {
				return c, ctx.Err()
			}
			before, after, err := e.visit(p, i, holds)
			if err != nil {
				return c, err
			}
			c.total += int64(before) * alike
			c.kept += int64(after) * alike
			most = max(most, after)
		}
		c.copies = max(c.copies, int(most))
		if u > 0 {
			c.users += int(most)
			c.cells += int64(most) * int64(1+p.caps.cells(len(slots)))
		}
	}
	if c.kept > maxVisits {
		return c, fmt.Errorf("the variant has %d slots; at most %d are possible: lower slots.traffic, or sample", c.kept, maxVisits)
	}
	return c, nil
}

// wholeCensus is that of a variant which visits each slot once.
func (e *Engine) wholeCensus(p *plan) census {
	n := int64(len(e.hashes))
	c := census{total: n, kept: n, users: len(e.userFirst) - 2, copies: 1}
	for u := 1; u < len(e.userFirst)-1; u++ {
		c.cells += int64(1 + p.caps.cells(len(e.slotsOf(uint32(u)))))
	}
	return c
}

// decideVisits fills in copies, and log: the place of a slot's first visit among all visits.
func (s *state) decideVisits(ctx context.Context) error {
	if !s.plan.visits.edited {
		return nil
	}
	at := uint32(0)
	byUser, users := s.plan.visits.byUser(), s.engine.users
	for i := range s.copies {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if u := users[i]; byUser && u != 0 {
			if first := s.engine.slotsOf(u)[0]; first < uint32(i) {
				s.copies[i], s.logAt[i] = s.copies[first], at
				at += uint32(s.copies[i])
				continue
			}
		}
		_, after, err := s.engine.visit(s.plan, uint32(i), s.predicate)
		if err != nil {
			return err
		}
		s.copies[i], s.logAt[i] = uint16(after), at
		at += after
	}
	return nil
}

// copiesOf is how often slot i is visited.
func (s *state) copiesOf(i uint32) uint32 {
	if !s.plan.visits.edited {
		return 1
	}
	return uint32(s.copies[i])
}

// visitAt is the place in the log of copy j of slot i.
func (s *state) visitAt(i, j uint32) uint32 {
	if !s.plan.visits.edited {
		return i
	}
	return s.logAt[i] + j
}
