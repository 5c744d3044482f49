package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// Store is what access needs of the launcher's store.
type Store interface {
	Keys(ctx context.Context) ([]store.Key, error)
	Tiers(ctx context.Context) ([]store.Tier, error)
	TouchKey(ctx context.Context, id string, at time.Time) error
}

// Options of New.
type Options struct {
	Store  Store
	Logger *slog.Logger     // default: discards
	Now    func() time.Time // default: time.Now
}

// Access identifies who asks. It is safe for concurrent use.
type Access struct {
	store    Store
	logger   *slog.Logger
	now      func() time.Time
	failures *throttle
	work     sync.WaitGroup // what runs beside requests: reading the roster, noting the use of keys
	ctx      context.Context
	cancel   context.CancelFunc

	mu      sync.Mutex
	current *roster
	reading *reading             // under way, or nil
	used    map[string]time.Time // key id -> last use that was noted, or is about to be
	notes   map[string]time.Time // uses not yet written
	writing bool                 // somebody writes them
}

// New returns an Access over a store. Close it in the end.
func New(o Options) *Access {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Access{
		store: o.Store, logger: o.Logger, now: o.Now, failures: newThrottle(o.Now), ctx: ctx, cancel: cancel,
		used: map[string]time.Time{}, notes: map[string]time.Time{},
	}
}

// Close ends what runs beside requests and waits for it. It may be called twice.
func (a *Access) Close() {
	a.mu.Lock() // whoever starts work holds it
	a.cancel()
	a.mu.Unlock()
	a.work.Wait()
}

// IdentifyRequest says who sent a request, by its Authorization or X-API-Key field. An address that
// sends too many wrong keys is answered with *Throttled for a while, except for keys that were right
// from there before. The address is the connection's: what a proxy claims in a header anybody can.
func (a *Access) IdentifyRequest(r *http.Request) (Identity, error) {
	authorization, err := credential(r.Header)
	if err != nil {
		return Identity{}, err
	}
	from := source(r.RemoteAddr)
	id, _, _ := parseKey(token(authorization))
	if wait := a.failures.refuse(from, id); wait > 0 {
		return Identity{}, &Throttled{RetryAfter: wait}
	}
	who, err := a.Identify(r.Context(), authorization)
	switch {
	case err == nil && who.KeyID != "":
		a.failures.succeeded(from, who.KeyID)
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrUnknown), errors.Is(err, ErrRevoked):
		a.failures.failed(from)
	}
	return who, err
}

// Identify says who sent an Authorization field. Errors: ErrNoKey, ErrMalformed, ErrUnknown, ErrRevoked,
// or the store's.
func (a *Access) Identify(ctx context.Context, authorization string) (Identity, error) {
	id, secret, wrong := parseKey(token(authorization))
	if authorization == "" {
		wrong = ErrNoKey
	}
	list, err := a.rosterFor(ctx, id)
	if err != nil {
		return Identity{}, fmt.Errorf("the API key could not be checked: %w", err)
	}
	if len(list.keys) == 0 {
		return Identity{Tenant: DefaultTenant, Tier: list.tier(standard), Scopes: ladder[:]}, nil
	}
	if wrong != nil {
		return Identity{}, wrong
	}
	key := list.keys[id] // the zero key has an empty hash, which no secret has
	if subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(key.Hash)) != 1 {
		return Identity{}, ErrUnknown
	}
	if key.RevokedAt != nil {
		return Identity{}, fmt.Errorf("%w on %s", ErrRevoked, key.RevokedAt.UTC().Format(time.DateOnly))
	}
	a.noteUse(key)
	return Identity{Tenant: key.Tenant, KeyID: key.ID, KeyName: key.Name, Tier: list.tier(key.Tier), Scopes: key.Scopes}, nil
}

// Challenge is the WWW-Authenticate field that goes with a 401 (RFC 6750, section 3): without a key only
// the scheme, otherwise what is wrong with it.
func Challenge(err error) string {
	const realm = `Bearer realm="whatif"`
	switch {
	case errors.Is(err, ErrMalformed):
		return realm + `, error="invalid_token", error_description="malformed API key"`
	case errors.Is(err, ErrRevoked):
		return realm + `, error="invalid_token", error_description="revoked API key"`
	case errors.Is(err, ErrUnknown):
		return realm + `, error="invalid_token", error_description="unknown API key"`
	}
	return realm
}

// credential is the request's Authorization field, or its X-API-Key as one. Two of them that differ are
// refused, lest two programs on the way read different ones.
func credential(h http.Header) (string, error) {
	all := h.Values("Authorization")
	for _, key := range h.Values("X-API-Key") {
		all = append(all[:len(all):len(all)], bearer+key)
	}
	for _, other := range all {
		if token(other) != token(all[0]) {
			return "", fmt.Errorf("%w: the request has two that differ", ErrMalformed)
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[0], nil
}

const bearer = "Bearer "

// token is the key of an Authorization field; the scheme's name is case-insensitive (RFC 9110, 11.1).
func token(authorization string) string {
	if len(authorization) > len(bearer) && strings.EqualFold(authorization[:len(bearer)], bearer) {
		return strings.TrimSpace(authorization[len(bearer):])
	}
	return ""
}
