package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// memory is a store of keys and tiers.
type memory struct {
	mu      sync.Mutex
	keys    []store.Key
	tiers   []store.Tier
	fails   error
	slow    time.Duration
	reads   atomic.Int64
	touches chan string
}

func newMemory() *memory {
	return &memory{tiers: []store.Tier{{Name: "standard", PerMinute: 600, Burst: 100, MaxPriority: 5}}, touches: make(chan string, 1000)}
}

func (m *memory) Keys(context.Context) ([]store.Key, error) {
	m.reads.Add(1)
	m.mu.Lock()
	keys, slow, err := slices.Clone(m.keys), m.slow, m.fails
	m.mu.Unlock()
	if slow > 0 {
		time.Sleep(slow) // in a synctest bubble: no time passes outside
	}
	return keys, err
}

func (m *memory) Tiers(context.Context) ([]store.Tier, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.tiers), m.fails
}

func (m *memory) TouchKey(_ context.Context, id string, at time.Time) error {
	m.change(func() {
		for i := range m.keys {
			if m.keys[i].ID == id {
				m.keys[i].LastUsedAt = &at
			}
		}
	})
	m.touches <- id
	return nil
}

func (m *memory) change(edit func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit()
}

// add makes a key of a tenant and returns it as printed.
func (m *memory) add(t *testing.T, tenant, tier string, scopes ...string) string {
	t.Helper()
	printed, id, hash, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m.change(func() {
		m.keys = append(m.keys, store.Key{ID: id, Hash: hash, Name: "of " + tenant, Tenant: tenant, Tier: tier, Scopes: scopes})
	})
	return printed
}

func (m *memory) revoke(printed string) {
	m.change(func() {
		for i := range m.keys {
			if strings.Contains(printed, m.keys[i].ID) {
				at := time.Date(2026, 7, 1, 23, 0, 0, 0, time.UTC)
				m.keys[i].RevokedAt = &at
			}
		}
	})
}

// other returns a well-formed key that is in no store; with an id given, of that id.
func other(t *testing.T, id string) string {
	t.Helper()
	printed, newID, _, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if id == "" {
		return printed
	}
	body := strings.TrimPrefix(printed, "wif_"+newID+"_")[:32]
	return "wif_" + id + "_" + body + checksum(id, body)
}

func TestIdentify(t *testing.T) {
	m := newMemory()
	m.tiers = append(m.tiers, store.Tier{Name: "gold", PerMinute: 6000, Burst: 500, MaxPriority: 9})
	reader, gold := m.add(t, "acme", "standard", "read"), m.add(t, "zeta", "gold", "submit")
	lost, revoked := m.add(t, "acme", "no such tier", "admin"), m.add(t, "acme", "standard", "admin")
	m.revoke(revoked)
	id := strings.Split(reader, "_")[1]
	tests := []struct {
		sent         string
		tenant, tier string
		err          error
	}{
		{"Bearer " + reader, "acme", "standard", nil},
		{"bearer  " + gold + " ", "zeta", "gold", nil},
		{"Bearer " + lost, "acme", "standard", nil},
		{"Bearer " + revoked, "", "", ErrRevoked},
		{"Bearer " + other(t, ""), "", "", ErrUnknown},
		{"Bearer " + other(t, id), "", "", ErrUnknown},
		{"Bearer " + other(t, strings.Split(revoked, "_")[1]), "", "", ErrUnknown}, // that it was revoked is told to who has it only
		{"Bearer " + reader[:40], "", "", ErrMalformed},
		{"Bearer ", "", "", ErrMalformed},
		{"Basic dXNlcjpwYXNz", "", "", ErrMalformed},
		{reader, "", "", ErrMalformed},
		{"", "", "", ErrNoKey},
	}
	a := New(Options{Store: m})
	defer a.Close()
	for _, test := range tests {
		who, err := a.Identify(t.Context(), test.sent)
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) || who.Tenant != test.tenant || who.Tier.Name != test.tier {
			t.Errorf("%q: %+v, %v", test.sent, who, err)
		}
	}
}

func TestWithoutKeysEverybodyMayEverything(t *testing.T) {
	m := newMemory()
	a := New(Options{Store: m})
	defer a.Close()
	for _, sent := range []string{"", "Bearer " + knownKey, "Bearer x"} {
		who, err := a.Identify(t.Context(), sent)
		if err != nil || who.Tenant != "default" || who.KeyID != "" || who.Tier.Name != "standard" || !who.May(ScopeAdmin) {
			t.Errorf("%q: %+v, %v", sent, who, err)
		}
	}
}

// A revoked last key must not open the launcher to everybody.
func TestARevokedKeyStillCounts(t *testing.T) {
	m := newMemory()
	m.revoke(m.add(t, "acme", "standard", "admin"))
	a := New(Options{Store: m})
	defer a.Close()
	if who, err := a.Identify(t.Context(), ""); !errors.Is(err, ErrNoKey) {
		t.Errorf("%+v, %v", who, err)
	}
}

// What changes in the store acts within a second, under steady requests and after silence.
func TestChangesActWithinASecond(t *testing.T) {
	for _, pause := range []time.Duration{10 * time.Millisecond, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory()
			a := New(Options{Store: m})
			defer a.Close()
			// until asks every pause until the answer is as wanted, and returns how long that took.
			until := func(sent string, wanted func(Identity, error) bool) {
				t.Helper()
				for changed := time.Now(); ; {
					who, err := a.Identify(t.Context(), sent)
					if wanted(who, err) {
						return
					}
					if took := time.Since(changed); took > time.Second {
						t.Fatalf("asked every %v: after %v still %+v, %v", pause, took, who, err)
					}
					time.Sleep(pause)
				}
			}
			until("", func(who Identity, err error) bool { return err == nil && who.Tenant == "default" })
			printed := m.add(t, "acme", "standard", "read")
			until("", func(_ Identity, err error) bool { return errors.Is(err, ErrNoKey) })
			until("Bearer "+printed, func(who Identity, err error) bool { return err == nil && who.Tenant == "acme" })
			m.change(func() { m.tiers[0].Burst = 7 })
			until("Bearer "+printed, func(who Identity, err error) bool { return err == nil && who.Tier.Burst == 7 })
			m.revoke(printed)
			until("Bearer "+printed, func(_ Identity, err error) bool { return errors.Is(err, ErrRevoked) })
		})
	}
}

// A key just made is known within 0.1 s, lest the first request with it is refused.
func TestANewKeyIsKnownAlmostAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		if _, err := a.Identify(t.Context(), ""); !errors.Is(err, ErrNoKey) {
			t.Fatal(err)
		}
		printed := m.add(t, "zeta", "standard", "read")
		time.Sleep(101 * time.Millisecond)
		if who, err := a.Identify(t.Context(), "Bearer "+printed); err != nil || who.Tenant != "zeta" {
			t.Errorf("%+v, %v", who, err)
		}
	})
}

// However many keys are made up, the store is read at most ten times a second, and remembers nothing.
func TestMadeUpKeysDoNotReachTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		for range 3000 { // 3 s
			if _, err := a.Identify(t.Context(), "Bearer "+other(t, "")); !errors.Is(err, ErrUnknown) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if n := m.reads.Load(); n > 31 {
			t.Errorf("the store was read %d times in 3 s", n)
		}
	})
}

// As long as requests keep coming none of them waits for a slow store; a thousand at once read it once.
func TestReadingIsBesideTheRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.slow = 300 * time.Millisecond
		sent := "Bearer " + m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, err := a.Identify(t.Context(), sent); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := m.reads.Load(); n != 1 {
			t.Errorf("the store was read %d times", n)
		}
		for range 100 { // 5 s
			before := time.Now()
			if _, err := a.Identify(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(before); waited > 0 {
				t.Fatalf("a request waited %v for the store", waited)
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

// Without its store nobody is let in on what was known long ago; with it back everything is as before.
func TestAStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		sent := "Bearer " + m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		if _, err := a.Identify(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		m.change(func() { m.fails = store.ErrUnavailable })
		time.Sleep(time.Second + time.Millisecond)
		if who, err := a.Identify(t.Context(), sent); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%+v, %v", who, err)
		}
		m.change(func() { m.fails = nil })
		if _, err := a.Identify(t.Context(), sent); err != nil {
			t.Error(err)
		}
	})
}

// A client that leaves does not wait for a store that hangs, and neither does Close.
func TestNobodyWaitsForAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &hanging{}
		a := New(Options{Store: hangs})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Identify(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		before := time.Now()
		a.Close()
		a.Close()
		if time.Since(before) > 0 {
			t.Error("Close waited for the store")
		}
		if _, err := a.Identify(t.Context(), ""); err == nil {
			t.Error("a closed Access identified somebody")
		}
	})
}

// hanging is a store that answers when it is told to end.
type hanging struct{ memory }

func (*hanging) Keys(ctx context.Context) ([]store.Key, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The use of a key is noted once a minute, however often it is used.
func TestUseIsNotedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		sent := "Bearer " + m.add(t, "acme", "standard", "read")
		a := New(Options{Store: m})
		defer a.Close()
		for range 600 { // 5 minutes: noted at 0, 1, 2, 3 and 4
			if _, err := a.Identify(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(m.touches); n != 5 {
			t.Errorf("noted %d times in 5 minutes", n)
		}
	})
}

// What another launcher has noted within the minute is not noted again.
func TestUseIsNotNotedAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		sent := "Bearer " + m.add(t, "acme", "standard", "read")
		noted := time.Now()
		m.keys[0].LastUsedAt = &noted
		a := New(Options{Store: m})
		defer a.Close()
		for _, at := range []time.Duration{59 * time.Second, 60 * time.Second} {
			time.Sleep(at - time.Since(noted))
			if _, err := a.Identify(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := len(m.touches); n != map[bool]int{false: 0, true: 1}[at == time.Minute] {
				t.Errorf("noted %d times after %v", n, at)
			}
		}
	})
}

func TestCredentialOfARequest(t *testing.T) {
	m := newMemory()
	one, two := m.add(t, "one", "standard", "read"), m.add(t, "two", "standard", "read")
	a := New(Options{Store: m})
	defer a.Close()
	tests := []struct {
		authorization, apiKey []string
		tenant                string
		err                   error
	}{
		{nil, nil, "", ErrNoKey},
		{[]string{"Bearer " + one}, nil, "one", nil},
		{nil, []string{two}, "two", nil},
		{[]string{"Bearer " + one}, []string{one}, "one", nil},
		{[]string{"Bearer " + one}, []string{two}, "", ErrMalformed},
		{[]string{"Bearer " + one, "Bearer " + two}, nil, "", ErrMalformed},
		{nil, []string{one, two}, "", ErrMalformed},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"], r.Header["X-Api-Key"] = test.authorization, test.apiKey
		who, err := a.IdentifyRequest(r)
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) || who.Tenant != test.tenant {
			t.Errorf("%v %v: %+v, %v", test.authorization, test.apiKey, who, err)
		}
	}
}

func TestChallenge(t *testing.T) {
	for err, want := range map[error]string{
		ErrNoKey:     `Bearer realm="whatif"`,
		ErrMalformed: `Bearer realm="whatif", error="invalid_token", error_description="malformed API key"`,
		ErrUnknown:   `Bearer realm="whatif", error="invalid_token", error_description="unknown API key"`,
		ErrRevoked:   `Bearer realm="whatif", error="invalid_token", error_description="revoked API key"`,
	} {
		if got := Challenge(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// Access is used by many requests at once while keys come and go (for the race detector).
func TestManyAtOnce(t *testing.T) {
	m := newMemory()
	first := m.add(t, "acme", "standard", "read")
	a := New(Options{Store: m})
	defer a.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			mine := m.add(t, "acme", "standard", "read")
			for range 200 {
				if _, err := a.Identify(t.Context(), "Bearer "+first); err != nil {
					t.Error(err)
				}
				_, err := a.Identify(t.Context(), "Bearer "+mine)
				if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrRevoked) {
					t.Error(err)
				}
			}
			m.revoke(mine)
		})
	}
	all.Wait()
}

// The secret goes into a hash only: nothing of a store's key gives it away.
func TestTheStoreHasNoSecret(t *testing.T) {
	printed, id, hash, err := NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 27)))
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimPrefix(printed, "wif_"+id+"_")
	if strings.Contains(hash, secret) || len(hash) != 64 {
		t.Errorf("hash %s of %s", hash, printed)
	}
}
