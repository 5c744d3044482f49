package inventory

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// interner numbers distinct byte strings 0, 1, .. in order of first sight. It keeps their bytes in
// one arena and their XXH64, which the snapshot needs anyway, as the key of an open-addressed table:
// no allocation and no second hash per value.
type interner struct {
	arena  []byte
	ends   []uint64 // end of value i in arena
	hashes []uint64 // XXH64 of value i
	table  []uint32 // 1 + number, 0: free; length a power of two, at most half full
}

// intern returns the number of b and whether it was new.
func (in *interner) intern(b []byte) (uint32, bool) {
	if 2*(len(in.ends)+1) > len(in.table) {
		in.grow()
	}
	h := xxhash.Sum64(b)
	mask := uint64(len(in.table) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		number := in.table[at]
		if number == 0 {
			in.table[at] = uint32(len(in.ends)) + 1
			in.arena = append(in.arena, b...)
			in.ends = append(in.ends, uint64(len(in.arena)))
			in.hashes = append(in.hashes, h)
			return uint32(len(in.ends) - 1), true
		}
		if in.hashes[number-1] == h && bytes.Equal(in.bytes(number-1), b) {
			return number - 1, false
		}
	}
}

// find returns the number of b if it is there.
func (in *interner) find(b []byte) (uint32, bool) {
	if len(in.table) == 0 {
		return 0, false
	}
	h := xxhash.Sum64(b)
	mask := uint64(len(in.table) - 1)
	for at := h & mask; in.table[at] != 0; at = (at + 1) & mask {
		number := in.table[at] - 1
		if in.hashes[number] == h && bytes.Equal(in.bytes(number), b) {
			return number, true
		}
	}
	return 0, false
}

// reserve makes room for n values in all, so that the table needn't grow on the way.
func (in *interner) reserve(n int) {
	in.ends, in.hashes = slices.Grow(in.ends, max(0, n-len(in.ends))), slices.Grow(in.hashes, max(0, n-len(in.hashes)))
	if size := 1 << bits.Len(uint(2*n)); size > len(in.table) {
		in.rehash(size)
	}
}

// grow doubles the table.
func (in *interner) grow() { in.rehash(max(16, 2*len(in.table))) }

// rehash makes a table of a size and enters every value again, by its stored hash.
func (in *interner) rehash(size int) {
	in.table = make([]uint32, size)
	mask := uint64(len(in.table) - 1)
	for number, h := range in.hashes {
		at := h & mask
		for in.table[at] != 0 {
			at = (at + 1) & mask
		}
		in.table[at] = uint32(number) + 1
	}
}

// len is the number of distinct values.
func (in *interner) len() int { return len(in.ends) }

// bytes is the text of value i, valid until the next intern.
func (in *interner) bytes(i uint32) []byte {
	start := uint64(0)
	if i > 0 {
		start = in.ends[i-1]
	}
	return in.arena[start:in.ends[i]]
}

// strings copies all values out.
func (in *interner) strings() []string {
	out := make([]string, in.len())
	for i := range out {
		out[i] = string(in.bytes(uint32(i)))
	}
	return out
}
