package inventory

import (
	"bytes"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// interner numbers distinct byte strings 0, 1, .. in order of first sight. It finds them by their XXH64, which the
// snapshot needs anyway, in an open-addressed table: no allocation per value. The table has half of the hash
// beside the number, so that a look-up goes to the text only where it will be found, one chance in 2^32 aside.
// Texts and hashes lie in blocks, so that more of them never means to copy those that are there.
type interner struct {
	blocks []textBlock
	count  int
	table  []uint64 // upper half of a hash, 1 + number; 0: free; length a power of two, at most half full
	seen   uint64   // what fetch read, so that its reads are not left out
}

// textsPerBlock times the longest text that is looked up again is below 2^32.
const textsPerBlock = 1 << 12

// textBlock is a stretch of texts.
type textBlock struct {
	texts  []byte
	ends   []uint32 // end of each in texts
	hashes []uint64 // XXH64 of each
}

// intern returns the number of b and whether it was new.
func (in *interner) intern(b []byte) (uint32, bool) { return in.put(b, xxhash.Sum64(b)) }

// put is intern of a text whose XXH64 is known.
func (in *interner) put(b []byte, h uint64) (uint32, bool) {
	if 2*(in.count+1) > len(in.table) {
		in.rehash(max(16, 2*len(in.table)))
	}
	number, at, known := in.look(b, h)
	if known {
		return number, false
	}
	in.table[at] = h>>32<<32 | uint64(in.count+1)
	in.append(b, h)
	in.count++
	return uint32(in.count - 1), true
}

// look finds the number of b, or else the place in the table that is free for it.
func (in *interner) look(b []byte, h uint64) (number uint32, at uint64, known bool) {
	mask := uint64(len(in.table) - 1)
	for at = h & mask; ; at = (at + 1) & mask {
		entry := in.table[at]
		if entry == 0 {
			return 0, at, false
		}
		if number := uint32(entry) - 1; (entry^h)>>32 == 0 && bytes.Equal(in.bytes(number), b) {
			return number, at, true
		}
	}
}

// append adds a text to the last block, or to a new one, which is made about as large as the last came to be.
func (in *interner) append(b []byte, h uint64) {
	if in.count%textsPerBlock == 0 {
		var next textBlock
		if n := len(in.blocks); n > 0 {
			size := len(in.blocks[n-1].texts)
			next = textBlock{make([]byte, 0, size+size/16), make([]uint32, 0, textsPerBlock), make([]uint64, 0, textsPerBlock)}
		}
		in.blocks = append(in.blocks, next)
	}
	last := &in.blocks[len(in.blocks)-1]
	last.texts = append(last.texts, b...)
	last.ends = append(last.ends, uint32(len(last.texts)))
	last.hashes = append(last.hashes, h)
}

// fetch reads the memory that put will look at for these hashes. The reads don't wait for each other as those
// of one put after another do, so that many cache misses take the time of one.
func (in *interner) fetch(hashes []uint64) {
	if len(in.table) < 1<<14 { // it is cached whole
		return
	}
	mask := uint64(len(in.table) - 1)
	var known [textBatch]uint32
	n := 0
	for _, h := range hashes {
		entry := in.table[h&mask]
		known[n] = uint32(entry) - 1
		if entry != 0 && (entry^h)>>32 == 0 {
			n++
		}
	}
	for _, number := range known[:n] {
		if text := in.bytes(number); len(text) > 0 {
			in.seen += uint64(text[0])
		}
	}
}

// find returns the number of b if it is there.
func (in *interner) find(b []byte) (uint32, bool) {
	if len(in.table) == 0 {
		return 0, false
	}
	number, _, known := in.look(b, xxhash.Sum64(b))
	return number, known
}

// reserve makes room for n values in all, so that the table needn't grow on the way.
func (in *interner) reserve(n int) {
	if size := 1 << bits.Len(uint(2*n)); size > len(in.table) {
		in.rehash(size)
	}
}

// rehash makes a table of a size and enters every value again, by its stored hash.
func (in *interner) rehash(size int) {
	in.table = make([]uint64, size)
	mask := uint64(size - 1)
	number := uint64(0)
	for _, block := range in.blocks {
		for _, h := range block.hashes {
			at := h & mask
			for in.table[at] != 0 {
				at = (at + 1) & mask
			}
			number++
			in.table[at] = h>>32<<32 | number
		}
	}
}

// len is the number of distinct values.
func (in *interner) len() int { return in.count }

// hash is the XXH64 of value i.
func (in *interner) hash(i uint32) uint64 { return in.blocks[i/textsPerBlock].hashes[i%textsPerBlock] }

// hashes are the XXH64 of the values in the given order, in memory of spare if that fits; nil means as they came.
func (in *interner) hashes(spare []uint64, order []uint32) []uint64 {
	out := take(&spare, in.count)
	if order == nil {
		out = out[:0]
		for _, block := range in.blocks {
			out = append(out, block.hashes...)
		}
		return out
	}
	for i, row := range order {
		out[i] = in.hash(row)
	}
	return out
}

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
