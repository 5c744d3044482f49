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
	hours, daysOfWeek, days := codes{room: len(times)}, codes{room: len(times)}, codes{room: len(times)}
	numbers := map[int64]uint32{} // local day -> its place in dates
	var dates []string
	eachHour(times, &calendar{location: location}, func(day int64, hour uint32, slots int) {
		code, seen := numbers[day]
		if !seen {
			code = uint32(len(dates))
			numbers[day] = code
			dates = append(dates, time.Unix(day*86_400, 0).UTC().Format(time.DateOnly))
		}
		hours.repeat(hour, slots)
		daysOfWeek.repeat(uint32(((day+3)%7+7)%7), slots) // 1970-01-01 was a Thursday
		days.repeat(code, slots)
	})
	hourNames := make([]string, 24)
	for h := range hourNames {
		hourNames[h] = strconv.Itoa(h)
	}
	return []*Dimension{
		coded(model.HourOfDay, hourNames, &hours),
		coded(model.DayOfWeek, weekdays[:], &daysOfWeek),
		coded(model.Day, dates, &days),
	}
}

// eachHour calls do for every stretch of the sorted times that lies in one hour of one local day.
func eachHour(times []model.Instant, c *calendar, do func(day int64, hour uint32, slots int)) {
	for start := 0; start < len(times); {
		day, second := c.local(times[start])
		utc := day*86_400 + second - c.offset
		limit := model.Instant(1_000_000 * min(utc+3600-second%3600, c.end)) // the next full hour, or change of the clock
		end := start + 1
		for end < len(times) && times[end] < limit {
			end++
		}
		do(day, uint32(second/3600), end-start)
		start = end
	}
}

// coded is the scalar dimension in which slot i has the value names[column.at(i)]. It takes the column.
func coded(name string, names []string, column *codes) *Dimension {
	occurs := make([]bool, len(names))
	for i := range uint32(column.len()) {
		occurs[column.at(i)] = true
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
	column.fit(uint32(len(d.values)))
	column.finish(d, rank, nil, &spares{})
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
