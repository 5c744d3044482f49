package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// in brings a new simulation into a situation.
func in(t *testing.T, s *Store, c *fakeClock, situation, id string) (l Lease) {
	t.Helper()
	sub := study("acme", id, 2)
	if situation == "scheduled" {
		at := c.Now().Add(time.Hour)
		sub.Simulation.RunAt = &at
	}
	if situation == "scheduled" || situation == "queued" {
		submit(t, s, sub)
		return l
	}
	l = claimed(t, s, sub, "a")
	must[[]Variant](t)(s.Begin(t.Context(), l, names(2)))
	switch situation {
	case "pausing", "paused":
		must[Simulation](t)(s.Pause(t.Context(), "acme", id, "ada"))
	case "cancelling":
		must[Simulation](t)(s.Cancel(t.Context(), "acme", id, "ada"))
	case "left":
		ok(t, s.Release(t.Context(), l))
	case "resumed":
		must[Simulation](t)(s.Pause(t.Context(), "acme", id, "ada"))
		ok(t, s.Suspend(t.Context(), l))
		must[Simulation](t)(s.Resume(t.Context(), "acme", id, "ada"))
	case "succeeded":
		ok(t, s.Record(t.Context(), l, []VariantChange{{VariantID: "baseline", State: "succeeded", Attempt: 1}, {VariantID: "v0001", State: "succeeded", Attempt: 2}}))
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{}))
	case "failed":
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{}))
	case "cancelled":
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{Cancelled: true}))
	}
	if situation == "paused" {
		ok(t, s.Suspend(t.Context(), l))
	}
	return l
}

// What each wish does in each situation: the state and wish after it, or nothing where it is refused.
func TestWishes(t *testing.T) {
	type after struct {
		state  State
		wanted Wish
	}
	refused := after{}
	table := map[string]map[string]after{
		"scheduled":  {"cancel": {Cancelled, ""}, "pause": refused, "resume": refused, "retry": refused, "delete": refused},
		"queued":     {"cancel": {Cancelled, ""}, "pause": refused, "resume": refused, "retry": refused, "delete": refused},
		"running":    {"cancel": {Running, WantCancel}, "pause": {Running, WantPause}, "resume": {Running, ""}, "retry": refused, "delete": refused},
		"pausing":    {"cancel": {Running, WantCancel}, "pause": {Running, WantPause}, "resume": {Running, ""}, "retry": refused, "delete": refused},
		"cancelling": {"cancel": {Running, WantCancel}, "pause": refused, "resume": refused, "retry": refused, "delete": refused},
		"left":       {"cancel": {Cancelled, ""}, "pause": {Paused, ""}, "resume": {Running, ""}, "retry": refused, "delete": refused},
		"resumed":    {"cancel": {Cancelled, ""}, "pause": {Paused, ""}, "resume": {Running, ""}, "retry": refused, "delete": refused},
		"paused":     {"cancel": {Cancelled, ""}, "pause": {Paused, ""}, "resume": {Running, ""}, "retry": refused, "delete": refused},
		"succeeded":  {"cancel": refused, "pause": refused, "resume": refused, "retry": refused, "delete": {"gone", ""}},
		"failed":     {"cancel": refused, "pause": refused, "resume": refused, "retry": {Queued, ""}, "delete": {"gone", ""}},
		"cancelled":  {"cancel": {Cancelled, ""}, "pause": refused, "resume": refused, "retry": {Queued, ""}, "delete": {"gone", ""}},
	}
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		raw := d.raw(t)
		n := 0
		for situation, wishes := range table {
			for wish, want := range wishes {
				n++
				id := fmt.Sprint("20260701-", n)
				in(t, s, clock, situation, id)
				_, err := wishFor(t, s, wish, id)
				got, gone := s.Simulation(t.Context(), "acme", id)
				switch {
				case want == refused:
					if !errors.Is(err, ErrWrongState) {
						t.Errorf("%s of a %s one: %v", wish, situation, err)
					}
				case want.state == "gone":
					if err != nil || !errors.Is(gone, ErrGone) {
						t.Errorf("%s of a %s one: %v, then %v", wish, situation, err, gone)
					}
				case err != nil || got.State != want.state || got.Wanted != want.wanted:
					t.Errorf("%s of a %s one: %v, it is %s and wants %q", wish, situation, err, got.State, got.Wanted)
				}
				// Again, it is the same: nothing is said twice.
				if want != refused && wish != "retry" && wish != "delete" {
					again, err := wishFor(t, s, wish, id)
					if err != nil || again.Events != got.Events {
						t.Errorf("%s of a %s one, again: %v, %d events, then %d", wish, situation, err, got.Events, again.Events)
					}
				}
				// Nothing may be left for the next one's claim.
				if _, err := raw.exec(t.Context(), "DELETE FROM simulations"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func wishFor(t *testing.T, s *Store, wish, id string) (Simulation, error) {
	switch wish {
	case "cancel":
		return s.Cancel(t.Context(), "acme", id, "ada")
	case "pause":
		return s.Pause(t.Context(), "acme", id, "ada")
	case "resume":
		return s.Resume(t.Context(), "acme", id, "ada")
	case "retry":
		return s.Retry(t.Context(), "acme", id, "ada", nil)
	default:
		return Simulation{}, s.Delete(t.Context(), "acme", id, "ada")
	}
}

// A wish reaches who runs the simulation, and what was wished last is what happens.
func TestSuspend(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		for i, c := range []struct {
			wishes []string
			tells  Wish
			state  State
		}{
			{[]string{"pause"}, WantPause, Paused},
			{[]string{"pause", "resume"}, NoWish, Running}, // taken back when it had all but stopped
			{[]string{"pause", "cancel"}, WantCancel, Cancelled},
		} {
			id := fmt.Sprint("20260701-", i)
			l := in(t, s, clock, "running", id)
			for _, wish := range c.wishes {
				must[Simulation](t)(wishFor(t, s, wish, id))
			}
			if w := must[Wish](t)(s.Heartbeat(t.Context(), l, time.Minute, Progress{})); w != c.tells {
				t.Errorf("%v: told %q", c.wishes, w)
			}
			ok(t, s.Suspend(t.Context(), l))
			sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", id))
			if sim.State != c.state || !sim.LeaseUntil.IsZero() || sim.Wanted != NoWish {
				t.Errorf("%v: %+v", c.wishes, sim)
			}
			if c.state == Running { // nobody's, so the next claim has it, and took nothing over
				got := must[*Claimed](t)(s.Claim(t.Context(), "b", time.Minute))
				if got == nil || got.Simulation.ID != id || got.TakenOver {
					t.Errorf("claimed %+v", got)
				}
			}
		}
	})
}

// A job elsewhere that has not ended is told of while its simulation is paused, and when that is cancelled then.
func TestAJobThatIsOpenIsNotForgotten(t *testing.T) {
	open := Blocker{Reason: JobOpen, Message: "it goes on at flink"}
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		for i, c := range []struct {
			wishes   []string // before it is suspended, and after
			after    []string
			blocking []Blocker
			want     *Fault
		}{
			{[]string{"pause", "cancel"}, nil, []Blocker{open}, &Fault{"job_open", "it goes on at flink"}},
			{[]string{"pause"}, []string{"cancel"}, []Blocker{open}, &Fault{"job_open", "it goes on at flink"}},
			{[]string{"pause"}, []string{"cancel"}, []Blocker{{VariantID: "v0001", Reason: "crashed"}}, nil},
		} {
			id := fmt.Sprint("20260701-", i)
			l := in(t, s, clock, "running", id)
			for _, wish := range c.wishes {
				must[Simulation](t)(wishFor(t, s, wish, id))
			}
			must[Wish](t)(s.Heartbeat(t.Context(), l, time.Minute, Progress{Blocking: c.blocking}))
			ok(t, s.Suspend(t.Context(), l))
			for _, wish := range c.after {
				must[Simulation](t)(wishFor(t, s, wish, id))
			}
			sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", id))
			if diff := cmp.Diff(c.want, sim.Fault); diff != "" || sim.State != Cancelled || len(sim.Progress.Blocking) != 0 {
				t.Errorf("%d: %s, blocking %+v, fault %s", i, sim.State, sim.Progress.Blocking, diff)
			}
			must[Simulation](t)(wishFor(t, s, "retry", id))
			must[Simulation](t)(wishFor(t, s, "cancel", id)) // before any job has been begun
			if sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", id)); sim.Fault != nil {
				t.Errorf("%d: after a retry fault %+v", i, sim.Fault)
			}
		}
	})
}

// A wish for one whose launcher died is still there for who claims it next.
func TestWishOutlivesLauncher(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		in(t, s, clock, "cancelling", "20260701-a")
		clock.advance(time.Hour)
		got := must[*Claimed](t)(s.Claim(t.Context(), "b", time.Minute))
		if got == nil || !got.TakenOver || got.Simulation.Wanted != WantCancel {
			t.Fatalf("claimed %+v", got)
		}
		if sim := must[Simulation](t)(s.Finish(t.Context(), got.Lease, Outcome{Cancelled: true})); sim.State != Cancelled {
			t.Errorf("it is %s", sim.State)
		}
		events := must[[]Event](t)(s.Events(t.Context(), "acme", "20260701-a", 3, 10))
		want := `{"state":"cancelled","counts":{"pending":0,"running":0,"succeeded":0,"failed":0,"cancelled":2},"by":"ada"}`
		if len(events) != 1 || string(events[0].Data) != want {
			t.Errorf("events %v", events)
		}
	})
}

func TestRetry(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		l := claimed(t, s, study("acme", "20260701-a", 4), "a")
		must[[]Variant](t)(s.Begin(t.Context(), l, names(4)))
		ok(t, s.Record(t.Context(), l, []VariantChange{
			{VariantID: "baseline", State: VariantSucceeded, Attempt: 1},
			{VariantID: "v0001", State: VariantFailed, Attempt: 2, Reason: "panic", Message: "oh"},
			{VariantID: "v0002", State: VariantFailed, Attempt: 3, Reason: "panic", Message: "oh"},
		}))
		must[int64](t)(s.NextAttempt(t.Context(), l, 5)) // 6, given to v0003, and lost
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{Fault: &Fault{Reason: "stopped"}}))

		for want, named := range map[string][]string{
			`no variant "v0009":`: {"v0001", "v0009", "v0009"},
			`no variant "v0007", nor 2 others of those named: not f`: {"v0009", "v0008", "v0001", "v0007"},
		} {
			if _, err := s.Retry(t.Context(), "acme", "20260701-a", "ada", named); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), want) {
				t.Errorf("unknown variants: %v, want %s", err, want)
			}
		}
		if _, err := s.Retry(t.Context(), "acme", "20260701-a", "ada", []string{"v0001", "baseline"}); !errors.Is(err, ErrWrongState) {
			t.Errorf("one that succeeded: %v", err)
		}
		sim := must[Simulation](t)(s.Retry(t.Context(), "acme", "20260701-a", "ada", []string{"v0001", "v0001"}))
		if sim.State != Queued || sim.Fault != nil || sim.FinishedAt != nil || sim.Counts != (Counts{Pending: 1, Succeeded: 1, Failed: 1, Cancelled: 1}) {
			t.Errorf("after a retry of one: %+v", sim)
		}
		got := must[*Claimed](t)(s.Claim(t.Context(), "a", time.Minute))
		all := must[[]Variant](t)(s.Begin(t.Context(), got.Lease, names(4)))
		if diff := cmp.Diff(Variant{ID: "v0001", State: VariantPending, Attempt: 2, After: 6, StartedAt: all[1].StartedAt}, all[1]); diff != "" {
			t.Error(diff)
		}
		// What belongs to the time before the retry has no say.
		ok(t, s.Record(t.Context(), got.Lease, []VariantChange{{VariantID: "v0001", State: VariantSucceeded, Attempt: 6}}))
		if n := must[int64](t)(s.NextAttempt(t.Context(), got.Lease, 0)); n != 7 {
			t.Errorf("attempt %d", n)
		}
		ok(t, s.Record(t.Context(), got.Lease, []VariantChange{{VariantID: "v0001", State: VariantSucceeded, Attempt: 7}}))
		sim = must[Simulation](t)(s.Finish(t.Context(), got.Lease, Outcome{}))
		if sim.State != PartiallyFailed || sim.Counts != (Counts{Succeeded: 2, Failed: 1, Cancelled: 1}) {
			t.Errorf("after its second run: %+v", sim)
		}
		sim = must[Simulation](t)(s.Retry(t.Context(), "acme", "20260701-a", "ada", nil))
		if sim.Counts != (Counts{Pending: 2, Succeeded: 2}) {
			t.Errorf("after a retry of the rest: %+v", sim.Counts)
		}
		checkCounts(t, d.raw(t), sim)

		// One that ended before its variants had rows.
		submit(t, s, study("acme", "20260701-b", 4))
		must[Simulation](t)(s.Cancel(t.Context(), "acme", "20260701-b", "ada"))
		const unplanned = "simulation 20260701-b is cancelled: it ended before any of its variants began; retry it without naming variants, then all of them run"
		if _, err := s.Retry(t.Context(), "acme", "20260701-b", "ada", []string{"baseline"}); !errors.Is(err, ErrWrongState) || err.Error() != unplanned {
			t.Errorf("retry of a variant never planned: %v", err)
		}
		if sim := must[Simulation](t)(s.Retry(t.Context(), "acme", "20260701-b", "ada", nil)); sim.Counts != (Counts{Pending: 4}) || sim.State != Queued {
			t.Errorf("retry of one never begun: %+v", sim)
		}
	})
}

// Of a deleted simulation its id, the event that says so, and nothing else is left.
func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		sub := study("acme", "20260701-a", 2)
		sub.Webhook, sub.Idempotency = "https://hooks.example/done", Idempotency{Key: "k", BodySHA256: "b"}
		l := claimed(t, s, sub, "a")
		must[[]Variant](t)(s.Begin(t.Context(), l, names(2)))
		must[Note](t)(s.AddNote(t.Context(), "acme", Note{SimulationID: "20260701-a", Author: "ada", Text: "look"}))
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{}))
		ok(t, s.Delete(t.Context(), "acme", "20260701-a", "ada"))
		raw := d.raw(t)
		for table, want := range map[string]int{"simulations": 0, "variants": 0, "events": 1, "notes": 0, "label_index": 0, "idempotency": 1,
			"deliveries": 0, "documents": 0, "tombstones": 1} {
			if n := count(t, raw, "SELECT count(*) FROM "+table); n != want {
				t.Errorf("%d rows in %s, want %d", n, table, want)
			}
		}
		for name, call := range tenantMethods(s, "acme", "20260701-a") {
			if err := call(t.Context()); !errors.Is(err, ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, call := range tenantMethods(s, "globex", "20260701-a") {
			if err := call(t.Context()); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s by another tenant: %v", name, err)
			}
		}
		feed, _, err := s.Feed(t.Context(), "acme", Page{})
		if err != nil || len(feed) != 1 || feed[0].Type != EventDeleted || feed[0].SimulationID != "20260701-a" || string(feed[0].Data) != `{"by":"ada"}` {
			t.Errorf("feed %v, %v", feed, err)
		}
		// Who repeats the submission gets no other simulation for it, from either store.
		if _, found, err := s.FindIdempotent(t.Context(), "acme", sub.Idempotency); found || !errors.Is(err, ErrGone) {
			t.Errorf("its idempotency key: %v, %v", found, err)
		}
		repeated := sub
		repeated.Simulation.ID = "20260701-b"
		if _, _, err := s.Submit(t.Context(), repeated); !errors.Is(err, ErrGone) {
			t.Errorf("its submission again: %v", err)
		}
		repeated.Idempotency.BodySHA256 = "other"
		if _, _, err := s.Submit(t.Context(), repeated); !errors.Is(err, ErrKeyReused) {
			t.Errorf("its key for another body: %v", err)
		}
		sub.Idempotency = Idempotency{}
		if _, _, err := s.Submit(t.Context(), sub); !errors.Is(err, ErrConflict) {
			t.Errorf("its id again: %v", err)
		}
		if ids := must[[]string](t)(s.Deleted(t.Context())); !cmp.Equal(ids, []string{"20260701-a"}) {
			t.Errorf("deleted: %v", ids)
		}
		ok(t, s.ResultsRemoved(t.Context(), "20260701-a"))
		if ids := must[[]string](t)(s.Deleted(t.Context())); len(ids) != 0 {
			t.Errorf("deleted, with results: %v", ids)
		}
	})
}
