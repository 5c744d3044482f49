package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestTenantsSeeNothingOfEachOther walks every operation of the OpenAPI document, so that none can be
// forgotten: what bob asks about alice's things is answered as for things that never were, tells nothing
// of hers, and changes nothing of hers.
func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	f := newFixture(t, nil)
	mine := f.finished("alice")
	queued := f.submitted("alice")
	f.into(nil, http.StatusCreated, ask{method: "POST", path: mine.Links.Self + "/notes", as: "alice", body: `{"text":"secret of acme"}`})
	var schedule wire.Schedule
	config, err := json.Marshal(study)
	if err != nil {
		t.Fatal(err)
	}
	f.into(&schedule, http.StatusCreated, ask{method: "POST", path: "/v1/schedules", as: "alice", body: `{"name":"secret schedule","cron":"0 0 * * *","config":` + string(config) + `}`})
	bodies := map[string]string{
		"POST /v1/simulations": study, "POST /v1/simulations/{id}/notes": `{"text":"hello"}`, "POST /v1/links": `{"target":"/docs"}`,
		"POST /v1/schedules": `{"name":"mine","cron":"0 0 * * *","config":` + string(config) + `}`, "PATCH /v1/schedules/{schedule_id}": `{"paused":true}`,
		"POST /v1/uploads": "campaigns: []",
	}
	before := f.seenBy("alice", mine.ID, queued.ID, schedule.ID)
	walked := 0
	for _, route := range f.schema.routes {
		if !strings.HasPrefix(route.path, "/v1/") {
			continue
		}
		for _, method := range methods {
			for _, id := range []string{mine.ID, queued.ID} {
				path := strings.NewReplacer("{id}", id, "{variant_id}", "v0002", "{schedule_id}", schedule.ID).Replace(route.path)
				r := f.raw(ask{method: method, path: path, as: "bob", body: bodies[method+" "+route.path]})
				walked++
				named := strings.Contains(route.path, "{")
				_, documented := route.item[strings.ToLower(method)]
				switch {
				case method == http.MethodHead:
				case !documented && r.status != http.StatusMethodNotAllowed && r.status != http.StatusNotFound:
					t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
				case documented && named && r.status != http.StatusNotFound:
					t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
				case documented && !named && r.status/100 != 2:
					t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
				}
				if method == http.MethodHead && named && r.status != http.StatusNotFound && r.status != http.StatusMethodNotAllowed {
					t.Errorf("HEAD %s: %d", path, r.status)
				}
				for _, secret := range []string{mine.ID, queued.ID, schedule.ID, "secret", "acme\""} {
					if bytes.Contains(r.body, []byte(secret)) && !strings.Contains(path, secret) { // a problem may repeat what was asked
						t.Errorf("%s %s tells %q: %s", method, path, secret, r.body)
					}
				}
			}
		}
	}
	if walked < 200 {
		t.Errorf("only %d requests were made", walked)
	}
	if after := f.seenBy("alice", mine.ID, queued.ID, schedule.ID); after != before {
		t.Errorf("what alice sees has changed:\n%s\nbefore:\n%s", after, before)
	}
	for _, r := range f.reader.asked {
		if r.SimulationID == mine.ID || r.SimulationID == queued.ID {
			t.Errorf("the reader was asked for bob about %s", r.SimulationID)
		}
	}
}

// seenBy is all that a tenant's key sees of two simulations and a schedule.
func (f *fixture) seenBy(name, first, second, schedule string) string {
	f.t.Helper()
	f.reader.asked = nil
	var all strings.Builder
	for _, path := range []string{
		"/v1/simulations", "/v1/feed", "/v1/schedules", "/v1/schedules/" + schedule,
		"/v1/simulations/" + first, "/v1/simulations/" + first + "/variants", "/v1/simulations/" + first + "/notes",
		"/v1/simulations/" + second, "/v1/simulations/" + second + "/notes",
	} {
		r := f.raw(ask{method: "GET", path: path, as: name})
		all.Write(r.body)
		if r.status != http.StatusOK {
			f.t.Errorf("%s sees at %s: %d %s", name, path, r.status, r.body)
		}
	}
	for _, id := range []string{first, second} {
		events, err := f.store.Events(f.t.Context(), "acme", id, 0, 1000)
		if err != nil {
			f.t.Fatal(err)
		}
		text, err := json.Marshal(events)
		if err != nil {
			f.t.Fatal(err)
		}
		all.Write(text)
	}
	// The queue's length over all tenants is told, as a number.
	return queueLength.ReplaceAllString(all.String(), "in all N queued")
}

// TestScopesOfEveryRoute walks the document too: a reader's key changes nothing, and no key sees nothing.
func TestScopesOfEveryRoute(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	writes := 0
	for _, route := range f.schema.routes {
		for method := range route.item {
			method = strings.ToUpper(method)
			if !slices.Contains(methods, method) {
				continue
			}
			path := strings.NewReplacer("{id}", sim.ID, "{variant_id}", "v0002", "{schedule_id}", "x", "{key}", "x").Replace(route.path)
			if !strings.HasPrefix(path, "/v1/") {
				if r := f.raw(ask{method: method, path: path}); r.status == http.StatusUnauthorized {
					t.Errorf("%s %s needs a key", method, path)
				}
				continue
			}
			f.refused(unauthenticated, ask{method: method, path: path})
			if method != http.MethodGet {
				writes++
				f.refused(forbidden, ask{method: method, path: path, as: "reader"})
			}
		}
	}
	if writes < 12 {
		t.Errorf("only %d operations that write", writes)
	}
	if list, _, err := f.store.Simulations(t.Context(), store.Filter{Tenant: "acme"}, store.Page{Size: 10}); err != nil || len(list) != 1 {
		t.Errorf("%d simulations: %v", len(list), err)
	}
}
