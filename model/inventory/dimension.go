package inventory

// Dimension is one column of the snapshot by which slots can be targeted and broken down: a code
// per slot, 0 where the value is missing. It is immutable; slices it hands out must not be written.
type Dimension struct {
	name   string
	multi  bool
	values []string
	sets   [][]uint32
	u8     []uint8
	u16    []uint16
	u32    []uint32
}

// Name is the column's name.
func (d *Dimension) Name() string { return d.name }

// Multi reports whether a slot has a set of values rather than one.
func (d *Dimension) Multi() bool { return d.multi }

// Values are the distinct values that occur, sorted by their bytes.
func (d *Dimension) Values() []string { return d.values }

// Sets are the distinct sets that occur in a multi-valued dimension, each as ascending indices into
// Values, themselves in ascending lexicographic order. It is nil for a scalar dimension.
func (d *Dimension) Sets() [][]uint32 { return d.sets }

// Cardinality is the number of codes, 0 (missing) included.
func (d *Dimension) Cardinality() int {
	if d.multi {
		return len(d.sets) + 1
	}
	return len(d.values) + 1
}

// Code is the code of slot i: 0 if missing, else 1 + an index into Values, or into Sets if Multi.
func (d *Dimension) Code(i int) uint32 {
	switch {
	case d.u8 != nil:
		return uint32(d.u8[i])
	case d.u16 != nil:
		return uint32(d.u16[i])
	}
	return d.u32[i]
}

// U8 is the codes of all slots if they fit in a byte, else nil. Exactly one of U8, U16 and U32 is not nil.
func (d *Dimension) U8() []uint8 { return d.u8 }

// U16 is the codes of all slots if they fit in two bytes but not in one, else nil.
func (d *Dimension) U16() []uint16 { return d.u16 }

// U32 is the codes of all slots if they don't fit in two bytes, else nil.
func (d *Dimension) U32() []uint32 { return d.u32 }

// bytes is the memory held: codes, texts and sets with their headers.
func (d *Dimension) bytes() int64 {
	n := int64(len(d.u8)) + 2*int64(len(d.u16)) + 4*int64(len(d.u32))
	for _, v := range d.values {
		n += 16 + int64(len(v))
	}
	for _, s := range d.sets {
		n += 24 + 4*int64(len(s))
	}
	return n
}
