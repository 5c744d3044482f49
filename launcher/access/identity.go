package access

import (
	"fmt"
	"slices"

	"github.com/whatif-machine/whatif/launcher/store"
)

// The scopes of a key. Each includes those before it.
const (
	ScopeRead   = "read"   // see simulations, results, notes, the feed
	ScopeSubmit = "submit" // and submit, cancel, retry, upload, schedule, write notes
	ScopeAdmin  = "admin"  // and what concerns the launcher as a whole
)

// ladder orders the scopes: who has one has those before it.
var ladder = []string{ScopeRead, ScopeSubmit, ScopeAdmin}

// DefaultTenant is the tenant of a launcher without keys.
const DefaultTenant = "default"

// Identity is who asks.
type Identity struct {
	Tenant  string
	KeyID   string // empty: the launcher has no keys
	KeyName string
	Tier    store.Tier
	Scopes  []string
}

// May reports whether the identity has a scope, by itself or by a higher one. Nobody has a scope that
// does not exist.
func (i Identity) May(scope string) bool {
	wanted := slices.Index(ladder, scope)
	return wanted >= 0 && slices.ContainsFunc(i.Scopes, func(has string) bool {
		return slices.Index(ladder, has) >= wanted
	})
}

// Bucket is the name under which the identity's requests are counted by a limiter.
func (i Identity) Bucket() string {
	if i.KeyID == "" {
		return "tenant:" + i.Tenant
	}
	return "key:" + i.KeyID
}

// CheckScopes refuses scopes that a key can't have.
func CheckScopes(scopes []string) error {
	if len(scopes) == 0 {
		return fmt.Errorf("a key needs a scope: %s, %s or %s", ScopeRead, ScopeSubmit, ScopeAdmin)
	}
	for _, s := range scopes {
		if !slices.Contains(ladder, s) {
			return fmt.Errorf("%q is no scope; there are %s, %s and %s", s, ScopeRead, ScopeSubmit, ScopeAdmin)
		}
	}
	return nil
}
