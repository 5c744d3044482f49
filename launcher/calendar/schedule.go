package calendar

import "time"

const (
	// smallChange bounds the clock changes that are handled in a special way (package documentation). What is
	// larger moves a place to another day, such as Samoa over the date line, and what was skipped stays so.
	smallChange = 3 * time.Hour

	// horizon is how far Next looks. 29 February falls on one weekday every 28 years, or 40 around a year
	// such as 2100: what doesn't occur within them never does.
	horizon = 50 * 366 * 24 * time.Hour

	// lastYear is the last that RFC 3339 can write.
	lastYear = 9999
)

// Schedule is a cron expression in a time zone. It is immutable; only Parse makes one that fires.
type Schedule struct {
	minutes, hours, days, months, weekdays uint64 // bit v: the value v fits
	anyDay                                 bool   // day of month or of week begins with *: both must fit, else one
	frequent                               bool   // minute or hour begins with *: goes by elapsed time
	zone                                   *time.Location
}

// Next is the first instant after another at which the schedule is due, in UTC. It is false if there is
// none, as for 31 February. A search takes a few milliseconds at most.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	if s.zone == nil || after.Year() < 1 || after.Year() > lastYear {
		return time.Time{}, false
	}
	end := after.Add(horizon)
	p := periodAt(after, s.zone)
	// Strictly after: on the minute or within it, the next one is the first that counts.
	from := p.wall(after).Truncate(time.Minute).Add(time.Minute)
	for {
		if seen := ceilMinute(p.before()); !s.frequent && p.back() && from.Before(seen) {
			from = seen // these readings came before the change as well, and this schedule with them
		}
		if wall, found := s.fits(from, p.wall(p.until(end))); found {
			at := wall.Add(-p.offset)
			return at, at.Year() <= lastYear
		}
		if p.end.IsZero() || p.end.After(end) {
			return time.Time{}, false
		}
		edge := p.end
		p = periodAt(edge, s.zone)
		if !s.frequent && p.forward() && p.start.Equal(edge) {
			if _, skipped := s.fits(ceilMinute(p.before()), p.wall(edge)); skipped {
				return edge.UTC(), true
			}
		}
		from = ceilMinute(p.wall(edge))
	}
}

// fits finds the first minute of a clock from one reading to before another that the fields allow.
// Readings are written as times in UTC, in which every day has 24 hours.
func (s Schedule) fits(from, before time.Time) (time.Time, bool) {
	minute := from.Hour()*60 + from.Minute()
	for day := from.Add(-time.Duration(minute) * time.Minute); day.Before(before); day = s.following(day) {
		if s.fitsDay(day) {
			if m, ok := s.minuteFrom(minute); ok {
				found := day.Add(time.Duration(m) * time.Minute)
				return found, found.Before(before)
			}
		}
		minute = 0
	}
	return time.Time{}, false
}

// following is the next day, or the first of the next month if nothing in this one fits.
func (s Schedule) following(day time.Time) time.Time {
	if s.months&(1<<day.Month()) == 0 {
		return time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return day.Add(24 * time.Hour)
}

// fitsDay reports whether the schedule is due at all on a date.
func (s Schedule) fitsDay(day time.Time) bool {
	if s.months&(1<<day.Month()) == 0 {
		return false
	}
	month, week := s.days&(1<<day.Day()) != 0, s.weekdays&(1<<day.Weekday()) != 0
	if s.anyDay {
		return month && week
	}
	return month || week
}

// minuteFrom is the first minute of a day, from one on, at which the schedule is due.
func (s Schedule) minuteFrom(minute int) (int, bool) {
	h, ok := next(s.hours, minute/60)
	if ok && h == minute/60 {
		if m, ok := next(s.minutes, minute%60); ok {
			return h*60 + m, true
		}
		h, ok = next(s.hours, h+1)
	}
	if !ok {
		return 0, false
	}
	m, ok := next(s.minutes, 0)
	return h*60 + m, ok
}

// ceilMinute is the first full minute of a clock at or after a reading of it.
func ceilMinute(wall time.Time) time.Time {
	return wall.Add(time.Minute - 1).Truncate(time.Minute)
}

// period is a stretch of time in which a zone's clocks are not changed.
type period struct {
	start, end time.Time     // zero: it has none
	offset     time.Duration // east of UTC
	change     time.Duration // of the clocks at start
}

func periodAt(t time.Time, zone *time.Location) period {
	var p period
	p.start, p.end = t.In(zone).ZoneBounds()
	if !p.end.IsZero() && !p.end.After(t) {
		// Go 1.26 ends the last period of a leap year, where it goes by a rule rather than a list of
		// changes, with 30 December. Half a day on it is asked again; nothing changes at such an end.
		p.end = t.Add(12 * time.Hour)
	}
	p.offset = offsetAt(t, zone)
	if !p.start.IsZero() {
		p.change = p.offset - offsetAt(p.start.Add(-1), zone)
	}
	return p
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// wall is what the clocks of the period read at an instant.
func (p period) wall(t time.Time) time.Time { return t.UTC().Add(p.offset) }

// before is what the clocks read at the period's start, had they not been changed.
func (p period) before() time.Time { return p.wall(p.start).Add(-p.change) }

// back and forward report whether the period began with a small change of the clocks.
func (p period) back() bool    { return p.change < 0 && p.change > -smallChange }
func (p period) forward() bool { return p.change > 0 && p.change < smallChange }

// until is the earlier of the period's end and another instant.
func (p period) until(end time.Time) time.Time {
	if p.end.IsZero() || end.Before(p.end) {
		return end
	}
	return p.end
}
