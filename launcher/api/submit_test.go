package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func TestValidateOnlyRunsNothing(t *testing.T) {
	f := newFixture(t, nil)
	var v wire.Validation
	f.into(&v, http.StatusOK, ask{method: "POST", path: "/v1/simulations?validate_only=true", as: "submitter", body: study, header: map[string]string{"Idempotency-Key": "k"}})
	if !v.Valid || v.Slots != 5000 || v.Campaigns != 1 || len(v.Variants) != 4 || v.Variants[2].ID != "v0002" || string(v.Variants[2].Parameters) != `{"bid":1.5}` {
		t.Errorf("%+v", v)
	}
	auction := strings.NewReplacer("campaigns.bid_cpm, op: multiply", "policy.auction", "[{bid: 0.5}, {bid: 1.5}, {bid: 2}]", "[{bid: second_price}]").Replace(study)
	f.into(&v, http.StatusOK, ask{method: "POST", path: "/v1/simulations?validate_only=true", as: "submitter", body: auction})
	if len(v.Warnings) != 1 || !strings.HasPrefix(v.Warnings[0].Location, "body:") {
		t.Errorf("an auction edit is answered with a warning: %+v", v.Warnings)
	}
	list, _, err := f.store.Simulations(t.Context(), store.Filter{Tenant: "acme"}, store.Page{Size: 1})
	if err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestJSONConfiguration(t *testing.T) {
	f := newFixture(t, nil)
	var sim wire.Simulation
	f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: `{"name":"x","inventory":"slots.parquet","campaigns":[{"id":"a","bid_cpm":1}]}`})
	if sim.Variants != 1 || sim.Name != "x" {
		t.Errorf("%+v", sim)
	}
	f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, kind: "text/yaml; charset=utf-8"})
}

// TestRunAt: a time in the past is now; one without offset or beyond a year is refused.
func TestRunAt(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	f := newFixture(t, func(o *Options) { o.Now = func() time.Time { return now } })
	for text, want := range map[string]string{"2026-07-01T11:00:00Z": "queued", "2026-07-01T14:00:01%2B02:00": "scheduled", "2027-07-01T12:00:00Z": "scheduled"} {
		var sim wire.Simulation
		f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations?run_at=" + text, as: "alice", body: study})
		if sim.State != want {
			t.Errorf("run_at %s: %s, want %s", text, sim.State, want)
		}
	}
	for _, text := range []string{"2027-07-02T12:00:00Z", "tomorrow", "2026-07-02T12:00:00"} {
		f.refused(invalidRequest, ask{method: "POST", path: "/v1/simulations?run_at=" + text, as: "alice", body: study})
	}
}

func TestPriorityWithinTheTier(t *testing.T) {
	f := newFixture(t, nil)
	for query, want := range map[string]int{"": 5, "?priority=0": 0, "?priority=7": 7} {
		var sim wire.Simulation
		f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations" + query, as: "alice", body: study})
		if sim.Priority != want {
			t.Errorf("%q: %d, want %d", query, sim.Priority, want)
		}
	}
	for _, query := range []string{"?priority=8", "?priority=10", "?priority=-1", "?priority=high", "?priority=1.5"} {
		f.refused(invalidRequest, ask{method: "POST", path: "/v1/simulations" + query, as: "alice", body: study})
	}
}

func TestQueueOfATenantIsBounded(t *testing.T) {
	f := newFixture(t, nil)
	if err := f.store.PutTier(t.Context(), store.Tier{Name: "standard", PerMinute: 1_000_000, Burst: 1000, MaxPriority: 7, MaxQueued: 2}); err != nil {
		t.Fatal(err)
	}
	f.submitted("alice")
	f.submitted("submitter")
	f.refused(queueFull, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study})
	if r := f.raw(ask{method: "POST", path: "/v1/simulations", as: "alice", body: study}); r.header.Get("Retry-After") == "" {
		t.Error("refused without Retry-After")
	}
	f.into(nil, http.StatusOK, ask{method: "POST", path: "/v1/simulations?validate_only=true", as: "alice", body: study})
	f.submitted("bob")
}

// TestIdempotency: the first answer again, even when the inputs are gone; another body is refused.
func TestIdempotency(t *testing.T) {
	f := newFixture(t, nil)
	source := f.api.server.Source
	once := map[string]string{"Idempotency-Key": "the ~key~"}
	plain := strings.ReplaceAll(study, "campaigns.bid_cpm, op: multiply", "campaigns.priority")
	plain = strings.ReplaceAll(plain, "[{bid: 0.5}, {bid: 1.5}, {bid: 2}]", "[{bid: 1}, {bid: 2}]")
	a := ask{method: "POST", path: "/v1/simulations?priority=1&webhook=https://hooks.example.com/done", as: "alice", body: plain, header: once}
	var first, again wire.Simulation
	f.into(&first, http.StatusAccepted, a)
	f.api.server.Source = nil // any look at inputs panics
	r := f.into(&again, http.StatusAccepted, a)
	again.Warnings = first.Warnings
	if r.header.Get("Idempotency-Replayed") != "true" || !reflect.DeepEqual(again, first) {
		t.Errorf("again %+v\nfirst %+v", again, first)
	}
	a.path = "/v1/simulations?webhook=https://hooks.example.com/done&priority=1"
	f.into(&again, http.StatusAccepted, a)
	if again.ID != first.ID {
		t.Error("the order of parameters makes another submission")
	}
	a.path = "/v1/simulations?priority=2"
	f.refused(keyReused, a)
	a.path, a.body = "/v1/simulations?priority=1&webhook=https://hooks.example.com/done", plain+"\n"
	f.refused(keyReused, a)
	f.api.server.Source = source
	a.as, a.body = "bob", plain // keys are the tenant's
	f.into(&again, http.StatusAccepted, a)
	if again.ID == first.ID {
		t.Error("bob got alice's simulation")
	}
	for _, key := range []string{strings.Repeat("x", 256), "ümlaut", "tab\tbed"} {
		f.refused(invalidRequest, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, header: map[string]string{"Idempotency-Key": key}})
	}
}

// TestThousandPostsOfOneKey: one simulation, whoever comes first.
func TestThousandPostsOfOneKey(t *testing.T) {
	f := newFixture(t, nil)
	ids := make(chan string, 1000)
	var posts sync.WaitGroup
	for range cap(ids) {
		posts.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/simulations", strings.NewReader(study))
			r.Header.Set("Authorization", "Bearer "+f.keys["alice"])
			r.Header.Set("Idempotency-Key", "one")
			w := httptest.NewRecorder()
			f.api.ServeHTTP(w, r)
			for w.Code == http.StatusServiceUnavailable { // shed: come again
				w = httptest.NewRecorder()
				r.Body = io.NopCloser(strings.NewReader(study))
				f.api.ServeHTTP(w, r)
			}
			ids <- w.Header().Get("Location")
			if w.Code != http.StatusAccepted {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	posts.Wait()
	close(ids)
	first := <-ids
	for id := range ids {
		if id != first {
			t.Fatalf("%s and %s", first, id)
		}
	}
	list, _, err := f.store.Simulations(t.Context(), store.Filter{Tenant: "acme"}, store.Page{Size: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("%d simulations: %v", len(list), err)
	}
}

// FuzzSubmit: no text brings the launcher down, or is its fault.
func FuzzSubmit(fz *testing.F) {
	f := newFixture(fz, nil)
	for _, seed := range []string{study, "{}", "{", "\x00", "a: &a [*a]", "name: [1", "- - - -", `{"name":1e999}`, "campaigns: !!binary x", "%YAML 9.9\n---\n"} {
		fz.Add(seed, "")
	}
	fz.Add(study, "validate_only=true&priority=9")
	fz.Add(study, "run_at=%zz&&&==;")
	fz.Fuzz(func(t *testing.T, body, query string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/simulations", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("X-API-Key", f.keys["alice"])
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code != http.StatusAccepted && w.Code != http.StatusOK && !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			t.Errorf("%d %s for %q with %q", w.Code, w.Body, body, query)
		}
	})
}

// BenchmarkSubmit is what the interface, the check and the store take for a submission, one at a time.
func BenchmarkSubmit(b *testing.B) {
	f := newFixture(b, nil)
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "POST", "http://localhost/v1/simulations", strings.NewReader(study))
		r.Header.Set("Authorization", "Bearer "+f.keys["alice"])
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// BenchmarkHandler is the interface's own part: everything but the check and the store.
func BenchmarkHandler(b *testing.B) {
	f := newFixture(b, nil)
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "POST", "http://localhost/v1/simulations?priority=9", strings.NewReader(study))
		r.Header.Set("Authorization", "Bearer "+f.keys["alice"])
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		if w.Code != http.StatusUnprocessableEntity {
			b.Fatal(w.Code, w.Body)
		}
	}
}
