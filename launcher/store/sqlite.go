package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

// sqliteReaders is how many queries run beside the one writer.
const sqliteReaders = 4

// openSQLite opens a file, making it if there is none. Only the launcher (alone) takes the lock that
// keeps a second launcher out.
func (s *Store) openSQLite(ctx context.Context, path string, alone bool) (err error) {
	s.dialect, s.patience = sqliteDialect, 0
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("store: where is %s: %w", path, err)
	}
	if err := createPrivate(path); err != nil {
		return err
	}
	if alone {
		if s.lock, err = lockFile(path+".lock", false); errors.Is(err, errLocked) {
			return fmt.Errorf("store: %s is open in another launcher; stop that one, or give this one another --store, or share a PostgreSQL", path)
		} else if err != nil {
			return fmt.Errorf("store: lock %s: %w", path, err)
		}
	}
	if err := migrateSQLite(ctx, path); err != nil {
		return explain("open "+path, err)
	}
	if s.writer, err = openPrepared(sqliteURL(path, "_txlock=immediate")); err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = openPrepared(sqliteURL(path, "_pragma=query_only(1)")); err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	s.reader.SetMaxOpenConns(sqliteReaders)
	s.reader.SetMaxIdleConns(sqliteReaders)
	if alone {
		return explain("open "+path, s.voidLeases(ctx))
	}
	return nil
}

// voidLeases ends the leases that were left when the last launcher of this file ended: having its lock proves that it
// has, so its work can be taken over at once.
func (s *Store) voidLeases(ctx context.Context) error {
	return s.write(ctx, "void old leases", func(t *tx) error {
		if _, err := t.exec(ctx, "UPDATE simulations SET lease_until = ? WHERE state = 'running' AND lease_until > ?", void.UnixMicro(), void.UnixMicro()); err != nil {
			return err
		}
		_, err := t.exec(ctx, "UPDATE deliveries SET lease_until = NULL WHERE state = 'pending' AND lease_until IS NOT NULL")
		return err
	})
}

// sqliteURL names a file and what each connection to it begins with: a commit is on disk when it
// returns, readers and the writer don't wait for each other, and a tool of another process may hold the
// writer's lock for a while. Checkpoints stay inside the commits, as they are by default: with none at all the slowest of 300
// submissions a second took as long (p99 16 to 50 ms, 11 to 24 ms with them), and elsewhere they let the log grow.
func sqliteURL(path, more string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&" + more
}

// createPrivate makes an empty file that only its owner reads, unless there is one.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("store: folder of %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: create %s: %w", path, err)
	}
	return file.Close()
}

// migrateSQLite brings the tables up to date, one process at a time.
func migrateSQLite(ctx context.Context, path string) (err error) {
	turn, err := lockFile(path+".migrate", true)
	if err != nil {
		return fmt.Errorf("wait for another migration: %w", err)
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	db, err := sql.Open("sqlite", sqliteURL(path, "_txlock=immediate"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return migrate(ctx, goose.DialectSQLite3, db, "migrations/sqlite")
}
