package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Store is the launcher's memory: SQLite in a file, or PostgreSQL shared by several launchers. It is safe
// for concurrent use. Methods with a tenant see that tenant's rows only; others are ErrNotFound.
type Store struct {
	dialect *dialect
	now     func() time.Time // nil: the database's clock
	writer  *sql.DB          // SQLite: one connection; PostgreSQL: the pool
	reader  *sql.DB          // SQLite: several connections that can't write; PostgreSQL: the pool
	lock    io.Closer        // of SQLite's file; nil: none

	changes   changes
	documents documents
	inbox     chan *submission
	stop      context.CancelFunc
	stopped   context.Context
	kill      context.CancelFunc
	killed    context.Context // ends when Close has no patience left
	patience  time.Duration   // for an answer of the database; 0: none needed
	drained   chan struct{}   // closed when no submission will be answered any more
	loops     sync.WaitGroup
	closing   sync.Once
	closed    error
	pruned    atomic.Int64 // when old idempotency keys were last removed, in microseconds
}

// Options of Open.
type Options struct {
	Now      func() time.Time // default: the database's clock (PostgreSQL), time.Now (SQLite)
	Patience time.Duration    // for an answer of a PostgreSQL, after which it is ErrUnavailable; default: 10 s
}

// Open opens the store at a URL, `sqlite:PATH` (or a bare path) or `postgres://..`, and migrates it. One launcher at
// a time opens an SQLite file (flock beside it); ReadWrite tools such as `whatif keys` use OpenShared.
func Open(ctx context.Context, url string, o Options) (*Store, error) { return open(ctx, url, o, true) }

// OpenShared opens the store for tools beside a running launcher.
func OpenShared(ctx context.Context, url string, o Options) (*Store, error) {
	return open(ctx, url, o, false)
}

func open(ctx context.Context, url string, o Options, alone bool) (*Store, error) {
	stopped, stop := context.WithCancel(context.WithoutCancel(ctx))
	killed, kill := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{now: o.Now, patience: cmp.Or(o.Patience, defaultPatience), killed: killed, kill: kill, stop: stop, stopped: stopped, drained: make(chan struct{}), inbox: make(chan *submission, maxBatch)}
	s.changes.init()
	var err error
	switch {
	case strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://"):
		err = s.openPostgres(ctx, url)
	case url == "" || url == "sqlite:":
		err = errors.New("store: no file named; want sqlite:PATH or postgres://user@host/database")
	case strings.Contains(strings.TrimPrefix(url, "sqlite:"), "://"):
		err = fmt.Errorf("store: %q is neither sqlite:PATH nor postgres://HOST/DATABASE", url)
	default:
		err = s.openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), alone)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.startCommitting()
	return s, nil
}

// Close ends what Open started. Submissions under way get an answer or an error. It may be called twice.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stop()
		impatient := time.AfterFunc(closeGrace, s.kill)
		s.loops.Wait()
		impatient.Stop()
		s.kill()
		close(s.drained)
		var errs []error
		if s.writer != nil {
			errs = append(errs, s.writer.Close())
		}
		if s.reader != nil && s.reader != s.writer {
			errs = append(errs, s.reader.Close())
		}
		if s.lock != nil {
			errs = append(errs, s.lock.Close())
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return explain("ping", s.reading().row(ctx, "SELECT 1").Scan(&one))
}

// Changed is closed and renewed whenever this process committed something that a queue or a watcher may wait
// for; on PostgreSQL also soon after another launcher did, as long as the connection for that holds.
// Others poll. Wait on the channel it returned before looking.
func (s *Store) Changed() <-chan struct{} { return s.changes.wait() }

// changes wakes up everybody who waits.
type changes struct {
	mu   sync.Mutex
	next chan struct{}
	tell chan struct{} // wakes the one that tells other launchers; holds at most one
}

func (c *changes) init() {
	c.next = make(chan struct{})
	c.tell = make(chan struct{}, 1)
}

func (c *changes) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// wake wakes those of this process.
func (c *changes) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.next)
	c.next = make(chan struct{})
}

// committed wakes those of this process and, soon, of others.
func (c *changes) committed() {
	c.wake()
	select {
	case c.tell <- struct{}{}:
	default: // it has not gone out yet and will cover this one
	}
}

// reading is a session outside any transaction.
func (s *Store) reading() session {
	return session{on: s.reader, dialect: s.dialect, patience: s.patience}
}

// tx is one transaction of ours.
type tx struct {
	session
	store  *Store
	now    time.Time // as of tick, in whole microseconds
	silent bool      // nobody waits for what it changes
}

// tick sets now. It is asked for after a lock was waited for: a lease may have run out meanwhile.
func (t *tx) tick(ctx context.Context) (err error) {
	t.now, err = t.store.clock(ctx, t.session)
	return err
}

// errClosed is the answer to a submission that Close overtook.
var errClosed = fmt.Errorf("store: it was closed: %w", ErrUnavailable)

// write runs f as one transaction and commits it. The databases may ask for it to be run again, so f
// must set what it returns anew each time.
func (s *Store) write(ctx context.Context, what string, f func(*tx) error) error {
	var err error
	for try := range maxTries {
		silent := false
		err = s.once(ctx, f, &silent)
		if err == nil {
			if !silent {
				s.changes.committed()
			}
			return nil
		}
		switch kindOf(err) {
		case transient:
		case orphaned: // a document was removed between being known and being referred to
			s.documents.forget()
		default:
			return explain(what, err)
		}
		if !pause(ctx, time.Duration(rand.Int64N(int64(time.Millisecond)<<min(try, 7)))) {
			return ctx.Err()
		}
	}
	return explain(what, err)
}

// maxTries of a transaction; with pauses up to 128 ms on top of SQLite's own waiting for a lock.
const maxTries = 10

// pause waits, and reports whether there is a point in going on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once is one try of write.
func (s *Store) once(ctx context.Context, f func(*tx) error, silent *bool) (err error) {
	ctx, cancel := s.transactional(ctx)
	defer cancel()
	var under *sql.Tx
	err = s.frame(cancel, func() (err error) { under, err = s.writer.BeginTx(ctx, nil); return err })
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if undone := s.frame(cancel, under.Rollback); undone != nil && !errors.Is(undone, sql.ErrTxDone) && !errors.Is(err, ErrUnavailable) {
			err = errors.Join(err, undone)
		}
	}()
	t := &tx{session: session{on: under, dialect: s.dialect, patience: s.patience}, store: s}
	if err := f(t); err != nil {
		return err
	}
	*silent = t.silent
	if err := s.frame(cancel, under.Commit); err != nil {
		if s.dialect == sqliteDialect {
			// A commit that failed may leave the one connection inside its transaction. Where it does not, this fails and
			// has nothing to do.
			_, _ = s.writer.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	}
	return nil
}

// clock is the time that leases and due times are measured by: the database's where launchers share one.
func (s *Store) clock(ctx context.Context, c session) (time.Time, error) {
	if s.now != nil {
		return whole(s.now()), nil
	}
	if s.dialect.clock == "" {
		return whole(time.Now()), nil
	}
	var at int64
	if err := c.row(ctx, s.dialect.clock).Scan(&at); err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(at).UTC(), nil
}
