package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
)

// hands is a clock that stands still until it is set.
type hands struct{ micros atomic.Int64 }

func (h *hands) now() time.Time   { return time.UnixMicro(h.micros.Load()).UTC() }
func (h *hands) set(to time.Time) { h.micros.Store(to.UnixMicro()) }

// scheduled is a room with a clock and two queues that nobody started: the tests have them fire.
type scheduled struct {
	*room
	clock  hands
	queues []*Queue
	sub    store.Submission
	fail   error // of the next firings
	panics bool
	asked  atomic.Int64 // how often a firing was resolved
}

func newScheduled(t *testing.T, now time.Time) *scheduled {
	t.Helper()
	s := &scheduled{}
	s.clock.set(now)
	s.room = newRoomAt(t, s.clock.now)
	s.sub = s.submission(t, writeStudy(t, bids(1), ""))
	for _, name := range []string{"first", "second"} {
		s.queues = append(s.queues, s.queue(t, func(o *Options) { o.Name, o.Fire = name, s.resolve }))
	}
	return s
}

// resolve is the Fire of the queues: a simulation named by its time.
func (s *scheduled) resolve(_ context.Context, c store.Schedule, at time.Time) (*store.Submission, error) {
	s.asked.Add(1)
	if s.panics {
		panic("no such campaign")
	}
	if s.fail != nil {
		return nil, s.fail
	}
	sub := s.sub
	id, err := model.NewSimulationID(at, rand.Reader)
	if err != nil {
		return nil, err
	}
	sub.Simulation.ID, sub.Simulation.Name = id, at.UTC().Format(time.RFC3339)
	return &sub, nil
}

func (s *scheduled) create(t *testing.T, c store.Schedule) store.Schedule {
	t.Helper()
	c.ID, c.Tenant, c.Name, c.Config = "nightly", tenant0, "nightly", s.sub.Inputs.Config
	made, err := s.store.CreateSchedule(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// fire has both queues fire what is due at a time, at once.
func (s *scheduled) fire(now time.Time) {
	s.clock.set(now)
	var both sync.WaitGroup
	for _, q := range s.queues {
		both.Go(func() {
			f := newFirings()
			q.fireDue(context.Background(), f)
			f.all.Wait()
		})
	}
	both.Wait()
}

// fired lists the times that were fired, in order.
func (s *scheduled) fired(t *testing.T) []string {
	t.Helper()
	list, _, err := s.store.Simulations(t.Context(), store.Filter{Tenant: tenant0}, store.Page{Size: 200})
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for _, sim := range list {
		if sim.ScheduleID != "nightly" {
			t.Errorf("simulation %s is of schedule %q", sim.ID, sim.ScheduleID)
		}
		times = append(times, sim.Name)
	}
	slices.Sort(times)
	return times
}

func (s *scheduled) schedule(t *testing.T) store.Schedule {
	t.Helper()
	c, err := s.store.Schedule(t.Context(), tenant0, "nightly")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSchedulesThroughClockChanges: two launchers, a clock that goes on in steps of half an hour, and the instants
// by the rules of the zones. New York goes from UTC-5 to UTC-4 on 2026-03-08 at 07:00 UTC (02:00 becomes 03:00)
// and back on 2026-11-01 at 06:00 UTC (02:00 becomes 01:00); Berlin from UTC+1 to UTC+2 on 2026-03-29 at 01:00
// UTC (02:00 becomes 03:00) and back on 2026-10-25 at 01:00 UTC (03:00 becomes 02:00).
func TestSchedulesThroughClockChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cron, zone, from, to string
		want                 []string
	}{
		{"30 2 * * *", "America/New_York", "2026-03-07T00:00:30Z", "2026-03-10T00:00:30Z",
			// 02:30 is skipped on the 8th: the firing comes when the clocks have changed.
			[]string{"2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"30 1 * * *", "America/New_York", "2026-10-31T00:00:30Z", "2026-11-03T00:00:30Z",
			// 01:30 comes twice on the 1st: the first one counts.
			[]string{"2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"0 * * * *", "America/New_York", "2026-11-01T03:30:30Z", "2026-11-01T08:00:30Z",
			// Every hour is every hour, of the two from 01:00 too.
			[]string{"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:30Z", "2026-03-31T00:00:30Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:30Z", "2026-10-27T00:00:30Z",
			[]string{"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
	} {
		s := newScheduled(t, at(t, c.from))
		s.create(t, store.Schedule{Cron: c.cron, Timezone: c.zone, Missed: store.MissedSkip, NextAt: at(t, c.want[0])})
		for now := at(t, c.from); !now.After(at(t, c.to)); now = now.Add(30 * time.Minute) {
			s.fire(now)
		}
		if got := s.fired(t); !slices.Equal(got, c.want) {
			t.Errorf("%s in %s fired at %v, want %v", c.cron, c.zone, got, c.want)
		}
	}
}

// TestMissedFirings: a daily schedule that nobody attended to from the second day to the fifth.
func TestMissedFirings(t *testing.T) {
	t.Parallel()
	for missed, want := range map[string][]string{
		store.MissedSkip:    {"2026-05-01T06:00:00Z", "2026-05-06T06:00:00Z"},
		store.MissedRunOnce: {"2026-05-01T06:00:00Z", "2026-05-05T06:00:00Z", "2026-05-06T06:00:00Z"},
	} {
		s := newScheduled(t, at(t, "2026-05-01T00:00:00Z"))
		s.create(t, store.Schedule{Cron: "0 6 * * *", Timezone: "UTC", Missed: missed, NextAt: at(t, "2026-05-01T06:00:00Z")})
		for _, now := range []string{"2026-05-01T06:00:00Z", "2026-05-05T17:00:00Z", "2026-05-05T17:00:01Z", "2026-05-06T06:00:01Z"} {
			s.fire(at(t, now))
		}
		if got := s.fired(t); !slices.Equal(got, want) {
			t.Errorf("%s: fired at %v, want %v", missed, got, want)
		}
		if next := s.schedule(t).NextAt; !next.Equal(at(t, "2026-05-07T06:00:00Z")) {
			t.Errorf("%s: next at %s", missed, next)
		}
	}
}

// TestAFailedFiringIsToldAndTheScheduleGoesOn, whether its inputs are gone or it panics.
func TestAFailedFiringIsToldAndTheScheduleGoesOn(t *testing.T) {
	t.Parallel()
	s := newScheduled(t, at(t, "2026-05-01T00:00:00Z"))
	s.create(t, store.Schedule{Cron: "0 6 * * *", Timezone: "UTC", Missed: store.MissedSkip, NextAt: at(t, "2026-05-01T06:00:00Z")})
	s.fail = errors.New("no file matches slots/*.parquet")
	s.fire(at(t, "2026-05-01T06:00:00Z"))
	if c := s.schedule(t); !strings.Contains(c.LastProblem, "no file matches") || !c.NextAt.Equal(at(t, "2026-05-02T06:00:00Z")) || c.LastID != "" {
		t.Errorf("after a failed firing: %+v", c)
	}
	s.panics = true
	s.fire(at(t, "2026-05-02T06:00:00Z"))
	if c := s.schedule(t); !strings.Contains(c.LastProblem, "no such campaign") || !c.NextAt.Equal(at(t, "2026-05-03T06:00:00Z")) {
		t.Errorf("after a firing that panicked: %+v", c)
	}
	s.panics, s.fail = false, fmt.Errorf("reading tiers: %w", store.ErrUnavailable)
	s.fire(at(t, "2026-05-03T06:00:00Z"))
	if c := s.schedule(t); !c.NextAt.Equal(at(t, "2026-05-03T06:00:00Z")) {
		t.Errorf("a store out of reach was held against the schedule: %+v", c)
	}
	s.fail = nil
	s.fire(at(t, "2026-05-03T06:00:02Z"))
	c := s.schedule(t)
	if got := s.fired(t); !slices.Equal(got, []string{"2026-05-03T06:00:00Z"}) || c.LastProblem != "" || c.LastID == "" {
		t.Errorf("fired at %v, then %+v", got, c)
	}
}

// TestWhatIsNotDueIsNotFired: neither a paused schedule nor one whose time has not come, nor one without any sense.
func TestWhatIsNotDueIsNotFired(t *testing.T) {
	t.Parallel()
	s := newScheduled(t, at(t, "2026-05-01T00:00:00Z"))
	c := s.create(t, store.Schedule{Cron: "0 6 * * *", Timezone: "UTC", Missed: store.MissedRunOnce, NextAt: at(t, "2026-05-01T06:00:00Z")})
	s.fire(at(t, "2026-05-01T05:59:59Z"))
	c.Paused = true
	c, err := s.store.UpdateSchedule(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.fire(at(t, "2026-05-01T06:00:00Z"))
	c.Paused, c.Timezone = false, "Atlantis/Capital"
	if _, err := s.store.UpdateSchedule(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.fire(at(t, "2026-05-01T06:00:01Z"))
	if n := s.asked.Load(); n != 0 {
		t.Errorf("%d firings were resolved", n)
	}
	if c := s.schedule(t); !strings.Contains(c.LastProblem, "Atlantis") || !c.NextAt.IsZero() {
		t.Errorf("a schedule of a zone that is none: %+v", c)
	}
}

// TestTextsAreReadInTheFiringsPlace: what many schedules are that are due together is not held together. A schedule that
// was changed since it was found due is left to the next look.
func TestTextsAreReadInTheFiringsPlace(t *testing.T) {
	t.Parallel()
	s := newScheduled(t, at(t, "2026-05-01T00:00:00Z"))
	c := s.create(t, store.Schedule{Cron: "0 6 * * *", Timezone: "UTC", Missed: store.MissedRunOnce, NextAt: at(t, "2026-05-01T06:00:00Z")})
	texts := make(chan string, 1)
	q := s.queue(t, func(o *Options) {
		o.Fire = func(ctx context.Context, c store.Schedule, at time.Time) (*store.Submission, error) {
			texts <- c.Config.Text
			return s.resolve(ctx, c, at)
		}
	})
	s.clock.set(at(t, "2026-05-01T06:00:00Z"))
	c.Config = model.Document{Name: c.Config.Name} // as DueSchedules finds it
	old := c
	old.Version = 0
	q.fire(t.Context(), old)
	if n := s.asked.Load(); n != 0 {
		t.Errorf("a schedule was fired as it was before a change")
	}
	q.fire(t.Context(), c)
	if got := <-texts; got != s.sub.Inputs.Config.Text || len(got) == 0 {
		t.Errorf("fired with the text %q", got)
	}
	if got := s.fired(t); !slices.Equal(got, []string{"2026-05-01T06:00:00Z"}) {
		t.Errorf("fired at %v", got)
	}
}

// TestFewFiringsAtOnce: with many schedules due, no more than a few are being resolved at any time.
func TestFewFiringsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFirings()
		gate := make(chan struct{})
		var inside atomic.Int64
		for i := range 50 {
			f.begin(strconv.Itoa(i), func() {
				inside.Add(1)
				<-gate
			})
		}
		synctest.Wait()
		if n := inside.Load(); n != firingsAtOnce {
			t.Errorf("%d are resolved at a time, want %d", n, firingsAtOnce)
		}
		close(gate)
		f.all.Wait()
		if n := inside.Load(); n != 50 {
			t.Errorf("%d firings of 50 were done", n)
		}
	})
}

// TestAScheduleRuns: a started queue fires within a second of the time, and runs what it fired.
func TestAScheduleRuns(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	sub := r.submission(t, writeStudy(t, bids(1), ""))
	due := time.Now().Add(700 * time.Millisecond).Truncate(time.Microsecond)
	_, err := r.store.CreateSchedule(t.Context(), store.Schedule{
		ID: "soon", Tenant: tenant0, Name: "soon", Cron: "0 0 1 1 *", Timezone: "UTC", Missed: store.MissedSkip, NextAt: due, Config: sub.Inputs.Config,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, func(o *Options) {
		o.Fire = func(context.Context, store.Schedule, time.Time) (*store.Submission, error) { return &sub, nil }
	})
	r.until(t, func() bool {
		c, err := r.store.Schedule(t.Context(), tenant0, "soon")
		if err != nil {
			t.Fatal(err)
		}
		return c.LastID != ""
	}, func() string { return "the schedule was not fired" })
	end := r.awaitState(t, sub.Simulation.ID, store.Succeeded)
	if late := end.QueuedAt.Sub(due); late < 0 || late > time.Second {
		t.Errorf("it was queued %s after its time", late)
	} else {
		t.Logf("it was queued %s after its time", late)
	}
}
