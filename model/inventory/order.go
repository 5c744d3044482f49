package inventory

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// digitBits is how many bits of the time one pass of the sort looks at: its 256 places to write to, twice, are
// what the first-level cache holds. With 11 bits and fewer passes it takes longer.
const digitBits = 8

// sortRows sorts the times in place and lists their rows by (time, slot_id by bytes); nil if that is how they
// came. It works in scratch if that is long enough. spare is memory of one column of 32 bits.
//
// It is a radix sort by the bits of the time in which not all rows agree, lowest first. It keeps rows of the same time in
// the order they came in, which for those of one page mostly is the one of their ids: only where it is not, ids
// are compared.
func sortRows(times []model.Instant, ids *interner, scratch []uint64) (order, spare []uint32) {
	first, last := slices.Min(times), slices.Max(times)
	inOrder, ascending := compareNeighbours(times, ids)
	if inOrder {
		return nil, nil
	}
	n := len(times)
	if len(scratch) < n {
		scratch = make([]uint64, n)
	}
	s := sorter{times: times, other: scratch[:n], order: make([]uint32, n), otherOrder: make([]uint32, n), first: first}
	s.sort(bits.Len64(uint64(last - first)))
	orderTies(times, s.order, ids, ascending)
	return s.order, s.otherOrder
}

// compareNeighbours reports whether the rows are in order, and of each whether it has the time of the one before it
// and a higher id, as a bit.
func compareNeighbours(times []model.Instant, ids *interner) (inOrder bool, ascending []uint64) {
	inOrder, ascending = true, make([]uint64, len(times)/64+1)
	for i := 1; i < len(times); i++ {
		switch {
		case times[i] < times[i-1]:
			inOrder = false
		case times[i] > times[i-1]:
		case bytes.Compare(ids.bytes(uint32(i-1)), ids.bytes(uint32(i))) < 0:
			ascending[i/64] |= 1 << (i % 64)
		default:
			inOrder = false
		}
	}
	return inOrder, ascending
}

// sorter is the state of a radix sort: times and rows move to the other memory with each pass.
type sorter struct {
	times             []model.Instant
	first             model.Instant
	other             []uint64
	order, otherOrder []uint32
}

// sort sorts by the lowest bits of the time since the first.
func (s *sorter) sort(width int) {
	for i := range s.order {
		s.order[i] = uint32(i)
	}
	here := true // in times and order
	for shift := 0; shift < width; shift += digitBits {
		if here {
			pass(s.times, s.other, s.order, s.otherOrder, s.first, shift)
		} else {
			pass(s.other, s.times, s.otherOrder, s.order, s.first, shift)
		}
		here = !here
	}
	if !here {
		for i, t := range s.other {
			s.times[i] = model.Instant(t)
		}
		s.order, s.otherOrder = s.otherOrder, s.order
	}
}

// pass moves times and rows to other memory, sorted by one digit and else as they were.
func pass[From, To model.Instant | uint64](from []From, to []To, rows, toRows []uint32, first model.Instant, shift int) {
	const mask = 1<<digitBits - 1
	var places [1 << digitBits]uint32
	for _, t := range from {
		places[uint64(t-From(first))>>shift&mask]++
	}
	sum := uint32(0)
	for digit, n := range places {
		places[digit] = sum
		sum += n
	}
	for i, t := range from {
		digit := uint64(t-From(first)) >> shift & mask
		at := places[digit]
		places[digit]++
		to[at], toRows[at] = To(t), rows[i]
	}
}

// orderTies sorts the rows of equal times by their ids. ascending tells of rows that came one after the other
// that they are in order.
func orderTies(times []model.Instant, order []uint32, ids *interner, ascending []uint64) {
	for i := 0; i < len(times); {
		end, sorted := i+1, true
		for ; end < len(times) && times[end] == times[i]; end++ {
			row := order[end]
			sorted = sorted && row == order[end-1]+1 && ascending[row/64]>>(row%64)&1 == 1
		}
		if !sorted {
			slices.SortFunc(order[i:end], func(a, b uint32) int { return bytes.Compare(ids.bytes(a), ids.bytes(b)) })
		}
		i = end
	}
}
