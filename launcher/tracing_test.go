//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestTraces: with an endpoint in the environment each request is a span there, by its route; the last ones
// are sent when the launcher stops.
func TestTraces(t *testing.T) {
	var received lines
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := io.Copy(&received, body); err != nil {
			t.Error(err)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	r := start(t, site(t))
	r.call(http.MethodGet, "/v1/simulations/20260701-abcdefgh23", "", nil)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"whatif-launcher", "GET /v1/simulations/{id}", "http.route"} {
		if !bytes.Contains([]byte(received.String()), []byte(want)) {
			t.Errorf("no %q in what the collector was sent", want)
		}
	}
}
