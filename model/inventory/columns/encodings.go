package columns

import (
	"encoding/binary"
	"fmt"
)

// prefixed splits data into a section whose length stands in 4 bytes before it, and the rest.
func prefixed(data []byte) (section, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errLength
	}
	n := binary.LittleEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return nil, nil, errLength
	}
	return data[4 : 4+n], data[4+n:], nil
}

// runs fills dst from the hybrid of run-length and bit-packed runs
// (https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE). Runs beyond dst are cut:
// bit-packed ones come in groups of eight.
func runs[T uint8 | uint32](dst []T, data []byte, width uint) error {
	if width == 0 {
		clear(dst)
		return nil
	}
	bytesPerValue := int(width+7) / 8
	for at := 0; at < len(dst); {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return fmt.Errorf("runs end after %d of %d values: %w", at, len(dst), errDamaged)
		}
		data = data[n:]
		if head&1 == 1 {
			packed := head >> 1 * uint64(width) // bytes: groups of 8 values
			if head>>1 > uint64(len(data)) || packed > uint64(len(data)) {
				return fmt.Errorf("%d bit-packed groups in %d bytes: %w", head>>1, len(data), errDamaged)
			}
			count := min(len(dst)-at, int(head>>1)*8)
			unpackBits(dst[at:at+count], data, width)
			at, data = at+count, data[packed:]
			continue
		}
		if len(data) < bytesPerValue {
			return fmt.Errorf("a run without its value: %w", errDamaged)
		}
		var value uint32
		for i := range bytesPerValue {
			value |= uint32(data[i]) << (8 * i)
		}
		if uint64(T(value)) != uint64(value) {
			return fmt.Errorf("a run of the value %d: %w", value, errDamaged)
		}
		data = data[bytesPerValue:]
		count := int(min(uint64(len(dst)-at), head>>1))
		repeat(dst[at:at+count], T(value))
		at += count
	}
	return nil
}

// repeat sets all of dst, most of it by copies of its doubling beginning.
func repeat[T uint8 | uint32](dst []T, value T) {
	for i := range dst[:min(16, len(dst))] {
		dst[i] = value
	}
	for done := 16; done < len(dst); done *= 2 {
		copy(dst[done:], dst[:done])
	}
}

// unpackBits unpacks values of width bits (1..32), lowest bit first. data holds whole groups of 8 for dst.
func unpackBits[T uint8 | uint32](dst []T, data []byte, width uint) {
	mask := uint64(1)<<width - 1
	whole := 0 // values of the groups that are unpacked eight at a time
	if width <= 8 {
		whole = unpackGroups(dst, data, width, mask)
	}
	bit := uint(whole) * width
	for i := whole; i < len(dst); i++ {
		dst[i] = T(bitsAt(data, bit) & mask)
		bit += width
	}
}

// unpackGroups unpacks groups of 8 values of up to 8 bits, which one read of 8 bytes holds, as long as there
// are 8 bytes to read, and returns the number of values.
func unpackGroups[T uint8 | uint32](dst []T, data []byte, width uint, mask uint64) int {
	at := 0
	for len(dst)-at >= 8 && len(data) >= 8 {
		group := binary.LittleEndian.Uint64(data)
		eight := dst[at : at+8 : at+8]
		for i := range eight {
			eight[i] = T(group & mask)
			group >>= width
		}
		at, data = at+8, data[width:]
	}
	return at
}

// bitsAt is at least the 57 bits of data that begin at a bit, or as many as there are.
func bitsAt(data []byte, bit uint) uint64 {
	if rest := data[bit/8:]; len(rest) >= 8 {
		return binary.LittleEndian.Uint64(rest) >> (bit % 8)
	}
	return lastBits(data[bit/8:]) >> (bit % 8)
}

// lastBits is bitsAt where fewer than 8 bytes are left.
func lastBits(rest []byte) uint64 {
	var bits uint64
	for i, b := range rest {
		bits |= uint64(b) << (8 * i)
	}
	return bits
}

// deltas decodes DELTA_BINARY_PACKED values, at most limit of them, into dst and returns them and the rest
// of data (https://github.com/apache/parquet-format/blob/master/Encodings.md#DELTAENC).
func deltas(dst []int64, data []byte, limit int) (values []int64, rest []byte, err error) {
	var header [3]uint64 // values in a block, miniblocks in a block, values in all
	for i := range header {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, nil, errLength
		}
		header[i], data = v, data[n:]
	}
	first, n := binary.Varint(data)
	if n <= 0 {
		return nil, nil, errLength
	}
	data = data[n:]
	block, miniblocks, total := header[0], header[1], header[2]
	if block == 0 || block > 1<<20 || miniblocks == 0 || miniblocks > block || block%miniblocks != 0 || block/miniblocks%8 != 0 {
		return nil, nil, fmt.Errorf("delta blocks of %d values in %d parts: %w", block, miniblocks, errDamaged)
	}
	if total > uint64(limit) {
		return nil, nil, fmt.Errorf("%d delta-coded values where at most %d belong: %w", total, limit, errDamaged)
	}
	values = resize(dst, int(total))
	if total == 0 {
		return values, data, nil
	}
	values[0] = first
	for at := 1; at < len(values); {
		if at, data, err = deltaBlock(values, at, data, int(miniblocks), int(block/miniblocks)); err != nil {
			return nil, nil, err
		}
	}
	return values, data, nil
}

// deltaBlock decodes one block from values[at] on: its least delta, the widths of its parts, the parts.
func deltaBlock(values []int64, at int, data []byte, parts, size int) (int, []byte, error) {
	least, n := binary.Varint(data)
	if n <= 0 || len(data)-n < parts {
		return 0, nil, errLength
	}
	widths := data[n : n+parts]
	data = data[n+parts:]
	for _, width := range widths {
		if at >= len(values) {
			break // widths of unused parts mean nothing
		}
		need := size / 8 * int(width)
		if width > 64 || need > len(data) {
			return 0, nil, fmt.Errorf("a delta part of %d values of %d bits in %d bytes: %w", size, width, len(data), errDamaged)
		}
		count := min(size, len(values)-at)
		addDeltas(values, at, count, data, uint(width), least)
		at, data = at+count, data[need:]
	}
	return at, data, nil
}

// addDeltas sets count values from values[at] on, each the one before it plus least plus width bits of data.
// The bytes beyond those bits are read too, and make no difference.
func addDeltas(values []int64, at, count int, data []byte, width uint, least int64) {
	if width > 57 {
		addWideDeltas(values, at, count, data, width, least)
		return
	}
	last, mask := values[at-1], uint64(1)<<width-1
	bit := uint(0)
	for i := range values[at : at+count] {
		last += least + int64(bitsAt(data, bit)&mask)
		values[at+i] = last
		bit += width
	}
}

// addWideDeltas is addDeltas for widths that a read of 8 bytes doesn't hold wherever they begin.
func addWideDeltas(values []int64, at, count int, data []byte, width uint, least int64) {
	for i := range uint(count) {
		delta := uint64(0)
		for bit := uint(0); bit < width; {
			position := i*width + bit
			take := min(8-position%8, width-bit)
			delta |= uint64(data[position/8]>>(position%8)&(1<<take-1)) << bit
			bit += take
		}
		values[at] = values[at-1] + least + int64(delta)
		at++
	}
}
