package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
)

func TestKeysAndScopes(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	f.refused(unauthenticated, ask{method: "GET", path: "/v1/simulations"})
	r := f.raw(ask{method: "GET", path: "/v1/simulations"})
	if r.header.Get("WWW-Authenticate") != `Bearer realm="whatif"` {
		t.Errorf("challenge %q", r.header.Get("WWW-Authenticate"))
	}
	f.refused(unauthenticated, ask{method: "GET", path: "/v1/simulations", header: map[string]string{"Authorization": "Bearer nonsense"}})
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", header: map[string]string{"X-API-Key": f.keys["reader"]}})
	f.refused(forbidden, ask{method: "POST", path: "/v1/simulations", as: "reader", body: study})
	f.refused(forbidden, ask{method: "POST", path: sim.Links.Self + ":retry", as: "reader"})
	f.refused(forbidden, ask{method: "DELETE", path: sim.Links.Self, as: "submitter"})
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	f.refused(gone, ask{method: "GET", path: sim.Links.Self, as: "alice"})
}

func TestBucketOfAKey(t *testing.T) {
	f := newFixture(t, nil)
	if err := f.store.PutTier(t.Context(), store.Tier{Name: "standard", PerMinute: 60, Burst: 2, MaxPriority: 7}); err != nil {
		t.Fatal(err)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "reader"})
	r := f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/feed", as: "reader"})
	if r.header.Get("RateLimit-Policy") != `"standard";q=2;w=2` || !strings.HasPrefix(r.header.Get("RateLimit"), `"standard";r=0;t=`) {
		t.Errorf("RateLimit-Policy %q, RateLimit %q", r.header.Get("RateLimit-Policy"), r.header.Get("RateLimit"))
	}
	f.refused(rateLimited, ask{method: "GET", path: "/v1/simulations", as: "reader"})
	if r := f.raw(ask{method: "GET", path: "/v1/simulations", as: "reader"}); r.header.Get("Retry-After") == "" || r.header.Get("RateLimit") == "" {
		t.Errorf("refused without Retry-After or RateLimit: %v", r.header)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice"}) // a bucket of its own
}

func TestSheddingBeforeAnythingElse(t *testing.T) {
	memory := int64(0)
	f := newFixture(t, func(o *Options) {
		o.Shedder = limit.NewShedder(limit.ShedderOptions{MaxMemory: 100, Memory: func() int64 { return memory }, Collect: func() {}, Every: 1})
	})
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "reader"})
	memory = 100
	f.refused(overloaded, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study})
	if r := f.raw(ask{method: "GET", path: "/v1/simulations"}); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("no key is looked at when there is no room: %d %v", r.status, r.header)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/healthz"})
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/readyz"})
	memory = 10
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "reader"})
}

// TestPlacesAreGivenBack: whatever becomes of requests, none stays among those in flight.
func TestPlacesAreGivenBack(t *testing.T) {
	shedder := limit.NewShedder(limit.ShedderOptions{InFlight: [4]int{1, 1, 1, 1}})
	f := newFixture(t, func(o *Options) { o.Shedder = shedder })
	for _, a := range []ask{
		{method: "GET", path: "/v1/simulations"},
		{method: "GET", path: "/v1/simulations", as: "reader"},
		{method: "POST", path: "/v1/simulations", as: "alice", body: study},
		{method: "POST", path: "/v1/simulations", as: "alice", body: "{"},
		{method: "GET", path: "/v1/simulations/x/comparison", as: "alice"},
	} {
		for range 3 {
			if r := f.raw(a); r.status == http.StatusServiceUnavailable {
				t.Errorf("%s %s: a place was not given back", a.method, a.path)
			}
		}
	}
}

func TestGuard(t *testing.T) {
	f := newFixture(t, nil)
	request := func(host, origin string) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := answer.Body.Close(); err != nil {
				t.Error(err)
			}
		}()
		var problem struct{ Code string }
		if answer.StatusCode != http.StatusOK {
			if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil {
				t.Fatal(err)
			}
		}
		return reply{status: answer.StatusCode, body: []byte(problem.Code)}
	}
	for _, c := range []struct {
		host, origin string
		status       int
		code         string
	}{
		{"", "", 200, ""},
		{"example.com", "", 200, ""},
		{"evil.example", "", 421, "HOST_NOT_ALLOWED"},
		{"", "https://evil.example", 403, "ORIGIN_NOT_ALLOWED"},
	} {
		if r := request(c.host, c.origin); r.status != c.status || string(r.body) != c.code {
			t.Errorf("host %q, origin %q: %d %s, want %d %s", c.host, c.origin, r.status, r.body, c.status, c.code)
		}
	}
}

func TestRequestIDAndHeaders(t *testing.T) {
	f := newFixture(t, nil)
	r := f.raw(ask{method: "GET", path: "/healthz", header: map[string]string{"X-Request-Id": "from-the-caller.1"}})
	if r.header.Get("X-Request-Id") != "from-the-caller.1" {
		t.Errorf("a sane id was replaced by %q", r.header.Get("X-Request-Id"))
	}
	for _, bad := range []string{"two words", strings.Repeat("x", 129), `"><script>`} {
		r := f.raw(ask{method: "GET", path: "/healthz", header: map[string]string{"X-Request-Id": bad}})
		if id := r.header.Get("X-Request-Id"); id == bad || len(id) != 16 {
			t.Errorf("%.20q became %q", bad, id)
		}
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if r.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, r.header.Get(name), want)
		}
	}
}

// TestLogLine: one line a request, with who asked for what and how it ended; never the key.
func TestLogLine(t *testing.T) {
	var text locked
	f := newFixture(t, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(&text, nil)) })
	sim := f.submitted("alice")
	f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "reader", header: map[string]string{"X-Request-Id": "abc"}})
	f.server.Close() // all lines are written
	var line struct {
		RequestID string `json:"request_id"`
		Route     string
		Status    int
		Tenant    string
		Key       string
		Sim       string  `json:"simulation_id"`
		Took      float64 `json:"took_ms"`
	}
	found := false
	for l := range strings.Lines(text.String()) {
		if err := json.Unmarshal([]byte(l), &line); err == nil && line.RequestID == "abc" {
			found = true
			break
		}
	}
	if !found || line.Route != "/v1/simulations/{id}" || line.Status != 200 || line.Tenant != "acme" || line.Key != "reader" || line.Sim != sim.ID ||
		line.Took <= 0 || line.Took > 60_000 || line.Took == float64(int64(line.Took)) {
		t.Errorf("line %+v in\n%s", line, text.String())
	}
	if strings.Contains(text.String(), f.keys["alice"]) || strings.Contains(text.String(), f.keys["reader"]) {
		t.Error("a key is in the log")
	}
}

// locked is a buffer for several goroutines.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestFailuresTellNothing: a panic or an unforeseen error is a problem without its text, which is logged.
func TestFailuresTellNothing(t *testing.T) {
	var text locked
	f := newFixture(t, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(&text, nil)) })
	sim := f.finished("alice")
	f.reader.fails = errors.New("secret: the disk at /mnt/x")
	if e := f.refused(internalError, ask{method: "GET", path: sim.Links.Comparison, as: "alice"}); strings.Contains(e.Detail, "secret") {
		t.Errorf("told: %s", e.Detail)
	}
	if !strings.Contains(text.String(), "secret: the disk") {
		t.Error("the error is not in the log")
	}
	f.api.server.Reader = nil // any use panics
	if e := f.refused(internalError, ask{method: "GET", path: sim.Links.Comparison, as: "alice"}); strings.Contains(e.Detail, "nil") {
		t.Errorf("told: %s", e.Detail)
	}
	if !strings.Contains(text.String(), "a request panicked") || !strings.Contains(text.String(), "views.go") {
		t.Error("the panic is not in the log with its stack")
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "alice"})
}

func TestStoreAway(t *testing.T) {
	f := newFixture(t, nil)
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice"})
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	r := f.send(ask{method: "GET", path: "/readyz"})
	if r.status != http.StatusServiceUnavailable || !strings.Contains(string(r.body), `"store":"failing"`) || !strings.Contains(string(r.body), `"results":"ok"`) {
		t.Errorf("readyz: %d %s", r.status, r.body)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/healthz"})
	if r := f.raw(ask{method: "GET", path: "/metrics"}); r.status != http.StatusOK || !strings.Contains(string(r.body), "whatif_store_up 0") {
		t.Errorf("metrics: %d", r.status)
	}
}

// TestErrorsOfOtherRooms: each has its code.
func TestErrorsOfOtherRooms(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	for _, c := range []struct {
		err   error
		code  code
		retry bool
	}{
		{reading.ErrBusy, overloaded, true},
		{&reading.BadRequest{Field: "sort", Message: "there is no column x"}, invalidRequest, false},
		{reading.ErrTooLarge, answerTooLarge, false},
		{reading.ErrNotFound, notFound, false},
		{store.ErrUnavailable, storeUnavailable, true},
	} {
		f.reader.fails = c.err
		for _, path := range []string{"/comparison", "/comparison?format=csv", "/report"} {
			r := f.send(ask{method: "GET", path: sim.Links.Self + path, as: "alice"})
			if r.status != codes[c.code].status || !strings.Contains(string(r.body), string(c.code)) || (r.header.Get("Retry-After") != "") != c.retry {
				t.Errorf("%v at %s: %d %s, Retry-After %q", c.err, path, r.status, r.body, r.header.Get("Retry-After"))
			}
		}
	}
}

// TestLongBodyHasItsTime: a body that comes slowly, but comes, is read; the answer's time begins after it.
func TestPatience(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.BodyPatience = 50 * time.Millisecond })
	reader, writer := newPipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/v1/simulations", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.keys["alice"])
	request.Header.Set("Content-Type", "application/yaml")
	answer, err := http.DefaultClient.Do(request) // the body never ends
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("a body that does not come: %s", answer.Status)
	}
	if err := errors.Join(answer.Body.Close(), writer.Close()); err != nil {
		t.Error(err)
	}
}
