package reading

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// Of four questions to a pool of two, one gets a place when another leaves, and one waits too long.
func TestPoolIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, time.Second)
		enter := func(begun bool) (leave func()) {
			leave, err := p.enter(t.Context(), begun)
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		first, second := enter(false), enter(false)
		begin := time.Now()
		if _, err := p.enter(t.Context(), false); !errors.Is(err, ErrBusy) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v, want ErrBusy after a second", time.Since(begin), err)
		}
		time.AfterFunc(500*time.Millisecond, first)
		third := enter(false)
		// One whose answer has begun waits as long as it takes.
		time.AfterFunc(time.Hour, second)
		fourth := enter(true)
		ctx, end := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, end)
		if _, err := p.enter(ctx, true); !errors.Is(err, context.Canceled) {
			t.Errorf("given up while waiting: %v", err)
		}
		third()
		fourth()
		enter(false)()
	})
}

// A spool gives back what was written since it was begun anew, takes no more than it may, and leaves no file.
func TestSpool(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := newSpool(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"forgotten", "kept", " whole"} {
		if text == "kept" {
			if err := s.restart(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Write([]byte("!")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an eleventh byte of ten: %v", err)
	}
	var sent strings.Builder
	if err := s.send(&sent); err != nil || sent.String() != "kept whole" {
		t.Errorf("%q, %v", sent.String(), err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// What a warehouse says of its folders is said in words without them, and its cause is kept for the log.
func TestTold(t *testing.T) {
	for cause, meaning := range map[error]error{
		warehouse.ErrNotFound: ErrNotFound, warehouse.ErrRemoved: ErrChanged, warehouse.ErrMemory: ErrTooLarge, context.DeadlineExceeded: context.DeadlineExceeded,
	} {
		err := told(fmt.Errorf("look at /srv/results: %w", cause))
		if !errors.Is(err, meaning) || !errors.Is(err, cause) || strings.Contains(err.Error(), "/") || told(err) != err { //nolint:errorlint // what is told stays as it is
			t.Errorf("%v: %v", cause, err)
		}
	}
}

// A few stay open while nobody asks, for a while; the one used the longest ago goes first, and an older
// revision with the first question to a newer one.
func TestWarehousesAreKeptAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		openings := map[string]int{}
		var held atomic.Int64 // files of simulations that may not go
		c := &warehouses{
			open: func(_ context.Context, simulation string) (*warehouse.Warehouse, func(), error) {
				openings[simulation]++
				held.Add(1)
				return nil, func() { held.Add(-1) }, nil
			},
			most: 2, idle: time.Minute, held: map[snapshot]*opened{}, lost: func(err error) { t.Error(err) },
		}
		use := func(simulation, revision string) {
			o, err := c.acquire(t.Context(), snapshot{simulation, revision})
			if err != nil {
				t.Fatal(err)
			}
			c.release(o)
		}
		expect := func(want string) {
			t.Helper()
			if got := fmt.Sprint(openings); got != "map["+want+"]" {
				t.Errorf("openings %s, want %s", got, want)
			}
		}
		use("a", "1")
		use("a", "1")
		use("b", "1")
		expect("a:1 b:1")
		use("c", "1") // a is the one used the longest ago
		use("b", "1")
		use("a", "1") // c goes
		expect("a:2 b:1 c:1")
		use("b", "2") // another revision
		use("b", "1")
		expect("a:2 b:3 c:1")
		used, err := c.acquire(t.Context(), snapshot{"a", "1"})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Minute) // what is idle is closed, what is used is not
		synctest.Wait()
		if n := held.Load(); n != 1 {
			t.Errorf("the files of %d simulations are held, want those of the one in use", n)
		}
		use("a", "1")
		use("b", "1")
		expect("a:2 b:4 c:1")
		c.release(used)
		c.dropAll("a")
		use("a", "1")
		expect("a:3 b:4 c:1")
		c.close()
		if _, err := c.acquire(t.Context(), snapshot{"a", "1"}); !errors.Is(err, ErrClosed) {
			t.Errorf("after closing: %v", err)
		}
		if n := held.Load(); n != 0 {
			t.Errorf("after closing the files of %d simulations are held", n)
		}
	})
}

// Of several who ask for one that is being opened, each gets it or the error; who gives up does not take
// it from the others.
func TestOneOpeningForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mutex sync.Mutex
		openings := 0
		c := &warehouses{
			open: func(ctx context.Context, _ string) (*warehouse.Warehouse, func(), error) {
				mutex.Lock()
				openings++
				mutex.Unlock()
				select {
				case <-ctx.Done():
					return nil, nil, ctx.Err()
				case <-time.After(time.Second):
					return nil, nil, nil
				}
			},
			most: 2, idle: time.Minute, held: map[snapshot]*opened{}, lost: func(err error) { t.Error(err) },
		}
		impatient, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		var running sync.WaitGroup
		running.Go(func() {
			if _, err := c.acquire(impatient, snapshot{"a", "1"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient one: %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			running.Go(func() {
				o, err := c.acquire(t.Context(), snapshot{"a", "1"})
				if err != nil {
					t.Errorf("a patient one: %v", err)
					return
				}
				c.release(o)
			})
		}
		running.Wait()
		if openings != 2 {
			t.Errorf("%d openings, want 2: the one given up and the one for all others", openings)
		}
		c.close()
	})
}

// A simulation of many files is not opened again for every row that lands.
func TestRecentIsGoodEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		many := &opened{of: snapshot{"a", "1"}, files: manyFiles, took: 2 * time.Second, since: time.Now()}
		few := &opened{of: snapshot{"b", "1"}, files: manyFiles - 1, took: 2 * time.Second, since: time.Now()}
		c := &warehouses{held: map[snapshot]*opened{many.of: many, few.of: few}}
		for after, want := range map[time.Duration]bool{0: true, 7 * time.Second: true, 9 * time.Second: false} {
			many.since = time.Now().Add(-after)
			if of, ok := c.recent("a"); ok != want || ok && of != many.of {
				t.Errorf("after %v: %v, %v", after, of, ok)
			}
		}
		if _, ok := c.recent("b"); ok {
			t.Error("one of few files is opened in no time")
		}
	})
}

// Every value that a filter takes is written so that each dialect reads it back.
func TestLiterals(t *testing.T) {
	text := sql.Column{Type: typeString}
	for _, c := range []struct {
		column           sql.Column
		written          string
		duckdb, bigquery string
	}{
		{text, `it's`, `'it''s'`, `'it\'s'`},
		{text, `a\n` + "\n\t\x7f", "'a\\n\n\t\x7f'", `'a\\n\x0a\x09\x7f'`},
		{text, "é`\"", "'é`\"'", "'é`\"'"},
		{sql.Column{Type: typeInt}, "-7", "-7", "-7"},
		{sql.Column{Type: typeFloat}, "1e300", "CAST('1e+300' AS DOUBLE)", "CAST('1e+300' AS FLOAT64)"},
		{sql.Column{Type: typeBool}, "true", "TRUE", "TRUE"},
		{sql.Column{Type: typeDate}, "2026-07-01", "DATE '2026-07-01'", "DATE '2026-07-01'"},
		{sql.Column{Type: typeTimestamp}, "2026-07-01T02:00:00.25+02:00", "TIMESTAMPTZ '2026-07-01 00:00:00.25+00:00'", "TIMESTAMP '2026-07-01 00:00:00.25+00:00'"},
	} {
		v, err := parseValue(c.column, c.written)
		if err != nil {
			t.Errorf("%q: %v", c.written, err)
		}
		for dialect, want := range map[string]string{duckDB: c.duckdb, bigQuery: c.bigquery} {
			if got := (&writer{dialect: dialect}).value(c.column, v); got != want {
				t.Errorf("%q in %s: %s, want %s", c.written, dialect, got, want)
			}
		}
	}
}

// The statement for BigQuery is the same SELECT, with the partition's day and quoted names.
func TestStatementForBigQuery(t *testing.T) {
	s, err := choose(Request{SimulationID: "20260701-aaaaaaaaaa", View: "groups", Sort: "spend", Top: 5, Where: map[string]string{"group": `a'\b`, "impressions": "3"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "SELECT *\nFROM group_results\nWHERE simulation_id = '20260701-aaaaaaaaaa'\n  AND submitted_date = DATE '2026-07-01'\n" +
		"  AND `group` = 'a\\'\\\\b'\n  AND impressions = 3\nORDER BY spend DESC NULLS LAST, variant_id NULLS LAST, `group` NULLS LAST, value NULLS LAST\nLIMIT 5"
	if got := s.statements(sql.Dataset{})[bigQuery]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s, err = choose(Request{SimulationID: "20260701-aaaaaaaaaa", View: "comparison", Metrics: []string{"reach"}, Where: map[string]string{"variant_id": "v0001"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"c.submitted_date = DATE '2026-07-01'", "m.submitted_date = DATE '2026-07-01'", "c.variant_id = 'v0001'", "FROM `p.d.comparison` AS c", "JOIN `p.d.variant_metrics` AS m"} {
		if got := s.statements(sql.Dataset{Project: "p", Name: "d"})[bigQuery]; strings.Count(got, part) != 1 {
			t.Errorf("%s does not stand once in\n%s", part, got)
		}
	}
}

// FuzzToken: no token makes a panic, and one that is taken has keys of the columns' types and gives
// itself again.
func FuzzToken(f *testing.F) {
	of := []byte("binding")
	var kinds []*selection
	for _, r := range []Request{{View: "comparison", Sort: "reach"}, {View: "campaigns", Sort: "first_impression"}, {View: "groups"}, {View: "effects"}, {View: "metrics", Sort: "submitted_date"}} {
		r.SimulationID = "20260701-aaaaaaaaaa"
		s, err := choose(r)
		if err != nil {
			f.Fatal(err)
		}
		kinds = append(kinds, s)
	}
	for i, after := range [][]any{{int64(1), 0.1, "v0001"}, {"2026-07-01 00:00:00.000001+00:00", "v0001", "c"}, {"v1", "g", nil}, {"p", "reach", nil, "x"}, {"2026-07-01", "v1", "m"}} {
		token, err := position{Of: of, After: after, Given: 3}.token()
		if err != nil {
			f.Fatal(err)
		}
		if _, err := kinds[i].parseToken(token, of); err != nil {
			f.Fatalf("%v: %v", after, err)
		}
		f.Add(i, token)
	}
	f.Fuzz(func(t *testing.T, kind int, token string) {
		s := kinds[((kind%len(kinds))+len(kinds))%len(kinds)]
		p, err := s.parseToken(token, of)
		if err != nil || token == "" {
			return
		}
		again, err := p.token()
		if err != nil {
			t.Fatal(err)
		}
		q, err := s.parseToken(again, of)
		if err != nil || fmt.Sprint(p) != fmt.Sprint(q) {
			t.Errorf("%v became %v, %v", p, q, err)
		}
		bound := &writer{dialect: duckDB, bound: true}
		if text := s.page(bound, p, 1); strings.Count(text, "?") != len(bound.args) {
			t.Errorf("%d values for\n%s", len(bound.args), text)
		}
	})
}

// FuzzFilterValue: whatever a column is compared with, DuckDB reads the literal as the value that is bound.
func FuzzFilterValue(f *testing.F) {
	w, err := warehouse.OpenDuckDB(f.Context(), f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := w.Close(); err != nil {
			f.Error(err)
		}
	})
	kinds := []string{typeString, typeInt, typeFloat, typeBool, typeDate, typeTimestamp}
	for i, text := range []string{"it's \\ -- ; \n é", "-9223372036854775808", "-1.7976931348623157e308", "false", "0001-01-01", "9999-12-31T23:59:59.999999Z"} {
		f.Add(i, text)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		f.Add(2, fmt.Sprint(random.NormFloat64()*1e9))
	}
	f.Fuzz(func(t *testing.T, kind int, text string) {
		column := sql.Column{Name: "c", Type: kinds[((kind%len(kinds))+len(kinds))%len(kinds)]}
		value, err := parseValue(column, text)
		if err != nil {
			return
		}
		bound := &writer{dialect: duckDB, bound: true}
		query := "SELECT " + bound.value(column, value) + " = " + (&writer{dialect: duckDB}).value(column, value)
		rows, err := collect(w.Query(t.Context(), query, bound.args...))
		if err != nil || len(rows) != 1 || rows[0][0] != true {
			t.Errorf("%s %q: %v, %v\n%s", column.Type, text, rows, err, query)
		}
	})
}
