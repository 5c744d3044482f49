package access

import "net/http"

// What pages of the allowed origins may use (Fetch Standard, 3.2.3). No credentials: a key is sent in a
// header that the page sets, never in a cookie.
const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE"
	corsHeaders = "Authorization, X-API-Key, Content-Type, Accept, Idempotency-Key, Last-Event-ID, traceparent, tracestate"
	corsExposed = "Location, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, X-Request-Id, ETag, Link, Idempotency-Replayed"
	corsMaxAge  = "600" // seconds that a browser may remember a preflight
)

// answerAllowed answers a page of an allowed origin: its preflight here, anything else by next.
func (g *guard) answerAllowed(w http.ResponseWriter, r *http.Request, next http.Handler) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", corsExposed)
		next.ServeHTTP(w, r)
		return
	}
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}
