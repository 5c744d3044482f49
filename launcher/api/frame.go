package api

import (
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

const requestIDHeader = "X-Request-Id"

// frame is the outermost of what a request passes: it gives it an id, recovers from panics, and counts and
// logs how it ended.
func (s *server) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		c := &call{id: s.requestID(r)}
		rec := newRecorder(w)
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		rec.Header().Set(requestIDHeader, c.id)
		if r.Body != nil && r.Body != http.NoBody {
			c.body = &patientBody{ReadCloser: r.Body, control: rec.control, until: time.Now().Add(s.BodyPatience)}
			r.Body = c.body
		}
		defer func() {
			c.leave()
			broken := recover()
			if broken != nil && broken != any(http.ErrAbortHandler) {
				s.Logger.Error("a request panicked", "request_id", c.id, "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
				if rec.status == 0 {
					writeProblem(rec, r, fmt.Errorf("panic: %v", broken))
					broken = nil
				}
			}
			s.ended(r, rec, c, s.Now().Sub(began))
			if broken != nil {
				panic(http.ErrAbortHandler) // too late to say so otherwise: the connection is cut
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// requestID is the id that the caller sent, if it can stand in a log, or a new one.
func (s *server) requestID(r *http.Request) string {
	const longest = 128
	id := r.Header.Get(requestIDHeader)
	if id != "" && len(id) <= longest && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return id
	}
	made, err := s.randomName(10)
	if err != nil {
		s.Logger.Warn("no randomness for a request's id", "error", err)
	}
	return made
}

var names = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// randomName is a name of so many random bytes, in lower-case letters and digits.
func (s *server) randomName(bytes int) (string, error) {
	raw := make([]byte, bytes)
	if _, err := io.ReadFull(s.Random, raw); err != nil {
		return "", fmt.Errorf("randomness: %w", err)
	}
	return names.EncodeToString(raw), nil
}

// ended counts a request and writes its line.
func (s *server) ended(r *http.Request, rec *recorder, c *call, took time.Duration) {
	route := chi.RouteContext(r.Context()).RoutePattern()
	if route == "" {
		route = "none"
	}
	s.Metrics.request(route, r.Method, rec.status, c, took)
	level := slog.LevelInfo
	switch {
	case c.failure != nil:
		level = slog.LevelError
	case !strings.HasPrefix(route, "/v1") && rec.status < 400:
		level = slog.LevelDebug // pages, health and metrics, asked for all the time
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	line := []slog.Attr{
		slog.String("request_id", c.id), slog.String("method", r.Method), slog.String("route", route),
		slog.Int("status", rec.status), slog.Float64("took_ms", float64(took)/float64(time.Millisecond)), slog.Int64("bytes", rec.bytes),
	}
	for _, known := range [][2]string{{"tenant", c.caller.Tenant}, {"key", c.caller.KeyName}, {"simulation_id", c.simulation}, {"code", string(c.code)}} {
		if known[1] != "" {
			line = append(line, slog.String(known[0], known[1]))
		}
	}
	if c.failure != nil {
		line = append(line, slog.String("error", c.failure.Error()))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", line...)
}

// headers sets what every answer of the interface says to browsers. Pages set their own instead.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
