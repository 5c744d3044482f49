package engine

import "slices"

// fuser joins groupings as long as the combinations that occur stay few: country, region and city have hardly more
// of them than cities. Pairs are compared by the combinations of some slots, and joined if those of all slots
// are no more than the limit.
type fuser struct {
	slots, limit int
	groups       []*grouping
	samples      [][]uint16 // by grouping: combinations of some slots
	pairs        map[[2]*grouping]int
}

// fuse joins groupings of one atom each; those with too many rows stay as they are.
func fuse(groups []*grouping, slots, limit int) []*grouping {
	f := fuser{slots: slots, limit: limit, pairs: map[[2]*grouping]int{}}
	var large []*grouping
	for _, g := range groups {
		if g.rows > limit {
			large = append(large, g)
		} else {
			f.add(g)
		}
	}
	for {
		a, b := f.best()
		if a < 0 {
			return append(f.groups, large...)
		}
		pair := [2]*grouping{f.groups[a], f.groups[b]}
		var joined *grouping
		if f.room(pair) {
			joined = f.join(pair[0], pair[1])
		}
		if joined == nil {
			f.pairs[pair] = limit + 1
			continue
		}
		f.groups, f.samples = slices.Delete(f.groups, b, b+1), slices.Delete(f.samples, b, b+1)
		f.groups, f.samples = slices.Delete(f.groups, a, a+1), slices.Delete(f.samples, a, a+1)
		f.add(joined)
	}
}

// room is false where joining two would keep more codes by slot than a layout may.
func (f *fuser) room(pair [2]*grouping) bool {
	kept := 2
	for _, g := range f.groups {
		if g.codes != nil && g != pair[0] && g != pair[1] {
			kept += 2
		}
	}
	return kept <= codesMost
}

// add takes a grouping in, with the combinations of evenly spaced slots.
func (f *fuser) add(g *grouping) {
	step := 1 + f.slots/sampledSlots
	var sample []uint16
	for i := 0; i < f.slots; i += step {
		sample = append(sample, uint16(g.codeAt(uint32(i))))
	}
	f.groups, f.samples = append(f.groups, g), append(f.samples, sample)
}

// best is the pair with the fewest combinations in the sample, -1 if all have too many.
func (f *fuser) best() (first, second int) {
	first, least := -1, f.limit+1
	for a := range f.groups {
		for b := a + 1; b < len(f.groups); b++ {
			pair := [2]*grouping{f.groups[a], f.groups[b]}
			n, ok := f.pairs[pair]
			if !ok {
				n = f.count(a, b)
				f.pairs[pair] = n
			}
			if n < least {
				first, second, least = a, b, n
			}
		}
	}
	return first, second
}

// count is the number of combinations of two groupings in the sample.
func (f *fuser) count(a, b int) int {
	seen, n := make([]bool, f.groups[a].rows*f.groups[b].rows), 0
	for i, x := range f.samples[a] {
		at := &seen[int(x)*f.groups[b].rows+int(f.samples[b][i])]
		if !*at {
			n++
		}
		*at = true
	}
	return n
}

// join numbers the combinations of two groupings over all slots; nil if there are too many.
func (f *fuser) join(a, b *grouping) *grouping {
	out := &grouping{atoms: slices.Concat(a.atoms, b.atoms), codes: make([]uint16, f.slots)}
	number := make([]uint16, a.rows*b.rows) // from 1
	const stretch = 4096
	left, right, slots := make([]uint32, stretch), make([]uint32, stretch), make([]uint32, stretch)
	for first := 0; first < f.slots; first += stretch {
		n := min(stretch, f.slots-first)
		for i := range n {
			slots[i] = uint32(first + i)
		}
		a.read(left, slots[:n], 0, 1)
		b.read(right, slots[:n], 0, 1)
		for i, x := range left[:n] {
			at := &number[int(x)*b.rows+int(right[i])]
			if *at == 0 {
				if out.rows == f.limit {
					return nil
				}
				out.rows++
				out.slotOf = append(out.slotOf, uint32(first+i))
				*at = uint16(out.rows)
			}
			out.codes[first+i] = *at - 1
		}
	}
	return out
}
