package warehouse_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// inDuckDB writes a documented type as DuckDB does.
var inDuckDB = strings.NewReplacer("ARRAY<STRUCT<", "STRUCT(", ">>", ")[]", "STRING", "VARCHAR", "INT64", "BIGINT",
	"FLOAT64", "DOUBLE", "BOOL", "BOOLEAN", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")

// selectAll is a SELECT of everything in a view.
func selectAll(v views.View) string {
	if v.Args != nil {
		return "SELECT * FROM " + v.Name + "('reach', 'revenue')"
	}
	return "SELECT * FROM " + v.Name
}

// What columns.txt documents is what the views have, on a store with rows and on an empty one.
func TestViewsHaveTheirDocumentedColumns(t *testing.T) {
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	stores := map[string]*warehouse.Warehouse{
		"empty": open(t, t.TempDir()),
		"one row": open(t, store(t, []model.VariantResult{{SimulationID: "20260701-abcdefgh23", VariantID: "baseline",
			Attempt: 1, Status: model.StatusSucceeded}})),
	}
	for name, w := range stores {
		for _, v := range list {
			if v.Internal {
				continue
			}
			var want, got [][2]string
			for _, c := range v.Columns {
				want = append(want, [2]string{c.Name, inDuckDB.Replace(c.Type)})
			}
			for _, row := range ask(t, w, "DESCRIBE "+selectAll(v)) {
				got = append(got, [2]string{row["column_name"].(string), row["column_type"].(string)})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s store, view %s: columns.txt (-), view (+)\n%s", name, v.Name, diff)
			}
		}
	}
}

// The types of the empty table are those of the files: one of them changing alone would be seen here.
func TestEmptyTableHasTheTypesOfTheFiles(t *testing.T) {
	root := store(t, []model.VariantResult{{SimulationID: "20260701-abcdefgh23", VariantID: "baseline", Attempt: 1}})
	w := open(t, root)
	file := ask(t, w, "DESCRIBE SELECT * FROM READ_PARQUET("+views.Quote(root+"/*/*/*.parquet")+", hive_partitioning = false)")
	if diff := cmp.Diff(file, ask(t, w, "DESCRIBE "+views.EmptyTable())); diff != "" {
		t.Errorf("file (-), empty table (+)\n%s", diff)
	}
}
