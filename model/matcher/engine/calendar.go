package engine

import (
	"math"
	"time"

	"github.com/whatif-machine/whatif/model"
)

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	secondsPerDay   = 86_400
)

// calendar turns instants into numbers of local days. The rules of the zone are looked up once a stretch
// of constant offset.
type calendar struct {
	location   *time.Location
	start, end int64 // seconds [start, end) in which offset holds
	offset     int64 // seconds east of UTC
}

func newCalendar(location *time.Location) calendar {
	if location == nil {
		location = time.UTC
	}
	return calendar{location: location}
}

// day is the number of days since 1970-01-01 on the local clock at t, and the instant until which it stays that.
func (c *calendar) day(t int64) (day, until int64) {
	utc := floorDiv(t, microsPerSecond)
	if utc < c.start || utc >= c.end {
		c.lookUp(utc)
	}
	day = floorDiv(utc+c.offset, secondsPerDay)
	return day, min((day+1)*secondsPerDay-c.offset, c.end) * microsPerSecond
}

func (c *calendar) lookUp(utc int64) {
	at := time.Unix(utc, 0).In(c.location)
	_, offset := at.Zone()
	c.offset, c.start, c.end = int64(offset), math.MinInt64, math.MaxInt64
	start, end := at.ZoneBounds() // zero: since or for ever
	if !start.IsZero() {
		c.start = start.Unix()
	}
	if !end.IsZero() {
		c.end = end.Unix()
	}
}

// unit numbers the period that t is in (semantics 6), and says until when it is the same.
func (c *calendar) unit(per model.CapPeriod, t int64) (number, until int64) {
	switch per {
	case model.PerMinute:
		number = floorDiv(t, microsPerMinute)
		return number, (number + 1) * microsPerMinute
	case model.PerHour:
		number = floorDiv(t, microsPerHour)
		return number, (number + 1) * microsPerHour
	case model.PerLifetime:
		return 0, never
	}
	day, until := c.day(t)
	switch per {
	case model.PerWeek:
		return floorDiv(day+3, 7), until
	case model.PerMonth:
		year, month, _ := time.Unix(day*secondsPerDay, 0).UTC().Date()
		return int64(year)*12 + int64(month), until
	}
	return day, until
}

// rewinds reports whether the local date ever goes back between two slots: in zones whose clocks go back
// over midnight.
func (c *calendar) rewinds(times []model.Instant) bool {
	last, until := int64(math.MinInt64), int64(math.MinInt64)
	for _, t := range times {
		if int64(t) < until {
			continue
		}
		var day int64
		if day, until = c.day(int64(t)); day < last {
			return true
		}
		last = day
	}
	return false
}
