package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLanes compares the positional population count with counting bit by bit, past the point at which the
// planes are full and drained.
func TestLanes(t *testing.T) {
	const words, rows = 2 * chunkWords, planeRoom + 5_000
	var l lanes
	l.reserve(&meter{}, words)
	r := rand.New(rand.NewPCG(4, 0))
	want := make([]int64, 64*words)
	for i := range rows {
		row := l.next()
		for w := range row {
			switch row[w] = r.Uint64() & r.Uint64(); w {
			case 0:
				row[w] = ^uint64(0) // as high as counts get
			case 1:
				row[w] = 0
			}
			for b := range 64 {
				want[w*64+b] += int64(row[w] >> b & 1)
			}
		}
		l.push()
		if lane := r.IntN(64 * words); i%997 == 0 && l.count(lane) != want[lane] {
			t.Fatalf("lane %d after %d rows: %d, want %d", lane, i+1, l.count(lane), want[lane])
		}
	}
	l.finish()
	for lane := range want {
		if l.total[lane] != want[lane] || l.count(lane) != want[lane] {
			t.Fatalf("lane %d: %d and %d, want %d", lane, l.total[lane], l.count(lane), want[lane])
		}
	}
	l.reserve(&meter{}, words)
	if got := l.count(0); got != 0 {
		t.Errorf("counters that are used again start at %d", got)
	}
}

// TestMemberSets takes small sets, kept as lists, and large ones, kept as rows.
func TestMemberSets(t *testing.T) {
	const words = chunkWords
	r := rand.New(rand.NewPCG(5, 0))
	sets := make([][]uint32, 40)
	for rank := range uint32(64 * words) {
		k := r.IntN(len(sets))
		if rank%3 == 0 {
			k = 0 // a set of more members than a row has words
		}
		sets[k] = append(sets[k], rank)
	}
	var m memberSets
	m.reserve(&meter{}, words, len(sets), func(k int) []uint32 { return sets[k] })
	if m.row[0] < 0 || len(sets[0]) <= words {
		t.Fatal("the large set is not a row")
	}
	for k := range sets {
		row, counts := bitsOf(r, words), make([]int64, 64*words)
		before := slices.Clone(row)
		from, to := r.IntN(words), words-r.IntN(2)
		taken := false
		got := m.take(k, row, from, to, counts)
		for rank := range uint32(64 * words) {
			w := int(rank >> 6)
			was := before[w]>>(rank&63)&1 == 1
			take := was && w >= from && w < to && slices.Contains(sets[k], rank)
			if stays := row[w]>>(rank&63)&1 == 1; stays != (was && !take) || counts[rank] != 0 != take || counts[rank] > 1 {
				t.Fatalf("set %d, rank %d: set before %v, after %v, counted %d", k, rank, was, stays, counts[rank])
			}
			taken = taken || take
		}
		if got != taken {
			t.Fatalf("set %d: took some %v, want %v", k, got, taken)
		}
	}
}
