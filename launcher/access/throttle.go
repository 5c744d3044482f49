package access

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// How many wrong keys an address may send: a few at once, then one every now and then.
const (
	freeFailures  = 10
	forgetFailure = 6 * time.Second // after which one more is forgiven
	maxAddresses  = 10_000          // whose failures are remembered
	maxProven     = 4_096           // (address, key) pairs that are remembered, twice
)

// Throttled says that an address has sent too many wrong keys: answered with 429 and Retry-After.
type Throttled struct {
	RetryAfter time.Duration
}

func (t *Throttled) Error() string {
	seconds := (t.RetryAfter + time.Second - 1).Truncate(time.Second) // rounded up, as Retry-After is
	return fmt.Sprintf("too many wrong API keys came from this address: try again in %v", seconds)
}

// throttle counts the wrong keys of each address in bounded memory. It does not protect the keys, whose
// 160 bits nobody guesses, but the launcher and its logs. Because many users may share an address
// (a proxy), a key that was right from an address before is looked at all the same.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[netip.Prefix]time.Time // when all failures of the address are forgiven
	proven   [2]map[pair]struct{}       // this generation and the one before
}

// pair is a key that was right from an address.
type pair struct {
	from  netip.Prefix
	keyID string
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, failures: map[netip.Prefix]time.Time{}, proven: [2]map[pair]struct{}{{}, {}}}
}

// refuse says how long an address has to wait before a key of it is looked at; 0: not at all.
func (t *throttle) refuse(from netip.Prefix, keyID string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	owed := t.failures[from].Sub(t.now())
	if owed <= (freeFailures-1)*forgetFailure || t.known(pair{from, keyID}) {
		return 0
	}
	return owed - (freeFailures-1)*forgetFailure
}

func (t *throttle) known(p pair) bool {
	_, young := t.proven[0][p]
	_, old := t.proven[1][p]
	return young || old
}

// failed counts a wrong key.
func (t *throttle) failed(from netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	until, known := t.failures[from]
	if !known && len(t.failures) >= maxAddresses {
		t.forgetOne(now)
	}
	if until.Before(now) {
		until = now
	}
	t.failures[from] = until.Add(forgetFailure)
}

// forgetOne makes room: of a few addresses (a map is ranged over from a random place) it drops the one
// that owes least.
func (t *throttle) forgetOne(now time.Time) {
	var least netip.Prefix
	var first time.Time
	looked := 0
	for from, until := range t.failures {
		if looked == 0 || until.Before(first) {
			least, first = from, until
		}
		if looked++; looked == 16 || !first.After(now) {
			break
		}
	}
	delete(t.failures, least)
}

// succeeded remembers that a key was right from an address. When a generation is full it becomes the
// old one, and the old one is dropped: pairs in use are carried over by their next use.
func (t *throttle) succeeded(from netip.Prefix, keyID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.proven[0]) >= maxProven {
		t.proven = [2]map[pair]struct{}{{}, t.proven[0]}
	}
	t.proven[0][pair{from, keyID}] = struct{}{}
}

// source is the address that failures are counted by: an IPv4 address, or an IPv6 network of 64 bits,
// which is what one subscriber has. Connections that have no address (a unix socket) count as one.
func source(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(address, bits).Masked()
}
