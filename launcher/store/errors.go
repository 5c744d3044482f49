package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// kind is what a database's error means for us.
type kind int

const (
	other       kind = iota
	transient        // the transaction met another: run it again
	orphaned         // a document that was there has been removed: run it again with its text
	refused          // a CHECK or trigger refused a change of state
	duplicate        // a name is taken
	diskFull         // nothing was written
	unavailable      // the database can't be reached
	malformed        // a text that PostgreSQL can't keep
)

// kindOf tells what an error of either database means.
func kindOf(err error) kind {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteKind(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(e.Code)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if connecting || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return unavailable
	}
	return other
}

func sqliteKind(code int) kind {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return orphaned
	case sqlite3.SQLITE_CONSTRAINT_TRIGGER, sqlite3.SQLITE_CONSTRAINT_CHECK:
		return refused
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate
	}
	switch code & 0xff { // the primary code; the rest says where
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return transient
	case sqlite3.SQLITE_FULL:
		return diskFull
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return unavailable
	}
	return other
}

func postgresKind(code string) kind {
	switch code {
	case "40001", "40P01", "55P03": // serialization failure, deadlock, lock not available
		return transient
	case "23503":
		return orphaned
	case "23514", "WI001": // check, and our triggers' own code
		return refused
	case "23505":
		return duplicate
	case "22021":
		return malformed
	case "53100":
		return diskFull
	}
	// Connection, resources, shutting down, and a transaction that was given up because its launcher had stopped.
	for _, class := range []string{"08", "53", "57P", "25P03"} {
		if strings.HasPrefix(code, class) {
			return unavailable
		}
	}
	return other
}

// explain gives a database's error the meaning that callers ask for.
func explain(what string, err error) error {
	if err == nil || meant(err) {
		return err
	}
	// A connection that took too long to make is also a deadline that passed, but not the caller's.
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); !connecting && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	switch kindOf(err) {
	case refused:
		return fmt.Errorf("store: %s: %w: %w", what, ErrWrongState, err)
	case malformed:
		return fmt.Errorf("store: %s: %w: a text holds a zero byte or is not UTF-8", what, ErrInvalid)
	case diskFull:
		return fmt.Errorf("store: %s: the store's disk is full, nothing of this was written; free space and try again: %w: %w", what, ErrUnavailable, err)
	case unavailable, transient:
		return fmt.Errorf("store: %s: %w: %w", what, ErrUnavailable, err)
	default:
		return fmt.Errorf("store: %s: %w", what, err)
	}
}

// meant reports whether an error is one of ours already.
func meant(err error) bool {
	for _, ours := range []error{ErrNotFound, ErrGone, ErrWrongState, ErrLeaseLost, ErrKeyReused, ErrConflict, ErrUnavailable, ErrPageToken, ErrInvalid} {
		if errors.Is(err, ours) {
			return true
		}
	}
	return false
}

// storable is a text without what PostgreSQL refuses to keep: zero bytes and what is not UTF-8.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}
