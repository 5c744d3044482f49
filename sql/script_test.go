package sql_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/parquet-go/parquet-go"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
)

// The script makes every view in a DuckDB that knows nothing of us, and what it makes is live: files
// committed later are read too.
func TestScriptMakesLiveViews(t *testing.T) {
	root := filepath.Join(t.TempDir(), "it's\nhere")
	add := func(variant string) {
		path := filepath.Join(root, "simulation_id=s", "variant_id="+variant, "attempt=1.parquet")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		row := model.VariantResult{SimulationID: "s", VariantID: variant, Attempt: 1, Status: model.StatusSucceeded}
		if err := parquet.WriteFile(path, []model.VariantResult{row}); err != nil {
			t.Fatal(err)
		}
	}
	add("baseline")
	script, err := views.Script(filepath.Join(root, views.RowsGlob))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // pasted twice, it replaces what it made
		if _, err := db.ExecContext(t.Context(), script); err != nil {
			t.Fatal(err)
		}
	}
	add("v0001")
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		from := v.Name
		if v.Args != nil {
			from += "('reach', 'revenue')"
		}
		if _, err := db.ExecContext(t.Context(), "SELECT * FROM "+from); err != nil {
			t.Errorf("view %s: %v", v.Name, err)
		}
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM comparison").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("comparison has %d rows (%v), want 2", rows, err)
	}
}

func TestUnknownDialectIsRefused(t *testing.T) {
	for _, dialect := range []string{"oracle", "BigQuery", "", "../x"} {
		_, err := views.Views(dialect)
		want := fmt.Sprintf("there are no views in the SQL dialect %q: the dialects are duckdb and bigquery", dialect)
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// Every view begins with the columns that all have, and no column is documented twice.
func TestViewsBeginAlike(t *testing.T) {
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Internal {
			continue
		}
		seen := map[string]bool{}
		for i, c := range v.Columns {
			if want := []string{"simulation_id", "submitted_date", "variant_id", "replicate"}; i < len(want) && c.Name != want[i] {
				t.Errorf("view %s: column %d is %s, want %s", v.Name, i, c.Name, want[i])
			}
			if seen[c.Name] || c.Doc == "" {
				t.Errorf("view %s: column %s is documented twice or not at all", v.Name, c.Name)
			}
			seen[c.Name] = true
		}
	}
}
