package engine

import (
	"math/bits"
	"sort"

	"github.com/whatif-machine/whatif/model"
)

// schedule is how much of a goal or of a budget a campaign may have used at a time (semantics 7):
//
//	even:     floor(whole * e / d)                e = t - start, d = end - start
//	traffic:  first + floor((last - first)*n / N) n, N: slots of the snapshot in [s, t), [s, x)
//
// Both only grow, so a campaign that is ahead of its schedule is paced until an instant that follows from what it
// has used: no slot before it needs to look.
type schedule struct {
	whole       int64 // unset: no schedule
	first, last int64 // traffic: allowed at s and at x
}

// pace is a campaign's pacing.
type pace struct {
	goal, budget schedule
	start, d     int64
	traffic      bool
	from, slots  int64 // traffic: slots of the snapshot before s, and in [s, x)
}

// newPace prepares the pacing of a candidate.
func (e *Engine) newPace(c *candidate) pace {
	t := c.terms
	p := pace{start: t.start, d: t.end - t.start, goal: schedule{whole: t.goal}, budget: schedule{whole: t.budget}}
	if c.campaign.Pacing != model.PacingTraffic {
		return p
	}
	s, x := max(t.start, t.horizonStart), min(t.end, t.horizonEnd)
	p.traffic, p.from = true, e.slotsBefore(s)
	p.slots = e.slotsBefore(x) - p.from
	for _, sch := range []*schedule{&p.goal, &p.budget} {
		if sch.whole != unset {
			sch.first, sch.last = mulDiv(sch.whole, s-t.start, p.d), mulDiv(sch.whole, x-t.start, p.d)
		}
	}
	return p
}

// slotsBefore is the number of slots of the snapshot before t.
func (e *Engine) slotsBefore(t int64) int64 {
	times := e.snap.Times()
	return int64(sort.Search(len(times), func(i int) bool { return int64(times[i]) >= t }))
}

// release is the first instant at which a campaign that is paced by the clock and used so much is on schedule again,
// or never.
func (p *pace) release(delivered, spent int64) int64 {
	after := int64(0)
	if p.goal.whole != unset {
		after = mulDivUp(delivered, p.d, p.goal.whole)
	}
	if p.budget.whole != unset {
		after = max(after, mulDivUp(spent, p.d, p.budget.whole))
	}
	if after > p.d {
		return never
	}
	return p.start + after
}

// after is the slot of the snapshot whose instant has to pass before a campaign that is paced by traffic and used so
// much is on schedule again: -1 if it is, or never.
func (p *pace) after(delivered, spent int64) int64 {
	n := max(p.need(&p.goal, delivered), p.need(&p.budget, spent))
	switch {
	case n == 0:
		return -1
	case n > p.slots:
		return never
	}
	return p.from + n - 1
}

// need is the least n at which the schedule allows what was used.
func (p *pace) need(s *schedule, used int64) int64 {
	if s.whole == unset || used <= s.first {
		return 0
	}
	return mulDivUp(used-s.first, p.slots, s.last-s.first)
}

// wheel wakes paced campaigns in time: a list of ranks per slice of the horizon, and the time of the
// next one within the present slice. Setting and waking take no search and no comparison with others. Time is the
// clock's for those paced evenly, and the number of the slot for those paced by traffic.
type wheel struct {
	head    []int32 // by slice: first rank, or -1
	next    []int32 // by rank
	due     []int64 // by rank
	start   int64
	shift   uint // a slice is 2^shift microseconds
	present int
	wakeAt  int64 // nothing is due before
}

// wheelSlices bounds the slices.
const wheelSlices = 1 << 15

func (w *wheel) reserve(m *meter, cands int) {
	takeRaw(m, &w.head, wheelSlices+1)
	takeRaw(m, &w.next, cands)
	takeRaw(m, &w.due, cands)
}

func (w *wheel) reset(start, end int64) {
	for i := range w.head {
		w.head[i] = -1
	}
	w.start, w.present, w.wakeAt = start, 0, never
	w.shift = uint(max(0, bits.Len64(uint64(end-start))-bits.Len(wheelSlices)+1))
}

func (w *wheel) slice(t int64) int { return int((t - w.start) >> (w.shift & 63)) }

// set wakes rank r at t, which is after the present and within the horizon.
func (w *wheel) set(r int, t int64) {
	at := w.slice(t)
	w.next[r], w.due[r] = w.head[at], t
	w.head[at] = int32(r)
	if at == w.present {
		w.wakeAt = min(w.wakeAt, t)
	} else {
		w.wakeAt = min(w.wakeAt, w.start+int64(w.present+1)<<(w.shift&63))
	}
}

// wake calls wake for all that are due at t, and sets wakeAt to when to come again.
func (w *wheel) wake(t int64, wake func(r int)) {
	for now := w.slice(t); w.present < now; w.present++ {
		r := w.head[w.present]
		w.head[w.present] = -1
		for r >= 0 {
			next := w.next[r] // who is woken may be set again
			wake(int(r))
			r = next
		}
	}
	at := &w.head[w.present]
	w.wakeAt = w.start + int64(w.present+1)<<(w.shift&63)
	for *at >= 0 {
		r := *at
		if w.due[r] <= t {
			*at = w.next[r]
			wake(int(r))
			continue
		}
		w.wakeAt = min(w.wakeAt, w.due[r])
		at = &w.next[r]
	}
}
