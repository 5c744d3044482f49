package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/inputs"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestMetrics: what a request and the queue leave there.
func TestMetrics(t *testing.T) {
	f := newFixture(t, nil)
	f.submitted("alice")
	f.raw(ask{method: "GET", path: "/v1/simulations"})
	f.raw(ask{method: "BREW", path: "/v1/nothing"})
	r := f.into(nil, http.StatusOK, ask{method: "GET", path: "/metrics"})
	for _, want := range []string{
		"\nwhatif_queue_depth 1\n", "\nwhatif_oldest_waiting_seconds ", "\nwhatif_variants{state=\"pending\"} 4\n", "\nwhatif_lease_takeovers_total 0\n",
		"\nwhatif_dead_letters_total 0\n", "\nwhatif_failed_loads_total 0\n", "\nwhatif_limiter_failures_total 0\n", "\nwhatif_refused_total{code=\"UNAUTHENTICATED\"} 1\n",
		"\nwhatif_refused_total{code=\"RATE_LIMITED\"} 0\n", "\nwhatif_store_up 1\n", "\nwhatif_start_latency_seconds_count 0\n",
		"\nwhatif_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/simulations\",status=\"202\"} 1\n",
		"\nwhatif_http_request_duration_seconds_count{method=\"other\",route=\"none\",status=\"405\"} 1\n",
		"\ngo_goroutines ",
	} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("no %q", strings.TrimSpace(want))
		}
	}
}

func TestNotReadyWithoutResults(t *testing.T) {
	f := newFixture(t, nil)
	f.into(nil, http.StatusOK, ask{method: "GET", path: "/readyz"})
	if err := os.RemoveAll(f.results.URI()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.results.URI(), nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	r := f.send(ask{method: "GET", path: "/readyz"})
	if r.status != http.StatusServiceUnavailable || !strings.Contains(string(r.body), `"results":"failing"`) || strings.Contains(string(r.body), f.results.URI()) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestAWarehouseThatFailsIsTold: it is no reason to send requests elsewhere.
func TestAWarehouseThatFailsIsTold(t *testing.T) {
	var ill error
	f := newFixture(t, func(o *Options) { o.Warehouse = func(context.Context) error { return ill } })
	for want, err := range map[string]error{`"warehouse":"ok"`: nil, `"warehouse":"failing"`: errors.New("no such dataset secret-project.whatif")} {
		ill = err
		r := f.into(nil, http.StatusOK, ask{method: "GET", path: "/readyz"})
		if !strings.Contains(string(r.body), want) || !strings.Contains(string(r.body), `"status":"ok"`) || strings.Contains(string(r.body), "secret") {
			t.Errorf("%s, want %s", r.body, want)
		}
	}
}

func TestUploads(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.MaxUploadBytes = 1000 })
	var up wire.Upload
	f.into(&up, http.StatusCreated, ask{method: "POST", path: "/v1/uploads", as: "submitter", body: strings.Repeat("x", 1000), kind: "application/octet-stream"})
	if up.Size != 1000 || !strings.HasPrefix(up.URI, "upload:") {
		t.Errorf("%+v", up)
	}
	f.refused(bodyTooLarge, ask{method: "POST", path: "/v1/uploads", as: "submitter", body: strings.Repeat("x", 1001), kind: "application/octet-stream"})
	for err, want := range map[error]code{inputs.ErrTooLarge: bodyTooLarge, inputs.ErrTenantFull: bodyTooLarge, inputs.ErrNotAnInput: invalidInput} {
		f.api.server.Upload = func(context.Context, string, io.Reader) (wire.Upload, error) { return wire.Upload{}, err }
		f.refused(want, ask{method: "POST", path: "/v1/uploads", as: "submitter", body: "x", kind: "application/octet-stream"})
	}
	f.refused(notFound, ask{method: "GET", path: "/v1/uploads/x", as: "alice"})
}

// TestUploadThatBreaksOff is the sender's matter.
func TestUploadThatBreaksOff(t *testing.T) {
	f := newFixture(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/uploads", io.MultiReader(strings.NewReader("half"), breakingOff{}))
	r.Header.Set("Authorization", "Bearer "+f.keys["alice"])
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), string(malformedBody)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// breakingOff is a body whose connection is cut.
type breakingOff struct{}

func (breakingOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
