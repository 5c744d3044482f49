package inventory

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Times outside of the years 1 to 9999 have no date of four digits and are refused.
const (
	minInstant = model.Instant(-62135596800 * 1e6)
	maxInstant = model.Instant(253402300799*1e6 + 999_999)
)

const microsPerDay = 86_400 * 1_000_000

// calendar turns instants into local dates. A look-up of the zone's rules costs more than all the rest, so
// it is made once per stretch of constant offset: cheap for times that ascend.
type calendar struct {
	location   *time.Location
	start, end int64 // seconds [start, end) for which offset holds
	offset     int64 // seconds east of UTC
}

// local is the number of days since 1970-01-01 and the second of the day on the local clock.
func (c *calendar) local(t model.Instant) (day, second int64) {
	utc := floorDiv(int64(t), 1_000_000)
	if utc < c.start || utc >= c.end {
		c.lookUp(utc)
	}
	local := utc + c.offset
	day = floorDiv(local, 86_400)
	return day, local - day*86_400
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

// weekdays by days since Monday.
var weekdays = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// derive makes hour_of_day, day_of_week and day of the sorted times.
func derive(times []model.Instant, location *time.Location) []*Dimension {
	hours, daysOfWeek, days := make([]uint8, len(times)), make([]uint8, len(times)), make([]uint32, len(times))
	cal := calendar{location: location}
	numbers := map[int64]uint32{} // local day -> its place in dates
	var dates []string
	lastDay, lastCode := int64(0), uint32(0)
	for i, t := range times {
		day, second := cal.local(t)
		if i == 0 || day != lastDay {
			code, seen := numbers[day]
			if !seen {
				code = uint32(len(dates))
				numbers[day] = code
				dates = append(dates, time.Unix(day*86_400, 0).UTC().Format(time.DateOnly))
			}
			lastDay, lastCode = day, code
		}
		hours[i] = uint8(second / 3600)
		daysOfWeek[i] = uint8(((day+3)%7 + 7) % 7) // 1970-01-01 was a Thursday
		days[i] = lastCode
	}
	hourNames := make([]string, 24)
	for h := range hourNames {
		hourNames[h] = strconv.Itoa(h)
	}
	return []*Dimension{
		coded(model.HourOfDay, hourNames, hours),
		coded(model.DayOfWeek, weekdays[:], daysOfWeek),
		coded(model.Day, dates, days),
	}
}

// coded is the scalar dimension in which slot i has the value names[codes[i]].
func coded[T uint8 | uint32](name string, names []string, codes []T) *Dimension {
	occurs := make([]bool, len(names))
	for _, c := range codes {
		occurs[c] = true
	}
	d := &Dimension{name: name, values: []string{}}
	for i, ok := range occurs {
		if ok {
			d.values = append(d.values, names[i])
		}
	}
	slices.Sort(d.values)
	rank := make([]uint32, len(names))
	for i, value := range names {
		at, _ := slices.BinarySearch(d.values, value)
		rank[i] = uint32(at) + 1
	}
	d.narrow(len(codes), func(i int) uint32 { return rank[codes[i]] })
	return d
}

// floorDiv is a/b rounded towards minus infinity, b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
