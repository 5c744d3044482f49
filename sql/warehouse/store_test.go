package warehouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// store writes rows to the files that the result store would put them in, and returns its folder.
func store(t testing.TB, rows []model.VariantResult) string {
	t.Helper()
	root := t.TempDir()
	for _, r := range rows {
		write(t, resultFile(root, r), r)
	}
	return root
}

// resultFile is the path that results.md gives an attempt.
func resultFile(root string, r model.VariantResult) string {
	return filepath.Join(root, "simulation_id="+r.SimulationID, "variant_id="+r.VariantID, fmt.Sprintf("attempt=%d.parquet", r.Attempt))
}

// write writes one row of any struct type to a Parquet file.
func write[T any](t testing.TB, path string, row T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(path, []T{row}, parquet.Compression(&parquet.Zstd)); err != nil {
		t.Fatal(err)
	}
}

// open opens a store for the length of a test.
func open(t testing.TB, root string, with ...warehouse.Option) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.OpenDuckDB(t.Context(), root, with...)
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

// ask returns all rows of an answer, each by column name.
func ask(t testing.TB, w *warehouse.Warehouse, query string, args ...any) []map[string]any {
	t.Helper()
	rows, err := w.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	var all []map[string]any
	for rows.Next() {
		row := map[string]any{}
		for i, v := range rows.Values() {
			row[rows.Columns()[i].Name] = v
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}
