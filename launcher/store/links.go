package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// CreateLink keeps a short link under its key. ErrConflict: the key, an alias that somebody chose, is taken.
func (s *Store) CreateLink(ctx context.Context, l Link) (Link, error) {
	if l.Key == "" || l.Tenant == "" || l.Target == "" {
		return l, fmt.Errorf("%w: a link needs a key, a tenant and a target", ErrInvalid)
	}
	l.Target, l.CreatedBy = storable(l.Target), storable(l.CreatedBy)
	made := l
	err := s.write(ctx, "create a link", func(t *tx) error {
		t.silent = true
		if err := t.tick(ctx); err != nil {
			return err
		}
		made.CreatedAt, made.Visits = orNow(l.CreatedAt, t.now), 0
		if l.ExpiresAt != nil {
			at := whole(*l.ExpiresAt)
			made.ExpiresAt = &at
		}
		_, err := t.exec(ctx, "INSERT INTO links (key, tenant, target, created_by, created_at, expires_at, visits) VALUES (?, ?, ?, ?, ?, ?, 0)",
			made.Key, made.Tenant, made.Target, made.CreatedBy, made.CreatedAt.UnixMicro(), microsOf(made.ExpiresAt))
		if kindOf(err) == duplicate {
			return fmt.Errorf("link %s exists: %w: choose another alias", l.Key, ErrConflict)
		}
		return err
	})
	return made, err
}

// VisitLink counts a visit and returns the link: ErrNotFound, or ErrGone for one that has expired.
func (s *Store) VisitLink(ctx context.Context, key string) (l Link, err error) {
	err = s.write(ctx, "follow a link", func(t *tx) error {
		t.silent = true
		if err := t.tick(ctx); err != nil {
			return err
		}
		var created, expires instant
		err := t.row(ctx, "SELECT key, tenant, target, created_by, created_at, expires_at, visits FROM links WHERE key = ?"+t.dialect.forUpdate, key).
			Scan(&l.Key, &l.Tenant, &l.Target, &l.CreatedBy, &created, &expires, &l.Visits)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("link %s: %w", key, ErrNotFound)
		}
		if err != nil {
			return err
		}
		l.CreatedAt, l.ExpiresAt = created.zero(), expires.at
		if l.ExpiresAt != nil && !l.ExpiresAt.After(t.now) {
			return fmt.Errorf("link %s has expired: %w", key, ErrGone)
		}
		l.Visits++
		_, err = t.exec(ctx, "UPDATE links SET visits = visits + 1 WHERE key = ?", key)
		return err
	})
	return l, err
}
