//nolint:bodyclose // scripted answers are closed by the client
package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestListings: every listing goes through its pages, with its filter on each, and stops early when
// its caller does.
func TestListings(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.URL.Query().Encode())
		page := map[string]any{"next_page_token": "2"}
		if r.URL.Query().Get("page_token") == "2" {
			page = map[string]any{}
		}
		n := len(asked)
		for key, value := range map[string]any{
			"simulations": wire.Simulation{ID: fmt.Sprint(n)}, "variants": wire.Variant{ID: fmt.Sprint(n), Parameters: json.RawMessage("{}")},
			"notes": wire.Note{ID: fmt.Sprint(n)}, "schedules": wire.Schedule{ID: fmt.Sprint(n)},
		} {
			page[key] = []any{value}
		}
		page["events"] = []any{map[string]any{"simulation_id": fmt.Sprint(n), "data": map[string]any{}}}
		_ = json.NewEncoder(w).Encode(page)
	}))
	defer server.Close()
	c, err := client.New(client.Options{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for sim, err := range c.List(t.Context(), client.Filter{State: "running", Owner: "a b", Labels: map[string]string{"team": "x"}}) {
		ids = append(ids, fmt.Sprint(sim.ID, err))
	}
	for v, err := range c.Variants(t.Context(), "s", "failed") {
		ids = append(ids, fmt.Sprint(v.ID, err))
	}
	for n, err := range c.Notes(t.Context(), "s") {
		ids = append(ids, fmt.Sprint(n.ID, err))
	}
	for s, err := range c.Schedules(t.Context()) {
		ids = append(ids, fmt.Sprint(s.ID, err))
	}
	for e, err := range c.Feed(t.Context()) {
		ids = append(ids, fmt.Sprint(e.SimulationID, err))
		break
	}
	if got, want := strings.Join(ids, " "), "1<nil> 2<nil> 3<nil> 4<nil> 5<nil> 6<nil> 7<nil> 8<nil> 9<nil>"; got != want {
		t.Error(got)
	}
	filter := "label.team=x&owner=a+b&page_size=200"
	want := []string{
		"/v1/simulations " + filter + "&state=running", "/v1/simulations " + filter + "&page_token=2&state=running",
		"/v1/simulations/s/variants page_size=200&status=failed", "/v1/simulations/s/variants page_size=200&page_token=2&status=failed",
		"/v1/simulations/s/notes page_size=200", "/v1/simulations/s/notes page_size=200&page_token=2",
		"/v1/schedules page_size=200", "/v1/schedules page_size=200&page_token=2", "/v1/feed page_size=200",
	}
	if got := strings.Join(asked, "\n"); got != strings.Join(want, "\n") {
		t.Error(got)
	}
}

// TestAListingThatGoesInCircles is an error, not an endless loop; so is one that breaks off.
func TestAListingThatGoesInCircles(t *testing.T) {
	page := `{"simulations": [{"id": "a"}], "next_page_token": "x"}`
	c, _ := scripted(t, client.Options{}, answer(200, page), answer(200, page))
	var last error
	for _, err := range c.List(t.Context(), client.Filter{}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "same page") {
		t.Errorf("%v", last)
	}
	c, _ = scripted(t, client.Options{}, answer(200, page), answer(500, ""))
	count := 0
	for _, last = range c.List(t.Context(), client.Filter{}) {
		count++
	}
	if last == nil || count != 2 {
		t.Errorf("%d elements, %v", count, last)
	}
}

func TestLatest(t *testing.T) {
	c, s := scripted(t, client.Options{}, answer(200, `{"simulations": [{"id": "a"}], "next_page_token": "x"}`), answer(200, `{"simulations": []}`))
	if sim, ok, err := c.Latest(t.Context()); sim.ID != "a" || !ok || err != nil {
		t.Errorf("%v %v %v", sim, ok, err)
	}
	if _, ok, err := c.Latest(t.Context()); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	if got := s.seen[0].URL.RawQuery; got != "page_size=1" {
		t.Error(got)
	}
}

// TestAnUploadIsWholeEachTime: the second try begins at the file's first byte again.
func TestAnUploadIsWholeEachTime(t *testing.T) {
	file := strings.Repeat("campaign\n", 1000)
	c, s := scripted(t, client.Options{Random: func() float64 { return 0 }}, broken, answer(200, `{"uri": "upload:ab", "kind": "campaigns"}`))
	up, err := c.Upload(t.Context(), strings.NewReader(file), int64(len(file)))
	if err != nil || up.URI != "upload:ab" || s.bodies[0] != file || s.bodies[1] != file || s.seen[1].ContentLength != 9000 {
		t.Errorf("%v, %v, %d", up, err, s.seen[1].ContentLength)
	}
}

func TestATableAsCSV(t *testing.T) {
	c, s := scripted(t, client.Options{}, answer(200, "variant_id,reach\nbaseline,5\n"), answer(404, ""))
	var out bytes.Buffer
	if err := c.CSV(t.Context(), "s", "comparison", client.Query{Metrics: []string{"reach", "revenue"}, Top: 3, Sort: "reach"}, &out); err != nil {
		t.Fatal(err)
	}
	if got := s.seen[0].URL.Path + "?" + s.seen[0].URL.RawQuery; got != "/v1/simulations/s/comparison?metric=reach&metric=revenue&sort=reach&top=3" {
		t.Error(got)
	}
	if out.String() != "variant_id,reach\nbaseline,5\n" || s.seen[0].Header.Get("Accept") != "text/csv" {
		t.Errorf("%q", out.String())
	}
	if err := c.CSV(t.Context(), "s", "nothing", client.Query{}, &out); err == nil {
		t.Error("an error was taken for a table")
	}
}
