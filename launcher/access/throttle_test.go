package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// from makes a request of an address with a key.
func from(remote, key string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return r
}

// Ten wrong keys at once, then one every 6 s.
func TestWrongKeysAreThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		used, unused := m.add(t, "acme", "standard", "read"), m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		const here, there = "192.0.2.1:1000", "192.0.2.2:1000"
		if _, err := a.IdentifyRequest(from(here, used)); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := a.IdentifyRequest(from(here, other(t, ""))); !errors.Is(err, ErrUnknown) {
				t.Fatal(err)
			}
		}
		refused := func(remote, key string, wait time.Duration) {
			t.Helper()
			_, err := a.IdentifyRequest(from(remote, key))
			slow, ok := errors.AsType[*Throttled](err)
			if !ok || slow.RetryAfter != wait {
				t.Errorf("%s: %v", remote, err)
			}
		}
		refused(here, other(t, ""), 6*time.Second)
		refused("192.0.2.1:2", "nonsense", 6*time.Second)
		refused("[::ffff:192.0.2.1]:3", "", 6*time.Second)
		refused(here, unused, 6*time.Second) // a right guess looks like a wrong one
		if _, err := a.IdentifyRequest(from(here, used)); err != nil {
			t.Errorf("a key that was right from here before: %v", err)
		}
		if _, err := a.IdentifyRequest(from(there, unused)); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(6 * time.Second)
		if _, err := a.IdentifyRequest(from(here, other(t, ""))); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		refused(here, unused, 6*time.Second)
		time.Sleep(time.Minute)
		if _, err := a.IdentifyRequest(from(here, unused)); err != nil {
			t.Error(err)
		}
	})
}

// A request without a key is refused, but is no attempt at guessing one.
func TestNoKeyIsNoGuess(t *testing.T) {
	m := newMemory()
	m.add(t, "acme", "standard", "read")
	a := New(Options{Store: m})
	defer a.Close()
	for range 100 {
		if _, err := a.IdentifyRequest(from("192.0.2.1:1", "")); !errors.Is(err, ErrNoKey) {
			t.Fatal(err)
		}
	}
}

// One subscriber's IPv6 network counts as one address.
func TestSource(t *testing.T) {
	tests := map[string]string{
		"192.0.2.1:80":              "192.0.2.1/32",
		"[::ffff:192.0.2.1]:80":     "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:443":     "2001:db8:1:2::/64",
		"[fe80::1%eth0]:443":        "fe80::/64",
		"@":                         "invalid Prefix",
		"":                          "invalid Prefix",
	}
	for remote, want := range tests {
		if got := source(remote).String(); got != want {
			t.Errorf("%q: %s", remote, got)
		}
	}
}

// Any number of addresses and of keys is counted in bounded memory, and who keeps guessing is not
// forgotten for those that come once.
func TestThrottleIsBounded(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	tr := newThrottle(func() time.Time { return now })
	worst := source("192.0.2.1:1")
	for range 1000 {
		tr.failed(worst)
	}
	for i := range 3 * maxAddresses {
		tr.failed(source(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)))
		tr.succeeded(source("192.0.2.9:1"), fmt.Sprint("key", i))
	}
	if len(tr.failures) > maxAddresses || len(tr.proven[0]) > maxProven || len(tr.proven[1]) > maxProven {
		t.Errorf("%d addresses, %d and %d pairs are remembered", len(tr.failures), len(tr.proven[0]), len(tr.proven[1]))
	}
	if tr.refuse(worst, "") == 0 {
		t.Error("who failed most was forgotten")
	}
	if !tr.known(pair{source("192.0.2.9:1"), fmt.Sprint("key", 3*maxAddresses-1)}) {
		t.Error("the latest key was forgotten")
	}
}

// What is told is what Retry-After has: whole seconds, rounded up.
func TestThrottledInWords(t *testing.T) {
	for wait, want := range map[time.Duration]string{5929501020: "in 6s", 5 * time.Second: "in 5s", 1: "in 1s", time.Minute + 1: "in 1m1s"} {
		if told := (&Throttled{wait}).Error(); !strings.HasSuffix(told, want) {
			t.Errorf("%v: %s", wait, told)
		}
	}
}
