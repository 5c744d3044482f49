package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// study is a configuration of a baseline and three variants, over inputs that fakeSource has.
const study = `name: caps
owner: science
labels: {quarter: q3}
inventory: slots.parquet
campaigns:
  - {id: c1, advertiser: acme, bid_cpm: 2, goal: 100}
parameters:
  bid: {edit: campaigns.bid_cpm, op: multiply}
sweep:
  list: [{bid: 0.5}, {bid: 1.5}, {bid: 2}]
`

// fakeSource has one snapshot, slots.parquet, and no campaigns files.
type fakeSource struct{ tenant string }

func (fakeSource) Campaigns(_ context.Context, uri string) (model.Document, error) {
	return model.Document{}, fmt.Errorf("%s: there is no such file", uri)
}

func (fakeSource) Inventory(_ context.Context, uri string) ([]model.PinnedInput, error) {
	if uri != "slots.parquet" {
		return nil, fmt.Errorf("%s: there is no such file", uri)
	}
	return []model.PinnedInput{{URI: "/data/slots.parquet", Size: 1000, Modified: 1, SHA256: strings.Repeat("ab", 32)}}, nil
}

func (fakeSource) Catalog(context.Context, []model.PinnedInput, inventory.Options) (model.Catalog, error) {
	return model.Catalog{Slots: 5000, Start: 0, End: 86_400_000_000, MaxFloor: 1_000_000, Dimensions: map[string]model.DimensionInfo{}}, nil
}

// fakeReader answers with what it was asked.
type fakeReader struct {
	mu    sync.Mutex
	asked []reading.Request
	fails error
}

func (f *fakeReader) note(r reading.Request) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	return f.fails
}

func (f *fakeReader) Read(_ context.Context, r reading.Request) (*reading.Answer, error) {
	if err := f.note(r); err != nil {
		return nil, err
	}
	return &reading.Answer{
		Columns: []reading.Column{{Name: "variant_id", Type: "STRING"}, {Name: "revenue", Type: "FLOAT64"}},
		Rows:    [][]any{{"baseline", 1.5}, {"v0001", nil}}, NextPage: "more", SQL: map[string]string{"duckdb": "SELECT 1", "bigquery": "SELECT 1"},
	}, nil
}

func (f *fakeReader) CSV(_ context.Context, r reading.Request, out io.Writer) error {
	if err := f.note(r); err != nil {
		return err
	}
	_, err := io.WriteString(out, "variant_id,revenue\r\nbaseline,1.5\r\n")
	return err
}

func (f *fakeReader) Report(_ context.Context, id string, finished bool, at string, out io.Writer) error {
	if err := f.note(reading.Request{SimulationID: id, Finished: finished, Revision: at, View: "report"}); err != nil {
		return err
	}
	_, err := io.WriteString(out, "<!doctype html><title>report</title>")
	return err
}

// fixture is an interface over a real store, with keys of two tenants.
type fixture struct {
	t       testing.TB
	api     *API
	store   *store.Store
	results *results.Store
	reader  *fakeReader
	server  *httptest.Server
	schema  *schemas
	keys    map[string]string // by name: alice (acme), bob (umbrella), and acme's reader and submitter
}

// newFixture makes one; change may alter the options.
func newFixture(t testing.TB, change func(*Options)) *fixture {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel() // most of a test's time is the store's, for the disk
	}
	dir := t.TempDir()
	st, err := store.Open(t.Context(), filepath.Join(dir, "store.sqlite"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := results.Open(filepath.Join(dir, "results"))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, store: st, results: rs, reader: &fakeReader{}, keys: map[string]string{}}
	if err := st.PutTier(t.Context(), store.Tier{Name: "standard", PerMinute: 1_000_000, Burst: 100_000, MaxPriority: 7}); err != nil {
		t.Fatal(err)
	}
	f.addKey("alice", "acme", access.ScopeAdmin)
	f.addKey("reader", "acme", access.ScopeRead)
	f.addKey("submitter", "acme", access.ScopeSubmit)
	f.addKey("bob", "umbrella", access.ScopeAdmin)
	doors := access.New(access.Options{Store: st})
	o := Options{
		Store: st, Results: rs, Reader: f.reader, Identify: doors.IdentifyRequest, Limiter: limit.NewLocal(nil, 0),
		Shedder: limit.NewShedder(limit.ShedderOptions{}), Metrics: NewMetrics(), Version: "test", Random: rand.Reader,
		Guard:  access.GuardOptions{Hosts: []string{"example.com"}},
		Source: func(tenant string) pipeline.Source { return fakeSource{tenant} },
		Upload: func(_ context.Context, _ string, body io.Reader) (wire.Upload, error) {
			n, err := io.Copy(io.Discard, body)
			return wire.Upload{URI: "upload:" + strings.Repeat("0", 64), SHA256: strings.Repeat("0", 64), Size: n, Kind: "campaigns"}, err
		},
		CheckWebhook: func(u string) error {
			if u != "https://hooks.example.com/done" {
				return errors.New("its host is none that the operator allowed")
			}
			return nil
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	if f.api, err = New(o); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.api)
	f.schema = schemasOf(t, f.api.server.openAPI)
	t.Cleanup(func() {
		f.api.Close()
		f.server.Close()
		doors.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) addKey(name, tenant, scope string) {
	f.t.Helper()
	printed, id, hash, err := access.NewKey(rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	key := store.Key{ID: id, Hash: hash, Name: name, Tenant: tenant, Tier: "standard", Scopes: []string{scope}, CreatedAt: time.Now()}
	if err := f.store.CreateKey(f.t.Context(), key); err != nil {
		f.t.Fatal(err)
	}
	f.keys[name] = printed
}

// ask is a request to be sent.
type ask struct {
	method, path string
	as           string // name of a key; empty: none
	body         string
	kind         string // of the body; default: YAML for a configuration, else JSON
	header       map[string]string
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request and holds the answer against the OpenAPI document.
func (f *fixture) send(a ask) reply {
	f.t.Helper()
	r := f.raw(a)
	u, err := url.Parse(a.path)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.schema.check(a.method, u.Path, r); err != nil {
		f.t.Errorf("%s %s: %d %.300s: not as documented: %v", a.method, a.path, r.status, r.body, err)
	}
	return r
}

// raw sends a request.
func (f *fixture) raw(a ask) reply {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), a.method, f.server.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		f.t.Fatal(err)
	}
	if a.body == "" {
		request.Body = http.NoBody
	}
	if a.kind != "" {
		request.Header.Set("Content-Type", a.kind)
	} else if strings.HasPrefix(a.body, "{") {
		request.Header.Set("Content-Type", "application/json")
	} else if a.body != "" {
		request.Header.Set("Content-Type", "application/yaml")
	}
	if a.as != "" {
		request.Header.Set("Authorization", "Bearer "+f.keys[a.as])
	}
	for name, value := range a.header {
		request.Header.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		f.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		f.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	return reply{answer.StatusCode, answer.Header, body}
}

// into reads an answer that must have a status.
func (f *fixture) into(value any, status int, a ask) reply {
	f.t.Helper()
	r := f.send(a)
	if r.status != status {
		f.t.Fatalf("%s %s: %d, want %d: %s", a.method, a.path, r.status, status, r.body)
	}
	if value != nil {
		decoder := json.NewDecoder(bytes.NewReader(r.body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(value); err != nil {
			f.t.Fatalf("%s %s: %s: %v", a.method, a.path, r.body, err)
		}
	}
	return r
}

// refused expects a problem.
func (f *fixture) refused(want code, a ask) wire.Error {
	f.t.Helper()
	r := f.send(a)
	var e wire.Error
	if err := json.Unmarshal(r.body, &e); err != nil || r.header.Get("Content-Type") != "application/problem+json" {
		f.t.Fatalf("%s %s: %d %q %s: no problem: %v", a.method, a.path, r.status, r.header.Get("Content-Type"), r.body, err)
	}
	if e.Code != string(want) || e.Status != codes[want].status || r.status != e.Status || e.Title != codes[want].title {
		f.t.Errorf("%s %s: %d %s, want %s", a.method, a.path, r.status, r.body, want)
	}
	if e.Instance == "" || e.Instance != r.header.Get("X-Request-Id") {
		f.t.Errorf("%s %s: instance %q, X-Request-Id %q", a.method, a.path, e.Instance, r.header.Get("X-Request-Id"))
	}
	return e
}

// submitted is a new simulation of a key's tenant.
func (f *fixture) submitted(as string) wire.Simulation {
	f.t.Helper()
	var sim wire.Simulation
	f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: as, body: study})
	return sim
}

// claimed is a simulation that a launcher has begun to run, with its lease.
func (f *fixture) claimed(as string) (wire.Simulation, store.Lease) {
	f.t.Helper()
	sim := f.submitted(as)
	got, err := f.store.Claim(f.t.Context(), "elsewhere", time.Hour)
	if err != nil || got == nil || got.Simulation.ID != sim.ID {
		f.t.Fatalf("claimed %+v, want %s: %v", got, sim.ID, err)
	}
	if _, err := f.store.Begin(f.t.Context(), got.Lease, []string{"baseline", "v0001", "v0002", "v0003"}); err != nil {
		f.t.Fatal(err)
	}
	return sim, got.Lease
}

// finished is a simulation of which v0002 timed out and the others succeeded.
func (f *fixture) finished(as string) wire.Simulation {
	f.t.Helper()
	sim, lease := f.claimed(as)
	f.record(lease, "baseline", store.VariantSucceeded, "")
	f.record(lease, "v0001", store.VariantSucceeded, "")
	f.record(lease, "v0002", store.VariantFailed, "timed_out")
	f.record(lease, "v0003", store.VariantSucceeded, "")
	if _, err := f.store.Finish(f.t.Context(), lease, store.Outcome{}); err != nil {
		f.t.Fatal(err)
	}
	return sim
}

// record runs a variant in one attempt.
func (f *fixture) record(l store.Lease, variant string, state store.VariantState, reason string) {
	f.t.Helper()
	n, err := f.store.NextAttempt(f.t.Context(), l, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now()
	err = f.store.Record(f.t.Context(), l, []store.VariantChange{
		{VariantID: variant, State: store.VariantRunning, Attempt: n, At: now},
		{VariantID: variant, State: state, Attempt: n, Reason: reason, At: now},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}
