package queue

import (
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/calendar"
	"github.com/whatif-machine/whatif/launcher/store"
)

// at reads a time that a test names.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestFiringOf(t *testing.T) {
	hourly, err := calendar.Parse("0 * * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, missed, due, now string
		at                     string
		skip                   bool
		next                   string
	}{
		{"in time", store.MissedSkip, "2026-05-01T10:00:00Z", "2026-05-01T10:00:00.2Z", "2026-05-01T10:00:00Z", false, "2026-05-01T11:00:00Z"},
		{"as late as may be", store.MissedSkip, "2026-05-01T10:00:00Z", "2026-05-01T10:01:00Z", "2026-05-01T10:00:00Z", false, "2026-05-01T11:00:00Z"},
		{"missed, skip", store.MissedSkip, "2026-05-01T10:00:00Z", "2026-05-01T10:01:01Z", "2026-05-01T10:00:00Z", true, "2026-05-01T11:00:00Z"},
		{"missed, run once", store.MissedRunOnce, "2026-05-01T10:00:00Z", "2026-05-01T10:01:01Z", "2026-05-01T10:00:00Z", false, "2026-05-01T11:00:00Z"},
		{"several missed, skip", store.MissedSkip, "2026-05-01T10:00:00Z", "2026-05-03T15:30:00Z", "2026-05-03T15:00:00Z", true, "2026-05-03T16:00:00Z"},
		{"several missed, run once", store.MissedRunOnce, "2026-05-01T10:00:00Z", "2026-05-03T15:30:00Z", "2026-05-03T15:00:00Z", false, "2026-05-03T16:00:00Z"},
		{"back just in time for the latest", store.MissedSkip, "2026-05-01T10:00:00Z", "2026-05-03T15:00:30Z", "2026-05-03T15:00:00Z", false, "2026-05-03T16:00:00Z"},
		{"ten years later", store.MissedRunOnce, "2026-05-01T10:00:00Z", "2036-05-03T15:59:59Z", "2036-05-03T15:00:00Z", false, "2036-05-03T16:00:00Z"},
	} {
		looks := 0
		next := func(after time.Time) (time.Time, bool) { looks++; return hourly.Next(after) }
		got := firingOf(next, c.missed, at(t, c.due), at(t, c.now))
		want := firing{at(t, c.at), c.skip, at(t, c.next)}
		if !got.at.Equal(want.at) || got.skip != want.skip || !got.next.Equal(want.next) {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
		if looks > 20 {
			t.Errorf("%s: the calendar was asked %d times", c.name, looks)
		}
	}
}

// TestTheLatestIsFoundInAnySchedule compares with the plain way: step by step from the first that was due.
func TestTheLatestIsFoundInAnySchedule(t *testing.T) {
	for _, cron := range []string{"* * * * *", "*/7 3 * * 1", "0 0 1 1 *", "30 2 * * *", "15,45 9-17 * * 1-5"} {
		times, err := calendar.Parse(cron, "America/New_York")
		if err != nil {
			t.Fatal(err)
		}
		due, _ := times.Next(at(t, "2026-02-27T00:00:00Z"))
		plain := due
		for now := due; now.Before(due.Add(20 * 24 * time.Hour)); now = now.Add(5*time.Hour + 37*time.Minute) {
			for next, ok := times.Next(plain); ok && !next.After(now); next, ok = times.Next(plain) {
				plain = next
			}
			if got := latest(times.Next, due, now); !got.Equal(plain) {
				t.Fatalf("%s at %s: %s, want %s", cron, now, got, plain)
			}
		}
	}
}

// TestAScheduleThatEnds: nothing comes after the last instant that a calendar knows.
func TestAScheduleThatEnds(t *testing.T) {
	due := at(t, "2026-05-01T10:00:00Z")
	once := func(after time.Time) (time.Time, bool) { return due, after.Before(due) }
	for _, late := range []time.Duration{0, time.Hour, 1000 * time.Hour} {
		got := firingOf(once, store.MissedRunOnce, due, due.Add(late))
		if !got.at.Equal(due) || got.skip || !got.next.IsZero() {
			t.Errorf("%s late: %+v", late, got)
		}
	}
}
