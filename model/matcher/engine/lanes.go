package engine

import "math/bits"

const (
	ringRows  = 16                // rows that are absorbed together
	planeBits = 16                // planes of a word: bit p of a lane's count stands in plane p
	planeRoom = 1<<planeBits - 17 // rows that the planes can hold before they are drained
)

// lanes counts, for each bit position of a row, in how many rows it was set: a positional population
// count. Rows are gathered in a ring and absorbed sixteen at a time by a tree of carry-save adders (Harley
// and Seal): about six operations for 64 lanes and row, whatever the number of bits that are set.
type lanes struct {
	words  int
	ring   []uint64 // ringRows rows
	n      int      // rows in the ring
	planes []uint64 // planeBits per word, the word's together
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
	return l.ring[l.n*l.words : (l.n+1)*l.words : (l.n+1)*l.words]
}

func (l *lanes) push() { l.n++ }

// count is how often a lane was set so far.
func (l *lanes) count(lane int) int64 {
	w, b := lane>>6, uint(lane&63)
	c := l.total[lane]
	for p, plane := range l.planes[w*planeBits : (w+1)*planeBits] {
		c += int64(plane>>b&1) << p
	}
	for i := range l.n {
		c += int64(l.ring[i*l.words+w] >> b & 1)
	}
	return c
}

// absorb adds the ring's rows to the planes and empties it.
func (l *lanes) absorb() {
	clear(l.ring[l.n*l.words:])
	for w := range l.words {
		l.absorbWord(w)
	}
	l.held += ringRows
	l.n = 0
	if l.held > planeRoom-ringRows {
		l.drain()
	}
}

func (l *lanes) absorbWord(w int) {
	p := (*[planeBits]uint64)(l.planes[w*planeBits:])
	r, k := l.ring[w:], l.words
	_ = r[15*k]
	ones, twos, fours, eights := p[0], p[1], p[2], p[3]
	var a, b, c, d, e, f, carry uint64
	a, ones = addBits(ones, r[0], r[k])
	b, ones = addBits(ones, r[2*k], r[3*k])
	c, twos = addBits(twos, a, b)
	a, ones = addBits(ones, r[4*k], r[5*k])
	b, ones = addBits(ones, r[6*k], r[7*k])
	d, twos = addBits(twos, a, b)
	e, fours = addBits(fours, c, d)
	a, ones = addBits(ones, r[8*k], r[9*k])
	b, ones = addBits(ones, r[10*k], r[11*k])
	c, twos = addBits(twos, a, b)
	a, ones = addBits(ones, r[12*k], r[13*k])
	b, ones = addBits(ones, r[14*k], r[15*k])
	d, twos = addBits(twos, a, b)
	f, fours = addBits(fours, c, d)
	carry, eights = addBits(eights, e, f)
	p[0], p[1], p[2], p[3] = ones, twos, fours, eights
	for i := 4; carry != 0 && i < planeBits; i++ {
		p[i], carry = p[i]^carry, p[i]&carry
	}
}

// addBits adds three bits in each of 64 lanes.
func addBits(a, b, c uint64) (high, low uint64) {
	u := a ^ b
	return a&b | u&c, u ^ c
}

// drain moves the planes' counts to the totals.
func (l *lanes) drain() {
	for w := range l.words {
		for p := range planeBits {
			x := l.planes[w*planeBits+p]
			for ; x != 0; x &= x - 1 {
				l.total[w<<6+bits.TrailingZeros64(x)] += 1 << p
			}
			l.planes[w*planeBits+p] = 0
		}
	}
	l.held = 0
}

// finish makes total complete.
func (l *lanes) finish() {
	if l.words > 0 {
		l.absorb()
		l.drain()
	}
}
