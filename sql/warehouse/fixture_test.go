package warehouse_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
)

// Beside each view lie a small input and the rows that it must give, worked out by hand. The expected
// rows name the columns that matter; of variant_metrics and parameter_effects, those of other metrics
// than the expected ones are left out.
func TestViewsGiveTheRowsWorkedOutByHand(t *testing.T) {
	t.Parallel()
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Internal {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var input []model.VariantResult
			var want []record
			readJSON(t, v.Name, "input.json", &input)
			readJSON(t, v.Name, "expected.json", &want)
			got := relevant(asJSON(t, ask(t, open(t, store(t, input)), selectAll(v))), want)
			compareWithExpected(t, got, want)
		})
	}
}

// compareWithExpected compares the columns that the expected rows name.
func compareWithExpected(t *testing.T, got, want []record) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d rows, want %d:\n%v", len(got), len(want), got)
	}
	for _, w := range want {
		if found := matching(got, w); len(found) != 1 {
			t.Errorf("%d rows are\n%v", len(found), identity(w))
		} else if diff := cmp.Diff(w, only(found[0], w), nearly); diff != "" {
			t.Errorf("row %v: by hand (-), view (+)\n%s", identity(w), diff)
		}
	}
}

func readJSON(t *testing.T, view, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "views", view, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s of view %s: %v", name, view, err)
	}
}

// asJSON gives values the types that the expected file's have.
func asJSON(t *testing.T, rows []record) (list []record) {
	t.Helper()
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// identity is what tells the rows of a view apart.
func identity(r record) record {
	id := record{}
	for _, column := range []string{"simulation_id", "variant_id", "metric", "campaign_id", "winner_id", "group", "dimension", "parameter", "frequency"} {
		if v, ok := r[column]; ok {
			id[column] = v
		}
	}
	if v, ok := r["value"]; ok && r["metric"] == nil || r["parameter"] != nil {
		id["value"] = v
	}
	return id
}

// relevant leaves out the rows of metrics that the expected rows say nothing of.
func relevant(rows, want []record) []record {
	if len(want) == 0 || want[0]["metric"] == nil {
		return rows
	}
	return slices.DeleteFunc(rows, func(r record) bool {
		return !slices.ContainsFunc(want, func(w record) bool { return len(matching([]record{r}, w)) == 1 })
	})
}

// matching are the rows that are the one wanted.
func matching(rows []record, want record) (list []record) {
	for _, r := range rows {
		if cmp.Equal(only(r, identity(want)), identity(want)) {
			list = append(list, r)
		}
	}
	return list
}

// only is a row's columns that another one has.
func only(r, columns record) record {
	out := record{}
	for name := range columns {
		out[name] = r[name]
	}
	return out
}
