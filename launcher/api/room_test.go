package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
)

// begun opens a POST whose body stays away after its first byte, and returns what ends it.
func (f *fixture) begun(path, as, length string) (end func()) {
	f.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.server.URL, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n",
		path, f.keys[as], length)
	if err != nil {
		f.t.Fatal(err)
	}
	end = func() { _ = connection.Close() } // twice at the end
	f.t.Cleanup(end)
	return end
}

// until polls for something that another goroutine brings about.
func (f *fixture) until(what string, done func() bool) {
	f.t.Helper()
	poll, late := time.NewTicker(2*time.Millisecond), time.After(10*time.Second)
	defer poll.Stop()
	for !done() {
		select {
		case <-poll.C:
		case <-late:
			f.t.Fatalf("10 s later it is still not so: %s", what)
		}
	}
}

// TestBodiesHaveTheirShareOfTheMemory: what bodies may need is taken before they are read, half of it for
// one tenant at most, and given back when their request has ended.
func TestBodiesHaveTheirShareOfTheMemory(t *testing.T) {
	f := newFixture(t, nil)
	held := func(want int64) {
		f.until(fmt.Sprintf("%d bytes held", want), func() bool { return f.api.server.bodies.Held() == want })
	}
	var open []func()
	for range 8 { // 8 of 4 MiB are half of 64
		open = append(open, f.begun("/v1/simulations", "alice", fmt.Sprintf("Content-Length: %d", model.MaxDocumentBytes)))
	}
	held(8 * model.MaxDocumentBytes)
	f.submitted("alice") // a small one
	long := study + strings.Repeat("#\n", unheld/2)
	r := f.send(ask{method: "POST", path: "/v1/simulations", as: "submitter", body: long})
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !strings.Contains(string(r.body), "OVERLOADED") {
		t.Errorf("with half of the bytes on their way: %d %s", r.status, r.body)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice"})
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "bob", body: long}) // another tenant
	for _, end := range open {
		end()
	}
	held(0)
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: long})
	end := f.begun("/v1/simulations", "alice", "Transfer-Encoding: chunked")
	held(model.MaxDocumentBytes + 1) // of unknown length: the most that is read
	end()
	held(0)
	end = f.begun("/v1/uploads", "alice", "Content-Length: 50000000")
	held(64 << 10) // it is not held in memory
	end()
	held(0)
}

// TestABodyHoldsWhatItHas: one of unknown length gives back what it does not need once it is here.
func TestABodyHoldsWhatItHas(t *testing.T) {
	f := newFixture(t, nil)
	var during int64
	check := f.api.server.CheckWebhook
	f.api.server.CheckWebhook = func(u string) error {
		during = f.api.server.bodies.Held()
		return check(u)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/simulations?webhook=https://hooks.example.com/done", io.NopCloser(strings.NewReader(study)))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+f.keys["alice"])
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	if w.Code != http.StatusAccepted || during != int64(len(study)) || f.api.server.bodies.Held() != 0 {
		t.Errorf("%d: %d bytes held during the request, of %d; %d after it", w.Code, during, len(study), f.api.server.bodies.Held())
	}
}

// TestSlowBodiesShutNobodyOut: they have no places among the submissions that are worked on, and a tenant
// has half of those for bodies on their way.
func TestSlowBodiesShutNobodyOut(t *testing.T) {
	shedder := limit.NewShedder(limit.ShedderOptions{InFlight: [4]int{4, 8, 1, 4}})
	f := newFixture(t, func(o *Options) { o.Shedder = shedder })
	receiving := func(want int) {
		f.until("bodies on their way", func() bool { return shedder.Stats().InFlight[limit.Receive] == want })
	}
	for i := range 3 {
		f.begun("/v1/simulations", "alice", "Content-Length: 1000")
		receiving(i + 1)
	}
	f.submitted("alice")
	f.begun("/v1/simulations", "alice", "Content-Length: 1000")
	receiving(4)
	e := f.refused(overloaded, ask{method: "POST", path: "/v1/simulations", as: "submitter", body: study})
	if !strings.Contains(e.Detail, "tenant") {
		t.Errorf("refused: %s", e.Detail)
	}
	f.submitted("bob")
}

// TestRequestsOfATenant: it has half of the places, whatever its keys; the others have theirs.
func TestRequestsOfATenant(t *testing.T) {
	shedder := limit.NewShedder(limit.ShedderOptions{InFlight: [4]int{2, 2, 2, 2}})
	f := newFixture(t, func(o *Options) { o.Shedder = shedder })
	sim := f.finished("alice")
	stay, entered := make(chan struct{}), make(chan struct{})
	f.api.server.Reader = slowReader{f.reader, stay, entered}
	go f.raw(ask{method: "GET", path: sim.Links.Self + "/report", as: "alice"})
	<-entered
	r := f.send(ask{method: "GET", path: sim.Links.Comparison, as: "reader"})
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("a second heavy request of the tenant: %d", r.status)
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: f.finished("bob").Links.Comparison, as: "bob"})
	close(stay)
	f.until("the place is given back", func() bool { return shedder.Stats().InFlight[limit.Heavy] == 0 })
	f.into(nil, http.StatusOK, ask{method: "GET", path: sim.Links.Comparison, as: "reader"})
}

// slowReader makes reports as long as it is told to.
type slowReader struct {
	*fakeReader
	stay, entered chan struct{}
}

func (r slowReader) Report(ctx context.Context, id string, finished bool, at string, out io.Writer) error {
	close(r.entered)
	<-r.stay
	return r.fakeReader.Report(ctx, id, finished, at, out)
}

// TestStreamsOfATenant: one has half of them.
func TestStreamsOfATenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(newLedger(), func(string) (store.Progress, bool) { return store.Progress{}, false }, time.Now)
		defer h.close()
		var leave func()
		for range maxWatchers / 2 {
			_, l, err := h.join(store.Simulation{ID: "20260701-abcdefgh23", Tenant: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			leave = l
		}
		if _, _, err := h.join(store.Simulation{ID: "20260701-bbbbbbbb23", Tenant: "acme"}); !errors.Is(err, errTooManyOfTenant) {
			t.Errorf("one more of the tenant: %v", err)
		}
		if _, _, err := h.join(store.Simulation{ID: "20260701-cccccccc23", Tenant: "umbrella"}); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		leave()
		if _, _, err := h.join(store.Simulation{ID: "20260701-abcdefgh23", Tenant: "acme"}); err != nil {
			t.Errorf("after one has left: %v", err)
		}
		if _, _, cut := h.stats(); cut != 1 {
			t.Errorf("%d were counted as refused", cut)
		}
	})
}

// TestLargeChecksWaitForEachOther: one at a time, and small ones pass them.
func TestLargeChecksWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		done, err := b.take(t.Context(), model.MaxDocumentBytes)
		if err != nil {
			t.Fatal(err)
		}
		began := make(chan func(), 2)
		for range 2 {
			go func() {
				next, err := b.take(t.Context(), model.MaxDocumentBytes)
				if err != nil {
					t.Error(err)
				}
				began <- next
			}()
		}
		synctest.Wait()
		for range model.MaxDocumentBytes / smallCheck {
			if _, err := b.take(t.Context(), 100); err != nil { // would wait for ever behind the large ones
				t.Fatal(err)
			}
		}
		if len(began) != 0 {
			t.Error("a second large one is checked beside the first")
		}
		done()
		(<-began)()
		(<-began)()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for _, size := range []int{100, model.MaxDocumentBytes} {
			full, err := b.take(t.Context(), model.MaxDocumentBytes)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.take(gone, size); err == nil {
				t.Errorf("%d bytes: who has gone was given room", size)
			}
			full()
		}
	})
}

// TestFormType: curl's --data-binary is taken for what it is, but a form of another origin is refused
// whatever it says, before anything is read.
func TestFormType(t *testing.T) {
	f := newFixture(t, nil)
	const form = "application/x-www-form-urlencoded"
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, kind: form})
	f.refused(unsupportedMediaType, ask{method: "POST", path: "/v1/links", as: "alice", body: "target=/docs", kind: form})
	for _, header := range []map[string]string{
		{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
		{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
	} {
		for _, kind := range []string{form, "text/plain", "multipart/form-data; boundary=x", ""} {
			f.refused(originNotAllowed, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, kind: kind, header: header})
		}
	}
	list, _, err := f.store.Simulations(t.Context(), store.Filter{Tenant: "acme"}, store.Page{Size: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("%d simulations: %v", len(list), err)
	}
}

// TestNoText: what is not UTF-8, or NUL, names nothing and finds nothing, on every store.
func TestNoText(t *testing.T) {
	f := newFixture(t, nil)
	for path, name := range map[string]string{
		"/v1/simulations?owner=%00": "owner", "/v1/simulations?owner=%ff": "owner", "/v1/simulations?label.a=%00": "label.a",
		"/v1/simulations?label.%ff=x": "label.?", "/v1/feed?page_token=%00": "page_token",
	} {
		e := f.refused(invalidRequest, ask{method: "GET", path: path, as: "alice"})
		if len(e.Errors) != 1 || e.Errors[0].Location != "query" || e.Errors[0].Path != name || e.Errors[0].Message != noText {
			t.Errorf("%s: %+v", path, e.Errors)
		}
	}
	for path, name := range map[string]string{
		"/v1/schedules/%00": "schedule_id", "/v1/schedules/a%ffb": "schedule_id", "/s/%00": "key", "/s/%c0%80": "key", "/v1/simulations/%00": "id",
	} {
		e := f.refused(notFound, ask{method: "GET", path: path, as: "alice"})
		if len(e.Errors) != 1 || e.Errors[0].Location != "path" || e.Errors[0].Path != name {
			t.Errorf("%s: %+v", path, e.Errors)
		}
	}
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations?owner=%C3%BC", as: "alice"})
}

// TestWhatIsWrongWithABody: empty, cut off, too long, or compressed, in words that say so.
func TestWhatIsWrongWithABody(t *testing.T) {
	f := newFixture(t, nil)
	if e := f.refused(malformedBody, ask{method: "POST", path: "/v1/simulations", as: "alice"}); e.Detail != "the body is empty" {
		t.Errorf("empty: %s", e.Detail)
	}
	for _, path := range []string{"/v1/simulations", "/v1/uploads", "/v1/links"} {
		r := f.send(ask{method: "POST", path: path, as: "alice", body: "{\x1f\x8b", header: map[string]string{"Content-Encoding": "gzip"}})
		if r.status != http.StatusUnsupportedMediaType || !strings.Contains(string(r.body), "Content-Encoding") || r.header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s, compressed: %d %s", path, r.status, r.body)
		}
	}
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, header: map[string]string{"Content-Encoding": "identity"}})
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice", header: map[string]string{"Content-Encoding": "gzip"}})
	if e := f.refused(invalidRequest, ask{method: "POST", path: "/v1/simulations?run_at=tomorrow", as: "alice", body: study}); len(e.Errors) != 1 ||
		e.Errors[0].Path != "run_at" || e.Errors[0].Message != "is no time; write one such as 2026-11-23T10:00:00Z" {
		t.Errorf("run_at=tomorrow: %+v", e.Errors)
	}
	for length, want := range map[string]string{
		"Transfer-Encoding: chunked\r\n\r\n3\r\nab":                                                              "the body breaks off",
		"Transfer-Encoding: chunked\r\n\r\n400001\r\n" + strings.Repeat("#", model.MaxDocumentBytes+1) + "\r\n0": "the body has more than the 4194304 bytes that are taken here",
	} {
		if told := f.halfSent(length); !strings.Contains(told, want) {
			t.Errorf("%.40q: %s, want %s", length, told, want)
		}
	}
}

// halfSent sends a submission, closes its own side of the connection and returns the answer.
func (f *fixture) halfSent(rest string) string {
	f.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.server.URL, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }() // the other side may have
	_, err = fmt.Fprintf(connection, "POST /v1/simulations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", f.keys["alice"], rest)
	if err := errors.Join(err, connection.(*net.TCPConn).CloseWrite()); err != nil {
		f.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		f.t.Fatal(err)
	}
	return string(body)
}
