package warehouse_test

import (
	"testing"

	views "github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// BenchmarkViews asks for all rows of each view over a study of 1,000 variants and a baseline, with 20
// campaigns each, opened beforehand.
func BenchmarkViews(b *testing.B) {
	root := b.TempDir()
	large(b, root, 1001, 20)
	w := open(b, root, warehouse.Simulation(someID), warehouse.Threads(2))
	list, err := views.Views(views.DuckDB)
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range list {
		if v.Internal {
			continue
		}
		b.Run(v.Name, func(b *testing.B) {
			for b.Loop() {
				if rows := ask(b, w, selectAll(v)); len(rows) == 0 && v.Name != "failures" {
					b.Fatalf("view %s has no rows", v.Name)
				}
			}
		})
	}
}
