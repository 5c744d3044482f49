package calendar

import (
	"testing"
	"time"
)

// FuzzNext: whatever is parsed fires after the instant asked about, at a time that its fields allow or right
// after the clock went forward, and soon says so.
func FuzzNext(f *testing.F) {
	f.Add("30 2 * * *", "America/New_York", int64(1772900000))
	f.Add("*/15 1,2 */3 feb-NOV sun,3", "Australia/Lord_Howe", int64(1775300000))
	f.Add("0 0 29 2 */7", "America/Sao_Paulo", int64(1541300000))
	f.Add("@weekly", "Asia/Kathmandu", int64(-9e9))
	f.Add("0 0 31 2 *", "Pacific/Apia", int64(1325200000))
	f.Add("1-5/2,9 23 * * 5-7", "Africa/Monrovia", int64(63e9))
	f.Fuzz(func(t *testing.T, expression, zone string, seconds int64) {
		s, err := Parse(expression, zone)
		if err != nil {
			return
		}
		after, began := time.Unix(seconds, 0), time.Now()
		next, ok := s.Next(after)
		if took := time.Since(began); took > 2*time.Second {
			t.Fatalf("it took %s", took)
		}
		if !ok {
			return
		}
		if !next.After(after) || next.Year() > lastYear {
			t.Fatalf("%s is not after %s", next, after)
		}
		start, _ := next.In(s.zone).ZoneBounds()
		if local := next.In(s.zone); !s.allows(local) && !start.Equal(next) {
			t.Fatalf("%q does not fit %s", expression, local)
		}
	})
}

// allows looks at one local time without any search.
func (s Schedule) allows(local time.Time) bool {
	day, week := s.days>>local.Day()&1 == 1, s.weekdays>>local.Weekday()&1 == 1
	return s.minutes>>local.Minute()&1 == 1 && s.hours>>local.Hour()&1 == 1 && s.months>>local.Month()&1 == 1 &&
		(day && week || !s.anyDay && (day || week)) && local.Second() == 0
}

func BenchmarkNever(b *testing.B) {
	s, err := Parse("0 0 31 2 *", "America/New_York")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.Next(time.Unix(1772900000, 0))
	}
}
