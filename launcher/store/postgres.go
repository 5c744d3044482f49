package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// postgresConns bounds what one launcher asks of a server that by default has 100 for all.
	postgresConns = 16
	// listenChannel is where launchers tell each other that something was committed.
	listenChannel = "whatif_changed"
	// tellEvery is how long a launcher waits before it tells others again.
	tellEvery = 10 * time.Millisecond
	// listenAgain is how long a launcher waits before it connects again to listen.
	listenAgain = time.Second
)

// openPostgres opens a database that launchers share, and its ears for what the others commit.
func (s *Store) openPostgres(ctx context.Context, url string) (err error) {
	s.dialect = postgresDialect
	config, err := postgresConfig(url)
	if err != nil {
		return err
	}
	s.writer = stdlib.OpenDB(*config)
	s.reader = s.writer
	s.writer.SetMaxOpenConns(postgresConns)
	s.writer.SetMaxIdleConns(postgresConns)
	s.writer.SetConnMaxIdleTime(5 * time.Minute)
	if err := s.migratePostgres(ctx); err != nil {
		return explain(fmt.Sprintf("open PostgreSQL at %s:%d, database %s", config.Host, config.Port, config.Database), err)
	}
	name := rand.Text()
	s.loops.Go(func() { s.listen(config, name) })
	s.loops.Go(func() { s.tell(name) })
	return nil
}

// postgresConfig is a URL's configuration with what our promises need, where the URL does not say otherwise.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("store: PostgreSQL's URL: %w", err) // pgx hides the password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":   "whatif",
		"synchronous_commit": "on", // a commit is on disk when it returns, whatever the server's default
		// Locks of a launcher that was stopped inside a transaction must not outlive its lease by much.
		"idle_in_transaction_session_timeout": "5000",
		"default_transaction_isolation":       "read committed", // rows are locked where it matters
	} {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// migratePostgres brings the tables up to date, one launcher at a time.
func (s *Store) migratePostgres(ctx context.Context) (err error) {
	turn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	const name = "hashtext('whatif ' || coalesce(current_schema(), ''))"
	if _, err := turn.ExecContext(ctx, "SELECT pg_advisory_lock("+name+")"); err != nil {
		return err
	}
	defer func() {
		_, unlocked := turn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+name+")")
		err = errors.Join(err, unlocked)
	}()
	return migrate(ctx, goose.DialectPostgres, s.writer, "migrations/postgres")
}

// listen wakes this process when another launcher has committed something. When its connection is lost it makes another
// and wakes everybody, for something may have been missed; until then callers poll, as they do anyway.
func (s *Store) listen(config *pgx.ConnConfig, name string) {
	for {
		// The error is of no use to anybody: the database's other users meet it too and report it.
		_ = s.listenOnce(config, name)
		if !pause(s.stopped, listenAgain) {
			return
		}
	}
}

func (s *Store) listenOnce(config *pgx.ConnConfig, name string) (err error) {
	conn, err := pgx.ConnectConfig(s.stopped, config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.stopped), time.Second)
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	if _, err := conn.Exec(s.stopped, "LISTEN "+listenChannel); err != nil {
		return err
	}
	s.changes.wake()
	for {
		told, err := conn.WaitForNotification(s.stopped)
		if err != nil {
			return err
		}
		if told.Payload != name {
			s.changes.wake()
		}
	}
}

// tell tells other launchers that something was committed, once for all that was committed within a short time. It is
// no part of those transactions: PostgreSQL commits those that notify one after the other.
func (s *Store) tell(name string) {
	for {
		select {
		case <-s.changes.tell:
		case <-s.stopped.Done():
			return
		}
		// Lost when the database is away; then the others poll.
		_, _ = s.writer.ExecContext(s.stopped, "SELECT pg_notify($1, $2)", listenChannel, name)
		if !pause(s.stopped, tellEvery) {
			return
		}
	}
}
