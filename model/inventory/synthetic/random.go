package synthetic

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
)

// Purposes of random streams. Each part of a study draws from a stream of its own, so that a change
// to one part leaves the others as they are.
const (
	streamPopulation uint64 = 1 + iota
	streamTraffic
	streamCampaigns
)

// stream is the source of draws for one purpose.
func stream(seed int64, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed), purpose))
}

// table draws an index with given weights. Its cumulative weights are integers, so that a
// difference in the last bit of a float between machines does not show.
type table []uint32

func newTable(weights []float64) table {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	t := make(table, len(weights))
	sum := 0.0
	for i, w := range weights {
		sum += w
		t[i] = uint32(min(sum/total*math.MaxUint32, math.MaxUint32))
	}
	t[len(t)-1] = math.MaxUint32
	return t
}

func (t table) draw(r *rand.Rand) int { return t.at(r.Uint32()) }

// at is the index under a point of [0, 2^32).
func (t table) at(point uint32) int {
	if len(t) <= 16 { // short tables: a scan is faster than a search
		for i, c := range t {
			if point <= c {
				return i
			}
		}
	}
	return sort.Search(len(t)-1, func(i int) bool { return point <= t[i] })
}

// share is the probability of index i.
func (t table) share(i int) float64 {
	low := uint32(0)
	if i > 0 {
		low = t[i-1]
	}
	return float64(t[i]-low) / math.MaxUint32
}

// zipf is the weights rank^-exponent of ranks 1..n.
func zipf(n int, exponent float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Pow(float64(i+1), -exponent)
	}
	return w
}

// curve is a quantile function given by a few of its points (probability, value), with the
// logarithm of the value interpolated between them. All values are positive.
type curve []struct{ p, value float64 }

func (c curve) at(p float64) float64 {
	i := 1
	for i < len(c)-1 && p > c[i].p {
		i++
	}
	a, b := c[i-1], c[i]
	f := (p - a.p) / (b.p - a.p)
	return a.value * math.Pow(b.value/a.value, min(max(f, 0), 1))
}

// strata are n probabilities, one from the middle of each n-th of [0, 1), in random order: a small
// sample drawn with them has the quantiles of its distribution.
func strata(r *rand.Rand, n int) []float64 {
	p := make([]float64, n)
	for i, j := range r.Perm(n) {
		p[i] = (float64(j) + 0.5) / float64(n)
	}
	return p
}

// chosen marks a share of n things, the nearest whole number of them.
func chosen(r *rand.Rand, n int, share float64) []bool {
	marked := make([]bool, n)
	for _, i := range r.Perm(n)[:int(math.Round(share*float64(n)))] {
		marked[i] = true
	}
	return marked
}

// evenly marks a share of things, and about this share of the large ones and of the small ones:
// regularly along their sizes, which are all different.
func evenly(r *rand.Rand, sizes []float64, share float64) []bool {
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(sizes[a], sizes[b]) })
	marked := make([]bool, len(sizes))
	phase := r.Float64()
	for rank, i := range order {
		at := float64(rank) + phase
		marked[i] = math.Floor((at+1)*share) > math.Floor(at*share)
	}
	return marked
}

// shortID is a prefix and a number in base 36.
func shortID(prefix byte, n int) string {
	var buf [16]byte
	buf[0] = prefix
	return string(strconv.AppendInt(buf[:1], int64(n), 36))
}
