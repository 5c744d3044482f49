package access

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// With the real store, its keys edited from beside the running launcher as `whatif keys` does.
func TestKeysOfTheRealStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "launcher.db")
	launcher, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, launcher)
	beside, err := store.OpenShared(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, beside)
	a := New(Options{Store: launcher})
	defer a.Close()
	// soon asks until the answer is as wanted: within the second that is promised, and some for a busy machine.
	soon := func(what, sent string, wanted func(Identity, error) bool) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); ; {
			who, err := a.Identify(t.Context(), sent)
			if wanted(who, err) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v, %v", what, who, err)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	soon("no keys", "", func(who Identity, err error) bool {
		return err == nil && who.Tenant == DefaultTenant && who.Tier.Burst == 100
	})
	printed, id, hash, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	done := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done(beside.PutTier(t.Context(), store.Tier{Name: "gold", PerMinute: 6000, Burst: 500, MaxPriority: 9}))
	done(beside.CreateKey(t.Context(), store.Key{ID: id, Hash: hash, Name: "ann", Tenant: "acme", Tier: "gold", Scopes: []string{ScopeSubmit}, CreatedAt: time.Now()}))
	soon("the first key", "", func(_ Identity, err error) bool { return errors.Is(err, ErrNoKey) })
	soon("the key", "Bearer "+printed, func(who Identity, err error) bool {
		return err == nil && who.Tenant == "acme" && who.KeyName == "ann" && who.Tier.Burst == 500 && who.May(ScopeSubmit) && !who.May(ScopeAdmin)
	})
	done(beside.PutTier(t.Context(), store.Tier{Name: "gold", PerMinute: 6000, Burst: 7, MaxPriority: 9}))
	soon("the tier", "Bearer "+printed, func(who Identity, err error) bool { return err == nil && who.Tier.Burst == 7 })
	for deadline := time.Now().Add(5 * time.Second); ; {
		key, err := beside.Key(t.Context(), id)
		done(err)
		if key.LastUsedAt != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("its use was not noted")
		}
		<-time.After(5 * time.Millisecond)
	}
	done(beside.RevokeKey(t.Context(), id))
	soon("revoked", "Bearer "+printed, func(_ Identity, err error) bool { return errors.Is(err, ErrRevoked) })
	soon("still with keys", "", func(_ Identity, err error) bool { return errors.Is(err, ErrNoKey) })
}

func closed(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
