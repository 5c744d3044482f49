package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var queueLength = regexp.MustCompile(`in all [0-9,]+ queued`)

// TestEveryRouteIsDocumented: the routes that the contract promises are in the document.
func TestEveryRouteIsDocumented(t *testing.T) {
	f := newFixture(t, nil)
	has := map[string]bool{}
	for _, route := range f.schema.routes {
		for method := range route.item {
			has[strings.ToUpper(method)+" "+route.path] = true
		}
	}
	for want := range strings.FieldsSeq(`
		POST:/v1/simulations GET:/v1/simulations GET:/v1/simulations/{id} GET:/v1/simulations/{id}/variants GET:/v1/simulations/{id}/variants/{variant_id}
		POST:/v1/simulations/{id}:retry POST:/v1/simulations/{id}:cancel POST:/v1/simulations/{id}:pause POST:/v1/simulations/{id}:resume
		GET:/v1/simulations/{id}/comparison GET:/v1/simulations/{id}/campaigns GET:/v1/simulations/{id}/frequency GET:/v1/simulations/{id}/breakdowns
		GET:/v1/simulations/{id}/effects GET:/v1/simulations/{id}/pareto GET:/v1/simulations/{id}/failures GET:/v1/simulations/{id}/events
		POST:/v1/simulations/{id}/notes GET:/v1/simulations/{id}/notes GET:/v1/feed POST:/v1/uploads DELETE:/v1/simulations/{id}
		POST:/v1/schedules GET:/v1/schedules GET:/v1/schedules/{schedule_id} PATCH:/v1/schedules/{schedule_id} DELETE:/v1/schedules/{schedule_id}
		POST:/v1/links GET:/s/{key} GET:/healthz GET:/readyz GET:/metrics GET:/openapi.json`) {
		if want = strings.Replace(want, ":", " ", 1); !has[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestDocumentIsWhole: every reference leads somewhere, every schema compiles, every operation that needs
// a key says so, and the codes are explained.
func TestDocumentIsWhole(t *testing.T) {
	f := newFixture(t, nil)
	r := f.into(nil, http.StatusOK, ask{method: "GET", path: "/openapi.json"})
	if r.header.Get("Content-Type") != "application/openapi+json" || f.schema.document["openapi"] != "3.1.0" {
		t.Errorf("document %v of type %q", f.schema.document["openapi"], r.header.Get("Content-Type"))
	}
	if again := f.raw(ask{method: "GET", path: "/openapi.json", header: map[string]string{"If-None-Match": r.header.Get("ETag")}}); again.status != http.StatusNotModified {
		t.Errorf("again: %d", again.status)
	}
	for name := range f.schema.document["components"].(map[string]any)["schemas"].(map[string]any) {
		if _, err := f.schema.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
	for _, route := range f.schema.routes {
		for method, operation := range route.item {
			o := operation.(map[string]any)
			if _, guarded := o["security"]; guarded != strings.HasPrefix(route.path, "/v1/") {
				t.Errorf("%s %s: security %v", method, route.path, o["security"])
			}
			if o["summary"] == nil || o["operationId"] == nil {
				t.Errorf("%s %s has no summary or id", method, route.path)
			}
		}
	}
	text := string(r.body)
	for c := range codes {
		if !strings.Contains(text, "`"+string(c)+"`") {
			t.Errorf("%s is not explained", c)
		}
	}
}

// TestDocumentIsHeldTo: the check of answers against the document does find what is wrong with them.
func TestDocumentIsHeldTo(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	good := f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "alice"})
	for name, change := range map[string]func(*reply){
		"state":  func(r *reply) { r.body = []byte(strings.Replace(string(r.body), `"queued"`, `"asleep"`, 1)) },
		"extra":  func(r *reply) { r.body = []byte(strings.Replace(string(r.body), `{`, `{"more":1,`, 1)) },
		"status": func(r *reply) { r.status = http.StatusTeapot },
		"type":   func(r *reply) { r.header = http.Header{"Content-Type": {"text/plain"}} },
	} {
		bad := good
		change(&bad)
		if err := f.schema.check("GET", sim.Links.Self, bad); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}
