package reading_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// open opens the warehouse that the answers are compared with.
func open(t testing.TB, root string) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.OpenDuckDB(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// ask is an answer of the warehouse, with days as the reader writes them.
func ask(t testing.TB, w *warehouse.Warehouse, text string) (columns []string, rows [][]any) {
	t.Helper()
	found, err := w.Query(t.Context(), text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, c := range found.Columns() {
		columns = append(columns, c.Name)
	}
	for found.Next() {
		row := found.Values()
		for i, c := range found.Columns() {
			if at, ok := row[i].(time.Time); ok && c.Type == "DATE" {
				row[i] = at.Format(time.DateOnly)
			}
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	if err := found.Close(); err != nil {
		t.Fatal(err)
	}
	return columns, rows
}

// inOrder sorts rows by all they hold, to compare them as sets.
func inOrder(rows [][]any) [][]any {
	slices.SortFunc(rows, func(a, b []any) int {
		for i := range a {
			if x, y := fmt.Sprint(a[i]), fmt.Sprint(b[i]); x != y {
				return cmpText(x, y)
			}
		}
		return 0
	})
	return rows
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// equalRows compares rows to the last bit.
func equalRows(t *testing.T, what string, want, got [][]any) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !reflect.DeepEqual(want[i], got[i]) {
			t.Errorf("%s, row %d: want (-), got (+)\n%s", what, i, cmp.Diff(want[i], got[i]))
			return
		}
	}
}

// of is the view of the warehouse that a view of the reader shows.
var of = map[string]string{"variants": "variants", "metrics": "variant_metrics", "campaigns": "campaign_results", "frequency": "frequency",
	"campaign_frequency": "campaign_frequency", "groups": "group_results", "breakdowns": "breakdown_results", "contention": "contention",
	"effects": "parameter_effects", "failures": "failures", "pareto": "pareto('revenue', 'reach')"}

// Every view through the reader, page by page, has the rows that the warehouse has of the simulation, and
// the statement printed beside it gives the same rows in the same order.
func TestViewsAreThoseOfTheWarehouse(t *testing.T) {
	t.Parallel()
	mine, other := study{id: studyID, variants: 30, campaigns: 5, seed: 1}, study{id: "20260701-bbbbbbbbbb", variants: 3, campaigns: 2, seed: 2}
	store := stored(t, append(mine.rows(), other.rows()...)...)
	w := open(t, store.URI())
	r := reader(t, reading.Options{Results: store})
	for _, name := range reading.Views() {
		req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: name, PageSize: 41}
		got := readAll(t, r, req)
		answer := read(t, r, req)
		columns, printed := ask(t, w, answer.SQL["duckdb"])
		equalRows(t, name+", as printed", printed, got)
		var named []string
		for _, c := range answer.Columns {
			named = append(named, c.Name)
		}
		if diff := cmp.Diff(columns, named); diff != "" {
			t.Errorf("%s: columns of the warehouse (-), of the answer (+)\n%s", name, diff)
		}
		if name == "comparison" {
			continue // its rows are compared with another statement below
		}
		_, want := ask(t, w, "SELECT * FROM "+of[name]+" WHERE simulation_id = '"+studyID+"'")
		if len(want) < 3 {
			t.Errorf("%s: only %d rows were compared", name, len(want))
		}
		equalRows(t, name, inOrder(want), inOrder(got))
	}
}
