package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/whatif-machine/whatif/model"
)

// database is an empty one of either kind, for one test.
type database struct {
	kind string
	url  string
}

// each runs a test on both stores. PostgreSQL is the server of WHATIF_TEST_POSTGRES.
func each(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, database{kind: "sqlite", url: "sqlite:" + filepath.Join(t.TempDir(), "launcher.db")})
	})
	server := os.Getenv("WHATIF_TEST_POSTGRES")
	if server == "" {
		t.Log("WHATIF_TEST_POSTGRES is not set (.ci/postgres starts a server): on SQLite only")
		return
	}
	t.Run("postgres", func(t *testing.T) { test(t, database{kind: "postgres", url: newSchema(t, server)}) })
}

// newSchema makes a schema of its own for a test and drops it afterwards.
func newSchema(t testing.TB, server string) string {
	t.Helper()
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatalf("WHATIF_TEST_POSTGRES: %v", err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	values := u.Query()
	values.Set("search_path", name)
	u.RawQuery = values.Encode()
	return u.String()
}

// open opens the store, closing it when the test ends.
func (d database) open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), d.url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// raw is the database itself, for what the store would not do.
func (d database) raw(t testing.TB) session {
	t.Helper()
	driver, dsn, dialect := "pgx", d.url, postgresDialect
	if d.kind == "sqlite" {
		driver, dsn, dialect = "sqlite", sqliteURL(strings.TrimPrefix(d.url, "sqlite:"), "_txlock=immediate"), sqliteDialect
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return session{on: db, dialect: dialect}
}

// fakeClock stands still until it is told.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *fakeClock { return &fakeClock{at: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// study is a submission of n variants.
func study(tenant, id string, n int) Submission {
	return Submission{
		Simulation: Simulation{ID: id, Tenant: tenant, Name: "study " + id, Owner: "ada", Priority: 5, Variants: n, Slots: 1000, Campaigns: 3,
			Labels: []model.Label{{Key: "quarter", Value: "q3"}}},
		Inputs: model.Inputs{EngineVersion: "1", SnapshotSHA256: "feed", Config: model.Document{Name: "study.yaml", Text: "name: " + id}},
	}
}

// names are the ids of a plan of n variants.
func names(n int) []string {
	all := []string{"baseline"}
	for i := 1; i < n; i++ {
		all = append(all, fmt.Sprintf("v%04d", i))
	}
	return all
}

// must is the value of a call that must not fail.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// submit submits what must be new.
func submit(t testing.TB, s *Store, sub Submission) Simulation {
	t.Helper()
	sim, existing, err := s.Submit(context.WithoutCancel(t.Context()), sub)
	if err != nil || existing {
		t.Fatalf("submit %s: existing %v, %v", sub.Simulation.ID, existing, err)
	}
	return sim
}

// claimed submits a study and claims it for holder.
func claimed(t testing.TB, s *Store, sub Submission, holder string) Lease {
	t.Helper()
	submit(t, s, sub)
	got, err := s.Claim(t.Context(), holder, time.Minute)
	if err != nil || got == nil || got.Simulation.ID != sub.Simulation.ID {
		t.Fatalf("claim of %s: %+v, %v", sub.Simulation.ID, got, err)
	}
	return got.Lease
}
