package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

func nightly(clock *fakeClock) Schedule {
	return Schedule{ID: "s1", Tenant: "acme", Name: "nightly", Cron: "0 2 * * *", Timezone: "Europe/Berlin", Missed: MissedSkip, Priority: 3,
		Config: model.Document{Name: "body", Text: "name: nightly"}, CreatedBy: "ada", NextAt: clock.Now().Add(time.Hour)}
}

func TestSchedules(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		c := nightly(clock)
		made := must[Schedule](t)(s.CreateSchedule(t.Context(), c))
		c.Version, c.CreatedAt, c.UpdatedAt, c.Config.SHA256 = 1, clock.Now(), clock.Now(), digest(c.Config.Text)
		if diff := cmp.Diff(c, made); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(c, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
		if _, err := s.CreateSchedule(t.Context(), nightly(clock)); !errors.Is(err, ErrConflict) {
			t.Errorf("the id again: %v", err)
		}
		clock.advance(time.Minute)
		c.Name, c.Config.Text, c.Config.SHA256, c.Paused = "weekly", "name: weekly", "", true
		updated := must[Schedule](t)(s.UpdateSchedule(t.Context(), c))
		c.Version, c.UpdatedAt, c.Config.SHA256 = 2, clock.Now(), digest(c.Config.Text)
		if diff := cmp.Diff(c, updated); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(c, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
		listed := c
		listed.Config.Text = ""
		page, _, err := s.Schedules(t.Context(), "acme", Page{})
		ok(t, err)
		if diff := cmp.Diff([]Schedule{listed}, page); diff != "" {
			t.Error(diff)
		}
		if n := count(t, d.raw(t), "SELECT count(*) FROM documents"); n != 1 {
			t.Errorf("%d documents of one configuration", n)
		}
		c.Version = 1
		if _, err := s.UpdateSchedule(t.Context(), c); !errors.Is(err, ErrConflict) {
			t.Errorf("an old version: %v", err)
		}
		ok(t, s.DeleteSchedule(t.Context(), "acme", "s1"))
		if _, err := s.Schedule(t.Context(), "acme", "s1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if n := count(t, d.raw(t), "SELECT count(*) FROM documents"); n != 0 {
			t.Errorf("%d documents of no configuration", n)
		}
	})
}

func TestDueSchedules(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		for i := range 4 {
			c := nightly(clock)
			c.ID, c.NextAt, c.Paused = fmt.Sprint("s", i), clock.Now().Add(time.Duration(i)*time.Minute), i == 1
			must[Schedule](t)(s.CreateSchedule(t.Context(), c))
		}
		never := nightly(clock)
		never.ID, never.NextAt = "never", time.Time{}
		must[Schedule](t)(s.CreateSchedule(t.Context(), never))
		for _, c := range []struct {
			after time.Duration
			due   []string
			next  time.Duration
		}{{0, []string{"s0"}, 2 * time.Minute}, {time.Minute, []string{"s0"}, 2 * time.Minute}, {2 * time.Minute, []string{"s0", "s2"}, 3 * time.Minute}, {time.Hour, []string{"s0", "s2", "s3"}, 0}} {
			start := newClock().Now()
			clock.advance(start.Add(c.after).Sub(clock.Now()))
			due, next, err := s.DueSchedules(t.Context(), 10)
			ok(t, err)
			for _, c := range due { // a text may be large, and is read when its turn has come
				if c.Config != (model.Document{Name: "body", SHA256: digest("name: nightly")}) {
					t.Errorf("configuration of %s: %+v", c.ID, c.Config)
				}
			}
			if diff := cmp.Diff(c.due, texts1(due, func(c Schedule) string { return c.ID })); diff != "" {
				t.Errorf("after %s: %s", c.after, diff)
			}
			if want := start.Add(c.next); !next.Equal(want) && c.next != 0 || c.next == 0 && !next.IsZero() {
				t.Errorf("after %s the next is at %s", c.after, next)
			}
		}
	})
}

// However many launchers fire at the same time, a firing is done once.
func TestFireOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		other, err := OpenShared(t.Context(), d.url, Options{Now: clock.Now})
		ok(t, err)
		defer func() { ok(t, other.Close()) }()
		c := must[Schedule](t)(s.CreateSchedule(t.Context(), nightly(clock)))
		at := c.NextAt
		clock.advance(time.Hour)
		var fired atomic.Int64
		var launchers sync.WaitGroup
		for i := range 16 {
			launchers.Go(func() {
				sub := study("acme", fmt.Sprint("20260701-", i), 1)
				_, did, err := []*Store{s, other}[i%2].Fire(t.Context(), c, at, at.Add(24*time.Hour), &sub, "")
				ok2(t, err)
				if did {
					fired.Add(1)
				}
			})
		}
		launchers.Wait()
		sims, _, err := s.Simulations(t.Context(), Filter{Tenant: "acme"}, Page{})
		if err != nil || fired.Load() != 1 || len(sims) != 1 || sims[0].ScheduleID != "s1" {
			t.Fatalf("fired %d times, %+v, %v", fired.Load(), sims, err)
		}
		after := must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))
		c.Version, c.NextAt, c.LastAt, c.LastID = 2, at.Add(24*time.Hour), at, sims[0].ID
		if diff := cmp.Diff(c, after); diff != "" {
			t.Error(diff)
		}
		// Nor by a submission of its own, nor with a version made up.
		sub := study("acme", "20260701-again", 1)
		sub.Simulation.ScheduleID, sub.FireTime = "s1", at
		if sim, existing, err := s.Submit(t.Context(), sub); err != nil || !existing || sim.ID != sims[0].ID {
			t.Errorf("submitted again: %s, existing %v, %v", sim.ID, existing, err)
		}
		sub.FireTime = time.Time{}
		if sim, did, err := s.Fire(t.Context(), after, at, at.Add(48*time.Hour), &sub, ""); did || err != nil || sim.ID != sims[0].ID {
			t.Errorf("fired again: %s, %v, %v", sim.ID, did, err)
		}
		if diff := cmp.Diff(after, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
	})
}

// A firing that failed leaves its problem; one that was skipped leaves nothing.
func TestFireNothing(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		c := must[Schedule](t)(s.CreateSchedule(t.Context(), nightly(clock)))
		at := c.NextAt
		if _, fired, err := s.Fire(t.Context(), c, at, at.Add(time.Hour), nil, "no such file"); !fired || err != nil {
			t.Fatal(fired, err)
		}
		c.Version, c.NextAt, c.LastAt, c.LastProblem = 2, at.Add(time.Hour), at, "no such file"
		if diff := cmp.Diff(c, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
		if _, fired, err := s.Fire(t.Context(), c, at.Add(time.Hour), time.Time{}, nil, ""); !fired || err != nil {
			t.Fatal(fired, err)
		}
		c.Version, c.NextAt = 3, time.Time{}
		if diff := cmp.Diff(c, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
	})
}
