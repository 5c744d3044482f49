package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// plainly runs f with the twins in plain Go, whatever the processor has. It is not for tests that run side by side.
func plainly(f func()) {
	defer func(was bool) { useAssembly = was }(useAssembly)
	useAssembly = false
	f()
}

// bitsOf are words of random bits: all, none or some set.
func bitsOf(r *rand.Rand, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		switch r.IntN(8) {
		case 0:
		case 1:
			out[i] = ^uint64(0)
		default:
			out[i] = r.Uint64() | r.Uint64()
		}
	}
	return out
}

// rowsCase is one call of match.
type rowsCase struct {
	set                    rowSet
	live                   []uint64
	first, slots, from, to int
}

func newRowsCase(r *rand.Rand) rowsCase {
	words := chunkWords * (1 + r.IntN(6))
	const rows = 40
	c := rowsCase{live: bitsOf(r, words), set: rowSet{rows: bitsOf(r, rows*words), stride: 1 + r.IntN(blockSlots)}}
	tables := 0
	for range 1 + r.IntN(6) {
		n := 1 + r.IntN(1+r.IntN(5))
		c.set.unions = append(c.set.unions, uint32(n))
		tables += n
	}
	for range tables * c.set.stride {
		c.set.offs = append(c.set.offs, uint32(words*r.IntN(rows)))
	}
	c.slots = 1 + r.IntN(c.set.stride)
	c.first = r.IntN(c.set.stride - c.slots + 1)
	c.from = chunkWords * r.IntN(words/chunkWords)
	c.to = c.from + chunkWords*(1+r.IntN((words-c.from)/chunkWords))
	return c
}

// want is what match computes, bit by bit; words that it leaves alone stay as they are.
func (c *rowsCase) want(before []uint64) []uint64 {
	out, words := slices.Clone(before), len(c.live)
	for j := range c.slots {
		for w := c.from; w < c.to; w++ {
			x, k := c.live[w], 0
			for _, tables := range c.set.unions {
				union := uint64(0)
				for range tables {
					union |= c.set.rows[int(c.set.offs[k*c.set.stride+c.first+j])+w]
					k++
				}
				x &= union
			}
			out[j*words+w] = x
		}
	}
	return out
}

// TestMatchKernels: rows of one chunk to six, columns of one table and of several, parts of rows.
func TestMatchKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 0))
	for i := range 3_000 {
		c := newRowsCase(r)
		before := bitsOf(r, c.slots*len(c.live))
		want := c.want(before)
		check := func() {
			got := slices.Clone(before)
			match(got, c.live, &c.set, c.first, c.slots, c.from, c.to)
			if !slices.Equal(got, want) {
				t.Fatalf("case %d, assembly %v: %d words from %d to %d, unions %v: rows differ", i, useAssembly, len(c.live), c.from, c.to, c.set.unions)
			}
		}
		check()
		plainly(check)
	}
}

// FuzzMatch looks for a case in which the kernels differ.
func FuzzMatch(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		c := newRowsCase(r)
		before := bitsOf(r, c.slots*len(c.live))
		got := slices.Clone(before)
		match(got, c.live, &c.set, c.first, c.slots, c.from, c.to)
		if !slices.Equal(got, c.want(before)) {
			t.Errorf("rows differ: %d words, unions %v", len(c.live), c.set.unions)
		}
	})
}

// TestIntersectKernels ANDs rows of one chunk to twenty.
func TestIntersectKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 0))
	for words := chunkWords; words <= 20*chunkWords; words += chunkWords {
		a, b := bitsOf(r, words), bitsOf(r, words)
		want := make([]uint64, words)
		for i := range want {
			want[i] = a[i] & b[i]
		}
		check := func() {
			out, some := bitsOf(r, words), bitsOf(r, (words+63)/64)
			intersect(out, a, b, some)
			for i, x := range out {
				if x != want[i] || some[i>>6]>>(i&63)&1 == 1 != (x != 0) {
					t.Errorf("%d words, assembly %v: word %d is %x, want %x; words with bits: %x", words, useAssembly, i, x, want[i], some)
				}
			}
		}
		check()
		plainly(check)
	}
}

// TestAbsorbKernels starts from planes that are nearly full, so that carries go all the way up.
func TestAbsorbKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 0))
	for i := range 300 {
		words, sixteens := chunkWords*(1+r.IntN(4)), 1+r.IntN(4)
		planes, rows := make([]uint64, planeBits*words), bitsOf(r, 16*sixteens*words)
		counts := make([]int, 64*words)
		for lane := range counts {
			if counts[lane] = r.IntN(1 << 16); i%2 == 0 {
				counts[lane] = 1<<(4+r.IntN(12)) - 1
			}
			counts[lane] = min(counts[lane], 1<<planeBits-1-16*sixteens)
			for p := range planeBits {
				planes[p*words+lane>>6] |= uint64(counts[lane]>>p&1) << (lane & 63)
			}
			for k := range 16 * sixteens {
				counts[lane] += int(rows[k*words+lane>>6] >> (lane & 63) & 1)
			}
		}
		check := func() {
			after := slices.Clone(planes)
			absorb(after, rows, words, sixteens)
			for lane, want := range counts {
				got := 0
				for p := range planeBits {
					got |= int(after[p*words+lane>>6]>>(lane&63)&1) << p
				}
				if got != want {
					t.Fatalf("case %d, assembly %v, lane %d: %d, want %d", i, useAssembly, lane, got, want)
				}
			}
		}
		check()
		plainly(check)
	}
}

func BenchmarkMatchKernel(b *testing.B) {
	r := rand.New(rand.NewPCG(24, 0))
	const words, rows, tables = 2 * chunkWords, 512, 8
	set := rowSet{rows: bitsOf(r, rows*words), stride: blockSlots, unions: []uint32{1, 1, 1, 1, 2, 1, 1}}
	for range tables * blockSlots {
		set.offs = append(set.offs, uint32(words*r.IntN(rows)))
	}
	out, live := make([]uint64, blockSlots*words), bitsOf(r, words)
	run := func(b *testing.B) {
		for b.Loop() {
			match(out, live, &set, 0, blockSlots, 0, words)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blockSlots, "ns/slot")
	}
	b.Run("fastest", run)
	b.Run("plain", func(b *testing.B) { plainly(func() { run(b) }) })
}

func BenchmarkAbsorbKernel(b *testing.B) {
	r := rand.New(rand.NewPCG(25, 0))
	const words = 2 * chunkWords
	planes, rows := make([]uint64, planeBits*words), bitsOf(r, blockSlots*words)
	run := func(b *testing.B) {
		for b.Loop() {
			clear(planes[4*words:])
			absorb(planes, rows, words, blockSlots/16)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blockSlots, "ns/slot")
	}
	b.Run("fastest", run)
	b.Run("plain", func(b *testing.B) { plainly(func() { run(b) }) })
}

// TestUnsureKernels: words that have bits beyond the certain ones.
func TestUnsureKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(26, 0))
	for i := range 2_000 {
		words, n := chunkWords*(1+r.IntN(12)), 1+r.IntN(blockSlots)
		rows, base := bitsOf(r, n*words), bitsOf(r, 10*words)
		certain := make([]uint32, n)
		from := chunkWords * r.IntN(words/chunkWords)
		to := min(from+64, from+chunkWords*(1+r.IntN((words-from)/chunkWords)))
		want := make([]uint64, n)
		for j := range certain {
			certain[j] = uint32(words * r.IntN(10))
			if r.IntN(3) == 0 {
				copy(rows[j*words:(j+1)*words], base[certain[j]:])
			}
			for w := from; w < to; w++ {
				if rows[j*words+w]&^base[int(certain[j])+w] != 0 {
					want[j] |= 1 << (w - from)
				}
			}
		}
		check := func() {
			masks := bitsOf(r, n)
			findUnsure(masks, rows, base, certain, words, from, to)
			if !slices.Equal(masks, want) {
				t.Fatalf("case %d, assembly %v: words %d to %d of %d: %x, want %x", i, useAssembly, from, to, words, masks, want)
			}
		}
		check()
		plainly(check)
	}
}
