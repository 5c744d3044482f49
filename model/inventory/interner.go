package inventory

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// interner numbers distinct byte strings 0, 1, .. in order of first sight. It keeps their XXH64, which the
// snapshot needs anyway, as the key of an open-addressed table: no allocation and no second hash per value.
// Texts lie in blocks, so that more of them never means to copy those that are there.
type interner struct {
	blocks []textBlock
	hashes []uint64 // XXH64 of value i
	table  []uint32 // 1 + number, 0: free; length a power of two, at most half full
	seen   uint64   // what fetch read, so that its reads are not left out
}

// textsPerBlock times the longest text that is looked up again is below 2^32.
const textsPerBlock = 1 << 12

// textBlock is a stretch of texts.
type textBlock struct {
	texts []byte
	ends  []uint32 // end of each in texts
}

// intern returns the number of b and whether it was new.
func (in *interner) intern(b []byte) (uint32, bool) { return in.put(b, xxhash.Sum64(b)) }

// put is intern of a text whose XXH64 is known.
func (in *interner) put(b []byte, h uint64) (uint32, bool) {
	if 2*(len(in.hashes)+1) > len(in.table) {
		in.grow()
	}
	mask := uint64(len(in.table) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		number := in.table[at]
		if number == 0 {
			in.table[at] = uint32(len(in.hashes)) + 1
			in.append(b)
			in.hashes = append(in.hashes, h)
			return uint32(len(in.hashes) - 1), true
		}
		if in.hashes[number-1] == h && bytes.Equal(in.bytes(number-1), b) {
			return number - 1, false
		}
	}
}

// append adds a text to the last block, or to a new one, which is made about as large as the last came to be.
func (in *interner) append(b []byte) {
	if len(in.hashes)%textsPerBlock == 0 {
		var next textBlock
		if n := len(in.blocks); n > 0 {
			size := len(in.blocks[n-1].texts)
			next = textBlock{make([]byte, 0, size+size/16), make([]uint32, 0, textsPerBlock)}
		}
		in.blocks = append(in.blocks, next)
	}
	last := &in.blocks[len(in.blocks)-1]
	last.texts = append(last.texts, b...)
	last.ends = append(last.ends, uint32(len(last.texts)))
}

// fetch reads the memory that put will look at for these hashes. The reads don't wait for each other as those
// of one put after another do, so that many cache misses take the time of one.
func (in *interner) fetch(hashes []uint64) {
	if len(in.table) == 0 {
		return
	}
	mask := uint64(len(in.table) - 1)
	var known [textBatch]uint32
	n := 0
	for _, h := range hashes {
		number := in.table[h&mask]
		known[n] = number
		n += min(1, int(number))
	}
	for _, number := range known[:n] {
		in.seen += in.hashes[number-1]
	}
	if len(in.table) > 1<<16 { // smaller ones are cached whole
		for _, number := range known[:n] {
			if text := in.bytes(number - 1); len(text) > 0 {
				in.seen += uint64(text[0])
			}
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
	in.hashes = slices.Grow(in.hashes, max(0, n-len(in.hashes)))
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
func (in *interner) len() int { return len(in.hashes) }

// bytes is the text of value i. It must not be written.
func (in *interner) bytes(i uint32) []byte {
	block := &in.blocks[i/textsPerBlock]
	start, at := uint32(0), i%textsPerBlock
	if at > 0 {
		start = block.ends[at-1]
	}
	return block.texts[start:block.ends[at]]
}

// strings copies all values out.
func (in *interner) strings() []string {
	out := make([]string, in.len())
	for i := range out {
		out[i] = string(in.bytes(uint32(i)))
	}
	return out
}
