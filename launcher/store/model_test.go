package store

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// plainVariant and plainSim are what the specification says of a simulation, in the plainest form: no events, no rows, no locks.
type plainVariant struct {
	state          VariantState
	attempt, after int64
	tries          int
}

type plainSim struct {
	id, tenant string
	priority   int
	order      int       // of submission
	queued     time.Time // since when, of one that is
	state      State
	wanted     Wish
	holder     string
	epoch      int64
	lease      time.Time // zero: nobody's
	attempts   int64
	begun      bool
	variants   []plainVariant
	runAt      time.Time
}

func (p *plainSim) live(now time.Time) bool { return p.state == Running && p.lease.After(now) }

func (p *plainSim) counts() (c Counts) {
	for _, v := range p.variants {
		*c.of(v.state)++
	}
	return c
}

// end is what happens to the variants when a simulation ends.
func (p *plainSim) end(to State) {
	for i := range p.variants {
		if !p.variants[i].state.Finished() {
			p.variants[i].state = VariantCancelled
		}
	}
	p.leave(to)
}

func (p *plainSim) leave(to State) { p.state, p.wanted, p.lease = to, NoWish, time.Time{} }

// machine runs random operations on the store and on the plain simulations, and compares them after each.
type machine struct {
	t     testing.TB
	s     *Store
	raw   session
	clock *fakeClock
	sims  map[string]*plainSim
	gone  map[string]string // id and tenant of the deleted
	all   []Lease           // every lease ever given
	made  int
	run   string // part of ids: the database is shared by the runs
}

// held is the plain simulation of a lease if the lease is good.
func (m *machine) held(l Lease) *plainSim {
	p := m.sims[l.SimulationID]
	if p == nil || !p.live(m.clock.Now()) || p.holder != l.Holder || p.epoch != l.Epoch {
		return nil
	}
	return p
}

func (m *machine) expect(what string, err, want error) {
	m.t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		m.t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (m *machine) pick(r *rapid.T) *plainSim {
	ids := slices.Sorted(maps.Keys(m.sims))
	if len(ids) == 0 {
		return nil
	}
	return m.sims[rapid.SampledFrom(ids).Draw(r, "id")]
}

func (m *machine) submit(r *rapid.T) {
	m.made++
	p := &plainSim{id: fmt.Sprintf("%s-%d", m.run, m.made), tenant: rapid.SampledFrom([]string{m.run + "a", m.run + "b"}).Draw(r, "tenant"),
		priority: rapid.IntRange(4, 5).Draw(r, "priority"), order: m.made, state: Queued, queued: m.clock.Now(), variants: make([]plainVariant, 3)}
	sub := study(p.tenant, p.id, 3)
	sub.Simulation.Priority = p.priority
	if rapid.IntRange(0, 3).Draw(r, "delay") == 0 {
		p.state, p.runAt = Scheduled, m.clock.Now().Add(20*time.Second)
		sub.Simulation.RunAt = &p.runAt
	}
	for i := range p.variants {
		p.variants[i].state = VariantPending
	}
	submit(m.t, m.s, sub)
	m.sims[p.id] = p
}

func (m *machine) promote(*rapid.T) {
	var next time.Time
	for _, p := range m.sims {
		if p.state == Scheduled && !p.runAt.After(m.clock.Now()) {
			p.state, p.queued = Queued, m.clock.Now()
		}
		if p.state == Scheduled && (next.IsZero() || p.runAt.Before(next)) {
			next = p.runAt
		}
	}
	if got := must[time.Time](m.t)(m.s.Promote(m.t.Context())); !got.Equal(next) {
		m.t.Fatalf("promote: next is %s, want %s", got, next)
	}
}

// next is the simulation that a claim must get.
func (m *machine) next() *plainSim {
	now, running := m.clock.Now(), map[string]int{}
	var left, queued []*plainSim
	for _, p := range m.sims {
		if p.state == Running {
			running[p.tenant]++
			if !p.live(now) {
				left = append(left, p)
			}
		}
		if p.state == Queued {
			queued = append(queued, p)
		}
	}
	byPriority := func(a, b *plainSim) int { return b.priority - a.priority }
	first := func(list []*plainSim, by ...func(a, b *plainSim) int) *plainSim {
		return slices.MinFunc(list, func(a, b *plainSim) int {
			for _, f := range by {
				if c := f(a, b); c != 0 {
					return c
				}
			}
			return 0
		})
	}
	switch {
	case len(left) > 0:
		return first(left, byPriority, byAge)
	case len(queued) > 0:
		return first(queued, byPriority, func(a, b *plainSim) int { return running[a.tenant] - running[b.tenant] }, func(a, b *plainSim) int {
			return byAge(oldest(queued, a), oldest(queued, b))
		}, byAge)
	default:
		return nil
	}
}

// byAge is the order of those that wait for the same: by when they were queued, then by submission.
func byAge(a, b *plainSim) int {
	if c := a.queued.Compare(b.queued); c != 0 {
		return c
	}
	return a.order - b.order
}

// oldest is the first of the queued ones of the same tenant and priority.
func oldest(queued []*plainSim, of *plainSim) *plainSim {
	for _, p := range queued {
		if p.tenant == of.tenant && p.priority == of.priority && byAge(p, of) < 0 {
			of = p
		}
	}
	return of
}

// position is how many of the tenant's a claim takes before one.
func (m *machine) position(of *plainSim) (ahead int) {
	for _, p := range m.sims {
		if of.state == Queued && p.state == Queued && p.tenant == of.tenant && (p.priority > of.priority || p.priority == of.priority && byAge(p, of) < 0) {
			ahead++
		}
	}
	return ahead
}

func (m *machine) claim(r *rapid.T) {
	holder := rapid.SampledFrom([]string{"h1", "h2"}).Draw(r, "holder")
	want := m.next()
	got := must[*Claimed](m.t)(m.s.Claim(m.t.Context(), holder, 10*time.Second))
	if want == nil || got == nil {
		if want != nil || got != nil {
			m.t.Fatalf("claimed %+v, want %+v", got, want)
		}
		return
	}
	if got.Simulation.ID != want.id || got.TakenOver != (want.state == Running && !want.lease.IsZero()) {
		m.t.Fatalf("claimed %s, taken over %v; want %+v", got.Simulation.ID, got.TakenOver, want)
	}
	want.state, want.holder, want.epoch, want.lease = Running, holder, want.epoch+1, m.clock.Now().Add(10*time.Second)
	m.all = append(m.all, got.Lease)
}

// lease picks any lease ever given, more often one that is good.
func (m *machine) lease(r *rapid.T) (Lease, *plainSim, bool) {
	if len(m.all) == 0 {
		return Lease{}, nil, false
	}
	l := rapid.SampledFrom(m.all).Draw(r, "lease")
	if rapid.IntRange(0, 3).Draw(r, "latest") > 0 {
		l = m.all[len(m.all)-1]
	}
	return l, m.held(l), true
}

// underLease runs an operation that needs a good lease.
func (m *machine) underLease(what string, do func(r *rapid.T, l Lease) error, plain func(p *plainSim)) func(r *rapid.T) {
	return func(r *rapid.T) {
		l, p, any := m.lease(r)
		if !any {
			return
		}
		err := do(r, l)
		if p == nil {
			m.expect(what, err, ErrLeaseLost)
			return
		}
		m.expect(what, err, nil)
		plain(p)
	}
}

func (m *machine) record(r *rapid.T) {
	l, p, any := m.lease(r)
	if !any {
		return
	}
	i := rapid.IntRange(0, 2).Draw(r, "variant")
	change := VariantChange{VariantID: names(3)[i], Attempt: 1, State: rapid.SampledFrom([]VariantState{VariantRunning, VariantSucceeded, VariantFailed}).Draw(r, "state"), Reason: "crashed"}
	if p != nil {
		change.Attempt = max(1, p.attempts+int64(rapid.IntRange(-1, 1).Draw(r, "attempt")))
	}
	err := m.s.Record(m.t.Context(), l, []VariantChange{change})
	switch {
	case p == nil:
		m.expect("record", err, ErrLeaseLost)
	case !p.begun:
		m.expect("record before begin", err, ErrNotFound)
	default:
		m.recorded(p, &p.variants[i], change, err)
	}
}

func (m *machine) recorded(p *plainSim, v *plainVariant, c VariantChange, err error) {
	switch {
	case c.Attempt <= v.after || c.Attempt < v.attempt:
		m.expect("a late change", err, nil)
	case v.state.Finished() && c.Attempt == v.attempt && (c.State == v.state || c.State == VariantRunning):
		m.expect("a repeated change", err, nil)
	case v.state.Finished():
		m.expect("a change of a finished one", err, ErrWrongState)
	default:
		m.expect("record", err, nil)
		if c.Attempt > v.attempt {
			v.attempt, v.tries = c.Attempt, v.tries+1
		}
		p.attempts = max(p.attempts, c.Attempt)
		v.state = c.State
	}
}

func (m *machine) wish(r *rapid.T) {
	p := m.pick(r)
	if p == nil {
		return
	}
	wish := rapid.SampledFrom([]string{"cancel", "pause", "resume"}).Draw(r, "wish")
	var err error
	live := p.live(m.clock.Now())
	want := ErrWrongState
	switch wish {
	case "cancel":
		_, err = m.s.Cancel(m.t.Context(), p.tenant, p.id, "ada")
		switch {
		case p.state == Cancelled:
			want = nil
		case p.state.Finished():
		case live:
			want, p.wanted = nil, WantCancel
		default:
			want = nil
			p.end(Cancelled)
		}
	case "pause":
		_, err = m.s.Pause(m.t.Context(), p.tenant, p.id, "ada")
		switch {
		case p.state == Paused:
			want = nil
		case p.state != Running || p.wanted == WantCancel:
		case live:
			want, p.wanted = nil, WantPause
		default:
			want = nil
			p.leave(Paused)
		}
	case "resume":
		_, err = m.s.Resume(m.t.Context(), p.tenant, p.id, "ada")
		if p.state == Paused || p.state == Running && p.wanted != WantCancel {
			want, p.state, p.wanted = nil, Running, NoWish
		}
	}
	m.expect(wish, err, want)
}

func (m *machine) retry(r *rapid.T) {
	p := m.pick(r)
	if p == nil {
		return
	}
	_, err := m.s.Retry(m.t.Context(), p.tenant, p.id, "ada", nil)
	c := p.counts()
	if !p.state.Finished() || c.Failed+c.Cancelled == 0 {
		m.expect("retry", err, ErrWrongState)
		return
	}
	m.expect("retry", err, nil)
	p.state, p.queued = Queued, m.clock.Now()
	for i := range p.variants {
		if v := &p.variants[i]; v.state != VariantSucceeded {
			v.state, v.tries = VariantPending, 0
			if p.begun {
				v.after = p.attempts
			}
		}
	}
}

func (m *machine) remove(r *rapid.T) {
	p := m.pick(r)
	if p == nil {
		return
	}
	err := m.s.Delete(m.t.Context(), p.tenant, p.id, "ada")
	if !p.state.Finished() {
		m.expect("delete", err, ErrWrongState)
		return
	}
	m.expect("delete", err, nil)
	delete(m.sims, p.id)
	m.gone[p.id] = p.tenant
}

func (m *machine) surrender(r *rapid.T) {
	holder := rapid.SampledFrom([]string{"h1", "h2"}).Draw(r, "holder")
	n := 0
	for _, p := range m.sims {
		if p.live(m.clock.Now()) && p.holder == holder {
			p.lease, n = void, n+1
		}
	}
	if got := must[int](m.t)(m.s.Surrender(m.t.Context(), holder)); got != n {
		m.t.Fatalf("surrendered %d, want %d", got, n)
	}
}

// check compares everything.
func (m *machine) check(r *rapid.T) {
	for id, tenant := range m.gone {
		_, err := m.s.Simulation(m.t.Context(), tenant, id)
		m.expect("a deleted one", err, ErrGone)
	}
	for _, p := range m.sims {
		sim := must[Simulation](m.t)(m.s.Simulation(m.t.Context(), p.tenant, p.id))
		lease := p.lease
		if lease.Equal(void) {
			lease = time.Time{}
		}
		if sim.State != p.state || sim.Wanted != p.wanted || sim.Holder != p.holder || !sim.LeaseUntil.Equal(lease) || sim.Attempts != p.attempts || sim.Counts != p.counts() {
			r.Fatalf("simulation %+v\nwant %+v", sim, p)
		}
		if ahead := must[int](m.t)(m.s.Position(m.t.Context(), p.tenant, p.id)); ahead != m.position(p) {
			r.Fatalf("%s waits behind %d, want %d", p.id, ahead, m.position(p))
		}
		if n := count(m.t, m.raw, "SELECT count(*) FROM events WHERE simulation_id = ?", p.id); int64(n) != sim.Events {
			r.Fatalf("%s has %d events and says %d", p.id, n, sim.Events)
		}
		if !p.begun {
			continue
		}
		checkCounts(m.t, m.raw, sim)
		all, _, err := m.s.Variants(m.t.Context(), p.tenant, p.id, "", Page{})
		ok(m.t, err)
		var got []plainVariant
		for _, v := range all {
			got = append(got, plainVariant{v.State, v.Attempt, v.After, v.Tries})
		}
		if diff := cmp.Diff(p.variants, got, cmp.AllowUnexported(plainVariant{})); diff != "" {
			r.Fatalf("variants of %s: %s", p.id, diff)
		}
	}
}

// Whatever is done in whatever order, the store is where a plain model of it is.
func TestAgainstModel(t *testing.T) {
	checks := "30"
	if os.Getenv("WHATIF_FULL") == "1" {
		checks = "400"
	}
	ok(t, flag.Set("rapid.checks", checks))
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s, raw := d.open(t, Options{Now: clock.Now}), d.raw(t)
		runs := 0
		rapid.Check(t, func(r *rapid.T) {
			runs++
			for _, table := range []string{"simulations", "tombstones", "events"} { // of the run before
				if _, err := raw.exec(t.Context(), "DELETE FROM "+table); err != nil {
					t.Fatal(err)
				}
			}
			m := &machine{t: t, s: s, raw: raw, clock: clock, sims: map[string]*plainSim{}, gone: map[string]string{}, run: fmt.Sprint("r", runs)}
			r.Repeat(map[string]func(*rapid.T){
				"submit": m.submit, "submit2": m.submit, "promote": m.promote, "claim": m.claim, "claim2": m.claim,
				"begin": m.underLease("begin", func(_ *rapid.T, l Lease) error { _, err := s.Begin(t.Context(), l, names(3)); return err },
					func(p *plainSim) { p.begun = true }),
				"record": m.record, "record2": m.record, "record3": m.record,
				"attempt": m.underLease("attempt", func(_ *rapid.T, l Lease) error { _, err := s.NextAttempt(t.Context(), l, 0); return err },
					func(p *plainSim) { p.attempts++ }),
				"heartbeat": m.underLease("heartbeat", func(_ *rapid.T, l Lease) error {
					_, err := s.Heartbeat(t.Context(), l, 10*time.Second, Progress{})
					return err
				}, func(p *plainSim) { p.lease = clock.Now().Add(10 * time.Second) }),
				"finish": m.underLease("finish", func(_ *rapid.T, l Lease) error { _, err := s.Finish(t.Context(), l, Outcome{}); return err },
					func(p *plainSim) {
						switch c := p.counts(); {
						case c.Succeeded == 3:
							p.end(Succeeded)
						case c.Succeeded > 0:
							p.end(PartiallyFailed)
						default:
							p.end(Failed)
						}
					}),
				"release": m.underLease("release", func(_ *rapid.T, l Lease) error { return s.Release(t.Context(), l) },
					func(p *plainSim) { p.lease = time.Time{} }),
				"suspend": m.underLease("suspend", func(_ *rapid.T, l Lease) error { return s.Suspend(t.Context(), l) },
					func(p *plainSim) {
						switch p.wanted {
						case WantPause:
							p.leave(Paused)
						case WantCancel:
							p.end(Cancelled)
						default:
							p.lease = time.Time{}
						}
					}),
				"wish": m.wish, "wish2": m.wish, "retry": m.retry, "delete": m.remove, "surrender": m.surrender,
				"time": func(r *rapid.T) { clock.advance(time.Duration(rapid.IntRange(1, 12).Draw(r, "seconds")) * time.Second) },
				"":     m.check,
			})
		})
	})
}
