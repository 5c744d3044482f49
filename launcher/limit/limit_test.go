package limit

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// The fields as the draft writes them in its sections 3.2 and 4.2.
func TestFields(t *testing.T) {
	tests := []struct {
		decision             Decision
		policy, limit, after string
	}{
		{Decision{Allowed: true, Policy: "standard", Limit: 100, Window: 10 * time.Second, Remaining: 50, Reset: 5 * time.Second},
			`"standard";q=100;w=10`, `"standard";r=50;t=5`, ""},
		{Decision{Allowed: true, Policy: "standard", Limit: 100, Window: 10 * time.Second, Remaining: 99, Reset: 100 * time.Millisecond},
			`"standard";q=100;w=10`, `"standard";r=99;t=1`, ""},
		{Decision{Allowed: true, Policy: "fast", Limit: 5, Window: 3 * time.Millisecond, Remaining: 5},
			`"fast";q=5;w=1`, `"fast";r=5;t=0`, ""}, // a window is never 0 (section 3.1.3)
		{Decision{Policy: "slow", Limit: 1, Window: time.Hour, Reset: 90*time.Second + 1, RetryAfter: 90*time.Second + 1},
			`"slow";q=1;w=3600`, `"slow";r=0;t=91`, "91"},
		{Decision{Policy: `a "b" \c` + "\né", Limit: 1, Window: time.Second, Reset: time.Microsecond, RetryAfter: time.Microsecond},
			`"a \"b\" \\c??";q=1;w=1`, `"a \"b\" \\c??";r=0;t=1`, "1"},
	}
	for _, test := range tests {
		h := http.Header{}
		test.decision.Write(h)
		if h.Get("RateLimit-Policy") != test.policy || h.Get("RateLimit") != test.limit || h.Get("Retry-After") != test.after {
			t.Errorf("%+v: %v", test.decision, h)
		}
	}
}

// A tier without requests is told so in fields that are valid.
func TestFieldsOfABlockedTier(t *testing.T) {
	h := http.Header{}
	NewLocal(nil, 0).Take(t.Context(), "k", store.Tier{Name: "off"}).Write(h)
	if h.Get("RateLimit-Policy") != `"off";q=0;w=60` || h.Get("RateLimit") != `"off";r=0;t=60` || h.Get("Retry-After") != "60" {
		t.Errorf("%v", h)
	}
}

// The number of buckets is bounded. Full ones go first, and who has asked most is not forgotten for
// those that ask once.
func TestBucketsAreBounded(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	l := NewLocal(func() time.Time { return now }, 100)
	tier := store.Tier{Name: "t", PerMinute: 1, Burst: 10}
	for range 10 {
		l.Take(t.Context(), "busy", tier)
	}
	for i := range 10_000 {
		l.Take(t.Context(), fmt.Sprint("once", i), tier)
	}
	if len(l.buckets) != 100 {
		t.Errorf("%d buckets", len(l.buckets))
	}
	if l.Take(t.Context(), "busy", tier).Allowed {
		t.Error("the busy bucket was forgotten")
	}
	now = now.Add(2 * time.Minute) // all but the busy one are full
	for i := range 99 {
		l.Take(t.Context(), fmt.Sprint("late", i), tier)
	}
	if got := l.Take(t.Context(), "busy", tier); got.Remaining != 1 { // two came back, one is taken
		t.Errorf("the busy bucket after 2 minutes: %+v", got)
	}
}

// A clock that goes back gives nothing and takes nothing.
func TestClockGoesBack(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	l := NewLocal(func() time.Time { return now }, 0)
	tier := store.Tier{Name: "t", PerMinute: 60, Burst: 2}
	l.Take(t.Context(), "k", tier)
	now = now.Add(-time.Hour)
	if got := l.Take(t.Context(), "k", tier); !got.Allowed || got.Remaining != 0 {
		t.Errorf("an hour back: %+v", got)
	}
	now = now.Add(time.Hour + time.Second)
	if got := l.Take(t.Context(), "k", tier); !got.Allowed || got.Remaining != 0 {
		t.Errorf("a second on: %+v", got)
	}
}

func BenchmarkLocal(b *testing.B) {
	l := NewLocal(nil, 0)
	tier := store.Tier{Name: "standard", PerMinute: 600, Burst: 100}
	for b.Loop() {
		l.Take(b.Context(), "key:aaaaaaaaaa", tier)
	}
}
