package logs

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// instants reads texts as times.
type instants struct {
	scale    int32 // of a number: it counts 10^-scale seconds; used if numeric
	numeric  bool
	layout   string         // strptime; empty: RFC 3339
	location *time.Location // of times without offset
}

// units of times that are numbers.
var timeUnits = map[string]int32{"s": 0, "ms": 3, "us": 6, "ns": 9}

var (
	firstInstant = decimal.New(-62135596800, 6)
	lastInstant  = decimal.New(253402300799, 6).Add(decimal.New(999_999, 0))
)

// parse reads one time, finer ones floored to microseconds.
func (t *instants) parse(s string) (model.Instant, error) {
	if t.numeric {
		d, err := number(s)
		if err != nil {
			return 0, err
		}
		micros := d.Shift(6 - t.scale).Floor()
		if micros.LessThan(firstInstant) || micros.GreaterThan(lastInstant) {
			return 0, fmt.Errorf("%.40s is outside of the years 1 to 9999: is its unit right?", s)
		}
		return model.Instant(micros.IntPart()), nil
	}
	at, err := t.date(s)
	if err != nil {
		return 0, err
	}
	if year := at.UTC().Year(); year < 1 || year > 9999 {
		return 0, fmt.Errorf("%.40q is outside of the years 1 to 9999", s)
	}
	return model.Instant(floorMicros(at)), nil
}

// floorMicros is microseconds since 1970, floored.
func floorMicros(at time.Time) int64 { return at.Unix()*1_000_000 + int64(at.Nanosecond()/1000) }

func (t *instants) date(s string) (time.Time, error) {
	if t.layout != "" {
		return parseLayout(t.layout, s, t.location)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, s, t.location); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no RFC 3339 time: say what it is with unit or format in a map", s)
}

// checkLayout refuses layouts that parseLayout would not understand or that give no date.
func checkLayout(layout string) error {
	var seen string
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			continue
		}
		if i++; i == len(layout) || !strings.ContainsRune("YmdHMSLfzbT%F", rune(layout[i])) {
			return fmt.Errorf("format %q: %%%s is not one of %%Y %%m %%d %%H %%M %%S %%L %%f %%z %%b %%F %%T %%%%", layout, layout[i:min(i+1, len(layout))])
		}
		seen += string(layout[i])
	}
	if !strings.Contains(seen, "F") && (!strings.Contains(seen, "Y") || !strings.ContainsAny(seen, "mb") || !strings.Contains(seen, "d")) {
		return fmt.Errorf("format %q gives no date: it needs %%Y, %%m and %%d", layout)
	}
	return nil
}

// clockText is a text being parsed by a layout, and what has been found.
type clockText struct {
	rest                                   string
	year, month, day, hour, minute, second int
	nanos                                  int
	offset                                 *time.Location
}

// parseLayout parses a text by a layout of strptime's kind.
func parseLayout(layout, s string, location *time.Location) (time.Time, error) {
	c := clockText{rest: s, month: 1, day: 1, offset: location}
	layout = strings.NewReplacer("%F", "%Y-%m-%d", "%T", "%H:%M:%S").Replace(layout)
	for i := 0; i < len(layout); i++ {
		if layout[i] == '%' && layout[i+1] != '%' {
			i++
			if !c.take(layout[i]) {
				return time.Time{}, fmt.Errorf("%.40q is not of the format %q", s, layout)
			}
			continue
		}
		if layout[i] == '%' {
			i++
		}
		if c.rest == "" || c.rest[0] != layout[i] {
			return time.Time{}, fmt.Errorf("%.40q is not of the format %q", s, layout)
		}
		c.rest = c.rest[1:]
	}
	at := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanos, c.offset)
	date := time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC)
	if c.rest != "" || c.year < 1 || date.Day() != c.day || int(date.Month()) != c.month || c.hour > 23 || c.minute > 59 || c.second > 59 {
		return time.Time{}, fmt.Errorf("%.40q is no time of the format %q", s, layout)
	}
	return at, nil
}

// take reads what a directive stands for.
func (c *clockText) take(directive byte) bool {
	switch directive {
	case 'Y':
		return c.digits(4, &c.year)
	case 'm':
		return c.digits(2, &c.month)
	case 'd':
		return c.digits(2, &c.day)
	case 'H':
		return c.digits(2, &c.hour)
	case 'M':
		return c.digits(2, &c.minute)
	case 'S':
		return c.digits(2, &c.second)
	case 'L':
		ok := c.digits(3, &c.nanos)
		c.nanos *= 1_000_000
		return ok
	case 'f':
		return c.fraction()
	case 'b':
		return c.monthName()
	}
	return c.zone()
}

func (c *clockText) digits(n int, to *int) bool {
	if len(c.rest) < n {
		return false
	}
	value := 0
	for _, b := range []byte(c.rest[:n]) {
		if b < '0' || b > '9' {
			return false
		}
		value = value*10 + int(b-'0')
	}
	*to, c.rest = value, c.rest[n:]
	return true
}

// fraction reads the digits of a fraction of a second, finer than nanoseconds cut.
func (c *clockText) fraction() bool {
	n, value, unit := 0, 0, 1_000_000_000
	for n < len(c.rest) && c.rest[n] >= '0' && c.rest[n] <= '9' {
		if unit > 1 {
			unit /= 10
			value += int(c.rest[n]-'0') * unit
		}
		n++
	}
	c.nanos, c.rest = value, c.rest[n:]
	return n > 0
}

func (c *clockText) monthName() bool {
	for m := time.January; m <= time.December; m++ {
		if short := m.String()[:3]; len(c.rest) >= 3 && strings.EqualFold(c.rest[:3], short) {
			c.month, c.rest = int(m), c.rest[3:]
			return true
		}
	}
	return false
}

// zone reads Z, +hhmm or +hh:mm.
func (c *clockText) zone() bool {
	if strings.HasPrefix(c.rest, "Z") {
		c.offset, c.rest = time.UTC, c.rest[1:]
		return true
	}
	if c.rest == "" || c.rest[0] != '+' && c.rest[0] != '-' {
		return false
	}
	sign := 1
	if c.rest[0] == '-' {
		sign = -1
	}
	c.rest = c.rest[1:]
	var hours, minutes int
	if !c.digits(2, &hours) {
		return false
	}
	c.rest = strings.TrimPrefix(c.rest, ":")
	if !c.digits(2, &minutes) || minutes > 59 || hours > 18 {
		return false
	}
	c.offset = time.FixedZone("", sign*(hours*3600+minutes*60))
	return true
}
