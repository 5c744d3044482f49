package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Launchers and users who do everything at the same time, to the same simulations and texts, meet no error but those that
// say what they did wrong, and leave counts, events and documents that agree.
func TestTogether(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		other, err := OpenShared(t.Context(), d.url, Options{})
		ok(t, err)
		defer func() { ok(t, other.Close()) }()
		stores := []*Store{s, other}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(g)))
				for i := 0; ctx.Err() == nil; i++ {
					err := anything(t.Context(), stores[g%2], r, fmt.Sprintf("20260701-%d-%d", g, i))
					if err != nil && (!meant(err) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid)) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		consistent(t, s, d.raw(t))
	})
}

// anything does one of all things to one of few simulations.
func anything(ctx context.Context, s *Store, r *rand.Rand, fresh string) (err error) {
	id := fmt.Sprint("20260701-", r.IntN(4))
	switch r.IntN(10) {
	case 0, 1, 2:
		sub := study("acme", id, 3)
		if r.IntN(2) == 0 {
			sub.Simulation.ID = fresh
			sub.Idempotency = Idempotency{Key: fmt.Sprint(r.IntN(3)), BodySHA256: "b"}
		}
		sub.Inputs.Campaigns = &model.Document{Text: strings.Repeat("c", 3000+r.IntN(3))}
		_, _, err = s.Submit(ctx, sub)
	case 3, 4, 5:
		err = runOne(ctx, s, r)
	case 6:
		_, err = s.Cancel(ctx, "acme", id, "ada")
	case 7:
		_, err = s.Retry(ctx, "acme", id, "ada", nil)
	case 8:
		_, err = s.AddNote(ctx, "acme", Note{SimulationID: id, Text: "note"})
	case 9:
		err = errors.Join(s.Delete(ctx, "acme", id, "ada"))
	}
	return err
}

// runOne claims one and brings it somewhere.
func runOne(ctx context.Context, s *Store, r *rand.Rand) error {
	got, err := s.Claim(ctx, "a", time.Duration(r.IntN(20)+1)*time.Millisecond)
	if err != nil || got == nil {
		return err
	}
	if _, err := s.Begin(ctx, got.Lease, names(3)); err != nil {
		return err
	}
	for i, name := range names(3)[:r.IntN(4)] {
		state := []VariantState{VariantRunning, VariantSucceeded, VariantFailed}[r.IntN(3)]
		err := s.Record(ctx, got.Lease, []VariantChange{{VariantID: name, State: state, Attempt: got.Simulation.Attempts + int64(i) + 1}})
		if err != nil {
			return err
		}
	}
	if r.IntN(2) == 0 {
		return s.Release(ctx, got.Lease)
	}
	_, err = s.Finish(ctx, got.Lease, Outcome{})
	return err
}

// consistent compares what is kept twice.
func consistent(t *testing.T, s *Store, raw session) {
	t.Helper()
	sims := must[[]Simulation](t)(list(t.Context(), raw, readSimulation, "SELECT "+recordColumns+" FROM simulations"))
	for _, sim := range sims {
		if count(t, raw, "SELECT begun FROM simulations WHERE id = ?", sim.ID) == 1 {
			checkCounts(t, raw, sim)
		}
		n, last := count(t, raw, "SELECT count(*) FROM events WHERE simulation_id = ?", sim.ID), count(t, raw, "SELECT max(seq) FROM events WHERE simulation_id = ?", sim.ID)
		if int64(n) != sim.Events || int64(last) != sim.Events {
			t.Errorf("%s has %d events up to %d and says %d", sim.ID, n, last, sim.Events)
		}
		must[model.Inputs](t)(s.Inputs(t.Context(), "acme", sim.ID))
	}
	// Users see no document of nothing, and idempotency keys of what is there.
	orphans := count(t, raw, `SELECT count(*) FROM documents WHERE sha256 NOT IN (SELECT config FROM simulations UNION SELECT inventory FROM simulations
 UNION SELECT campaigns_doc FROM simulations WHERE campaigns_doc IS NOT NULL)`)
	if len(sims) == 0 || orphans != 0 {
		t.Errorf("%d simulations, %d documents of nothing", len(sims), orphans)
	}
	if n := count(t, raw, "SELECT count(*) FROM idempotency WHERE simulation_id NOT IN (SELECT id FROM simulations UNION SELECT id FROM tombstones)"); n != 0 {
		t.Errorf("%d idempotency keys of nothing", n)
	}
}
