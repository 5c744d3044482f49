package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// CreateKey keeps a new API key. ErrConflict: the id is taken. ErrNotFound: there is no such tier.
func (s *Store) CreateKey(ctx context.Context, k Key) error {
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return fmt.Errorf("scopes of key %s: %w", k.ID, err)
	}
	return s.write(ctx, "create a key", func(t *tx) error {
		if err := t.tick(ctx); err != nil {
			return err
		}
		tier, err := t.maybe(ctx, "SELECT name FROM tiers WHERE name = ?", k.Tier)
		if err != nil {
			return err
		}
		if tier == "" {
			return fmt.Errorf("tier %q: %w: make it first", k.Tier, ErrNotFound)
		}
		_, err = t.exec(ctx, "INSERT INTO keys (id, hash, name, tenant, tier, scopes, created_at, revoked_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			k.ID, k.Hash, k.Name, k.Tenant, k.Tier, string(scopes), orNow(k.CreatedAt, t.now).UnixMicro(), microsOf(k.RevokedAt), microsOf(k.LastUsedAt))
		if kindOf(err) == duplicate {
			return fmt.Errorf("key %s exists: %w", k.ID, ErrConflict)
		}
		return err
	})
}

func readKey(row scanner) (k Key, err error) {
	var scopes string
	var created, revoked, used instant
	if err := row.Scan(&k.ID, &k.Hash, &k.Name, &k.Tenant, &k.Tier, &scopes, &created, &revoked, &used); err != nil {
		return k, err
	}
	k.CreatedAt, k.RevokedAt, k.LastUsedAt = created.zero(), revoked.at, used.at
	return k, json.Unmarshal([]byte(scopes), &k.Scopes)
}

const keyColumns = "id, hash, name, tenant, tier, scopes, created_at, revoked_at, last_used_at"

// Key is a key by its public part, revoked or not.
func (s *Store) Key(ctx context.Context, id string) (Key, error) {
	k, err := readKey(s.reading().row(ctx, "SELECT "+keyColumns+" FROM keys WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return k, fmt.Errorf("key %s: %w", id, ErrNotFound)
	}
	return k, explain("read a key", err)
}

// Keys lists all keys, the oldest first.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	keys, err := list(ctx, s.reading(), readKey, "SELECT "+keyColumns+" FROM keys ORDER BY created_at, id")
	return keys, explain("list keys", err)
}

// RevokeKey ends a key for good. Revoking it again is no error and keeps the first time.
func (s *Store) RevokeKey(ctx context.Context, id string) error {
	return s.write(ctx, "revoke a key", func(t *tx) error {
		if err := t.tick(ctx); err != nil {
			return err
		}
		n, err := t.exec(ctx, "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", t.now.UnixMicro(), id)
		if err == nil && n == 0 {
			return fmt.Errorf("key %s: %w", id, ErrNotFound)
		}
		return err
	})
}

// TouchKey notes that a key was used, to the minute: most calls change nothing.
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	minute := at.UTC().Truncate(time.Minute)
	k, err := s.Key(ctx, id)
	if err != nil || k.LastUsedAt != nil && !k.LastUsedAt.Before(minute) {
		return err
	}
	return s.write(ctx, "touch a key", func(t *tx) error {
		t.silent = true
		_, err := t.exec(ctx, "UPDATE keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)", minute.UnixMicro(), id, minute.UnixMicro())
		return err
	})
}

func readTier(row scanner) (t Tier, err error) {
	err = row.Scan(&t.Name, &t.PerMinute, &t.Burst, &t.MaxPriority, &t.MaxQueued)
	return t, err
}

// Tiers lists all tiers by name. `standard` (600 a minute, burst 100, priority 5) exists from the start.
func (s *Store) Tiers(ctx context.Context) ([]Tier, error) {
	tiers, err := list(ctx, s.reading(), readTier, "SELECT name, per_minute, burst, max_priority, max_queued FROM tiers ORDER BY name")
	return tiers, explain("list tiers", err)
}

// PutTier makes a tier or replaces the one of its name.
func (s *Store) PutTier(ctx context.Context, tier Tier) error {
	if tier.Name == "" || tier.PerMinute < 1 || tier.Burst < 1 || tier.MaxPriority < 0 || tier.MaxPriority > 9 || tier.MaxQueued < 0 {
		return fmt.Errorf("%w: tier %+v: it needs a name, at least 1 a minute and a burst of 1, a priority of 0 to 9", ErrInvalid, tier)
	}
	return s.write(ctx, "put a tier", func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO tiers (name, per_minute, burst, max_priority, max_queued) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
 SET per_minute = excluded.per_minute, burst = excluded.burst, max_priority = excluded.max_priority, max_queued = excluded.max_queued`,
			tier.Name, tier.PerMinute, tier.Burst, tier.MaxPriority, tier.MaxQueued)
		return err
	})
}
