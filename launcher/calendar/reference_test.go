package calendar

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	cron "github.com/netresearch/go-cron"
)

// rules are expressions beside what they mean, written by hand.
var rules = []struct {
	expression string
	frequent   bool
	due        func(local time.Time) bool
}{
	{"30 2 * * *", false, func(l time.Time) bool { return l.Hour() == 2 && l.Minute() == 30 }},
	{"0 0 * * *", false, func(l time.Time) bool { return l.Hour() == 0 && l.Minute() == 0 }},
	{"45 1 * * 0", false, func(l time.Time) bool { return l.Hour() == 1 && l.Minute() == 45 && l.Weekday() == time.Sunday }},
	{"0,30 1-3 * * *", false, func(l time.Time) bool { return l.Hour() >= 1 && l.Hour() <= 3 && l.Minute()%30 == 0 }},
	{"59 23 1-7,29 * *", false, func(l time.Time) bool {
		return l.Hour() == 23 && l.Minute() == 59 && (l.Day() <= 7 || l.Day() == 29)
	}},
	{"15 3 13 * 5", false, func(l time.Time) bool {
		return l.Hour() == 3 && l.Minute() == 15 && (l.Day() == 13 || l.Weekday() == time.Friday)
	}},
	{"*/15 * * * *", true, func(l time.Time) bool { return l.Minute()%15 == 0 }},
	{"7 * * * *", true, func(l time.Time) bool { return l.Minute() == 7 }},
	{"*/10 1-2 * 3,4,10,11 *", true, func(l time.Time) bool {
		m := l.Month()
		return l.Minute()%10 == 0 && (l.Hour() == 1 || l.Hour() == 2) && (m == 3 || m == 4 || m == 10 || m == 11)
	}},
}

// TestAgainstTheMinuteWalk compares a year of instants with a daemon that looks at its clock every minute, as
// cron does: it knows what the clock showed in the three hours before, does not do the same twice, and does
// at once what the clock left out.
func TestAgainstTheMinuteWalk(t *testing.T) {
	type year struct {
		name string
		year int
	}
	zones := []year{{"America/New_York", 2026}, {"America/Sao_Paulo", 2018}, {"Australia/Lord_Howe", 2044}}
	if os.Getenv("WHATIF_FULL") == "1" {
		zones = append(zones, []year{
			{"Australia/Lord_Howe", 2026}, {"Europe/Berlin", 2026}, {"Asia/Kathmandu", 2026}, {"Africa/Casablanca", 2026},
			{"Pacific/Apia", 2011}, {"UTC", 2028}, {"Europe/Dublin", 2027}, {"America/Caracas", 2016}, {"Asia/Gaza", 2088},
			{"America/New_York", 2040}, // as 2044, a leap year beyond the zones' lists of changes
		}...)
	}
	for _, zone := range zones {
		t.Run(zone.name+strconv.Itoa(zone.year), func(t *testing.T) {
			t.Parallel()
			first := time.Date(zone.year, 1, 1, 0, 0, 0, 0, time.UTC)
			for i, want := range walkYear(t, zone.name, first) {
				s, at := schedule(t, rules[i].expression, zone.name), first.Add(-time.Second)
				for n, expected := range want {
					next, ok := s.Next(at)
					if !ok || !next.Equal(expected) {
						t.Fatalf("%s: firing %d after %s is %s (%t), want %s", rules[i].expression, n, at, next, ok, expected)
					}
					at = next
				}
			}
		})
	}
}

// walkYear is the instants of each rule in a year, by the daemon.
func walkYear(t *testing.T, name string, first time.Time) [][]time.Time {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	clock := func(at time.Time) time.Time { // what it shows, as if that were UTC
		l := at.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	fired := make([][]time.Time, len(rules))
	shown := map[time.Time]time.Time{} // reading of the clock: when
	before := clock(first.Add(-time.Minute))
	for at := first; at.Before(first.AddDate(1, 0, 0)); at = at.Add(time.Minute) {
		now := clock(at)
		when, again := shown[now]
		again = again && at.Sub(when) < 3*time.Hour
		jump := now.Sub(before) - time.Minute
		for i, rule := range rules {
			due := rule.due(now) && (rule.frequent || !again)
			if !rule.frequent && jump > 0 && jump < 3*time.Hour {
				for skipped := before.Add(time.Minute); skipped.Before(now); skipped = skipped.Add(time.Minute) {
					due = due || rule.due(skipped)
				}
			}
			if due {
				fired[i] = append(fired[i], at)
			}
		}
		shown[now], before = at, now
	}
	return fired
}

// TestAgainstGoCron compares random expressions with another implementation, where no clock is changed and
// nothing is years away.
func TestAgainstGoCron(t *testing.T) {
	other := cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom)
	random := rand.New(rand.NewPCG(1, 2))
	part := func(low, high int) string {
		a, b := low+random.IntN(high-low+1), low+random.IntN(high-low+1)
		a, b = min(a, b), max(a, b)
		return []string{
			"*", "*", strconv.Itoa(a), strconv.Itoa(a) + "-" + strconv.Itoa(b), strconv.Itoa(a) + "," + strconv.Itoa(b),
			strconv.Itoa(a) + "-" + strconv.Itoa(b) + "/" + strconv.Itoa(1+random.IntN(max(1, b-a))),
		}[random.IntN(6)]
	}
	for range 3000 {
		expression := strings.Join([]string{part(0, 59), part(0, 23), part(1, 28), part(1, 12), part(0, 6)}, " ")
		theirs, err := other.Parse("TZ=UTC " + expression)
		if err != nil {
			t.Fatal(err)
		}
		ours := schedule(t, expression, "UTC")
		at := time.Unix(random.Int64N(4e9), random.Int64N(1e9)).UTC()
		for range 5 {
			want := theirs.Next(at)
			got, ok := ours.Next(at)
			if !ok || !got.Equal(want) {
				t.Fatalf("%s after %s: %s (%t), go-cron says %s", expression, at, got, ok, want)
			}
			at = got
		}
	}
}
