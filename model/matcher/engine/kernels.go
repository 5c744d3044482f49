package engine

// The kernels of matching and counting. Rows are a multiple of chunkWords long. Each kernel has a twin in
// plain Go, which says what it computes; where the processor has AVX2 the assembly does.

// rowSet is what match reads: rows of bits, and where those of each slot stand.
type rowSet struct {
	rows   []uint64
	offs   []uint32 // offset into rows, by table and then by slot
	stride int      // slots in offs
	unions []uint32 // tables of each column
}

// match finds which of the candidates in live pass every column, for slots first.. of the set: a slot's row in a column
// is the union of its rows in the column's tables. Only the words [from, to) of each row are computed.
func match(out, live []uint64, set *rowSet, first, slots, from, to int) {
	words := len(live)
	if useAssembly {
		matchAVX2(&out[from], &live[from], &set.rows[from], &set.offs[first], &set.unions[0], len(set.unions), set.stride, slots, words, to-from)
		return
	}
	matchPlain(out, live, set, first, slots, from, to)
}

func matchPlain(out, live []uint64, set *rowSet, first, slots, from, to int) {
	words := len(live)
	for j := range slots {
		for w := from; w < to; w += chunkWords {
			row := ([chunkWords]uint64)(live[w:])
			at := first + j
			for _, tables := range set.unions {
				r := (*[chunkWords]uint64)(set.rows[int(set.offs[at])+w:])
				if at += set.stride; tables == 1 {
					for i := range row {
						row[i] &= r[i]
					}
					continue
				}
				some := *r
				for range tables - 1 {
					r = (*[chunkWords]uint64)(set.rows[int(set.offs[at])+w:])
					at += set.stride
					for i := range some {
						some[i] |= r[i]
					}
				}
				for i := range row {
					row[i] &= some[i]
				}
			}
			*(*[chunkWords]uint64)(out[j*words+w:]) = row
		}
	}
}

// intersect is a AND b; it says which words have a bit, of each 64 words in one of some.
func intersect(out, a, b, some []uint64) {
	if useAssembly && len(a) <= 64 {
		some[0] = intersectAVX2(&out[0], &a[0], &b[0], len(a))
		return
	}
	for first := 0; first < len(a); first += 64 {
		n := min(64, len(a)-first)
		if useAssembly {
			some[first>>6] = intersectAVX2(&out[first], &a[first], &b[first], n)
			continue
		}
		mask := uint64(0)
		for i, x := range a[first : first+n] {
			x &= b[first+i]
			if out[first+i] = x; x != 0 {
				mask |= 1 << i
			}
		}
		some[first>>6] = mask
	}
}

// findUnsure says, for each of some rows, in which of its words from..to (at most 64) it has bits that its row of base,
// the certain ones, has not.
func findUnsure(masks, rows, base []uint64, certain []uint32, words, from, to int) {
	if useAssembly {
		findUnsureAVX2(&masks[0], &rows[from], &base[from], &certain[0], len(masks), words, to-from)
		return
	}
	for j := range masks {
		row, sure := rows[j*words:], base[certain[j]:]
		masks[j] = 0
		for w := from; w < to; w++ {
			if row[w]&^sure[w] != 0 {
				masks[j] |= 1 << (w - from)
			}
		}
	}
}

// absorb adds rows, sixteen times so many, to the planes of lanes: bit p of the count of a lane stands in plane p.
func absorb(planes, rows []uint64, words, sixteens int) {
	if useAssembly {
		absorbAVX2(&planes[0], &rows[0], words, sixteens)
		return
	}
	for w := range words {
		for k := range sixteens {
			absorbPlain(planes[w:], rows[16*k*words+w:], words)
		}
	}
}

// absorbPlain adds one word of sixteen rows by a tree of carry-save adders.
func absorbPlain(p, r []uint64, k int) {
	ones, twos, fours, eights := p[0], p[k], p[2*k], p[3*k]
	_ = r[15*k]
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
	p[0], p[k], p[2*k], p[3*k] = ones, twos, fours, eights
	for i := 4 * k; carry != 0; i += k {
		p[i], carry = p[i]^carry, p[i]&carry
	}
}

// addBits adds three bits in each of 64 lanes.
func addBits(a, b, c uint64) (high, low uint64) {
	u := a ^ b
	return a&b | u&c, u ^ c
}
