package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		standard := Tier{Name: "standard", PerMinute: 600, Burst: 100, MaxPriority: 5}
		if diff := cmp.Diff([]Tier{standard}, must[[]Tier](t)(s.Tiers(t.Context()))); diff != "" {
			t.Error(diff)
		}
		gold := Tier{Name: "gold", PerMinute: 6000, Burst: 1000, MaxPriority: 9, MaxQueued: 50}
		ok(t, s.PutTier(t.Context(), Tier{Name: "gold", PerMinute: 1, Burst: 1}))
		ok(t, s.PutTier(t.Context(), gold))
		if diff := cmp.Diff([]Tier{gold, standard}, must[[]Tier](t)(s.Tiers(t.Context()))); diff != "" {
			t.Error(diff)
		}
		if err := s.PutTier(t.Context(), Tier{Name: "none"}); !errors.Is(err, ErrInvalid) {
			t.Errorf("a tier that lets nothing pass: %v", err)
		}
		k := Key{ID: "k1", Hash: "ff", Name: "ci", Tenant: "acme", Tier: "gold", Scopes: []string{"read", "submit"}}
		ok(t, s.CreateKey(t.Context(), k))
		k.CreatedAt = clock.Now()
		if err := s.CreateKey(t.Context(), k); !errors.Is(err, ErrConflict) {
			t.Errorf("the id again: %v", err)
		}
		if err := s.CreateKey(t.Context(), Key{ID: "k2", Tier: "silver"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown tier: %v", err)
		}
		used := clock.Now().Add(90 * time.Second)
		ok(t, s.TouchKey(t.Context(), "k1", used))
		ok(t, s.TouchKey(t.Context(), "k1", used.Add(-time.Minute))) // late news
		minute := clock.Now().Add(time.Minute)
		k.LastUsedAt = &minute
		if diff := cmp.Diff(k, must[Key](t)(s.Key(t.Context(), "k1"))); diff != "" {
			t.Error(diff)
		}
		revoked := clock.Now()
		ok(t, s.RevokeKey(t.Context(), "k1"))
		clock.advance(time.Hour)
		ok(t, s.RevokeKey(t.Context(), "k1"))
		k.RevokedAt = &revoked
		if diff := cmp.Diff([]Key{k}, must[[]Key](t)(s.Keys(t.Context()))); diff != "" {
			t.Error(diff)
		}
		_, err := s.Key(t.Context(), "k9")
		for _, err := range []error{err, s.RevokeKey(t.Context(), "k9"), s.TouchKey(t.Context(), "k9", used)} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("unknown key: %v", err)
			}
		}
	})
}

func TestLinks(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		end := clock.Now().Add(time.Hour)
		l := must[Link](t)(s.CreateLink(t.Context(), Link{Key: "q3", Tenant: "acme", Target: "/simulations/a", CreatedBy: "ada", ExpiresAt: &end}))
		if _, err := s.CreateLink(t.Context(), Link{Key: "q3", Tenant: "globex", Target: "/"}); !errors.Is(err, ErrConflict) {
			t.Errorf("an alias that is taken: %v", err)
		}
		for visit := range int64(3) {
			l.Visits = visit + 1
			if diff := cmp.Diff(l, must[Link](t)(s.VisitLink(t.Context(), "q3"))); diff != "" {
				t.Error(diff)
			}
		}
		if _, err := s.VisitLink(t.Context(), "q4"); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown link: %v", err)
		}
		clock.advance(time.Hour)
		if _, err := s.VisitLink(t.Context(), "q3"); !errors.Is(err, ErrGone) {
			t.Errorf("expired link: %v", err)
		}
	})
}

// A webhook is created with the end of its simulation, leased to one launcher at a time, and tried until it is delivered or dead.
func TestDeliveries(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		sub := study("acme", "20260701-a", 2)
		sub.Webhook = "https://hooks.example/done"
		l := claimed(t, s, sub, "a")
		must[Simulation](t)(s.Finish(t.Context(), l, Outcome{Fault: &Fault{Reason: "input_changed", Message: "slots.parquet"}}))
		sub = study("acme", "20260701-b", 1)
		sub.Webhook = "https://hooks.example/b"
		submit(t, s, sub)
		must[Simulation](t)(s.Cancel(t.Context(), "acme", "20260701-b", "ada")) // ends without a launcher: told all the same

		due := must[[]Delivery](t)(s.DueDeliveries(t.Context(), "a", time.Minute, 10))
		if len(due) != 2 {
			t.Fatalf("due: %+v", due)
		}
		want := Delivery{ID: fmt.Sprintf("msg_20260701-a_%d", 3), SimulationID: "20260701-a", Tenant: "acme", URL: "https://hooks.example/done",
			NextAt: clock.Now(), State: DeliveryPending, Payload: json.RawMessage(`{"type":"simulation.finished","timestamp":"2026-07-01T12:00:00Z",` +
				`"data":{"simulation_id":"20260701-a","name":"study 20260701-a","state":"failed",` +
				`"counts":{"pending":0,"running":0,"succeeded":0,"failed":0,"cancelled":2},"fault":{"reason":"input_changed","message":"slots.parquet"}}}`)}
		if diff := cmp.Diff(want, due[0]); diff != "" {
			t.Error(diff)
		}
		if other := must[[]Delivery](t)(s.DueDeliveries(t.Context(), "b", time.Minute, 10)); len(other) != 0 {
			t.Errorf("leased twice: %+v", other)
		}
		failed, done := due[0], due[1]
		failed.Attempts, failed.LastError, failed.NextAt = 1, "refused", clock.Now().Add(10*time.Second)
		ok(t, s.SaveDelivery(t.Context(), failed))
		done.Attempts, done.State = 1, DeliveryDone
		ok(t, s.SaveDelivery(t.Context(), done))
		clock.advance(10 * time.Second)
		again := must[[]Delivery](t)(s.DueDeliveries(t.Context(), "b", time.Minute, 10))
		if diff := cmp.Diff([]Delivery{failed}, again); diff != "" {
			t.Error(diff)
		}
		clock.advance(time.Minute) // b died
		again = must[[]Delivery](t)(s.DueDeliveries(t.Context(), "a", time.Minute, 10))
		if diff := cmp.Diff([]Delivery{failed}, again); diff != "" {
			t.Error(diff)
		}
		failed.State = DeliveryDead
		ok(t, s.SaveDelivery(t.Context(), failed))
		failed.State = DeliveryPending
		ok(t, s.SaveDelivery(t.Context(), failed)) // dead stays dead
		clock.advance(time.Hour)
		if left := must[[]Delivery](t)(s.DueDeliveries(t.Context(), "a", time.Minute, 10)); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
	})
}
