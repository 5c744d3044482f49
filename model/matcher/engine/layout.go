package engine

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

const (
	tableRows    = 1024      // most combinations of a multi-valued dimension's values that get a row each
	fuseBytes    = 128 << 10 // most memory of the rows of dimensions that are fused
	fewestRows   = 64        // that many combinations are fused however long a row is
	codesMost    = 8         // most bytes a slot that a layout keeps
	layoutsMost  = 4         // layouts that an engine keeps
	maskBits     = 64        // named values of a multi-valued dimension up to which sets of them are masks
	sampledSlots = 1 << 14   // slots by which combinations are estimated
)

// layout is how slots are read: dimensions that targeting names, fused where few combinations of their values
// occur. It depends on what the targeting of all campaigns tells apart, and on no slot edit, bid or flight, so
// that the variants of a study share it. It is immutable.
//
//	dimension --classOf--> atom: values that no condition tells apart are one class
//	atoms of one grouping, by slot --> codes: each combination that occurs has a number
//
// A multi-valued dimension of too many combinations is cut into chunks of its values, each an atom of its own:
// a slot's row is then the union of one row for each. With too many values for that it stays out.
type layout struct {
	groups  []*grouping
	groupOf map[*inventory.Dimension]int   // of dimensions that are one atom
	chunks  map[*inventory.Dimension][]int // groupings of those that are cut
	bytes   int64
}

// atom is a dimension, or a chunk of its values, as far as conditions tell its codes apart.
type atom struct {
	dim     *inventory.Dimension
	named   []uint32 // values that conditions name, ascending
	classOf []uint32 // by code
	codeOf  []uint32 // by class: one of its codes
	masks   []uint64 // by class, multi-valued: which of named its codes have; nil where each code is a class
}

func (a *atom) classes() int { return len(a.codeOf) }

// grouping numbers the combinations of its atoms' classes.
type grouping struct {
	atoms  []*atom
	rows   int
	slotOf []uint32 // by combination: a slot that has it; nil for a single atom, whose classes are the combinations
	narrow []uint8  // by slot, where there are no more than 256
	codes  []uint16 // by slot, where there are more; a single atom has neither: the class of its code says it
}

// layouts are those that an engine knows, by what they tell apart.
type layouts struct {
	mutex sync.Mutex
	known map[string]*layout
}

// layoutOf finds or makes the layout of a plan.
func (e *Engine) layoutOf(p *plan) *layout {
	limit := max(fewestRows, fuseBytes/(8*wordsFor(len(p.sc.Campaigns))))
	key := binary.LittleEndian.AppendUint64(nil, uint64(limit))
	for k, dim := range e.snap.Dimensions() {
		if named, ok := p.named[dim]; ok {
			slices.Sort(named)
			named = slices.Compact(named)
			p.named[dim] = named
			key = binary.LittleEndian.AppendUint32(key, uint32(k))
			key = binary.LittleEndian.AppendUint32(key, uint32(len(named)))
			for _, v := range named {
				key = binary.LittleEndian.AppendUint32(key, v)
			}
		}
	}
	l := &e.layouts
	l.mutex.Lock() // whoever comes second waits for the first to make it
	defer l.mutex.Unlock()
	id := digest(key)
	if known := l.known[id]; known != nil {
		return known
	}
	if len(l.known) == layoutsMost {
		clear(l.known)
	}
	l.known[id] = newLayout(e.snap, p.named, limit)
	return l.known[id]
}

// size is the memory of all layouts that are kept.
func (l *layouts) size() int64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	n := int64(0)
	for _, k := range l.known {
		n += k.bytes
	}
	return n
}

func newLayout(snap *inventory.Snapshot, named map[*inventory.Dimension][]uint32, limit int) *layout {
	l := &layout{groupOf: map[*inventory.Dimension]int{}, chunks: map[*inventory.Dimension][]int{}}
	var whole []*grouping
	var cut []*atom
	for _, dim := range snap.Dimensions() {
		values, ok := named[dim]
		if !ok {
			continue
		}
		if atoms := newAtoms(dim, values); len(atoms) == 1 {
			whole = append(whole, &grouping{atoms: atoms, rows: atoms[0].classes()})
		} else {
			cut = append(cut, atoms...)
		}
	}
	l.groups = fuse(whole, snap.Len(), limit)
	for g, group := range l.groups {
		group.narrowCodes()
		for _, a := range group.atoms {
			l.groupOf[a.dim] = g
		}
	}
	for _, a := range cut {
		l.chunks[a.dim] = append(l.chunks[a.dim], len(l.groups))
		l.groups = append(l.groups, &grouping{atoms: []*atom{a}, rows: a.classes()})
	}
	l.measure()
	return l
}

// measure adds up the memory.
func (l *layout) measure() {
	for _, g := range l.groups {
		l.bytes += 4*int64(len(g.slotOf)) + int64(len(g.narrow)) + 2*int64(len(g.codes))
		for _, a := range g.atoms {
			l.bytes += 4*int64(len(a.named)+len(a.classOf)+len(a.codeOf)) + 8*int64(len(a.masks)) + 256
		}
	}
}

// newAtoms makes the atoms of a dimension: one, several chunks of its values, or none if it has too many.
func newAtoms(dim *inventory.Dimension, named []uint32) []*atom {
	switch {
	case !dim.Multi():
		return []*atom{newScalar(dim, named)}
	case len(named) > maskBits && dim.Cardinality() > tableRows:
		return nil
	case len(named) > maskBits:
		a := &atom{dim: dim, named: named, classOf: make([]uint32, dim.Cardinality()), codeOf: make([]uint32, dim.Cardinality())}
		for code := range a.classOf {
			a.classOf[code], a.codeOf[code] = uint32(code), uint32(code)
		}
		return []*atom{a}
	}
	masks := setMasks(dim, named)
	var out []*atom
	for from := 0; from < len(named) || len(out) == 0; {
		to := min(from+8, len(named)) // 2^8 classes at most
		for to < len(named) && distinctMasks(masks, bitsBetween(from, to+1), tableRows) <= tableRows {
			to++
		}
		out = append(out, newMasked(dim, named[from:to], masks, from, to))
		from = to
	}
	return out
}

// newScalar has a class for missing, one for values that are not named, and one for each that is.
func newScalar(dim *inventory.Dimension, named []uint32) *atom {
	a := &atom{dim: dim, named: named, classOf: make([]uint32, dim.Cardinality()), codeOf: make([]uint32, 2+len(named))}
	for code := 1; code < len(a.classOf); code++ {
		a.classOf[code] = 1
	}
	for k, v := range named {
		a.classOf[v+1] = uint32(k + 2)
	}
	for code := len(a.classOf) - 1; code >= 0; code-- {
		a.codeOf[a.classOf[code]] = uint32(code)
	}
	return a
}

// setMasks says by code which of the named values its set has.
func setMasks(dim *inventory.Dimension, named []uint32) []uint64 {
	masks := make([]uint64, dim.Cardinality())
	for code, set := range dim.Sets() {
		for _, v := range set {
			if k, ok := slices.BinarySearch(named, v); ok {
				masks[code+1] |= 1 << k
			}
		}
	}
	return masks
}

// bitsBetween is the bits from up to, not including, to.
func bitsBetween(from, to int) uint64 {
	return (1<<(to-from) - 1) << from // all bits where to-from is 64
}

// distinctMasks counts distinct masks, as far as most.
func distinctMasks(masks []uint64, of uint64, most int) int {
	seen := make(map[uint64]struct{}, most+1)
	for _, m := range masks {
		if seen[m&of] = struct{}{}; len(seen) > most {
			break
		}
	}
	return len(seen)
}

// newMasked has a class for each combination of the values from..to that occurs in a set.
func newMasked(dim *inventory.Dimension, named []uint32, masks []uint64, from, to int) *atom {
	a := &atom{dim: dim, named: named, classOf: make([]uint32, len(masks))}
	classes := map[uint64]uint32{}
	for code, m := range masks {
		m = m & bitsBetween(from, to) >> from
		class, ok := classes[m]
		if !ok {
			class = uint32(len(a.codeOf))
			classes[m] = class
			a.codeOf, a.masks = append(a.codeOf, uint32(code)), append(a.masks, m)
		}
		a.classOf[code] = class
	}
	return a
}

// mask is the set of the atom's named values that a list has.
func (a *atom) mask(values []uint32) uint64 {
	m := uint64(0)
	for _, v := range values {
		if k, ok := slices.BinarySearch(a.named, v); ok {
			m |= 1 << k
		}
	}
	return m
}

// classAt is the class at slot i.
func (a *atom) classAt(i uint32) uint32 { return a.classOf[a.dim.Code(int(i))] }

// narrowCodes keeps codes in a byte each where they fit.
func (g *grouping) narrowCodes() {
	if g.codes == nil || g.rows > 1<<8 {
		return
	}
	g.narrow = make([]uint8, len(g.codes))
	for i, code := range g.codes {
		g.narrow[i] = uint8(code)
	}
	g.codes = nil
}

// codeAt is the combination at slot i.
func (g *grouping) codeAt(i uint32) uint32 {
	switch {
	case g.narrow != nil:
		return uint32(g.narrow[i])
	case g.codes != nil:
		return uint32(g.codes[i])
	}
	return g.atoms[0].classAt(i)
}

// classOf is the class of the grouping's k-th atom in a combination.
func (g *grouping) classOf(k, combination int) uint32 {
	if g.slotOf == nil {
		return uint32(combination)
	}
	return g.atoms[k].classAt(g.slotOf[combination])
}

// read fills in what is at the slots, which stand in order: the combination of each, times scale and from at on.
func (g *grouping) read(out, slots []uint32, at, scale uint32) {
	switch {
	case g.narrow != nil:
		readCodes(out, slots, g.narrow, at, scale)
		return
	case g.codes != nil:
		readCodes(out, slots, g.codes, at, scale)
		return
	}
	a := g.atoms[0]
	switch d := a.dim; {
	case d.U8() != nil:
		readClasses(out, slots, d.U8(), a.classOf, at, scale)
	case d.U16() != nil:
		readClasses(out, slots, d.U16(), a.classOf, at, scale)
	default:
		readClasses(out, slots, d.U32(), a.classOf, at, scale)
	}
}

func readCodes[T uint8 | uint16](out, slots []uint32, codes []T, at, scale uint32) {
	first := slots[0]
	codes = codes[first:]
	for j, i := range slots {
		out[j] = at + scale*uint32(codes[i-first])
	}
}

func readClasses[T uint8 | uint16 | uint32](out, slots []uint32, codes []T, classOf []uint32, at, scale uint32) {
	first := slots[0]
	codes = codes[first:]
	for j, i := range slots {
		out[j] = at + scale*classOf[codes[i-first]]
	}
}

// mentions adds the values that a campaign's targeting names to those of its dimensions.
func (p *plan) mentions(n *node) {
	if n == nil {
		return
	}
	if n.op == model.OpIn {
		p.named[n.dim] = append(p.named[n.dim], n.values...)
	}
	for _, a := range n.args {
		p.mentions(a)
	}
}

// wordsFor is the words of a row of so many bits.
func wordsFor(bits int) int {
	return max(1, (bits+64*chunkWords-1)/(64*chunkWords)) * chunkWords
}
