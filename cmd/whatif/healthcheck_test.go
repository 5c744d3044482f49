package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOwnAddress(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080":    "127.0.0.1:8080",
		"0.0.0.0:8080":      "127.0.0.1:8080",
		":9000":             "127.0.0.1:9000",
		"[::]:8080":         "[::1]:8080",
		"whatif.local:8080": "whatif.local:8080",
		"10.1.2.3:8080":     "10.1.2.3:8080",
	} {
		if got, err := ownAddress(listen); err != nil || got != want {
			t.Errorf("a launcher on %s is asked at %q (%v), want %q", listen, got, err, want)
		}
	}
	if got, err := ownAddress("8080"); err == nil {
		t.Errorf("an address without a port became %q", got)
	}
}

// TestHealthcheck asks servers that are well, unwell and gone, by the whole command.
func TestHealthcheck(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		if _, err := w.Write([]byte(`{"status":"unavailable","checks":{"store":"away"}}`)); err != nil {
			t.Error(err)
		}
	}))
	listen := strings.TrimPrefix(server.URL, "http://")
	ask := func(args ...string) (int, string) {
		var stdout, stderr strings.Builder
		return run(append([]string{"healthcheck", "--listen", listen}, args...), strings.NewReader(""), &stdout, &stderr), stderr.String()
	}
	if status, text := ask(); status != exitDone || text != "" {
		t.Errorf("a launcher that is alive: exit %d, %q", status, text)
	}
	if status, text := ask("--ready"); status != exitFailed || !strings.Contains(text, "503") || !strings.Contains(text, `"store":"away"`) {
		t.Errorf("a launcher whose store is away: exit %d, %q", status, text)
	}
	server.Close()
	if status, text := ask(); status != exitFailed || !strings.Contains(text, "does not answer") {
		t.Errorf("no launcher: exit %d, %q", status, text)
	}
}
