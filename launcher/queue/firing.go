package queue

import (
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// grace is how late a firing may be and still be done as if nothing had happened. One that is later was
// missed: nobody was there for it.
const grace = 60 * time.Second

// firing is what is to be done about a schedule that is due.
type firing struct {
	at   time.Time // the instant that is fired or skipped: the latest due
	skip bool
	next time.Time // due after it; zero: never
}

// firingOf decides about a schedule that was due at a time and perhaps at later ones since. Only the
// latest of them is ever fired: a schedule that nobody attended to for a week owes one simulation, not seven.
func firingOf(next func(time.Time) (time.Time, bool), missed string, due, now time.Time) firing {
	f := firing{at: latest(next, due, now)}
	f.skip = now.Sub(f.at) > grace && missed != store.MissedRunOnce
	if at, ok := next(f.at); ok {
		f.next = at
	}
	return f
}

// latest is the last instant of a schedule that is not after now; due is one. It looks back from now in steps
// that double, so a schedule of each minute that was due a year ago takes a few looks, not half a million.
func latest(next func(time.Time) (time.Time, bool), due, now time.Time) time.Time {
	var last time.Time
	for window := time.Minute; ; window *= 2 {
		from := now.Add(-window)
		if !from.After(due) {
			from = due
		}
		if at, ok := next(from); ok && !at.After(now) {
			last = at
			break
		}
		if from.Equal(due) {
			return due
		}
	}
	for {
		at, ok := next(last)
		if !ok || at.After(now) {
			return last
		}
		last = at
	}
}
