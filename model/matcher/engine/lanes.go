package engine

import "math/bits"

const (
	ringRows  = blockSlots              // rows that are absorbed together, a multiple of 16
	planeBits = 16                      // planes of a word: bit p of a lane's count stands in plane p
	planeRoom = 1<<planeBits - ringRows // rows that the planes can hold before they are drained
)

// lanes counts, for each bit position of a row, in how many rows it was set: a positional population
// count. Rows are gathered in a ring and absorbed sixteen at a time by a tree of carry-save adders (Harley
// and Seal): about five operations for a vector of lanes and row, whatever the number of bits that are set.
type lanes struct {
	words  int
	ring   []uint64 // ringRows rows
	n      int      // rows in the ring
	planes []uint64 // planeBits rows
	held   int      // rows in the planes
	total  []int64  // by lane: counts drained from the planes
}

func (l *lanes) reserve(m *meter, words int) {
	take(m, &l.ring, ringRows*words)
	take(m, &l.planes, planeBits*words)
	take(m, &l.total, 64*words)
	l.words, l.n, l.held = words, 0, 0
}

// next is the row to fill in; it counts from the call of push on.
func (l *lanes) next() []uint64 {
	if l.n == ringRows {
		l.absorb()
	}
	return l.row(l.n)
}

func (l *lanes) push() { l.n++ }

// row is row k of the ring.
func (l *lanes) row(k int) []uint64 {
	return l.ring[k*l.words : (k+1)*l.words : (k+1)*l.words]
}

// count is how often a lane was set so far.
func (l *lanes) count(lane int) int64 {
	w, b := lane>>6, uint(lane&63)
	c := l.total[lane]
	for p := range planeBits {
		c += int64(l.planes[p*l.words+w]>>b&1) << p
	}
	for i := range l.n {
		c += int64(l.ring[i*l.words+w] >> b & 1)
	}
	return c
}

// absorb adds the ring's rows to the planes and empties it.
func (l *lanes) absorb() {
	sixteens := (l.n + 15) / 16
	clear(l.ring[l.n*l.words : 16*sixteens*l.words])
	if sixteens > 0 {
		absorb(l.planes, l.ring, l.words, sixteens)
	}
	l.held += l.n
	l.n = 0
	if l.held > planeRoom-ringRows {
		l.drain()
	}
}

// drain moves the planes' counts to the totals.
func (l *lanes) drain() {
	for p := range planeBits {
		for w, x := range l.planes[p*l.words : (p+1)*l.words] {
			for ; x != 0; x &= x - 1 {
				l.total[w<<6+bits.TrailingZeros64(x)] += 1 << p
			}
		}
	}
	clear(l.planes)
	l.held = 0
}

// finish makes total complete.
func (l *lanes) finish() {
	if l.words > 0 {
		l.absorb()
		l.drain()
	}
}
