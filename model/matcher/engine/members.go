package engine

// memberSets are sets of ranks that are marked in a row of bits together: the campaigns of a cap group, of an
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

// mark sets the bits of set k in a row.
func (s *memberSets) mark(k int, row []uint64) {
	if at := s.row[k]; at >= 0 {
		for w, x := range s.rows[at : int(at)+s.words] {
			row[w] |= x
		}
		return
	}
	for _, r := range s.ranks[s.first[k]:s.first[k+1]] {
		row[r>>6] |= 1 << (r & 63)
	}
}
