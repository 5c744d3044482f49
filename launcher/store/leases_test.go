package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Running ones that nobody holds, then by priority, then of the tenant that has fewest running, then the oldest.
func TestClaimOrder(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		if got, err := s.Claim(t.Context(), "a", time.Minute); got != nil || err != nil {
			t.Fatalf("of nothing: %+v, %v", got, err)
		}
		for _, one := range []struct {
			tenant, id string
			priority   int
		}{{"acme", "a1", 5}, {"acme", "a2", 5}, {"acme", "a3", 5}, {"globex", "g1", 5}, {"globex", "g2", 7}, {"initech", "i1", 5}, {"acme", "a4", 0}} {
			sub := study(one.tenant, one.id, 1)
			sub.Simulation.Priority = one.priority
			submit(t, s, sub)
		}
		// g2 by priority. Then acme and initech have none running, acme's is the oldest; then initech's; then all have
		// one and a2 is the oldest; globex has one, acme two; then what is left.
		var order []string
		var leases []Lease
		for {
			got := must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute))
			if got == nil {
				break
			}
			if got.TakenOver || got.Lease.Epoch != 1 || got.Simulation.State != Running || !got.Simulation.LeaseUntil.Equal(clock.Now().Add(time.Minute)) {
				t.Errorf("claimed %+v", got)
			}
			order, leases = append(order, got.Simulation.ID), append(leases, got.Lease)
		}
		if diff := cmp.Diff([]string{"g2", "a1", "i1", "a2", "g1", "a3", "a4"}, order); diff != "" {
			t.Error(diff)
		}
		submit(t, s, study("acme", "a5", 1))
		ok(t, s.Release(t.Context(), leases[3])) // a2
		clock.advance(30 * time.Second)
		for _, i := range []int{0, 1, 2, 5, 6} {
			must[Wish](t)(s.Heartbeat(t.Context(), leases[i], time.Minute, Progress{}))
		}
		clock.advance(30 * time.Second) // g1 was not heard of
		for _, want := range []struct {
			id        string
			takenOver bool
		}{{"a2", false}, {"g1", true}, {"a5", false}} {
			got := must[*Claimed](t)(s.Claim(t.Context(), "b", time.Minute))
			if got == nil || got.Simulation.ID != want.id || got.TakenOver != want.takenOver || got.Simulation.Holder != "b" {
				t.Errorf("want %+v, got %+v", want, got)
			}
		}
		if l := must[Load](t)(s.Load(t.Context())); l.TakeOvers != 1 || l.Running != 8 || l.Queued != 0 {
			t.Errorf("load: %+v", l)
		}
	})
}

// Many launchers at once never get the same simulation within a lease, and leave none behind.
func TestManyClaimers(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		stores := []*Store{d.open(t, Options{})}
		for range 2 {
			other, err := OpenShared(t.Context(), d.url, Options{})
			ok(t, err)
			defer func() { ok(t, other.Close()) }()
			stores = append(stores, other)
		}
		const all = 60
		for i := range all {
			submit(t, stores[0], study(fmt.Sprintf("t%d", i%3), fmt.Sprintf("20260701-%d", i), 1))
		}
		var mu sync.Mutex
		holders := map[string]string{}
		var launchers sync.WaitGroup
		for l := range 9 {
			launchers.Go(func() {
				name := fmt.Sprint("launcher-", l)
				for {
					got, err := stores[l%3].Claim(t.Context(), name, time.Hour)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if got == nil {
						mu.Unlock()
						return
					}
					if before, twice := holders[got.Simulation.ID]; twice {
						t.Errorf("%s was claimed by %s and %s", got.Simulation.ID, before, name)
					}
					holders[got.Simulation.ID] = name
					mu.Unlock()
				}
			})
		}
		launchers.Wait()
		// Who found all of them locked by others went home; nothing may be left for the next.
		for got := must[*Claimed](t)(stores[0].Claim(t.Context(), "last", time.Hour)); got != nil; got = must[*Claimed](t)(stores[0].Claim(t.Context(), "last", time.Hour)) {
			holders[got.Simulation.ID] = "last"
		}
		if len(holders) != all {
			t.Errorf("%d of %d were claimed", len(holders), all)
		}
	})
}

// Every method of a lease refuses one that has run out, was taken over, given back, surrendered, or whose
// simulation has ended or is gone, and changes nothing.
func TestStaleLease(t *testing.T) {
	type stale struct {
		name string
		make func(t *testing.T, s *Store, c *fakeClock, l Lease) Lease
	}
	cases := []stale{
		{"run out", func(t *testing.T, _ *Store, c *fakeClock, l Lease) Lease { c.advance(time.Minute); return l }},
		{"taken over", func(t *testing.T, s *Store, c *fakeClock, l Lease) Lease {
			c.advance(time.Minute)
			must[*Claimed](t)(s.Claim(t.Context(), "b", time.Minute))
			return l
		}},
		{"taken over by itself", func(t *testing.T, s *Store, c *fakeClock, l Lease) Lease {
			c.advance(time.Minute)
			must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute))
			return l
		}},
		{"released", func(t *testing.T, s *Store, _ *fakeClock, l Lease) Lease { ok(t, s.Release(t.Context(), l)); return l }},
		{"surrendered", func(t *testing.T, s *Store, _ *fakeClock, l Lease) Lease {
			if n := must[int](t)(s.Surrender(t.Context(), "a")); n != 1 {
				t.Errorf("%d surrendered", n)
			}
			return l
		}},
		{"suspended", func(t *testing.T, s *Store, _ *fakeClock, l Lease) Lease {
			must[Simulation](t)(s.Pause(t.Context(), "acme", l.SimulationID, "ada"))
			ok(t, s.Suspend(t.Context(), l))
			return l
		}},
		{"finished", func(t *testing.T, s *Store, _ *fakeClock, l Lease) Lease {
			must[Simulation](t)(s.Finish(t.Context(), l, Outcome{}))
			return l
		}},
		{"deleted", func(t *testing.T, s *Store, _ *fakeClock, l Lease) Lease {
			must[Simulation](t)(s.Finish(t.Context(), l, Outcome{}))
			ok(t, s.Delete(t.Context(), "acme", l.SimulationID, "ada"))
			return l
		}},
		{"another's name", func(_ *testing.T, _ *Store, _ *fakeClock, l Lease) Lease { l.Holder = "b"; return l }},
		{"a later claim", func(_ *testing.T, _ *Store, _ *fakeClock, l Lease) Lease { l.Epoch++; return l }},
		{"unknown simulation", func(_ *testing.T, _ *Store, _ *fakeClock, l Lease) Lease { l.SimulationID = "x"; return l }},
	}
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		for i, c := range cases {
			id := fmt.Sprintf("20260701-%d", i)
			lease := claimed(t, s, study("acme", id, 2), "a")
			must[[]Variant](t)(s.Begin(t.Context(), lease, names(2)))
			old := c.make(t, s, clock, lease)
			before, gone := s.Simulation(t.Context(), "acme", id)
			for name, call := range leaseMethods(s, old) {
				if err := call(t.Context()); !errors.Is(err, ErrLeaseLost) {
					t.Errorf("%s: %s: %v", c.name, name, err)
				}
			}
			after, err := s.Simulation(t.Context(), "acme", id)
			if diff := cmp.Diff(before, after); diff != "" || (err == nil) != (gone == nil) {
				t.Errorf("%s: changed: %s %v, then %v", c.name, diff, gone, err)
			}
			// Out of the way of the next.
			if _, err := s.Cancel(t.Context(), "acme", id, "ada"); err == nil {
				clock.advance(time.Hour)
				must[Simulation](t)(s.Cancel(t.Context(), "acme", id, "ada"))
				if got := must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute)); got != nil {
					must[Simulation](t)(s.Finish(t.Context(), got.Lease, Outcome{Cancelled: true}))
				}
			}
		}
	})
}

// leaseMethods are all methods that name a lease.
func leaseMethods(s *Store, l Lease) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Begin": func(ctx context.Context) error { _, err := s.Begin(ctx, l, names(2)); return err },
		"Heartbeat": func(ctx context.Context) error {
			_, err := s.Heartbeat(ctx, l, time.Hour, Progress{Decisions: 9})
			return err
		},
		"NextAttempt": func(ctx context.Context) error { _, err := s.NextAttempt(ctx, l, 0); return err },
		"Record": func(ctx context.Context) error {
			return s.Record(ctx, l, []VariantChange{{VariantID: "baseline", State: VariantSucceeded, Attempt: 99}})
		},
		"Suspend": func(ctx context.Context) error { return s.Suspend(ctx, l) },
		"Release": func(ctx context.Context) error { return s.Release(ctx, l) },
		"Finish":  func(ctx context.Context) error { _, err := s.Finish(ctx, l, Outcome{}); return err },
	}
}

// A simulation from its submission to its end, with every event it should have.
func TestRun(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		sub := study("acme", "20260701-a", 3)
		sub.Webhook = "https://hooks.example/done"
		l := claimed(t, s, sub, "a")
		for range 2 {
			all := must[[]Variant](t)(s.Begin(t.Context(), l, names(3)))
			want := []Variant{{ID: "baseline", State: VariantPending}, {ID: "v0001", State: VariantPending}, {ID: "v0002", State: VariantPending}}
			if diff := cmp.Diff(want, all); diff != "" {
				t.Fatal(diff)
			}
		}
		for want := range int64(3) {
			if n := must[int64](t)(s.NextAttempt(t.Context(), l, 0)); n != want+1 {
				t.Errorf("attempt %d, want %d", n, want+1)
			}
		}
		if n := must[int64](t)(s.NextAttempt(t.Context(), l, 10)); n != 11 {
			t.Errorf("attempt %d, want one above 10", n)
		}
		at := clock.Now()
		changes := []VariantChange{
			{VariantID: "baseline", State: VariantRunning, Attempt: 1},
			{VariantID: "v0001", State: VariantRunning, Attempt: 2},
			{VariantID: "v0001", State: VariantRunning, Attempt: 2, Reason: "storage", Message: "disk \x00away", NextRetry: at.Add(time.Second)},
			{VariantID: "baseline", State: VariantSucceeded, Attempt: 1, At: at.Add(time.Minute)},
			{VariantID: "v0001", State: VariantRunning, Attempt: 3},
			{VariantID: "v0001", State: VariantFailed, Attempt: 3, Reason: "panic", Message: "oh"},
			{VariantID: "v0002", State: VariantSucceeded, Attempt: 11}, // its start was lost with its launcher
		}
		for i := range changes { // one by one, all that came before again with each: only the new one counts
			ok(t, s.Record(t.Context(), l, changes[:i+1]))
		}
		ok(t, s.Record(t.Context(), l, nil))
		events := must[[]Event](t)(s.Events(t.Context(), "acme", "20260701-a", 2, 100))
		var said []string
		for i, e := range events {
			if e.Seq != int64(i+3) {
				t.Errorf("event %d has number %d", i, e.Seq)
			}
			said = append(said, string(e.Data))
		}
		want := []string{
			`{"variant_id":"baseline","state":"running","attempt":1}`,
			`{"variant_id":"v0001","state":"running","attempt":2}`,
			`{"variant_id":"v0001","state":"running","attempt":2,"reason":"storage","message":"disk away","next_retry":"2026-07-01T12:00:01Z"}`,
			`{"variant_id":"baseline","state":"succeeded","attempt":1}`,
			`{"variant_id":"v0001","state":"running","attempt":3}`,
			`{"variant_id":"v0001","state":"failed","attempt":3,"reason":"panic","message":"oh"}`,
			`{"variant_id":"v0002","state":"running","attempt":11}`,
			`{"variant_id":"v0002","state":"succeeded","attempt":11}`,
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Error(diff)
		}
		if err := s.Record(t.Context(), l, []VariantChange{{VariantID: "baseline", State: VariantFailed, Attempt: 12}}); !errors.Is(err, ErrWrongState) {
			t.Errorf("a success was to fail: %v", err)
		}
		if err := s.Record(t.Context(), l, []VariantChange{{VariantID: "v0009", State: VariantRunning, Attempt: 12}}); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown variant: %v", err)
		}
		v := must[Variant](t)(s.Variant(t.Context(), "acme", "20260701-a", "v0001"))
		if diff := cmp.Diff(Variant{ID: "v0001", State: VariantFailed, Attempt: 3, Tries: 2, Reason: "panic", Message: "oh", StartedAt: &at, FinishedAt: &at}, v); diff != "" {
			t.Error(diff)
		}
		progress := Progress{Decisions: 5, DecisionsPerSecond: 2.5, EstimatedEnd: at.Add(time.Hour), Blocking: []Blocker{{VariantID: "v0002", Attempt: 1, Since: at}}}
		if w := must[Wish](t)(s.Heartbeat(t.Context(), l, time.Minute, progress)); w != NoWish {
			t.Errorf("wish %q", w)
		}
		if diff := cmp.Diff(progress, must[Simulation](t)(s.Simulation(t.Context(), "acme", "20260701-a")).Progress); diff != "" {
			t.Error(diff)
		}
		sim := must[Simulation](t)(s.Finish(t.Context(), l, Outcome{Fault: &Fault{Reason: "stopped", Message: "enough"}}))
		if sim.State != PartiallyFailed || sim.Counts != (Counts{Succeeded: 2, Failed: 1}) || sim.Fault.Reason != "stopped" || sim.Attempts != 11 || !sim.LeaseUntil.IsZero() {
			t.Errorf("finished: %+v", sim)
		}
		if diff := cmp.Diff(sim, must[Simulation](t)(s.Simulation(t.Context(), "acme", sim.ID)), sameSimulation); diff != "" {
			t.Error(diff)
		}
		load := must[Load](t)(s.Load(t.Context()))
		if diff := cmp.Diff(Load{DeadLetters: 1, Deliveries: 1}, load); diff != "" {
			t.Error(diff)
		}
	})
}

// The state at the end follows from the variants.
func TestOutcome(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		for i, c := range []struct {
			ends   []VariantState // of the first variants of three
			how    Outcome
			state  State
			counts Counts
		}{
			{[]VariantState{"succeeded", "succeeded", "succeeded"}, Outcome{}, Succeeded, Counts{Succeeded: 3}},
			{[]VariantState{"succeeded", "failed", "succeeded"}, Outcome{}, PartiallyFailed, Counts{Succeeded: 2, Failed: 1}},
			{[]VariantState{"failed", "failed", "failed"}, Outcome{}, Failed, Counts{Failed: 3}},
			{[]VariantState{"failed", "running"}, Outcome{Fault: &Fault{Reason: "stopped"}}, Failed, Counts{Failed: 1, Cancelled: 2}},
			{[]VariantState{"succeeded", "running"}, Outcome{Fault: &Fault{Reason: "stopped"}}, PartiallyFailed, Counts{Succeeded: 1, Cancelled: 2}},
			{[]VariantState{"succeeded", "running"}, Outcome{Cancelled: true}, Cancelled, Counts{Succeeded: 1, Cancelled: 2}},
			{nil, Outcome{Cancelled: true}, Cancelled, Counts{Cancelled: 3}},
		} {
			id := fmt.Sprint("20260701-", i)
			l := claimed(t, s, study("acme", id, 3), "a")
			must[[]Variant](t)(s.Begin(t.Context(), l, names(3)))
			var changes []VariantChange
			for n, state := range c.ends {
				changes = append(changes, VariantChange{VariantID: names(3)[n], State: state, Attempt: int64(n + 1)})
			}
			ok(t, s.Record(t.Context(), l, changes))
			sim := must[Simulation](t)(s.Finish(t.Context(), l, c.how))
			if sim.State != c.state || sim.Counts != c.counts {
				t.Errorf("%v: %s %+v", c.ends, sim.State, sim.Counts)
			}
			checkCounts(t, d.raw(t), sim)
		}
	})
}

// checkCounts compares a simulation's counts with its rows.
func checkCounts(t testing.TB, raw session, sim Simulation) {
	t.Helper()
	for _, state := range []VariantState{VariantPending, VariantRunning, VariantSucceeded, VariantFailed, VariantCancelled} {
		if n := count(t, raw, "SELECT count(*) FROM variants WHERE simulation_id = ? AND state = ?", sim.ID, string(state)); n != *sim.Counts.of(state) {
			t.Errorf("%s: %d variants are %s, its counts are %+v", sim.ID, n, state, sim.Counts)
		}
	}
}

// Delayed ones are queued when their time has come.
func TestPromote(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		if next := must[time.Time](t)(s.Promote(t.Context())); !next.IsZero() {
			t.Errorf("next of nothing: %s", next)
		}
		for i := range 3 {
			sub := study("acme", fmt.Sprint("20260701-", i), 1)
			at := clock.Now().Add(time.Duration(i) * time.Hour)
			sub.Simulation.RunAt = &at
			if sim := submit(t, s, sub); (sim.State == Queued) != (i == 0) { // the first is due at once
				t.Errorf("%d is %s", i, sim.State)
			}
		}
		clock.advance(time.Hour - time.Microsecond)
		if next := must[time.Time](t)(s.Promote(t.Context())); !next.Equal(clock.Now().Add(time.Microsecond)) {
			t.Errorf("next is due at %s", next)
		}
		clock.advance(time.Microsecond)
		if next := must[time.Time](t)(s.Promote(t.Context())); !next.Equal(clock.Now().Add(time.Hour)) {
			t.Errorf("next is due at %s", next)
		}
		var states []State
		for i := range 3 {
			states = append(states, must[Simulation](t)(s.Simulation(t.Context(), "acme", fmt.Sprint("20260701-", i))).State)
		}
		if !slices.Equal(states, []State{Queued, Queued, Scheduled}) {
			t.Errorf("states %v", states)
		}
	})
}

// A simulation that is retried, or whose time has come, waits behind those that were queued before it, and its place says so.
func TestOrderOfQueue(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		places := func(want map[string]int) {
			t.Helper()
			for id, n := range want {
				if got, err := s.Position(t.Context(), "acme", id); err != nil || got != n {
					t.Errorf("%s waits behind %d, %v; want %d", id, got, err, n)
				}
			}
		}
		submit(t, s, study("acme", "20260701-old", 1))
		must[Simulation](t)(s.Cancel(t.Context(), "acme", "20260701-old", "ada"))
		delayed, soon := study("acme", "20260701-delayed", 1), clock.Now().Add(time.Minute)
		delayed.Simulation.RunAt = &soon
		submit(t, s, delayed)
		clock.advance(time.Second)
		submit(t, s, study("acme", "20260701-a", 1))
		submit(t, s, study("acme", "20260701-b", 1)) // at the same moment
		clock.advance(time.Hour)
		must[time.Time](t)(s.Promote(t.Context()))
		clock.advance(time.Second)
		must[Simulation](t)(s.Retry(t.Context(), "acme", "20260701-old", "ada", nil))
		urgent, other := study("acme", "20260701-urgent", 1), study("globex", "20260701-globex", 1)
		urgent.Simulation.Priority = 6
		submit(t, s, urgent)
		submit(t, s, other)
		places(map[string]int{"20260701-urgent": 0, "20260701-a": 1, "20260701-b": 2, "20260701-delayed": 3, "20260701-old": 4})
		// globex has nothing running once acme has, then as much as acme's first.
		for _, want := range []string{"urgent", "globex", "a", "b", "delayed", "old"} {
			got := must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute))
			if got == nil || got.Simulation.ID != "20260701-"+want {
				t.Fatalf("claimed %+v, want %s", got, want)
			}
			if want == "globex" {
				places(map[string]int{"20260701-urgent": 0, "20260701-a": 0, "20260701-old": 3})
			}
		}
		if _, err := s.Position(t.Context(), "globex", "20260701-a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("another tenant's place: %v", err)
		}
	})
}
