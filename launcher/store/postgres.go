package store

import (
	"context"
	"fmt"
)

func (s *Store) openPostgres(ctx context.Context, url string) error {
	return fmt.Errorf("store: PostgreSQL: %w", ErrUnavailable)
}
