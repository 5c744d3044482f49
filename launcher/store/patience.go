package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// defaultPatience is how long a PostgreSQL may take to answer one statement, or a batch of submissions. Far less is normal; a
	// server that is frozen, or behind a network that swallows all, answers nothing, and without this nobody would ever be told.
	defaultPatience = 10 * time.Second
	// closeGrace is how long Close lets the submissions go on that are on their way to the disk.
	closeGrace = 3 * time.Second
)

// late is the error of a database that has not answered in time. What it was asked for may have been done all the same.
func late(after time.Duration) error {
	return fmt.Errorf("store: the database has not answered for %s: %w", after, ErrUnavailable)
}

// bounded is a context for one statement, and what makes its error of the statement's and ends it. A file needs no bound: SQLite has
// its own for waiting, and a disk that hangs can't be interrupted.
func (c session) bounded(ctx context.Context) (inner context.Context, done func(error) error) {
	if c.patience == 0 {
		return ctx, func(err error) error { return err }
	}
	inner, cancel := context.WithTimeout(ctx, c.patience)
	return inner, func(err error) error {
		passed := errors.Is(inner.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		cancel()
		if err != nil && passed && !errors.Is(err, sql.ErrNoRows) {
			return late(c.patience)
		}
		return err
	}
}

// single is a row of one answer, to be scanned once.
type single struct {
	row  *sql.Row
	done func(error) error
}

// Scan reads the row.
func (r single) Scan(into ...any) error { return r.done(r.row.Scan(into...)) }

// frame runs the beginning, commit or rollback of a transaction, whose context (unlike that of a statement) lasts as long as the
// transaction: cancel ends it if the database does not answer.
func (s *Store) frame(cancel func(), do func() error) error {
	if s.patience == 0 {
		return do()
	}
	timer := time.AfterFunc(s.patience, cancel)
	err := do()
	if inTime := timer.Stop(); err != nil && !inTime {
		return late(s.patience)
	}
	return err
}

// transactional is a context for a transaction and its frame.
func (s *Store) transactional(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return ctx, func() {}
	}
	return context.WithCancel(ctx)
}

// committing is a context for a batch of submissions, each of which may have been given up by who sent it; the others have
// not. It outlives stop by closeGrace.
func (s *Store) committing() (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return context.WithoutCancel(s.stopped), func() {}
	}
	return context.WithTimeout(s.killed, s.patience)
}

// tooLate makes an error of a batch whose context has ended one of who submitted.
func (s *Store) tooLate(ctx context.Context, err error) error {
	switch {
	case err == nil || ctx.Err() == nil:
		return err
	case s.killed.Err() != nil:
		return errClosed
	default:
		return late(s.patience)
	}
}
