//nolint:bodyclose // scripted answers are closed by the client
package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// script answers each request with its next line, and keeps what was sent.
type script struct {
	t       *testing.T
	answers []func(*http.Request) (*http.Response, error)
	seen    []*http.Request
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Error(err)
		}
		body = string(text)
	}
	s.seen, s.bodies = append(s.seen, r), append(s.bodies, body)
	if len(s.seen) > len(s.answers) {
		s.t.Errorf("request %d, %s %s, was not to be sent", len(s.seen), r.Method, r.URL)
		return nil, errors.New("no answer left")
	}
	return s.answers[len(s.seen)-1](r)
}

// answer is an answer with a body and headers given as name, value, ..
func answer(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		res := &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
		for i := 0; i < len(headers); i += 2 {
			res.Header.Set(headers[i], headers[i+1])
		}
		return res, nil
	}
}

// broken is a connection that ends without an answer; refused one that there never was.
func broken(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
func refused(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

// scripted is a client of a script.
func scripted(t *testing.T, o client.Options, answers ...func(*http.Request) (*http.Response, error)) (*client.Client, *script) {
	t.Helper()
	s := &script{t: t, answers: answers}
	o.HTTP = &http.Client{Transport: s}
	if o.Random == nil {
		o.Random = func() float64 { return 0.5 }
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

const accepted = `{"id": "20260701-abcdefgh23", "state": "queued", "variants": 217, "submitted_at": "2026-07-01T10:00:00Z"}`

func TestASubmissionIsSentAsItIs(t *testing.T) {
	c, s := scripted(t, client.Options{Server: "http://launcher.test/below/", Key: "wk_1"}, answer(http.StatusAccepted, accepted))
	priority := 7
	text := "name: x # as written\n"
	sim, err := c.Submit(t.Context(), client.Submission{
		Config: []byte(text), Priority: &priority, IdempotencyKey: "k-1", Webhook: "https://hooks.test/a?b=c",
		RunAt: time.Date(2026, 7, 2, 5, 0, 0, 0, time.FixedZone("", 2*3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Simulation{ID: "20260701-abcdefgh23", State: "queued", Variants: 217, SubmittedAt: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, sim); diff != "" {
		t.Error(diff)
	}
	r := s.seen[0]
	if got := r.Method + " " + r.URL.String(); got != "POST http://launcher.test/below/v1/simulations?priority=7&run_at=2026-07-02T03%3A00%3A00Z&webhook=https%3A%2F%2Fhooks.test%2Fa%3Fb%3Dc" {
		t.Error(got)
	}
	for name, want := range map[string]string{"Authorization": "Bearer wk_1", "Idempotency-Key": "k-1", "Content-Type": "application/yaml", "Accept": "application/json"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if s.bodies[0] != text || r.ContentLength != int64(len(text)) {
		t.Errorf("sent %q of %d bytes", s.bodies[0], r.ContentLength)
	}
}

// TestALostAnswerIsAskedForAgain: under the same key of the client's own making, so that it stays one
// simulation.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, client.Options{}, broken, answer(http.StatusBadGateway, "oops"), answer(http.StatusAccepted, accepted), answer(http.StatusAccepted, accepted))
		began := time.Now()
		if _, err := c.Submit(t.Context(), client.Submission{Config: []byte("a: 1")}); err != nil {
			t.Fatal(err)
		}
		key := s.seen[0].Header.Get("Idempotency-Key")
		if len(key) < 20 || s.seen[1].Header.Get("Idempotency-Key") != key || s.seen[2].Header.Get("Idempotency-Key") != key {
			t.Errorf("keys %v", s.seen)
		}
		if s.bodies[2] != "a: 1" {
			t.Errorf("the third time %q was sent", s.bodies[2])
		}
		if waited := time.Since(began); waited != 300*time.Millisecond { // half of 200 ms and of 400 ms
			t.Errorf("waited %s", waited)
		}
		if _, err := c.Submit(t.Context(), client.Submission{Config: []byte("a: 1")}); err != nil || s.seen[3].Header.Get("Idempotency-Key") == key {
			t.Errorf("another submission, %v, has the same key", err)
		}
	})
}

// TestTries: which calls are sent again after what, and how long they wait.
func TestTries(t *testing.T) {
	submit := func(c *client.Client, ctx context.Context) error {
		_, err := c.Submit(ctx, client.Submission{Config: []byte("a: 1")})
		return err
	}
	read := func(c *client.Client, ctx context.Context) error {
		_, err := c.Simulation(ctx, "20260701-abcdefgh23")
		return err
	}
	retry := func(c *client.Client, ctx context.Context) error {
		_, err := c.Retry(ctx, "20260701-abcdefgh23")
		return err
	}
	type tries = []func(*http.Request) (*http.Response, error)
	done := answer(http.StatusOK, accepted)
	for _, c := range []struct {
		name    string
		do      func(*client.Client, context.Context) error
		answers tries
		waited  time.Duration
		fails   bool
	}{
		{"too many: when it says", submit, tries{answer(429, "", "Retry-After", "7"), done}, 7 * time.Second, false},
		{"too many: by date", submit, tries{answer(429, "", "Retry-After", "Wed, 01 Jul 2026 10:00:09 GMT", "Date", "Wed, 01 Jul 2026 10:00:00 GMT"), done}, 9 * time.Second, false},
		{"too many: longer than patience", submit, tries{answer(429, "", "Retry-After", "31")}, 0, true},
		{"too many of what is not the same twice", retry, tries{answer(429, "", "Retry-After", "2"), done}, 2 * time.Second, false},
		{"unavailable, perhaps after work", retry, tries{answer(503, "", "Retry-After", "2")}, 0, true},
		{"unavailable, and reading again does no harm", read, tries{answer(503, ""), done}, 100 * time.Millisecond, false},
		{"no connection: nothing was sent", retry, tries{refused, done}, 100 * time.Millisecond, false},
		{"lost answer of what is not the same twice", retry, tries{broken}, 0, true},
		{"lost answer of a read", read, tries{broken, done}, 100 * time.Millisecond, false},
		{"the launcher's own error", read, tries{answer(500, "")}, 0, true},
		{"a wrong configuration", submit, tries{answer(422, "")}, 0, true},
		// Half of 0.2, 0.4, 0.8, 1.6, 3.2, and twice of 5 seconds: 3.1 + 5.
		{"at most eight", read, tries{refused, refused, refused, refused, refused, refused, refused, refused}, 8100 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := time.Duration(0)
				began := time.Now()
				cl, s := scripted(t, client.Options{Retrying: func(_ error, wait time.Duration) { told += wait }}, c.answers...)
				err := c.do(cl, t.Context())
				if (err != nil) != c.fails {
					t.Errorf("%v", err)
				}
				if waited := time.Since(began); waited != c.waited || told != waited {
					t.Errorf("waited %s and told of %s, want %s", waited, told, c.waited)
				}
				if len(s.seen) != len(c.answers) {
					t.Errorf("%d requests, want %d", len(s.seen), len(c.answers))
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(t, client.Options{}, answer(429, "", "Retry-After", "20"))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := c.Simulation(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestErrors(t *testing.T) {
	problem := `{"type": "about:blank", "title": "Invalid configuration", "status": 422, "code": "INVALID_CONFIGURATION", "detail": "2 errors",
		"errors": [{"message": "unknown key", "location": "body:2:3", "path": "campaigns[0].bid_cmp", "suggestion": "did you mean 'bid_cpm'?"}, {"message": "b", "location": "body:3:1"}]}`
	once := client.Options{Patience: -1}
	c, _ := scripted(t, once, answer(422, problem, "Content-Type", "application/problem+json; charset=utf-8"))
	_, err := c.Validate(t.Context(), client.Submission{})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Code != "INVALID_CONFIGURATION" || e.Status != 422 || len(e.Errors) != 2 || e.Errors[0].Path != "campaigns[0].bid_cmp" {
		t.Errorf("%#v", err)
	}
	if want := "2 errors (INVALID_CONFIGURATION)\n  body:2:3: campaigns[0].bid_cmp: unknown key; did you mean 'bid_cpm'?\n  body:3:1: b"; err.Error() != want {
		t.Errorf("%s", err)
	}

	c, _ = scripted(t, once, answer(http.StatusBadGateway, "<html>\n bad   gateway</html>", "Content-Type", "text/html"))
	if _, err = c.Simulation(t.Context(), "x"); err == nil || !strings.HasSuffix(err.Error(), "<html> bad gateway</html> (status 502)") {
		t.Errorf("%v", err)
	}
	c, _ = scripted(t, once, broken)
	if _, err = c.Simulation(t.Context(), "x"); err == nil || err.Error() != "no answer from http://127.0.0.1:8080: unexpected EOF" {
		t.Errorf("%v", err)
	}
	c, _ = scripted(t, once, answer(200, `{"id": 7}`))
	if _, err = c.Simulation(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "GET /v1/simulations/x can't be read") {
		t.Errorf("%v", err)
	}
}

// TestTheKeyGoesToItsLauncherOnly: a redirect is told, never followed.
func TestTheKeyGoesToItsLauncherOnly(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1", http.StatusTemporaryRedirect))
	defer server.Close()
	c, err := client.New(client.Options{Server: server.URL, Key: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Simulation(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "redirects to") {
		t.Errorf("%v", err)
	}
}

func TestServerAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"": "http://127.0.0.1:8080", "localhost:9000": "http://localhost:9000", "https://ads.test/whatif/": "https://ads.test/whatif", "http://[::1]:80": "http://[::1]:80",
	} {
		if c, err := client.New(client.Options{Server: text}); err != nil || c.Server() != want {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	for _, text := range []string{"ftp://x", "http://", "http://user:password@x", "http://x?y=1", "http://x#y", "http://[::1"} {
		if _, err := client.New(client.Options{Server: text}); err == nil || strings.Contains(err.Error(), "password") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := client.New(client.Options{Key: "wk_1\n"}); err == nil || strings.Contains(err.Error(), "wk_1") {
		t.Errorf("%v", err)
	}
}

// TestNamesStayNames: a name is one segment of the path, whatever it looks like.
func TestNamesStayNames(t *testing.T) {
	c, s := scripted(t, client.Options{}, answer(200, accepted))
	for _, name := range []string{"", ".", ".."} {
		if _, err := c.Simulation(t.Context(), name); err == nil {
			t.Errorf("%q was asked for", name)
		}
	}
	if _, err := c.Simulation(t.Context(), "../a?b/c"); err != nil {
		t.Fatal(err)
	}
	if got := s.seen[0].URL.EscapedPath(); got != "/v1/simulations/..%2Fa%3Fb%2Fc" {
		t.Error(got)
	}
}
