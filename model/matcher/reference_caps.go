package matcher

import (
	"sort"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// capSet is a list of frequency caps and what each user has been shown under them: those of one
// campaign, or those of a cap group (section 6).
type capSet struct {
	where *model.Expr // of a group: the campaigns it selects
	caps  []model.FrequencyCap
	from  model.Instant // windows count from the unit of this time
	shown map[shownKey]int64
}

// shownKey is one user in one window of one cap.
type shownKey struct {
	user   copied
	cap    int
	window int64
}

// makeCapGroups are the configuration's cap groups; their windows count from the horizon's start.
func (s *simulation) makeCapGroups() []*capSet {
	var groups []*capSet
	for _, g := range s.sc.CapGroups {
		groups = append(groups, &capSet{where: g.Where, caps: g.FrequencyCaps, from: s.horizonStart, shown: map[shownKey]int64{}})
	}
	return groups
}

// full reports whether one of the caps allows the user of the slot no more impression.
func (cs *capSet) full(s *simulation, o *opportunity) bool {
	for i, fc := range cs.caps {
		if cs.shown[shownKey{o.user, i, s.window(fc, o.time, cs.from)}] >= fc.Impressions {
			return true
		}
	}
	return false
}

// count notes an impression under every cap.
func (cs *capSet) count(s *simulation, o *opportunity) {
	for i, fc := range cs.caps {
		cs.shown[shownKey{o.user, i, s.window(fc, o.time, cs.from)}]++
	}
}

// window numbers the tumbling window of a time: floor((unit of t − unit of from) / k); a lifetime is
// one window (section 6).
func (s *simulation) window(fc model.FrequencyCap, t, from model.Instant) int64 {
	if fc.Per == model.PerLifetime {
		return 0
	}
	return floorDiv(s.unitOf(fc.Per, t)-s.unitOf(fc.Per, from), fc.Units)
}

// unitOf numbers minutes and hours by UTC, days, weeks and months by the local date (section 6).
func (s *simulation) unitOf(per model.CapPeriod, t model.Instant) int64 {
	switch per {
	case model.PerMinute:
		return floorDiv(int64(t), 60*1_000_000)
	case model.PerHour:
		return floorDiv(int64(t), 3600*1_000_000)
	case model.PerDay:
		return s.dayNumber(t)
	case model.PerWeek:
		return floorDiv(s.dayNumber(t)+3, 7) // from Monday: 1970-01-01 was a Thursday
	default: // model.PerMonth
		year, month, _ := time.UnixMicro(int64(t)).In(s.location).Date()
		return int64(year)*12 + int64(month)
	}
}

// dayNumber is the number of days from 1970-01-01 to the local date.
func (s *simulation) dayNumber(t model.Instant) int64 {
	year, month, day := time.UnixMicro(int64(t)).In(s.location).Date()
	return floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), 86_400)
}

// onPace is gate 6: what was delivered and spent so far is not ahead of the schedule (section 7).
func (s *simulation) onPace(c *campaign, t model.Instant) bool {
	schedule := s.evenSchedule
	switch c.Pacing {
	case model.PacingASAP:
		return true
	case model.PacingTraffic:
		schedule = s.trafficSchedule
	}
	if c.goal != nil && c.delivered > schedule(c, *c.goal, t) {
		return false
	}
	return c.budget == nil || int64(c.spent) <= schedule(c, int64(*c.budget), t)
}

// evenSchedule is floor(y·e/d): the part of y that is due at t by the clock (section 7).
func (s *simulation) evenSchedule(c *campaign, y int64, t model.Instant) int64 {
	return floorOf(y, int64(t-c.start), int64(c.end-c.start))
}

// trafficSchedule is A(y) + floor((B(y) − A(y))·n/N): the part of y that is due at t by the
// snapshot's own traffic (section 7).
func (s *simulation) trafficSchedule(c *campaign, y int64, t model.Instant) int64 {
	from, to := max(c.start, s.horizonStart), min(c.end, s.horizonEnd)
	atStart := s.evenSchedule(c, y, from)
	atEnd := s.evenSchedule(c, y, to)
	return atStart + floorOf(atEnd-atStart, s.slotsBetween(from, t), s.slotsBetween(from, to))
}

// slotsBetween counts the slots of the shifted snapshot in [from, to), before edits and copies.
func (s *simulation) slotsBetween(from, to model.Instant) int64 {
	before := func(t model.Instant) int {
		return sort.Search(len(s.times), func(i int) bool { return s.times[i] >= t })
	}
	return int64(before(to) - before(from))
}
