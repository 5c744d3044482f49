package limit

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// Limiter decides whether a key may ask once more. It is safe for concurrent use.
type Limiter interface {
	// Take takes a token from the key's bucket, which has the size and the pace of the tier. It never
	// fails: a limiter that can't decide lets the request pass.
	Take(ctx context.Context, key string, t store.Tier) Decision
	// Failures counts the requests that passed undecided.
	Failures() int64
}

// Decision is what became of a request, and what its sender is told.
type Decision struct {
	Allowed    bool
	Policy     string        // the tier's name
	Limit      int           // tokens of a full bucket
	Window     time.Duration // in which an empty bucket becomes full
	Remaining  int           // whole tokens left
	Reset      time.Duration // until the bucket is full, or of a refused request: RetryAfter
	RetryAfter time.Duration // until the next token; of a refused request only

	at int64 // microseconds of the limiter's clock
}

// token is one request in units of a deficit: see the package comment.
const token = 60_000_000

// Bounds of a tier, so that a bucket's arithmetic stays below 2^53.
const (
	maxBurst     = 1_000_000
	maxPerMinute = 60_000_000
)

// blockedFor is told to keys of a tier without any requests.
const blockedFor = time.Minute

// pace is a tier in the units of a deficit.
type pace struct {
	size int64 // deficit of an empty bucket
	rate int64 // given back a microsecond
}

// paceOf returns a tier's pace; a tier without size or without refill has no requests at all.
func paceOf(t store.Tier) (p pace, ok bool) {
	p = pace{size: int64(min(t.Burst, maxBurst)) * token, rate: int64(min(t.PerMinute, maxPerMinute))}
	return p, p.size > 0 && p.rate > 0
}

// refill returns a deficit after a time.
func (p pace) refill(deficit, micros int64) int64 {
	deficit = min(deficit, p.size)
	if micros <= 0 { // the clock went back
		return deficit
	}
	if micros > deficit/p.rate {
		return 0
	}
	return deficit - micros*p.rate
}

// take returns the deficit after one request, or the same one if it is refused.
func (p pace) take(deficit int64) (after int64, allowed bool) {
	if deficit+token > p.size {
		return deficit, false
	}
	return deficit + token, true
}

// decide says what a deficit means for the request that left it.
func (p pace) decide(t store.Tier, deficit int64, allowed bool, at int64) Decision {
	d := Decision{
		Allowed: allowed, Policy: t.Name, Limit: int(p.size / token), Window: p.wait(p.size),
		Remaining: int((p.size - deficit) / token), Reset: p.wait(deficit), at: at,
	}
	if !allowed {
		d.RetryAfter = p.wait(deficit + token - p.size)
		d.Reset = d.RetryAfter
	}
	return d
}

// wait is the time in which so much is given back.
func (p pace) wait(units int64) time.Duration {
	return time.Duration((units+p.rate-1)/p.rate) * time.Microsecond
}

// blocked refuses a request of a tier that has none.
func blocked(t store.Tier) Decision {
	return Decision{Policy: t.Name, Window: blockedFor, Reset: blockedFor, RetryAfter: blockedFor}
}

// Write sets the RateLimit-Policy and RateLimit fields (draft-ietf-httpapi-ratelimit-headers-11, sections
// 3 and 4), and on a refusal Retry-After:
//
//	RateLimit-Policy: "standard";q=100;w=10      a full bucket, and in how many seconds it fills
//	RateLimit: "standard";r=50;t=5               tokens left, and in how many seconds it is full
//
// A client that spreads r requests over t seconds comes to the pace of its tier. On a refusal t is the
// time until the next token, since Retry-After must not end before t does (section 6).
func (d Decision) Write(h http.Header) {
	name := quote(d.Policy)
	h.Set("RateLimit-Policy", name+";q="+strconv.Itoa(d.Limit)+";w="+seconds(max(d.Window, time.Second)))
	h.Set("RateLimit", name+";r="+strconv.Itoa(d.Remaining)+";t="+seconds(d.Reset))
	if !d.Allowed {
		h.Set("Retry-After", seconds(max(d.RetryAfter, time.Second)))
	}
}

// seconds rounds up to whole seconds: the fields have no finer unit, and early is wrong.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}

// quote writes a String of Structured Fields (RFC 9651, 4.1.6): printable ASCII, with quotes and
// backslashes escaped. Anything else of a tier's name becomes a question mark.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
