package limit

import (
	"testing"
	"time"
)

// One story of a breaker, step by step.
func TestBreaker(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	b := &breaker{now: func() time.Time { return now }}
	steps := []struct {
		name           string
		pass           time.Duration
		allow          bool
		ok             bool // what the try comes to
		opened, closed bool
	}{
		{"all is well", 0, true, true, false, false},
		{"first failure", 0, true, false, false, false},
		{"second", 0, true, false, false, false},
		{"a success starts over", 0, true, true, false, false},
		{"first", 0, true, false, false, false},
		{"second", 0, true, false, false, false},
		{"third opens", 0, true, false, true, false},
		{"open", 0, false, false, false, false},
		{"still open", 999 * time.Millisecond, false, false, false, false},
		{"half open, the try fails", time.Millisecond, true, false, false, false},
		{"open again", 999 * time.Millisecond, false, false, false, false},
		{"half open, the try succeeds", time.Millisecond, true, true, false, true},
		{"closed", 0, true, true, false, false},
	}
	for _, step := range steps {
		now = now.Add(step.pass)
		allow := b.allow()
		if allow != step.allow {
			t.Fatalf("%s: allow is %v", step.name, allow)
		}
		if !allow {
			continue
		}
		if opened, closed := b.report(step.ok); opened != step.opened || closed != step.closed {
			t.Fatalf("%s: opened %v, closed %v", step.name, opened, closed)
		}
	}
}

// While one tries whether the server is back, the others do not wait for it.
func TestBreakerLetsOneTry(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	b := &breaker{now: func() time.Time { return now }}
	for range 3 {
		b.allow()
		b.report(false)
	}
	now = now.Add(time.Second)
	if !b.allow() || b.allow() || b.allow() {
		t.Error("not exactly one may try")
	}
	b.report(false)
	now = now.Add(time.Second)
	if !b.allow() {
		t.Error("nobody may try after a try that failed")
	}
}
