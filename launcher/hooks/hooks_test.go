package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

const root = "0123456789abcdef0123456789abcdef"

// memory is a store of deliveries, with leases by its own clock.
type memory struct {
	mu      sync.Mutex
	list    []store.Delivery
	leases  map[string]time.Time
	now     func() time.Time
	fails   bool
	saved   chan store.Delivery
	claimed int
}

func newMemory(now func() time.Time, list ...store.Delivery) *memory {
	return &memory{list: list, leases: map[string]time.Time{}, now: now, saved: make(chan store.Delivery, 1000)}
}

func (m *memory) DueDeliveries(_ context.Context, _ string, ttl time.Duration, limit int) ([]store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claimed++
	if m.fails {
		return nil, store.ErrUnavailable
	}
	var due []store.Delivery
	for _, d := range m.list {
		if d.State == store.DeliveryPending && !d.NextAt.After(m.now()) && !m.leases[d.ID].After(m.now()) && len(due) < limit {
			m.leases[d.ID] = m.now().Add(ttl)
			due = append(due, d)
		}
	}
	return due, nil
}

func (m *memory) SaveDelivery(ctx context.Context, d store.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails || ctx.Err() != nil {
		return store.ErrUnavailable
	}
	i := slices.IndexFunc(m.list, func(o store.Delivery) bool { return o.ID == d.ID })
	m.list[i] = d
	delete(m.leases, d.ID)
	m.saved <- d
	return nil
}

func delivery(id, url string) store.Delivery {
	return store.Delivery{ID: id, SimulationID: "20260701-aaaaaaaaaa", Tenant: "acme", URL: url, State: store.DeliveryPending,
		Payload: json.RawMessage(`{"type":"simulation.finished","data":{"id":"20260701-aaaaaaaaaa"}}`)}
}

// serve starts a server under test on loopback that the operator allowed.
func serve(t *testing.T, answer http.HandlerFunc) (url, host string) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL + "/hook?token=hunter2", strings.TrimPrefix(server.URL, "http://")
}

func newHooks(t *testing.T, o Options) *Hooks {
	t.Helper()
	o.Name, o.Secret = "test", root
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

// one makes one try at a delivery and returns it as it was saved.
func one(t *testing.T, h *Hooks, m *memory, d store.Delivery) store.Delivery {
	t.Helper()
	h.deliver(t.Context(), d)
	select {
	case saved := <-m.saved:
		return saved
	default:
		t.Fatal("nothing was saved")
		return d
	}
}

// verify is a receiver's check as the specification words it, in other code than ours.
func verify(r *http.Request, body []byte, secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		return fmt.Errorf("signature %s, want %s", r.Header.Get("webhook-signature"), want)
	}
	return nil
}

// A delivery is a signed POST of the payload, byte for byte, and done on any 2xx.
func TestDelivery(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 500, time.UTC)
	for _, status := range []int{200, 201, 202, 204, 299} {
		d := delivery("msg_1", "")
		var host string
		d.URL, host = serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(body, d.Payload) || r.Method != http.MethodPost || r.URL.RequestURI() != "/hook?token=hunter2" ||
				r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "msg_1" ||
				r.Header.Get("webhook-timestamp") != strconv.FormatInt(now.Unix(), 10) || r.Header.Get("Authorization") != "" {
				t.Errorf("%v %s %v %q", r.Method, r.URL, r.Header, body)
			}
			if err := verify(r, body, Secret(root, "acme")); err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
		})
		m := newMemory(time.Now, d)
		h := newHooks(t, Options{Store: m, Hosts: []string{host}, Now: func() time.Time { return now }})
		got := one(t, h, m, d)
		if got.State != store.DeliveryDone || got.Attempts != 1 || got.LastError != "" || h.Stats().Delivered != 1 {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

// The same over TLS, to an address that the operator allowed; a certificate nobody vouches for is refused.
func TestDeliveryOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	d, hosts := delivery("msg_1", server.URL), []string{strings.TrimPrefix(server.URL, "https://")}
	m := newMemory(time.Now, d)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if got := one(t, newHooks(t, Options{Store: m, Hosts: hosts, TLS: &tls.Config{RootCAs: roots}}), m, d); got.State != store.DeliveryDone {
		t.Errorf("%+v", got)
	}
	if got := one(t, newHooks(t, Options{Store: m, Hosts: hosts}), m, d); got.State != store.DeliveryPending || !strings.Contains(got.LastError, "certificate") {
		t.Errorf("%+v", got)
	}
}

// What is no 2xx is tried again, 410 is the end. No redirect is followed, and an error tells neither
// the URL's token nor what the receiver wrote.
func TestAnswersThatAreNoSuccess(t *testing.T) {
	var followed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 304, 307, 308, 400, 401, 404, 408, 410, 429, 500, 502, 503, 504, 600} {
		d := delivery("msg_1", "")
		var host string
		d.URL, host = serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			if status != 304 {
				fmt.Fprint(w, "internal secret")
			}
		})
		m := newMemory(time.Now, d)
		h := newHooks(t, Options{Store: m, Hosts: []string{host, strings.TrimPrefix(elsewhere.URL, "http://")}})
		got := one(t, h, m, d)
		want := store.DeliveryPending
		if status == 410 {
			want = store.DeliveryDead
		}
		if got.State != want || got.Attempts != 1 || !strings.Contains(got.LastError, strconv.Itoa(status)) ||
			strings.Contains(got.LastError, "hunter2") || strings.Contains(got.LastError, "internal") {
			t.Errorf("%d: %+v", status, got)
		}
		if s := h.Stats(); s.Dead+s.Retried != 1 || (s.Dead == 1) != (status == 410) {
			t.Errorf("%d: %+v", status, s)
		}
	}
	if followed.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// An answer that is lost leads to another try with the same id and body, and a fresh time and signature.
func TestLostAnswer(t *testing.T) {
	var mu sync.Mutex // of what the receiver sees too
	var ids []string
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	d := delivery("msg_1", "")
	var host string
	d.URL, host = serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, r.Header.Get("webhook-id"))
		if err := verify(r, body, Secret(root, "acme")); err != nil || r.Header.Get("webhook-timestamp") != strconv.FormatInt(now.Unix(), 10) {
			t.Error(err, r.Header)
		}
		if len(ids) == 1 {
			panic(http.ErrAbortHandler) // the connection breaks after the request was handled
		}
	})
	m := newMemory(time.Now, d)
	h := newHooks(t, Options{Store: m, Hosts: []string{host}, Now: func() time.Time { return now }})
	first := one(t, h, m, d)
	if first.State != store.DeliveryPending || first.LastError == "" || strings.Contains(first.LastError, "hunter2") {
		t.Errorf("%+v", first)
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	second := one(t, h, m, first)
	mu.Lock()
	defer mu.Unlock()
	if second.State != store.DeliveryDone || second.Attempts != 2 || !slices.Equal(ids, []string{"msg_1", "msg_1"}) {
		t.Errorf("%+v, received %v", second, ids)
	}
}

// A receiver that does not answer in time is given up and tried again.
func TestSlowReceiver(t *testing.T) {
	d := delivery("msg_1", "")
	var host string
	release := make(chan struct{})
	d.URL, host = serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	m := newMemory(time.Now, d)
	start := time.Now()
	got := one(t, newHooks(t, Options{Store: m, Hosts: []string{host}, Timeout: 50 * time.Millisecond}), m, d)
	if got.State != store.DeliveryPending || got.LastError != "no answer within 50ms" || time.Since(start) > 5*time.Second {
		t.Errorf("%+v after %v", got, time.Since(start))
	}
}

// An answer that never ends, in its body or its headers, is not read for ever.
func TestEndlessAnswers(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 16<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	d := delivery("msg_1", "")
	var host string
	d.URL, host = serve(t, endless)
	m := newMemory(time.Now, d)
	if got := one(t, newHooks(t, Options{Store: m, Hosts: []string{host}}), m, d); got.State != store.DeliveryDone {
		t.Errorf("endless body: %+v", got)
	}
	d.URL, host = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	if got := one(t, newHooks(t, Options{Store: m, Hosts: []string{host}}), m, d); got.State != store.DeliveryPending {
		t.Errorf("endless headers: %+v", got)
	}
}

// What the operator no longer allows, or what points into the own network by now, is not asked.
func TestHostsAreCheckedAtEachTry(t *testing.T) {
	var asked atomic.Int64
	url, host := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, _ := strings.Cut(host, ":")
	inside := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, test := range []struct{ url, allowed string }{
		{url, "127.0.0.1:1"},
		{"https://hooks.example.com:" + port + "/", "hooks.example.com:" + port},
		{"https://a.partner.example:" + port + "/", "*.partner.example:" + port},
	} {
		d := delivery("msg_1", test.url)
		m := newMemory(time.Now, d)
		h := newHooks(t, Options{Store: m, Hosts: []string{test.allowed}, Lookup: inside})
		got := one(t, h, m, d)
		if got.Attempts != 1 || got.State != store.DeliveryPending || got.LastError == "" {
			t.Errorf("%s: %+v", test.url, got)
		}
	}
	if asked.Load() > 0 {
		t.Error("the receiver was asked")
	}
}

// No proxy of the environment stands between the check of an address and its use.
func TestNoProxy(t *testing.T) {
	h := newHooks(t, Options{Store: newMemory(time.Now), Hosts: []string{"hooks.example.com"}})
	if h.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is used")
	}
}

// The waits of a delivery that always fails, with the random number at one half: 2.5 s doubled 12 times
// (2.5 .. 10,240 s, together 2.5*(2^13-1) = 20,477.5 s), then half of 6 h six times, 64,800 s; with the first
// try these are 20 tries in 85,277.5 s, and the 20th is the last.
func TestGivenUpAfterADay(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	start := now
	var tries atomic.Int64
	d := delivery("msg_1", "")
	var host string
	d.URL, host = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	})
	m := newMemory(time.Now, d)
	var log bytes.Buffer
	h := newHooks(t, Options{Store: m, Hosts: []string{host}, Now: func() time.Time { return now }, Random: func() float64 { return 0.5 },
		Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for d.State == store.DeliveryPending && tries.Load() < 100 {
		now = now.Add(max(0, d.NextAt.Sub(now)))
		d = one(t, h, m, d)
	}
	if took := now.Sub(start); d.State != store.DeliveryDead || tries.Load() != 20 || d.Attempts != 20 || took != 85_277_500*time.Millisecond {
		t.Errorf("%s after %d tries in %v", d.State, tries.Load(), took)
	}
	if s := h.Stats(); s.Dead != 1 || s.Retried != 19 || strings.Count(log.String(), "webhook given up") != 1 || strings.Contains(log.String(), "hunter2") {
		t.Errorf("%+v\n%s", s, log.String())
	}
}

func TestBackoffBounds(t *testing.T) {
	const almost = 1 - 1.0/(1<<53)
	for tries, most := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 3: 20 * time.Second, 10: 2560 * time.Second,
		13: 20480 * time.Second, 14: 6 * time.Hour, 19: 6 * time.Hour, 1000: 6 * time.Hour} {
		if low, high := backoff(tries, 0), backoff(tries, almost); low != time.Second || high > most || high < most-time.Microsecond {
			t.Errorf("after %d tries: %v to %v", tries, low, high)
		}
	}
}

// A receiver may ask for more time, within bounds, but not for less.
func TestRetryAfterOfTheReceiver(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 5 * time.Second / 2, "": 5 * time.Second / 2, "-5": 5 * time.Second / 2, "x": 5 * time.Second / 2,
		"Wed, 01 Jul 2026 12:10:00 GMT": 10 * time.Minute, "Wed, 01 Jul 2026 11:00:00 GMT": 5 * time.Second / 2,
		"999999999": 6 * time.Hour, "99999999999999999999": 5 * time.Second / 2, "Thu, 01 Jul 2027 12:00:00 GMT": 6 * time.Hour,
	} {
		d := delivery("msg_1", "")
		var host string
		d.URL, host = serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		m := newMemory(time.Now, d)
		h := newHooks(t, Options{Store: m, Hosts: []string{host}, Now: func() time.Time { return now }, Random: func() float64 { return 0.5 }})
		if got := one(t, h, m, d); got.NextAt.Sub(now) != want {
			t.Errorf("%q: waits %v, not %v", text, got.NextAt.Sub(now), want)
		}
	}
}

// All that is due is delivered, more than fits at once too, each once; bounded at a time.
func TestManyDeliveries(t *testing.T) {
	var inside, most atomic.Int64
	var mu sync.Mutex
	seen := map[string]int{}
	url, host := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer inside.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		seen[r.Header.Get("webhook-id")]++
	})
	m := newMemory(time.Now)
	for i := range 50 {
		m.list = append(m.list, delivery(fmt.Sprint("msg_", i), url))
	}
	h := newHooks(t, Options{Store: m, Hosts: []string{host}, AtOnce: 4, Poll: time.Millisecond})
	h.Start(t.Context())
	for range 50 {
		if d := wait(t, m.saved); d.State != store.DeliveryDone {
			t.Errorf("%+v", d)
		}
	}
	h.Stop()
	h.Stop()
	if len(seen) != 50 || most.Load() > 4 || h.Stats().Delivered != 50 || h.Stats().InFlight != 0 {
		t.Errorf("%d were received, %d at a time: %+v", len(seen), most.Load(), h.Stats())
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func wait[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
	}
	return value
}

// A launcher that stops in the middle of a try leaves the delivery as it was; the next one makes it
// again under the same id as soon as the lease has run out, and not before.
func TestStoppedInTheMiddle(t *testing.T) {
	arrived := make(chan string, 10)
	var first atomic.Bool
	first.Store(true)
	url, host := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the sender leave
		arrived <- r.Header.Get("webhook-id")
		if first.Swap(false) {
			<-r.Context().Done()
		}
	})
	var late atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	m := newMemory(clock, delivery("msg_1", url))
	a := newHooks(t, Options{Store: m, Hosts: []string{host}, Poll: time.Millisecond})
	a.Start(t.Context())
	wait(t, arrived)
	a.Stop()
	if len(m.saved) > 0 || m.list[0].Attempts != 0 || m.list[0].State != store.DeliveryPending {
		t.Errorf("%+v", m.list[0])
	}
	if due, err := m.DueDeliveries(t.Context(), "b", time.Minute, 10); err != nil || len(due) > 0 {
		t.Errorf("due under a live lease: %v, %v", due, err)
	}
	late.Store(int64(time.Minute))
	b := newHooks(t, Options{Store: m, Hosts: []string{host}, Poll: time.Millisecond})
	b.Start(t.Context())
	if id := wait(t, arrived); id != "msg_1" {
		t.Errorf("id %s", id)
	}
	if got := wait(t, m.saved); got.State != store.DeliveryDone || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
}

// A store that is away for a while delays deliveries, no more: what could not be noted is sent again.
func TestStoreIsAway(t *testing.T) {
	arrived := make(chan string, 10)
	var tries atomic.Int64
	m := newMemory(time.Now)
	url, host := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			m.mu.Lock()
			m.fails = true // it goes away during the first try
			m.mu.Unlock()
		}
		arrived <- r.Header.Get("webhook-id")
	})
	m.list = append(m.list, delivery("msg_1", url))
	h := newHooks(t, Options{Store: m, Hosts: []string{host}, Poll: time.Millisecond})
	h.Start(t.Context())
	for deadline := time.After(20 * time.Second); h.Stats().Unsaved == 0; {
		select {
		case <-deadline:
			t.Fatal("the failure was not counted")
		case <-time.After(time.Millisecond):
		}
	}
	m.mu.Lock()
	m.fails, m.leases = false, map[string]time.Time{}
	m.mu.Unlock()
	first, second := wait(t, arrived), wait(t, arrived)
	if got := wait(t, m.saved); got.State != store.DeliveryDone || first != "msg_1" || second != "msg_1" {
		t.Errorf("%+v, received %s and %s", got, first, second)
	}
}

// Without allowed hosts nothing is taken out of the store: another launcher may deliver it.
func TestWithoutHosts(t *testing.T) {
	m := newMemory(time.Now, delivery("msg_1", "https://hooks.example.com"))
	h, err := New(Options{Store: m})
	if err != nil {
		t.Fatal(err)
	}
	h.Stop() // before Start
	h.Start(t.Context())
	h.Stop()
	if m.claimed > 0 {
		t.Error("the store was asked")
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	for _, o := range []Options{{Hosts: []string{"*"}, Secret: root}, {Hosts: []string{"hooks.example.com"}}, {Hosts: []string{"hooks.example.com"}, Secret: "short"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := New(Options{Hosts: []string{"a b", "c d"}, Secret: root}); err == nil || !strings.Contains(err.Error(), "a b") || !strings.Contains(err.Error(), "c d") {
		t.Errorf("not every wrong host is told: %v", err)
	}
}
