package calendar

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

func schedule(t *testing.T, expression, zone string) Schedule {
	t.Helper()
	s, err := Parse(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNext has instants derived by hand from the zones' published changes.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, expression, zone, after string
		want                          string // instants in UTC, to the minute
	}{
		// New York goes forward on 2026-03-08 07:00Z (02:00 EST is 03:00 EDT) and back on 2026-11-01 06:00Z.
		{"skipped time", "30 2 * * *", "America/New_York", "2026-03-06T12:00:00Z", "2026-03-07T07:30 2026-03-08T07:00 2026-03-09T06:30"},
		{"two skipped times fire once", "15,45 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00 2026-03-09T06:15"},
		{"skipped time and the one after", "0 2,3 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00 2026-03-09T06:00 2026-03-09T07:00"},
		{"end of the skipped hour", "0 3 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00 2026-03-09T07:00"},
		{"time shown twice", "30 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", "2026-10-31T05:30 2026-11-01T05:30 2026-11-02T06:30"},
		{"asked between the two", "30 1 * * *", "America/New_York", "2026-11-01T05:45:00Z", "2026-11-02T06:30"},
		{"asked within the second", "30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", "2026-11-02T06:30"},
		{"the minute of the change back", "0 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T05:00 2026-11-02T06:00"},
		{"after the hour shown twice", "0 2 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T07:00 2026-11-02T07:00"},
		{"quarters, forward", "*/15 * * * *", "America/New_York", "2026-03-08T06:31:00Z", "2026-03-08T06:45 2026-03-08T07:00 2026-03-08T07:15"},
		{"quarters, back", "*/15 * * * *", "America/New_York", "2026-11-01T05:45:00Z", "2026-11-01T06:00 2026-11-01T06:15 2026-11-01T06:30 2026-11-01T06:45 2026-11-01T07:00"},
		{"hourly, forward", "@hourly", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T06:00 2026-03-08T07:00 2026-03-08T08:00"},
		{"hourly, back", "20 * * * *", "America/New_York", "2026-11-01T04:20:00Z", "2026-11-01T05:20 2026-11-01T06:20 2026-11-01T07:20"},
		{"often within the skipped hour", "*/20 2 * * *", "America/New_York", "2026-03-07T07:20:00Z", "2026-03-07T07:40 2026-03-09T06:00"},
		{"often within the repeated hour", "*/30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T05:00 2026-11-01T05:30 2026-11-01T06:00 2026-11-01T06:30 2026-11-02T06:00"},
		{"the skipped time is of another weekday", "30 2 * * mon", "America/New_York", "2026-03-07T00:00:00Z", "2026-03-09T06:30"},

		// Berlin: 2026-03-29 01:00Z and 2026-10-25 01:00Z.
		{"Berlin, forward", "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28T01:30 2026-03-29T01:00 2026-03-30T00:30"},
		{"Berlin, back", "30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-24T00:30 2026-10-25T00:30 2026-10-26T01:30"},

		// Lord Howe changes by half an hour: back to +10:30 on 2026-04-04 15:00Z, to +11 on 2026-10-03 15:30Z.
		{"Lord Howe, back", "45 1 * * *", "Australia/Lord_Howe", "2026-04-03T00:00:00Z", "2026-04-03T14:45 2026-04-04T14:45 2026-04-05T15:15"},
		{"Lord Howe, forward", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00:00Z", "2026-10-02T15:45 2026-10-03T15:30 2026-10-04T15:15"},
		{"Lord Howe, hourly by the clock", "0 * * * *", "Australia/Lord_Howe", "2026-10-03T14:00:00Z", "2026-10-03T14:30 2026-10-03T16:00"},

		// Sao Paulo had no midnight on 2018-11-04 (03:00Z is 01:00) and two 23:00 on 2018-02-17.
		{"no midnight", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T00:00:00Z", "2018-11-03T03:00 2018-11-04T03:00 2018-11-05T02:00"},
		{"two late evenings", "30 23 * * *", "America/Sao_Paulo", "2018-02-16T12:00:00Z", "2018-02-17T01:30 2018-02-18T01:30 2018-02-19T02:30"},
		{"midnight after them", "0 0 * * *", "America/Sao_Paulo", "2018-02-17T00:00:00Z", "2018-02-17T02:00 2018-02-18T03:00"},

		// Samoa had no 2011-12-30 at all: that is no change of the clock.
		{"a day that was not", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-12-29T22:00"},
		{"around it", "0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-29T22:00 2011-12-30T22:00"},

		{"an offset of 5:45", "0 0 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T18:15 2026-01-02T18:15"},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", "2028-02-29T00:00 2032-02-29T00:00"},
		{"leap day after eight years", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00"},
		{"leap day, a Sunday", "0 0 29 2 */7", "UTC", "2026-01-01T00:00:00Z", "2032-02-29T00:00 2060-02-29T00:00 2088-02-29T00:00 2128-02-29T00:00"},
		{"13th or Friday", "0 0 13 * 5", "UTC", "2026-11-20T00:00:00Z", "2026-11-27T00:00 2026-12-04T00:00 2026-12-11T00:00 2026-12-13T00:00 2026-12-18T00:00"},
		{"odd days that are Fridays", "0 0 */2 * fri", "UTC", "2026-11-01T00:00:00Z", "2026-11-13T00:00 2026-11-27T00:00 2026-12-11T00:00"},
		{"7 is Sunday", "0 9 * * 7", "UTC", "2026-11-22T09:00:00Z", "2026-11-29T09:00"},
		{"a weekend", "0 9 * * fri-sun", "UTC", "2026-11-19T09:00:00Z", "2026-11-20T09:00 2026-11-21T09:00 2026-11-22T09:00 2026-11-27T09:00"},
		{"names and lists", "5,50-55/5 22-23 1 JAN,jul *", "UTC", "2026-02-01T00:00:00Z", "2026-07-01T22:05 2026-07-01T22:50 2026-07-01T22:55 2026-07-01T23:05"},
		{"strictly after", "0 0 * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00"},
		{"a moment before", "0 0 * * *", "UTC", "2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00"},
		{"over the year", "59 23 31 12 *", "UTC", "2026-12-31T23:59:30Z", "2027-12-31T23:59"},
		{"weekly", "@weekly", "UTC", "2026-11-20T00:00:00Z", "2026-11-22T00:00 2026-11-29T00:00"},
		{"monthly", "@monthly", "UTC", "2026-11-20T00:00:00Z", "2026-12-01T00:00 2027-01-01T00:00"},
		{"yearly", "@Yearly", "UTC", "2026-11-20T00:00:00Z", "2027-01-01T00:00 2028-01-01T00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, at := schedule(t, c.expression, c.zone), instant(t, c.after)
			for _, want := range strings.Fields(c.want) {
				next, ok := s.Next(at)
				if !ok || !next.Equal(instant(t, want+":00Z")) || next.Location() != time.UTC {
					t.Fatalf("%s in %s after %s: %s (%t), want %s", c.expression, c.zone, at, next, ok, want)
				}
				at = next
			}
		})
	}
}

// TestNever: what no calendar holds is found out soon.
func TestNever(t *testing.T) {
	for _, expression := range []string{"0 0 31 2 *", "0 0 30 2 *", "* * 31 2,4,6,9,11 *"} {
		for _, zone := range []string{"UTC", "America/New_York", "Africa/Casablanca"} {
			began := time.Now()
			if next, ok := schedule(t, expression, zone).Next(instant(t, "2026-01-01T00:00:00Z")); ok {
				t.Errorf("%s in %s: %s", expression, zone, next)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s in %s took %s to find nothing", expression, zone, took)
			}
		}
	}
	for _, after := range []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:30Z"} {
		if next, ok := schedule(t, "0 0 * * *", "America/New_York").Next(instant(t, after)); ok && (next.Year() > 9999 || !next.After(instant(t, after))) {
			t.Errorf("after %s: %s", after, next)
		}
	}
	if next, ok := (Schedule{}).Next(instant(t, "2026-01-01T00:00:00Z")); ok {
		t.Errorf("a schedule that nobody parsed fires at %s", next)
	}
}

func TestParseMistakes(t *testing.T) {
	for _, c := range []struct{ expression, zone, want string }{
		{"", "UTC", "0 fields"},
		{"* * * *", "UTC", "4 fields"},
		{"0 * * * * *", "UTC", "6 fields"},
		{"60 * * * *", "UTC", `minute "60"`},
		{"* 24 * * *", "UTC", `hour "24"`},
		{"* * 0 * *", "UTC", "not a number from 1 to 31"},
		{"* * 32 * *", "UTC", `day of the month "32"`},
		{"* * * 13 *", "UTC", `month "13"`},
		{"* * * smarch *", "UTC", "neither a number from 1 to 12 nor one of jan"},
		{"* * * * 8", "UTC", `day of the week "8"`},
		{"* * * * mo", "UTC", `"mo" is neither`},
		{"* * * mon *", "UTC", `month "mon"`},
		{"-1 * * * *", "UTC", "minute"},
		{"+1 * * * *", "UTC", "minute"},
		{"1- * * * *", "UTC", "minute"},
		{"1-2-3 * * * *", "UTC", `"2-3"`},
		{"1, * * * *", "UTC", "minute"},
		{",1 * * * *", "UTC", "minute"},
		{"30-10 * * * *", "UTC", "30-59,0-10"},
		{"5/10 * * * *", "UTC", "5-59/10"},
		{"*/0 * * * *", "UTC", "the step"},
		{"*/-1 * * * *", "UTC", "the step"},
		{"*/ * * * *", "UTC", "the step"},
		{"*/5/5 * * * *", "UTC", "the step"},
		{"*5 * * * *", "UTC", "minute"},
		{"** * * * *", "UTC", "minute"},
		{"? * * * *", "UTC", "minute"},
		{"* * L * *", "UTC", "day of the month"},
		{"* * 15W * *", "UTC", "day of the month"},
		{"* * * * 5#3", "UTC", "day of the week"},
		{"H * * * *", "UTC", "minute"},
		{"* * * *\n*", "UTC", "4 fields"},
		{"* * * * *\x00", "UTC", "day of the week"},
		{"٣ * * * *", "UTC", "minute"},
		{"0x1 * * * *", "UTC", "minute"},
		{"1e1 * * * *", "UTC", "minute"},
		{"001 * * * *", "UTC", "minute"},
		{"99999999999999999999 * * * *", "UTC", "minute"},
		{"@every 5m", "UTC", "@hourly"},
		{"@reboot", "UTC", "@hourly"},
		{"@", "UTC", "@hourly"},
		{"TZ=UTC * * * * *", "UTC", "6 fields"},
		{"CRON_TZ=Asia/Tokyo 0 0 * * *", "UTC", "6 fields"},
		{"TZ=0 * * * *", "UTC", "minute"},
		{strings.Repeat("1,", 200) + "1 * * * *", "UTC", "more than 200"},
		{"0 0 * * *", "Local", "IANA"},
		{"0 0 * * *", "localtime", "IANA"},
		{"0 0 * * *", "Mars/Olympus", "IANA"},
		{"0 0 * * *", "UTC+1", "IANA"},
		{"0 0 * * *", "TZ=UTC", "IANA"},
		{"0 0 * * *", "../../etc/passwd", "IANA"},
		{"0 0 * * *", "/usr/share/zoneinfo/UTC", "IANA"},
		{"0 0 * * *", "America/../UTC", "IANA"},
		{"0 0 * * *", `America\New_York`, "IANA"},
		{"0 0 * * *", " UTC", "IANA"},
		{"0 0 * * *", "UTC\x00", "IANA"},
		{"0 0 * * *", "right/UTC", "IANA"},
		{"0 0 * * *", "posix/UTC", "IANA"},
		{"0 0 * * *", "Factory", "IANA"},
		{"0 0 * * *", strings.Repeat("A", 1000), "IANA"},
		{"0 0 * * *", "+01:00", "IANA"},
	} {
		s, err := Parse(c.expression, c.zone)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n") {
			t.Errorf("%q in %q: %v, want one with %s", c.expression, c.zone, err, c.want)
		}
		if _, ok := s.Next(time.Unix(0, 0)); ok {
			t.Errorf("%q in %q fires though it is wrong", c.expression, c.zone)
		}
	}
}
