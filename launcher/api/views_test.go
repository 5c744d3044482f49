package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestViewsAskTheReader: each view has its route, and every parameter reaches the reader.
func TestViewsAskTheReader(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	for _, v := range views {
		var table wire.Table
		f.into(&table, http.StatusOK, ask{method: "GET", path: sim.Links.Self + "/" + v.name, as: "reader"})
		if table.View != v.name || table.SimulationID != sim.ID || table.Partial || len(table.Rows) != 2 || table.SQL["bigquery"] == "" || table.NextPage != "more" {
			t.Errorf("%s: %+v", v.name, table)
		}
		if want := "3 of 4; 1 failed: timed_out"; table.Note != want {
			t.Errorf("%s: note %q, want %q", v.name, table.Note, want)
		}
	}
	for _, name := range []string{"comparison", "campaigns", "frequency", "breakdowns", "effects", "pareto", "failures"} {
		found := false
		for _, known := range reading.Views() {
			found = found || known == name
		}
		if !found {
			t.Errorf("the reader has no view %s", name)
		}
	}
	f.reader.asked = nil
	f.into(nil, http.StatusOK, ask{
		method: "GET", as: "reader",
		path: sim.Links.Comparison + "?metric=reach&metric=revenue&sort=revenue&order=asc&top=5&x=-revenue&y=reach&page_size=7&page_token=abc&variant_id=v0001&parameters=%7B%7D",
	})
	want := reading.Request{
		SimulationID: sim.ID, Finished: true, View: "comparison", Metrics: []string{"reach", "revenue"}, Sort: "revenue", Ascending: true, Top: 5, X: "-revenue", Y: "reach",
		PageSize: 7, PageToken: "abc", Where: map[string]string{"variant_id": "v0001", "parameters": "{}"},
	}
	got := f.reader.asked[0]
	if got.Revision == "" {
		t.Error("a finished simulation has a revision")
	}
	got.Revision = ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("asked %+v, want %+v", got, want)
	}
	f.refused(invalidRequest, ask{method: "GET", path: sim.Links.Comparison + "?variant_id=a&variant_id=b", as: "reader"})
	f.refused(invalidRequest, ask{method: "GET", path: sim.Links.Comparison + "?order=up", as: "reader"})
	f.refused(invalidRequest, ask{method: "GET", path: sim.Links.Comparison + "?top=0", as: "reader"})
}

func TestPartialResultsSaySo(t *testing.T) {
	f := newFixture(t, nil)
	sim, lease := f.claimed("alice")
	f.record(lease, "baseline", store.VariantSucceeded, "")
	f.record(lease, "v0001", store.VariantFailed, "crashed")
	var table wire.Table
	f.into(&table, http.StatusOK, ask{method: "GET", path: sim.Links.Comparison, as: "reader"})
	if !table.Partial || table.Note != "1 of 4; 1 failed: crashed; 2 to come" {
		t.Errorf("partial %t, note %q", table.Partial, table.Note)
	}
	if asked := f.reader.asked[0]; asked.Finished || asked.Revision != "" {
		t.Errorf("asked as finished: %+v", asked)
	}
}

func TestCSV(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	const want = "variant_id,revenue\r\nbaseline,1.5\r\n"
	for _, a := range []ask{
		{path: sim.Links.Comparison, header: map[string]string{"Accept": "text/csv"}},
		{path: sim.Links.Comparison + "?format=csv"},
		{path: sim.Links.Comparison + "?format=csv", header: map[string]string{"Accept": "application/json"}},
	} {
		a.method, a.as = "GET", "reader"
		r := f.into(nil, http.StatusOK, a)
		if string(r.body) != want || !strings.HasPrefix(r.header.Get("Content-Type"), "text/csv") {
			t.Errorf("%+v: %q %q", a, r.header.Get("Content-Type"), r.body)
		}
	}
	r := f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Comparison, as: "reader", header: map[string]string{"Accept": "text/csv;q=0.5, application/json"}})
	if !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") || r.header.Get("Vary") == "" {
		t.Errorf("both are accepted: %v", r.header)
	}
}

func TestETagOfAFinishedSimulation(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	first := f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Comparison + "?top=2", as: "reader"})
	tag := first.header.Get("ETag")
	n := len(f.reader.asked)
	r := f.send(ask{method: "GET", path: sim.Links.Comparison + "?top=2", as: "reader", header: map[string]string{"If-None-Match": `"x", ` + tag}})
	if tag == "" || r.status != http.StatusNotModified || len(r.body) != 0 || len(f.reader.asked) != n || r.header.Get("ETag") != tag {
		t.Errorf("again: %d, tag %q, asked %d times", r.status, tag, len(f.reader.asked)-n)
	}
	for _, path := range []string{sim.Links.Comparison + "?top=3", sim.Links.Comparison + "?top=2&format=csv", sim.Links.Self + "/failures?top=2"} {
		if r := f.send(ask{method: "GET", path: path, as: "reader", header: map[string]string{"If-None-Match": tag}}); r.status != http.StatusOK {
			t.Errorf("another question, %s: %d", path, r.status)
		}
	}
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":retry", as: "alice"})
	if r := f.send(ask{method: "GET", path: sim.Links.Comparison + "?top=2", as: "reader", header: map[string]string{"If-None-Match": tag}}); r.status != http.StatusOK {
		t.Errorf("after a retry: %d", r.status)
	}
}

func TestReport(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	f.refused(notFound, ask{method: "GET", path: f.submitted("alice").Links.Self + "/report", as: "reader"})
	r := f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Self + "/report", as: "reader", header: map[string]string{"Accept": "text/html"}})
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || !strings.Contains(r.header.Get("Content-Security-Policy"), "sandbox allow-scripts") {
		t.Errorf("report %v", r.header)
	}
}

// breaking is a reader whose CSV breaks off after its first megabyte.
type breaking struct{ Reader }

func (breaking) CSV(_ context.Context, _ reading.Request, out io.Writer) error {
	if _, err := out.Write(make([]byte, 1<<20)); err != nil {
		return err
	}
	return errors.New("the disk is gone")
}

// TestTruncatedCSVIsNoAnswer: what breaks off can't be taken for the whole.
func TestTruncatedCSVIsNoAnswer(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Reader = breaking{o.Reader} })
	sim := f.finished("alice")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL+sim.Links.Comparison+"?format=csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.keys["reader"])
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, answer.Body); err == nil {
		t.Errorf("a CSV that broke off came as a whole one of %d bytes", n)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
}

// TestMistakesInFilters: they are at the parameter that they are about, not at a field of the reader's.
func TestMistakesInFilters(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	for _, c := range []struct{ message, want string }{
		{`"x" is no value for column impressions, which is a whole number`, "impressions"},
		{`there is no column "frist"; there are impressions, variant_id`, "frist"},
	} {
		f.reader.fails = &reading.BadRequest{Field: "where", Message: c.message}
		for _, format := range []string{"json", "csv"} {
			e := f.refused(invalidRequest, ask{method: "GET", path: sim.Links.Comparison + "?impressions=x&frist=1&format=" + format, as: "alice"})
			if len(e.Errors) != 1 || e.Errors[0].Path != c.want || e.Errors[0].Location != "query" {
				t.Errorf("%s: %+v", c.message, e.Errors)
			}
		}
	}
}
