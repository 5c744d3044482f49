package inventory

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// digitBits is how many bits of the time one pass of the sort looks at. Its 1,024 places to write to stay in the
// caches; 8 to 14 bits, in more or fewer passes, take as long.
const digitBits = 10

// sortRows sorts the times in place and lists their rows by (time, slot_id by bytes); nil if that is how they
// came. It works in scratch if that is long enough. spare is memory of one column of 64 bits.
//
// It is a radix sort, which keeps rows of the same time in the order they came in. For those of one page that mostly is the
// one of their ids: only where it is not, ids are compared.
func sortRows(times []model.Instant, ids *interner, scratch []uint64) (order []uint32, spare []uint64) {
	inOrder, ascending := compareNeighbours(times, ids)
	if inOrder {
		return nil, nil
	}
	order, spare = sortTimes(times, scratch)
	orderTies(times, order, ids, ascending)
	return order, spare
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

// sortTimes sorts the times in place and lists their rows, those of equal times as they came. A time since the first, in
// milliseconds if all are whole ones as in most logs, and its row go into one word as long as both have 64 bits
// together. Else the sort takes as many bits as fit at a time, the lowest first.
func sortTimes(times []model.Instant, scratch []uint64) (order []uint32, spare []uint64) {
	n := len(times)
	if len(scratch) < n {
		scratch = make([]uint64, n)
	}
	spare = make([]uint64, n)
	words, other := spare, scratch[:n]
	first, last := slices.Min(times), slices.Max(times)
	unit := unitOf(times, first)
	width, rowBits := bits.Len64(uint64(last-first)/unit), bits.Len(uint(n-1))
	rowMask := uint64(1)<<rowBits - 1
	for row := range words {
		words[row] = uint64(row)
	}
	for done := 0; done < width; done += 64 - rowBits {
		for i, word := range words {
			row := word & rowMask
			words[i] = uint64(times[row]-first)/unit>>done<<rowBits | row
		}
		for shift := rowBits; shift < min(64, rowBits+width-done); shift += digitBits {
			sortByDigit(words, other, shift)
			words, other = other, words
		}
	}
	order = make([]uint32, n)
	for i, word := range words {
		order[i] = uint32(word & rowMask)
	}
	if width <= 64-rowBits {
		for i, word := range words {
			times[i] = first + model.Instant(word>>rowBits*unit)
		}
		return order, spare
	}
	for i, row := range order {
		other[i] = uint64(times[row])
	}
	for i, t := range other {
		times[i] = model.Instant(t)
	}
	return order, spare
}

// unitOf is 1,000 microseconds if all times are multiples of it from the first, else 1.
func unitOf(times []model.Instant, first model.Instant) uint64 {
	const millisecond = 1000
	for _, t := range times {
		if uint64(t-first)%millisecond != 0 {
			return 1
		}
	}
	return millisecond
}

// sortByDigit moves words to other memory, sorted by the digit at a bit and else as they were.
func sortByDigit(words, to []uint64, shift int) {
	const mask = 1<<digitBits - 1
	var places [1 << digitBits]uint32
	for _, word := range words {
		places[word>>shift&mask]++
	}
	sum := uint32(0)
	for digit, n := range places {
		places[digit] = sum
		sum += n
	}
	for _, word := range words {
		digit := word >> shift & mask
		to[places[digit]] = word
		places[digit]++
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
