package inventory

import (
	"math"
	"slices"
)

// codes is a column of numbers that grows, as narrow as the largest of them allows: 1, 2 or 4 bytes each. Exactly
// the slice of the current width is in use.
type codes struct {
	u8   []uint8
	u16  []uint16
	u32  []uint32
	wide int // 0 or 1: u8, 2: u16, 4: u32
	room int // rows that are expected
}

// len is the number of rows.
func (c *codes) len() int { return len(c.u8) + len(c.u16) + len(c.u32) }

// at is the code of a row.
func (c *codes) at(row uint32) uint32 {
	switch c.wide {
	case 4:
		return c.u32[row]
	case 2:
		return uint32(c.u16[row])
	}
	return uint32(c.u8[row])
}

// add appends a code.
func (c *codes) add(code uint32) { c.addAll([]uint32{code}) }

// addAll appends codes.
func (c *codes) addAll(all []uint32) {
	for len(all) > 0 {
		var done int
		switch c.wide {
		case 4:
			c.u32 = append(extend(c.u32, 0, c.room), all...)
			done = len(all)
		case 2:
			c.u16, done = appendNarrow(c.u16, all, c.room)
		default:
			c.u8, done = appendNarrow(c.u8, all, c.room)
		}
		if all = all[done:]; len(all) > 0 {
			c.fit(all[0])
		}
	}
}

// appendNarrow appends codes up to the first that doesn't fit, and says how many.
func appendNarrow[T uint8 | uint16](dst []T, all []uint32, room int) ([]T, int) {
	n := len(dst)
	dst = extend(dst, len(all), room)
	for i, code := range all {
		if uint32(T(code)) != code {
			return dst[:n+i], i
		}
		dst[n+i] = T(code)
	}
	return dst, len(all)
}

// repeat appends a code n times.
func (c *codes) repeat(code uint32, n int) {
	c.fit(code)
	switch c.wide {
	case 4:
		c.u32 = appendRun(c.u32, code, n, c.room)
	case 2:
		c.u16 = appendRun(c.u16, uint16(code), n, c.room)
	default:
		c.u8 = appendRun(c.u8, uint8(code), n, c.room)
	}
}

func appendRun[T uint8 | uint16 | uint32](dst []T, code T, n, room int) []T {
	start := len(dst)
	dst = extend(dst, n, room)
	for i := range dst[start:] {
		dst[start+i] = code
	}
	return dst
}

// extend makes a column longer by n; new memory is for as many rows as are expected.
func extend[T any](column []T, n, room int) []T {
	need := len(column) + n
	if need <= cap(column) {
		return column[:need]
	}
	if need < room {
		n = room - len(column)
	}
	return slices.Grow(column, n)[:need]
}

// pad makes the column as long as rows, with 0.
func (c *codes) pad(rows int) { c.repeat(0, max(0, rows-c.len())) }

// fit widens the column if a code needs it.
func (c *codes) fit(code uint32) {
	switch {
	case code > math.MaxUint16 && c.wide < 4:
		u32 := make([]uint32, c.len(), max(c.room, c.len()))
		for i := range u32 {
			u32[i] = c.at(uint32(i))
		}
		*c = codes{u32: u32, wide: 4, room: c.room}
	case code > math.MaxUint8 && c.wide < 2:
		u16 := make([]uint16, len(c.u8), max(c.room, len(c.u8)))
		for i, code := range c.u8 {
			u16[i] = uint16(code)
		}
		*c = codes{u16: u16, wide: 2, room: c.room}
	}
}

// spares are columns that are no longer needed and whose memory the next ones take. They keep sorting from holding
// more than one column of a width twice, without waiting for the garbage collector.
type spares struct {
	u8  []uint8
	u16 []uint16
	u32 []uint32
}

// permute is a column in the given order, in the spare memory, which the column's own then is; nil means as it is.
func permute(spare *[]uint32, column, order []uint32) []uint32 {
	if order == nil {
		return fitted(column)
	}
	out := take(spare, len(order))
	for i, row := range order {
		out[i] = column[row]
	}
	*spare = column
	return out
}

// recode is rank[code] for the codes of a column in the given order. The result has its own memory, or that of the column or the spare.
func recode[T uint8 | uint16 | uint32](spare *[]T, column []T, order []uint32, rank []uint32) []T {
	narrow := make([]T, len(rank))
	for i, r := range rank {
		narrow[i] = T(r)
	}
	if order == nil {
		for i, code := range column {
			column[i] = narrow[code]
		}
		return fitted(column)
	}
	out := take(spare, len(order))
	for i, row := range order {
		out[i] = narrow[column[row]]
	}
	*spare = column
	return out
}

// fitted is a column that will be kept, in memory that is not much larger than it.
func fitted[T any](column []T) []T {
	if cap(column)-len(column) > len(column)/16 {
		return append(make([]T, 0, len(column)), column...)
	}
	return column
}

// take takes the spare memory for n values, or new one.
func take[T any](spare *[]T, n int) []T {
	out := *spare
	*spare = nil
	if cap(out) < n || cap(out) > n+n/16 {
		return make([]T, n)
	}
	return out[:n]
}

// finish gives a dimension the codes in the given order, each as its rank.
func (c *codes) finish(d *Dimension, rank, order []uint32, s *spares) {
	switch c.wide {
	case 4:
		d.u32 = recode(&s.u32, c.u32, order, rank)
	case 2:
		d.u16 = recode(&s.u16, c.u16, order, rank)
	default:
		d.u8 = recode(&s.u8, c.u8, order, rank)
	}
}
