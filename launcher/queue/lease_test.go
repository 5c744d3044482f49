package queue

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// TestALostLeaseWritesNothingMore: another launcher claims the simulation while it runs here, as it may once
// the lease has run out. What runs here ends and leaves no trace; when the other gives it back it is gone on with.
func TestALostLeaseWritesNothingMore(t *testing.T) {
	t.Parallel()
	clock := newClock()
	eachRoom(t, clock.now, func(t *testing.T, r *room) { loseLease(t, clock, r) })
}

func loseLease(t *testing.T, clock clock, r *room) {
	t.Helper()
	config := writeStudy(t, bids(30), "")
	want := r.undisturbed(t, config)
	file := filepath.Join(t.TempDir(), "pid")
	q := r.run(t, func(o *Options) { o.Simulator, o.Command, o.MaxRunning = paced, withPid(file), 1 })
	// The place of the one that is lost is taken by another, so that it can't be claimed back.
	sim, filler := r.submitStudy(t, config), r.submission(t, writeStudy(t, []string{"1.0"}, ""))
	r.await(t, sim.ID, "on its way", func(s store.Simulation) bool { return s.Counts.Succeeded >= 5 })
	pid := pidIn(t, file)

	var other *store.Claimed
	r.until(t, func() bool {
		clock.forward(time.Minute)
		var err error
		if other, err = r.store.Claim(t.Context(), "other", time.Hour); err != nil {
			t.Fatal(err)
		}
		return other != nil
	}, func() string { return "the lease never ran out" })
	if other.Simulation.ID != sim.ID || !other.TakenOver {
		t.Fatalf("the other launcher got %+v", other.Lease)
	}
	r.until(t, func() bool { return q.Stats().Running == 0 && gone(pid) }, func() string { return "what lost its lease goes on" })
	r.submit(t, filler)
	r.awaitState(t, filler.Simulation.ID, store.Succeeded)
	now := r.await(t, sim.ID, "held by the other", func(s store.Simulation) bool { return s.Holder == "other" })
	if now.Events != other.Simulation.Events || now.Counts != other.Simulation.Counts {
		t.Errorf("after the loss: %d events and %+v, at the claim %d and %+v", now.Events, now.Counts, other.Simulation.Events, other.Simulation.Counts)
	}
	if err := r.store.Release(t.Context(), other.Lease); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(t, sim.ID, want)
}

// TestAStoreOutOfReach: the run goes on for as long as the lease is good, its process ends before another
// launcher may have the simulation, and when the store is back it is taken up again.
func TestAStoreOutOfReach(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	r := newRoom(t)
	file := filepath.Join(t.TempDir(), "pid")
	q := r.queue(t, func(o *Options) { o.Simulator, o.Command, o.Lease = faulty, withPid(file), lease })
	f := cut(q)
	start(t, q)
	sim := r.submitStudy(t, writeStudy(t, []string{"1.0", faultyBid(bidLoop)}, ""))
	stuck := func(s store.Simulation) bool { return s.Counts == store.Counts{Succeeded: 2, Running: 1} }
	r.await(t, sim.ID, "stuck", stuck)
	pid := pidIn(t, file)
	f.away.Store(true)
	cutAt := time.Now()
	r.until(t, func() bool { return f.refused.Load() > 1 }, func() string { return "the store was not missed" })
	if gone(pid) {
		t.Error("the first heartbeat that failed ended the run")
	}
	r.until(t, func() bool { return gone(pid) }, func() string { return "the job's process outlives its lease" })
	took := time.Since(cutAt)
	// The last answer may be a heartbeat (a fifth) older than the cut; the process is given up to 1.5 s to end by itself.
	if took < lease*3/10 || took > lease/2+wishLimit+time.Second {
		t.Errorf("the process ended %s after the store was cut off, with a lease of %s", took, lease)
	}
	t.Logf("the process ended %s after the store was cut off, with a lease of %s", took, lease)
	f.away.Store(false)
	r.await(t, sim.ID, "taken up again", func(s store.Simulation) bool {
		return stuck(s) && r.variants(t, sim.ID)["v0002"].Tries == 2
	})
	if s := q.Stats(); s.Claims != 2 || s.TakeOvers != 1 {
		t.Errorf("stats %+v, want a claim and a take-over", s)
	}
}

// TestAShortAbsenceOfTheStoreIsNoTrouble: what could not be recorded is recorded later.
func TestAShortAbsenceOfTheStoreIsNoTrouble(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(20), "")
	want := r.undisturbed(t, config)
	q := r.queue(t, func(o *Options) { o.Simulator = paced })
	f := cut(q)
	start(t, q)
	sim := r.submitStudy(t, config)
	for _, moment := range []int{2, 8, 14} {
		r.await(t, sim.ID, "far enough", func(s store.Simulation) bool { return s.Counts.Succeeded >= moment })
		f.away.Store(true)
		missed := f.refused.Load()
		r.until(t, func() bool { return f.refused.Load() > missed+2 }, func() string { return "the store was not missed" })
		f.away.Store(false)
	}
	r.wantOnce(t, sim.ID, want)
	if s := q.Stats(); s.Claims != 1 || len(r.rows(t, sim.ID)) != len(want) {
		t.Errorf("stats %+v and %d rows, want one claim and %d", s, len(r.rows(t, sim.ID)), len(want))
	}
}

// TestStopGivesTheLeaseBack: the next launcher goes on at once, and nothing that was done is done again.
func TestStopGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(20), "")
	want := r.undisturbed(t, config)
	q := r.run(t, func(o *Options) { o.Simulator = paced })
	sim := r.submitStudy(t, config)
	r.await(t, sim.ID, "on its way", func(s store.Simulation) bool { return s.Counts.Succeeded >= 5 })
	began := time.Now()
	stop(t, q)
	if took := time.Since(began); took > wishLimit {
		t.Errorf("the stop took %s", took)
	}
	stop(t, q)
	left := r.await(t, sim.ID, "left", func(store.Simulation) bool { return true })
	if left.State != store.Running || !left.LeaseUntil.IsZero() || left.Progress.Decisions < 5*slots {
		t.Errorf("left %s with a lease until %s and %d decisions", left.State, left.LeaseUntil, left.Progress.Decisions)
	}
	next := r.run(t, func(o *Options) { o.Name = "second" })
	r.wantOnce(t, sim.ID, want)
	if s := next.Stats(); s.TakeOvers != 0 || s.Claims != 1 {
		t.Errorf("stats %+v, want a claim that is no take-over", s)
	}
	if got := len(r.rows(t, sim.ID)); got != len(want) {
		t.Errorf("%d rows of %d variants", got, len(want))
	}
}

// TestTwoLaunchersShare: two launchers of one store run each simulation once. Those of a PostgreSQL have
// connections of their own.
func TestTwoLaunchersShare(t *testing.T) {
	t.Parallel()
	eachRoom(t, time.Now, func(t *testing.T, r *room) {
		config := writeStudy(t, bids(2), "")
		want := r.undisturbed(t, config)
		var ids []string
		for range 6 {
			ids = append(ids, r.submitStudy(t, config).ID)
		}
		other := *r
		if strings.HasPrefix(r.path, "postgres") {
			other.open(t)
		}
		first := r.run(t, func(o *Options) { o.MaxRunning, o.Simulator = 1, paced })
		second := other.run(t, func(o *Options) { o.Name, o.MaxRunning, o.Simulator = "second", 1, paced })
		for _, id := range ids {
			r.wantOnce(t, id, want)
			if got := len(r.rows(t, id)); got != len(want) {
				t.Errorf("%d rows of %d variants", got, len(want))
			}
		}
		a, b := first.Stats(), second.Stats()
		if a.Claims+b.Claims != 6 || a.Claims == 0 || b.Claims == 0 || a.TakeOvers+b.TakeOvers != 0 {
			t.Errorf("stats %+v and %+v, want six claims shared", a, b)
		}
	})
}

// TestAShortStudyDoesNotWaitForALongOne: with one token for both, the short one is done first.
func TestAShortStudyDoesNotWaitForALongOne(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.run(t, func(o *Options) { o.Simulator, o.Parallelism = paced, 1 })
	long := r.submitStudy(t, writeStudy(t, bids(60), ""))
	r.await(t, long.ID, "on its way", func(s store.Simulation) bool { return s.Counts.Succeeded >= 5 })
	short := r.submitStudy(t, writeStudy(t, bids(4), ""))
	r.until(t, func() bool {
		s := q.Stats()
		if s.TokensInUse > 1 {
			t.Errorf("%d tokens are in use, there is one", s.TokensInUse)
		}
		sim, err := r.store.Simulation(t.Context(), tenant0, short.ID)
		if err != nil {
			t.Fatal(err)
		}
		return sim.State == store.Succeeded
	}, func() string { return "the short study does not end" })
	if sim := r.await(t, long.ID, "there", func(store.Simulation) bool { return true }); sim.State != store.Running {
		t.Errorf("the long study is %s when the short one has ended: %+v", sim.State, sim.Counts)
	}
	if _, err := r.store.Cancel(t.Context(), tenant0, long.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, long.ID, store.Cancelled)
}
