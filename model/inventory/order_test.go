package inventory

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestSortRows: rows in the order of (time, id) as the library's sort finds it, for times that are near or as far apart
// as they can be, with and without many of the same, in memory that is given or not.
func TestSortRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	draws := map[string]func() model.Instant{
		"one":           func() model.Instant { return at(5) },
		"few":           func() model.Instant { return at(r.Int64N(4)) },
		"of a second":   func() model.Instant { return at(r.Int64N(1e6)) },
		"whole ms":      func() model.Instant { return at(r.Int64N(604_800_000) * 1000) },
		"of a week":     func() model.Instant { return at(r.Int64N(604_800_000_000)) },
		"of all time":   func() model.Instant { return minInstant + model.Instant(r.Uint64N(uint64(maxInstant-minInstant)+1)) },
		"the two edges": func() model.Instant { return []model.Instant{minInstant, maxInstant}[r.IntN(2)] },
	}
	for name, draw := range draws {
		for _, n := range []int{1, 2, 3, 1000, 40_000} { // 40,000 rows and all time have 16 + 59 bits
			times := make([]model.Instant, n)
			var ids interner
			for i := range times {
				times[i] = draw()
				ids.intern(fmt.Appendf(nil, "%d", i*7919%n)) // in order of bytes now and then
			}
			want := make([]uint32, n)
			for i := range want {
				want[i] = uint32(i)
			}
			slices.SortFunc(want, func(a, b uint32) int {
				return cmp.Or(cmp.Compare(times[a], times[b]), cmp.Compare(string(ids.bytes(a)), string(ids.bytes(b))))
			})
			var scratch []uint64
			if r.IntN(2) == 0 {
				scratch = make([]uint64, 2*n)
			}
			sorted := slices.Clone(times)
			order, _ := sortRows(sorted, &ids, scratch)
			if order == nil && !slices.IsSorted(want) || order != nil && !slices.Equal(order, want) {
				t.Fatalf("%s, %d rows: another order", name, n)
			}
			for i, row := range want {
				if sorted[i] != times[row] {
					t.Fatalf("%s, %d rows: time %d is %d, want %d", name, n, i, sorted[i], times[row])
				}
			}
		}
	}
}

// TestSortedRowsStay: rows in order are found to be, and one that isn't is seen wherever it is.
func TestSortedRowsStay(t *testing.T) {
	times, ids := make([]model.Instant, 200), interner{}
	for i := range times {
		times[i] = at(int64(i / 3))
		ids.intern(fmt.Appendf(nil, "%03d", i))
	}
	if order, _ := sortRows(slices.Clone(times), &ids, nil); order != nil {
		t.Error("rows in order get another one")
	}
	for i := range times[1:] {
		swapped := slices.Clone(times)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if order, _ := sortRows(swapped, &ids, nil); (order == nil) != (times[i] == times[i+1]) {
			t.Errorf("rows %d and %d swapped: order %v", i, i+1, order)
		}
	}
}
