package engine

import "math/bits"

// memberSets are sets of ranks that are taken out of a row of bits together: the campaigns of a cap group, of an
// advertiser, of a category. A large set is kept as a row of its own, a small one as a list; as there are
// fewer than 64 x words members in all, there are fewer than 64 rows per set that a rank is in.
type memberSets struct {
	words int
	row   []int32 // by set: offset into rows, or -1
	rows  []uint64
	first []uint32 // by set: its list is ranks[first[k]:first[k+1]]
	ranks []uint32
}

// reserve lays out the sets: size(k) is the number of members of set k.
func (s *memberSets) reserve(m *meter, words, sets int, each func(k int) []uint32) {
	s.words = words
	takeRaw(m, &s.row, sets)
	takeRaw(m, &s.first, sets+1)
	rows, listed := 0, 0
	for k := range sets {
		if n := len(each(k)); n > words {
			rows++
		} else {
			listed += n
		}
	}
	take(m, &s.rows, rows*words)
	takeRaw(m, &s.ranks, listed)
	if m.dry {
		return
	}
	s.fill(sets, each)
}

func (s *memberSets) fill(sets int, each func(k int) []uint32) {
	rows, listed := 0, 0
	for k := range sets {
		s.row[k], s.first[k] = -1, uint32(listed)
		members := each(k)
		if len(members) <= s.words {
			listed += copy(s.ranks[listed:], members)
			continue
		}
		s.row[k] = int32(rows)
		for _, r := range members {
			s.rows[rows+int(r>>6)] |= 1 << (r & 63)
		}
		rows += s.words
	}
	s.first[sets] = uint32(listed)
}

// take clears the bits of set k in the words from..to of a row, and counts them by rank; it reports whether there
// were any.
func (s *memberSets) take(k int, row []uint64, from, to int, counts []int64) bool {
	any := false
	if at := s.row[k]; at >= 0 {
		set := s.rows[at : int(at)+s.words]
		for w := from; w < to; w++ {
			x := row[w] & set[w]
			row[w] &^= x
			for ; x != 0; x &= x - 1 {
				counts[w<<6+bits.TrailingZeros64(x)]++
				any = true
			}
		}
		return any
	}
	for _, r := range s.ranks[s.first[k]:s.first[k+1]] {
		any = takeBit(row, r, from, to, counts) || any
	}
	return any
}

// takeBit clears a rank's bit, if it is set in the words from..to, and counts it. Whether it is set is anybody's guess,
// so nothing branches on it.
func takeBit(row []uint64, r uint32, from, to int, counts []int64) bool {
	w := int(r >> 6)
	if w < from || w >= to {
		return false
	}
	x := row[w]
	was := x >> (r & 63) & 1
	row[w] = x &^ (1 << (r & 63))
	counts[r] += int64(was)
	return was != 0
}
