package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whatif-machine/whatif/model"
)

var sameSimulation = cmp.Options{cmpopts.EquateEmpty()}

// What Submit answers is what the store has, and so are the inputs.
func TestSubmit(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		sub := study("acme", "20260701-a", 30)
		sub.Simulation.SubmittedAt = clock.Now().Add(-time.Second)
		sub.Simulation.Attempts, sub.Simulation.State = 7, Failed // the store sets these
		sub.Inputs.Campaigns = &model.Document{Name: "c.yaml", Text: strings.Repeat("- {id: a, bid_cpm: 1}\n", 1000)}
		sub.Inputs.Inventory = []model.PinnedInput{{URI: "/slots.parquet", Size: 12, SHA256: "ab"}}
		sim := submit(t, s, sub)
		want := sub.Simulation
		now := clock.Now()
		want.State, want.QueuedAt, want.Counts, want.Events, want.Attempts = Queued, &now, Counts{Pending: 30}, 1, 0
		if diff := cmp.Diff(want, sim, sameSimulation); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, must[Simulation](t)(s.Simulation(t.Context(), "acme", sim.ID)), sameSimulation); diff != "" {
			t.Error(diff)
		}
		in := must[model.Inputs](t)(s.Inputs(t.Context(), "acme", sim.ID))
		sub.Inputs.Config.SHA256, sub.Inputs.Campaigns.SHA256 = digest(sub.Inputs.Config.Text), digest(sub.Inputs.Campaigns.Text)
		if diff := cmp.Diff(sub.Inputs, in); diff != "" {
			t.Error(diff)
		}
		events := must[[]Event](t)(s.Events(t.Context(), "acme", sim.ID, 0, 10))
		wantEvents := []Event{{SimulationID: sim.ID, Seq: 1, Tenant: "acme", At: now, Type: EventState,
			Data: []byte(`{"state":"queued","counts":{"pending":30,"running":0,"succeeded":0,"failed":0,"cancelled":0}}`)}}
		if diff := cmp.Diff(wantEvents, events, cmpopts.IgnoreUnexported(Event{})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSubmitRefuses(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		for name, spoil := range map[string]func(*Submission){
			"no id":           func(s *Submission) { s.Simulation.ID = "" },
			"no tenant":       func(s *Submission) { s.Simulation.Tenant = "" },
			"no variants":     func(s *Submission) { s.Simulation.Variants = 0 },
			"priority":        func(s *Submission) { s.Simulation.Priority = 10 },
			"key too long":    func(s *Submission) { s.Idempotency = Idempotency{Key: strings.Repeat("k", 256), BodySHA256: "b"} },
			"key, no body":    func(s *Submission) { s.Idempotency.Key = "k" },
			"another's text":  func(s *Submission) { s.Inputs.Config.SHA256 = digest("something else") },
			"document's size": func(s *Submission) { s.Inputs.Config.Text = strings.Repeat("x", model.MaxDocumentBytes+1) },
		} {
			sub := study("acme", "20260701-a", 1)
			spoil(&sub)
			if _, _, err := s.Submit(t.Context(), sub); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := must[int](t)(s.Unfinished(t.Context(), "acme")); n != 0 {
			t.Errorf("%d simulations were made", n)
		}
	})
}

// A thousand posts of one key at the same time make one simulation.
func TestOneKeyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		var fresh, existing, reused atomic.Int64
		var ids sync.Map
		var posts sync.WaitGroup
		for i := range 1000 {
			posts.Go(func() {
				sub := study("acme", fmt.Sprintf("20260701-%d", i), 2)
				sub.Idempotency = Idempotency{Key: "once", BodySHA256: "same"}
				if i%10 == 9 {
					sub.Idempotency.BodySHA256 = "other"
				}
				sim, old, err := s.Submit(t.Context(), sub)
				switch {
				case errors.Is(err, ErrKeyReused):
					reused.Add(1)
				case err != nil:
					t.Error(err)
				case old:
					existing.Add(1)
					ids.Store(sim.ID, true)
				default:
					fresh.Add(1)
					ids.Store(sim.ID, true)
				}
			})
		}
		posts.Wait()
		distinct := 0
		ids.Range(func(any, any) bool { distinct++; return true })
		// Whichever body came first is the one that counts: 900 posts have one, 100 the other.
		same := fresh.Load() + existing.Load()
		if fresh.Load() != 1 || distinct != 1 || same+reused.Load() != 1000 || same != 900 && same != 100 {
			t.Errorf("%d new, %d existing, %d refused, %d ids", fresh.Load(), existing.Load(), reused.Load(), distinct)
		}
		if n := must[int](t)(s.Unfinished(t.Context(), "acme")); n != 1 {
			t.Errorf("%d simulations", n)
		}
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		key := Idempotency{Key: "k", BodySHA256: "b"}
		post := func(tenant, id string, key Idempotency) (Simulation, bool, error) {
			sub := study(tenant, id, 1)
			sub.Idempotency = key
			return s.Submit(t.Context(), sub)
		}
		if _, found, err := s.FindIdempotent(t.Context(), "acme", key); found || err != nil {
			t.Fatalf("a new key: found %v, %v", found, err)
		}
		first, old, err := post("acme", "20260701-a", key)
		if old || err != nil {
			t.Fatal(old, err)
		}
		again, old, err := post("acme", "20260701-b", key)
		if !old || err != nil || again.ID != first.ID {
			t.Errorf("again: %s, existing %v, %v", again.ID, old, err)
		}
		if sim, found, err := s.FindIdempotent(t.Context(), "acme", key); !found || err != nil || sim.ID != first.ID {
			t.Errorf("find: %s, %v, %v", sim.ID, found, err)
		}
		changed := Idempotency{Key: "k", BodySHA256: "c"}
		if _, _, err := post("acme", "20260701-c", changed); !errors.Is(err, ErrKeyReused) {
			t.Errorf("changed body: %v", err)
		}
		if _, _, err := s.FindIdempotent(t.Context(), "acme", changed); !errors.Is(err, ErrKeyReused) {
			t.Errorf("find with a changed body: %v", err)
		}
		if _, old, err := post("globex", "20260701-d", key); old || err != nil {
			t.Errorf("another tenant's key: existing %v, %v", old, err)
		}
		clock.advance(7*24*time.Hour - time.Microsecond)
		if _, old, err := post("acme", "20260708-e", key); !old || err != nil {
			t.Errorf("just before a week: existing %v, %v", old, err)
		}
		clock.advance(time.Microsecond)
		if _, found, err := s.FindIdempotent(t.Context(), "acme", key); found || err != nil {
			t.Errorf("after a week: found %v, %v", found, err)
		}
		if sim, old, err := post("acme", "20260708-f", changed); old || err != nil || sim.ID != "20260708-f" {
			t.Errorf("after a week: existing %v, %v", old, err)
		}
		// The other tenant's key, expired by now, has been cleared away by one of the batches.
		clock.advance(8 * 24 * time.Hour)
		submit(t, s, study("acme", "20260716-a", 1))
		if n := count(t, d.raw(t), "SELECT count(*) FROM idempotency"); n != 0 {
			t.Errorf("%d expired keys are left", n)
		}
	})
}

func count(t testing.TB, c session, query string, args ...any) (n int) {
	t.Helper()
	ok(t, c.row(t.Context(), query, args...).Scan(&n))
	return n
}

// One that can't be made spoils none of those that share its transaction.
func TestBadOneInABatch(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		submit(t, s, study("acme", "20260701-taken", 1))
		var posts sync.WaitGroup
		var conflicts, made atomic.Int64
		for i := range 200 {
			posts.Go(func() {
				id := fmt.Sprintf("20260701-%d", i)
				if i%20 == 0 {
					id = "20260701-taken"
				}
				_, _, err := s.Submit(t.Context(), study("acme", id, 1))
				switch {
				case errors.Is(err, ErrConflict):
					conflicts.Add(1)
				case err != nil:
					t.Error(err)
				default:
					made.Add(1)
				}
			})
		}
		posts.Wait()
		if conflicts.Load() != 10 || made.Load() != 190 {
			t.Errorf("%d made, %d conflicts", made.Load(), conflicts.Load())
		}
		if n := must[int](t)(s.Unfinished(t.Context(), "acme")); n != 191 {
			t.Errorf("%d simulations", n)
		}
	})
}

// Equal texts are there once, go with the last that refers to them, and come back with the next.
func TestDocumentsOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, raw := d.open(t, Options{}), d.raw(t)
		campaigns := model.Document{Name: "c.yaml", Text: strings.Repeat("campaign\n", 10_000)}
		post := func(id string) {
			sub := study("acme", id, 1)
			sub.Inputs.Campaigns = &campaigns
			submit(t, s, sub)
		}
		for i := range 10 {
			post(fmt.Sprintf("20260701-%d", i))
		}
		// Ten configurations, one campaigns file, one (empty) list of pinned files.
		if n := count(t, raw, "SELECT count(*) FROM documents"); n != 12 {
			t.Errorf("%d documents, want 12", n)
		}
		if n := count(t, raw, "SELECT length(body) FROM documents WHERE size = 90000"); n > 9000 {
			t.Errorf("90,000 bytes of one word take %d bytes", n)
		}
		for i := range 10 {
			id := fmt.Sprintf("20260701-%d", i)
			must[Simulation](t)(s.Cancel(t.Context(), "acme", id, "ada"))
			ok(t, s.Delete(t.Context(), "acme", id, "ada"))
		}
		if n := count(t, raw, "SELECT count(*) FROM documents"); n != 0 {
			t.Errorf("%d documents are left of nothing", n)
		}
		// Another launcher may remove what this one knows to be there.
		post("20260701-x")
		other, err := OpenShared(t.Context(), d.url, Options{})
		ok(t, err)
		must[Simulation](t)(other.Cancel(t.Context(), "acme", "20260701-x", "ada"))
		ok(t, other.Delete(t.Context(), "acme", "20260701-x", "ada"))
		ok(t, other.Close())
		post("20260701-y")
		if in := must[model.Inputs](t)(s.Inputs(t.Context(), "acme", "20260701-y")); in.Campaigns.Text != campaigns.Text {
			t.Errorf("campaigns of %d bytes came back", len(in.Campaigns.Text))
		}
	})
}

// A damaged text is an error, never another text.
func TestDamagedDocument(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		submit(t, s, study("acme", "20260701-a", 1))
		try(t, d.raw(t), "UPDATE documents SET body = 'name: b' WHERE size = 16", true)
		if _, err := s.Inputs(t.Context(), "acme", "20260701-a"); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("damaged configuration: %v", err)
		}
	})
}

// A store that is closed answers, at once, that it is.
func TestSubmitAndClose(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		var posts sync.WaitGroup
		var made atomic.Int64
		for g := range 8 {
			posts.Go(func() {
				for i := 0; ; i++ {
					_, _, err := s.Submit(t.Context(), study("acme", fmt.Sprintf("20260701-%d-%d", g, i), 1))
					if errors.Is(err, ErrUnavailable) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					made.Add(1)
				}
			})
		}
		for range 3 {
			<-s.Changed()
		}
		ok(t, s.Close())
		posts.Wait()
		if n := must[int](t)(d.open(t, Options{}).Unfinished(t.Context(), "acme")); int64(n) != made.Load() {
			t.Errorf("%d were acknowledged, %d are there", made.Load(), n)
		}
	})
}

// What PostgreSQL can't keep is left out of people's texts, on both stores alike.
func TestTextsWithNUL(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		sub := study("acme", "20260701-a", 1)
		given := []model.Label{{Key: "te\x00am", Value: "x\x00y\xff"}}
		sub.Simulation.Name, sub.Simulation.Labels, sub.Webhook = "a\x00b", given, "https://hooks.example/\x00"
		submit(t, s, sub)
		sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", "20260701-a"))
		if diff := cmp.Diff([]model.Label{{Key: "team", Value: "xy\uFFFD"}}, sim.Labels); diff != "" || sim.Name != "ab" {
			t.Errorf("name %q, labels %s", sim.Name, diff)
		}
		if given[0].Key != "te\x00am" {
			t.Error("the caller's labels were changed")
		}
		found, _, err := s.Simulations(t.Context(), Filter{Tenant: "acme", Labels: map[string]string{"team": "xy\uFFFD"}}, Page{})
		if err != nil || len(found) != 1 {
			t.Errorf("by label: %v, %v", found, err)
		}
		note := must[Note](t)(s.AddNote(t.Context(), "acme", Note{SimulationID: sim.ID, Author: "a\x00da", Text: "loo\x00k"}))
		c := nightly(clock)
		c.Name = "night\x00ly"
		made := must[Schedule](t)(s.CreateSchedule(t.Context(), c))
		if note.Author != "ada" || note.Text != "look" || made.Name != "nightly" {
			t.Errorf("note %+v, schedule %q", note, made.Name)
		}
	})
}
