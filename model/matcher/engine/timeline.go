package engine

import (
	"cmp"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// change is a flight's start or end.
type change struct {
	at   int64
	rank int32
	on   bool
}

// timeline is what happens at a time and not at a slot: flights start and end, between blocks of visits; windows and
// days turn and paced campaigns wake, between visits: until the next such instant the loop compares one number.
type timeline struct {
	next    int64
	changes []change
	passed  int // changes that have happened

	cal      calendar
	units    [6]int64 // present unit by period
	turns    [6]int64 // instant at which each period's unit may change; never where no clock uses it
	day      int64
	dayTurns int64 // never without daily budgets
	books    map[int64][]int64
}

var periods = [6]model.CapPeriod{model.PerMinute, model.PerHour, model.PerDay, model.PerWeek, model.PerMonth, model.PerLifetime}

func (t *timeline) reserve(m *meter, p *plan) {
	takeRaw(m, &t.changes, 2*len(p.cands))
}

// begin sorts the changes and sets everything to the horizon's start.
func (t *timeline) begin(s *state) {
	p := s.plan
	t.changes, t.passed = t.changes[:0], 0
	t.cal = newCalendar(p.sc.Location)
	t.books = nil
	if p.caps.rewinds {
		t.books = map[int64][]int64{}
	}
	t.dayTurns = never
	for r := range p.cands {
		terms := p.cands[r].terms
		t.changes = append(t.changes, change{terms.start, int32(r), true})
		if terms.end < p.horizonEnd {
			t.changes = append(t.changes, change{terms.end, int32(r), false})
		}
		if terms.daily != unset {
			t.dayTurns = p.horizonStart
		}
	}
	slices.SortFunc(t.changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	for i, per := range periods {
		t.turns[i] = never
		for k := range p.caps.clocks {
			if p.caps.clocks[k].per == per {
				t.turns[i] = p.horizonStart
			}
		}
	}
	if t.dayTurns != never {
		t.day, t.dayTurns = t.cal.day(p.horizonStart)
	}
	t.next = p.horizonStart
}

// fly starts and ends flights up to the instant at, and returns when the next starts or ends.
func (t *timeline) fly(s *state, at int64) int64 {
	for t.passed < len(t.changes) && t.changes[t.passed].at <= at {
		c := t.changes[t.passed]
		bit := uint64(1) << (c.rank & 63)
		if s.live[c.rank>>6] |= bit; !c.on {
			s.live[c.rank>>6] &^= bit
		}
		t.passed++
	}
	if t.passed == len(t.changes) {
		return never
	}
	return t.changes[t.passed].at
}

// tick brings everything but flights up to the instant at, before a slot of that time is looked at.
func (s *state) tick(at int64) {
	t := &s.clock
	s.turnWindows(at)
	if at >= t.dayTurns {
		s.turnDay(at)
	}
	s.wheel.wake(at, s.wakeUp)
	t.next = min(s.wheel.wakeAt, t.dayTurns)
	for _, turn := range t.turns {
		t.next = min(t.next, turn)
	}
}

// turnWindows updates the windows of clocks whose period may have changed.
func (s *state) turnWindows(at int64) {
	t := &s.clock
	for i, per := range periods {
		if at < t.turns[i] {
			continue
		}
		t.units[i], t.turns[i] = t.cal.unit(per, at)
		for k := range s.plan.caps.clocks {
			if c := &s.plan.caps.clocks[k]; c.per == per {
				s.setWindow(k, c.window(t.units[i]))
			}
		}
	}
}

// turnDay starts the books of another local day: what was spent on it before (nothing, unless the local date
// went back) counts against daily budgets.
func (s *state) turnDay(at int64) {
	t := &s.clock
	before := t.day
	if t.day, t.dayTurns = t.cal.day(at); t.day == before {
		return
	}
	var again []int64
	if t.books != nil {
		book := make([]int64, len(s.ledger))
		for r := range s.ledger {
			book[r] = s.ledger[r].today
		}
		t.books[before] = book
		again = t.books[t.day]
	}
	for r := range s.ledger {
		s.ledger[r].today = 0
		if again != nil {
			s.ledger[r].today = again[r]
		}
		if s.plan.cands[r].terms.daily != unset {
			s.watchBudget(r)
			s.setOpen(r)
		}
	}
}

// wakeUp ends the pause of a paced campaign.
func (s *state) wakeUp(r int) {
	s.paced[r>>6] &^= 1 << (r & 63)
	s.setOpen(r)
}
