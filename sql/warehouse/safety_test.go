package warehouse_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

const someID = "20260701-aaaaaaaaaa"

// simple is a store of one succeeded baseline.
func simple(t *testing.T) string {
	t.Helper()
	return store(t, []model.VariantResult{{SimulationID: someID, VariantID: model.BaselineID, Attempt: 1, Status: model.StatusSucceeded}})
}

func TestQueriesReachNothingOutsideTheResults(t *testing.T) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside.csv")
	if err := os.WriteFile(outside, []byte("secret\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(base, "results")
	if err := os.Rename(simple(t), root); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(base, "results-of-others")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "x.csv"), []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*warehouse.Warehouse{"store": open(t, root), "simulation": open(t, root, warehouse.Simulation(someID))} {
		for _, query := range []string{
			"SELECT * FROM READ_CSV(" + views.Quote(outside) + ")",
			"SELECT * FROM READ_TEXT(" + views.Quote(root+"/../outside.csv") + ")",
			"SELECT * FROM READ_TEXT(" + views.Quote(other+"/x.csv") + ")",
			"SELECT * FROM " + views.Quote(outside),
			"SELECT * FROM GLOB('/etc/*')",
			"COPY (SELECT 1) TO " + views.Quote(filepath.Join(base, "out.csv")),
			"COPY (SELECT 1) TO " + views.Quote(filepath.Join(root, "out.csv")),
			"EXPLAIN ANALYZE COPY (SELECT 1) TO " + views.Quote(filepath.Join(root, "out.csv")),
			"EXPLAIN (ANALYZE) COPY (SELECT 1) TO " + views.Quote(filepath.Join(root, "out.csv")),
			"/* x */ EXPLAIN ANALYZE COPY (SELECT 1) TO " + views.Quote(filepath.Join(root, "out.csv")),
			"SELECT 1; COPY (SELECT 1) TO " + views.Quote(filepath.Join(root, "out.csv")),
			"ATTACH " + views.Quote(filepath.Join(root, "x.db")),
			"SET enable_external_access = true",
			"SET memory_limit = '100GB'",
			"PRAGMA memory_limit = '100GB'",
			"INSTALL httpfs", "LOAD httpfs",
			"CREATE OR REPLACE VIEW comparison AS SELECT 1", "DROP TABLE counted", "DELETE FROM counted",
			"", ";", "-- nothing",
		} {
			rows, err := w.Query(t.Context(), query)
			if err == nil {
				t.Errorf("%s: not refused: %s", name, query)
				if err := rows.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	var left []string
	for _, pattern := range []string{"out.csv", "results/out.csv", "results/*.db"} {
		found, err := filepath.Glob(filepath.Join(base, pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	if left != nil {
		t.Errorf("queries wrote %v", left)
	}
}

func TestStatementsThatOnlyReadAreAnswered(t *testing.T) {
	w := open(t, simple(t))
	for _, query := range []string{"SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "FROM comparison", "DESCRIBE comparison", "SHOW TABLES",
		"SUMMARIZE variants", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "VALUES (1)", "SELECT 1;"} {
		if rows := ask(t, w, query); len(rows) == 0 {
			t.Errorf("%s: no rows", query)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	w := open(t, simple(t))
	for query, want := range map[string]string{
		"SELECT reech FROM comparison": "LINE 1: SELECT reech",
		"SELEC 1":                      "LINE 1",
		"SELECT * FROM comparisons":    "Did you mean \"comparison\"",
		"SELECT ?":                     "argument count",
		"SELECT 1; SELECT 2":           "one statement at a time",
		"-- nothing":                   "one statement at a time",
	} {
		_, err := w.Query(t.Context(), query)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "PrepareContext") {
			t.Errorf("%s: error %v, want one with %q", query, err, want)
		}
	}
}

func TestFoldersAreToldApart(t *testing.T) {
	root := simple(t)
	for name, c := range map[string]struct{ root, simulation, want string }{
		"no folder":        {filepath.Join(root, "nowhere"), "", "--results"},
		"a file":           {resultFile(root, model.VariantResult{SimulationID: someID, VariantID: model.BaselineID, Attempt: 1}), "", "is a file"},
		"a file, named":    {resultFile(root, model.VariantResult{SimulationID: someID, VariantID: model.BaselineID, Attempt: 1}), someID, "is a file"},
		"no simulation":    {root, "20260701-bbbbbbbbbb", "there is no simulation 20260701-bbbbbbbbbb"},
		"no simulation id": {root, "../x", "no simulation id"},
	} {
		var with []warehouse.Option
		if c.simulation != "" {
			with = append(with, warehouse.Simulation(c.simulation))
		}
		_, err := warehouse.OpenDuckDB(t.Context(), c.root, with...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// Whatever is in the folder's name, it is a name and no pattern and no SQL.
func TestFolderNamesAreNoPatterns(t *testing.T) {
	root := filepath.Join(t.TempDir(), "it's [a] *?")
	if err := os.Rename(simple(t), root); err != nil {
		t.Fatal(err)
	}
	if rows := ask(t, open(t, root), "FROM comparison"); len(rows) != 1 {
		t.Errorf("%d rows, want 1", len(rows))
	}
}

// A damaged file is named, whether it shows at the opening or at a query.
func TestDamagedFilesAreNamed(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"torn":   func(b []byte) []byte { return b[:len(b)/2] },
		"empty":  func([]byte) []byte { return nil },
		"footer": func(b []byte) []byte { b[len(b)-20] ^= 0xff; b[len(b)-40] ^= 0xff; return b },
		"zeros":  func(b []byte) []byte { return make([]byte, len(b)) },
		"pages":  func(b []byte) []byte { clear(b[4 : len(b)/3]); return b },
	} {
		rows := []model.VariantResult{}
		for _, id := range []string{"baseline", "v0001", "v0002"} {
			rows = append(rows, model.VariantResult{SimulationID: someID, VariantID: id, Attempt: 1, Status: model.StatusSucceeded})
		}
		root := store(t, rows)
		path := resultFile(root, rows[1])
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, damage(whole), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := warehouse.OpenDuckDB(t.Context(), root)
		if err == nil {
			_, err = w.Query(t.Context(), "SELECT * FROM variant_results")
			if closed := w.Close(); closed != nil {
				t.Error(closed)
			}
		}
		if !errors.Is(err, warehouse.ErrDamaged) || !strings.Contains(err.Error(), "variant_id=v0001/attempt=1.parquet") {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		} else if strings.Contains(err.Error(), "READ_PARQUET") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error shows the statement that found it: %v", name, err)
		}
	}
}

// endless is a query that no test waits for.
const endless = "SELECT SUM(a.range * b.range) FROM RANGE(10000000) AS a, RANGE(10000000) AS b"

// A query ends with its context, and says so in its words alone; the warehouse lives on, on every
// connection: views, tables and locks belong to the database.
func TestQueriesStopWithTheirContext(t *testing.T) {
	w := open(t, simple(t))
	expired, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	stopped, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	over, end := context.WithCancel(t.Context())
	end()
	var running sync.WaitGroup
	for ctx, want := range map[context.Context]error{expired: context.DeadlineExceeded, stopped: context.Canceled, over: context.Canceled} {
		running.Go(func() {
			_, err := w.Query(ctx, endless)
			if !errors.Is(err, want) || !strings.HasSuffix(err.Error(), "interrupted: "+want.Error()) {
				t.Errorf("error %v, want that of the context alone, %v", err, want)
			}
		})
	}
	running.Wait()
	var answers []*warehouse.Rows
	for range 4 { // held open together, each has a connection of its own
		rows, err := w.Query(t.Context(), "SELECT variant_id FROM comparison INNER JOIN counted USING (variant_id)")
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, rows)
		if _, err := w.Query(t.Context(), "SELECT * FROM READ_TEXT('/etc/hostname')"); err == nil || !strings.Contains(err.Error(), "nothing else") {
			t.Errorf("after an interrupt, a query left the folder: %v", err)
		}
	}
	for _, rows := range answers {
		if !rows.Next() || rows.Values()[0] != model.BaselineID {
			t.Errorf("after an interrupt: %v, %v", rows.Values(), rows.Err())
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := open(t, simple(t), warehouse.Memory(64<<20), warehouse.Threads(1))
	_, err := w.Query(t.Context(), "SELECT LIST(a.range) FROM RANGE(100000000) AS a")
	if err == nil || !strings.Contains(err.Error(), "more memory than it may have") {
		t.Errorf("error %v, want one about memory", err)
	}
}
