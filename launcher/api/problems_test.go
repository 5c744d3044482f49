package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// newPipe is a body that is sent as it is written.
func newPipe() (*io.PipeReader, *io.PipeWriter) { return io.Pipe() }

func TestProblemsOfTheProtocol(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	f.refused(notFound, ask{method: "GET", path: "/v1/nothing", as: "alice"})
	f.refused(notFound, ask{method: "GET", path: "/v1/simulations/", as: "alice"})
	f.refused(notFound, ask{method: "GET", path: "/v1/simulations/20260701-aaaaaaaaaa", as: "alice"})
	f.refused(notFound, ask{method: "GET", path: "/v1/simulations/..%2f..%2fetc", as: "alice"})
	f.refused(methodNotAllowed, ask{method: "POST", path: sim.Links.Self + ":explode", as: "alice"})
	f.refused(notAcceptable, ask{method: "GET", path: "/v1/simulations", as: "alice", header: map[string]string{"Accept": "text/csv"}})
	f.refused(notAcceptable, ask{method: "GET", path: "/v1/simulations", as: "alice", header: map[string]string{"Accept": "application/json;q=0"}})
	for _, accept := range []string{"*/*", "application/*", "text/csv, application/json;q=0.1", "", "text/html,application/xhtml+xml,*/*;q=0.8"} {
		f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice", header: map[string]string{"Accept": accept}})
	}
	f.refused(unsupportedMediaType, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, kind: "text/plain"})
	f.refused(unsupportedMediaType, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: `{"text":"x"}`, kind: "text/plain"})
	for _, body := range []string{"{", `{"text":`, "[1,2", "\x00", `{"text":"a"}}`} {
		f.refused(malformedBody, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: body, kind: "application/json"})
	}
	f.refused(malformedBody, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice"})
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/feed?x=%zz", as: "alice"})
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/feed?page_size=1&page_size=2", as: "alice"})
}

func TestMethodNotAllowedNamesTheOthers(t *testing.T) {
	f := newFixture(t, nil)
	for path, want := range map[string]string{
		"/v1/simulations": "GET HEAD POST", "/v1/simulations/x": "GET HEAD DELETE", "/v1/simulations/x/comparison": "GET HEAD", "/healthz": "GET HEAD",
		"/v1/schedules/x": "GET HEAD PATCH DELETE",
	} {
		r := f.raw(ask{method: "PUT", path: path, as: "alice"})
		if r.status != http.StatusMethodNotAllowed || strings.Join(r.header.Values("Allow"), " ") != want || !strings.Contains(string(r.body), "METHOD_NOT_ALLOWED") {
			t.Errorf("PUT %s: %d, Allow %q, want %q", path, r.status, r.header.Values("Allow"), want)
		}
	}
}

// TestAllFieldErrorsAtOnce: huma's and ours, each with its place.
func TestAllFieldErrorsAtOnce(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	e := f.refused(invalidRequest, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: `{"text":"","author":7,"colour":"red"}`})
	places := map[string]bool{}
	for _, p := range e.Errors {
		places[p.Location+"|"+p.Path] = true
	}
	for _, want := range []string{"body|text", "body|author", "body|colour"} {
		if !places[want] {
			t.Errorf("no mistake at %s: %+v", want, e.Errors)
		}
	}
	e = f.refused(invalidRequest, ask{method: "POST", path: "/v1/simulations?priority=8&webhook=http://10.0.0.1/&run_at=" + time.Now().AddDate(2, 0, 0).UTC().Format(time.RFC3339), as: "alice", body: study})
	if len(e.Errors) != 3 {
		t.Errorf("three parameters are wrong: %+v", e.Errors)
	}
}

// TestMistakesOfAConfiguration: where they stand, all of them, with what to do.
func TestMistakesOfAConfiguration(t *testing.T) {
	f := newFixture(t, nil)
	text := "name: x\ninventory: nowhere.parquet\ncampaings: []\nseed: minus\ncampaigns:\n  - {id: a, bid_cpm: 1}\n"
	e := f.refused(invalidConfiguration, ask{method: "POST", path: "/v1/simulations", as: "alice", body: text})
	found := map[string]string{}
	for _, p := range e.Errors {
		found[p.Location] = p.Message + p.Suggestion
	}
	if !strings.Contains(found["body:3:1"], "campaigns") || found["body:4:7"] == "" || !strings.Contains(found["body:2:12"], "nowhere.parquet") {
		t.Errorf("mistakes at body:2:12, body:3:1 and body:4:7, found %+v", e.Errors)
	}
	f.refused(invalidConfiguration, ask{method: "POST", path: "/v1/simulations", as: "alice", body: "name: [", kind: "application/yaml"})
	f.refused(invalidConfiguration, ask{method: "POST", path: "/v1/simulations", as: "alice", body: "{}"})
	f.refused(invalidConfiguration, ask{method: "POST", path: "/v1/simulations?validate_only=true", as: "alice", body: "{}"})
}

// TestTooLargeIsToldBeforeItIsRead: nothing of the body need be sent.
func TestTooLargeIsToldBeforeItIsRead(t *testing.T) {
	f := newFixture(t, nil)
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, err = fmt.Fprintf(connection, "POST /v1/simulations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", f.keys["alice"], model.MaxDocumentBytes+1)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v %v", answer, err)
	}
}

func TestBodyLimits(t *testing.T) {
	f := newFixture(t, nil)
	comment := "#" + strings.Repeat("x", 1023)
	fill := func(size int) string {
		text := study + strings.Repeat("\n"+comment, (size-len(study))/(len(comment)+1))
		return text + strings.Repeat("\n", size-len(text))
	}
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: fill(model.MaxDocumentBytes)})
	f.refused(bodyTooLarge, ask{method: "POST", path: "/v1/simulations", as: "alice", body: fill(model.MaxDocumentBytes + 1)})
	reader, writer := newPipe() // of unknown length
	go func() {
		_, err := io.WriteString(writer, fill(model.MaxDocumentBytes+1))
		writer.CloseWithError(err)
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/v1/simulations", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.keys["alice"])
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: %s", answer.Status)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
}

// TestCodesHaveMeanings: every problem that can be answered is in the table, with a status of an error.
func TestCodesHaveMeanings(t *testing.T) {
	for c, m := range codes {
		if m.status < 400 || m.title == "" || m.remedy == "" || strings.ToUpper(string(c)) != string(c) {
			t.Errorf("%s: %+v", c, m)
		}
	}
	for _, k := range foreseen {
		if _, ok := codes[k.code]; !ok {
			t.Errorf("%v has the code %s, which has no meaning", k.err, k.code)
		}
	}
}
