package model

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Layouts of a time as written; Go's parser also takes a fraction after seconds.
var (
	zonedLayouts = []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00"}
	localLayouts = []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}
)

// ParseInstant reads a time: RFC 3339 with or without seconds, offset and time of day; a space may
// stand for the T. One without offset is read in loc. What is finer than a microsecond is floored.
//
// A local time that the clocks skip is read as if they had not been changed yet (02:30 on the day
// they go forward is the instant of 03:30); one that they show twice is its first occurrence.
func ParseInstant(s string, loc *time.Location) (Instant, error) {
	text := strings.ToUpper(s)
	if len(text) > len("2006-01-02") && text[len("2006-01-02")] == ' ' {
		text = strings.Replace(text, " ", "T", 1)
	}
	if !strings.Contains(text, ",") { // Go takes a comma before a fraction, RFC 3339 does not
		for _, layout := range zonedLayouts {
			if t, err := time.Parse(layout, text); err == nil {
				return Instant(t.UnixMicro()), nil
			}
		}
		for _, layout := range localLayouts {
			if t, err := time.Parse(layout, text); err == nil {
				return localInstant(t, loc), nil
			}
		}
	}
	return 0, fmt.Errorf("expected a time such as 2026-07-01, 2026-07-01T18:30 or 2026-07-01T18:30:00Z, found %s", quote(s))
}

// localInstant is the instant at which clocks in loc show what wall shows in UTC. The offsets a day
// before and a day after are the candidates; an offset fits if it is in force at the instant it gives.
func localInstant(wall time.Time, loc *time.Location) Instant {
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	before := offset(wall.Add(-24 * time.Hour))
	after := offset(wall.Add(24 * time.Hour))
	switch {
	case offset(wall.Add(-before)) == before:
		return Instant(wall.Add(-before).UnixMicro())
	case offset(wall.Add(-after)) == after:
		return Instant(wall.Add(-after).UnixMicro())
	}
	return Instant(wall.Add(-before).UnixMicro())
}

// String is the instant in RFC 3339, UTC, with as many digits of a second as it has.
func (t Instant) String() string {
	return time.UnixMicro(int64(t)).UTC().Format(time.RFC3339Nano)
}

// MaxShiftDays bounds `shift` and durations to a thousand years.
const MaxShiftDays = 366_000

// parseDuration reads a duration of the configuration: Go's (`90m`, `-24h`) or whole days (`364d`).
func parseDuration(s string) (time.Duration, bool) {
	if number, isDays := strings.CutSuffix(s, "d"); isDays {
		days, form := parseNumber(number)
		if form != exactNumber || !days.IsInteger() || days.Abs().GreaterThan(decimal.NewFromInt(math.MaxInt64/int64(24*time.Hour))) {
			return 0, false
		}
		return time.Duration(days.IntPart()) * 24 * time.Hour, true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

// durationText is the canonical text of a duration: Go's without empty minutes and seconds.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// instant reads a time of the document.
func (r *reader) instant(n *node, path string) (Instant, bool) {
	if n.kind != scalarNode || n.isNull() {
		r.fail(n, path, "expected a time, found %s", n.describe())
		return 0, false
	}
	t, err := ParseInstant(n.text, r.loc)
	if err != nil {
		r.fail(n, path, "%s", err)
		return 0, false
	}
	return t, true
}

// duration reads a duration of the document.
func (r *reader) duration(n *node, path string) (time.Duration, bool) {
	if n.kind == scalarNode {
		if d, ok := parseDuration(n.text); ok {
			return d, true
		}
	}
	r.fail(n, path, "expected a duration such as 90m, -24h or 7d, found %s", n.describe())
	return 0, false
}

// days reads `shift`: whole days with their unit.
func (r *reader) days(n *node, path string) (int64, bool) {
	if n.kind == scalarNode {
		if number, ok := strings.CutSuffix(n.text, "d"); ok {
			d, form := parseNumber(number)
			if form == exactNumber && d.IsInteger() && d.Abs().LessThanOrEqual(decimal.NewFromInt(MaxShiftDays)) {
				return d.IntPart(), true
			}
		}
	}
	r.fail(n, path, "expected whole days such as 364d (at most %dd), found %s", MaxShiftDays, n.describe())
	return 0, false
}

// location reads an IANA time zone. The machine's own zone is none: results must not depend on it.
func (r *reader) location(n *node, path string) (*time.Location, bool) {
	if n.kind == scalarNode && n.text != "" && n.text != "Local" {
		if loc, err := time.LoadLocation(n.text); err == nil {
			return loc, true
		}
	}
	r.fail(n, path, "expected an IANA time zone such as America/New_York or UTC, found %s", n.describe())
	return nil, false
}
