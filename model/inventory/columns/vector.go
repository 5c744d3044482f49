package columns

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// Vector is a run of decoded values of one column without nulls.
type Vector struct {
	column *Column
	n      int
	data   []byte  // of byte-like values
	spans  []span  // of byte-like values in data
	ints   []int64 // of integers and booleans
	floats []float64
	deltas []int64 // scratch

	checked, ascii bool // whether, and that, data is ASCII
}

// maxPrefixBytes bounds what a page of texts that repeat each other's beginnings unpacks to.
const maxPrefixBytes = 64 << 20

// span is where a value lies in the data.
type span struct{ start, end uint32 }

// reset empties the vector and keeps its memory.
func (v *Vector) reset(c *Column) {
	v.column, v.n, v.checked = c, 0, false
	v.spans, v.ints, v.floats = v.spans[:0], v.ints[:0], v.floats[:0]
}

// Len is the number of values.
func (v *Vector) Len() int { return v.n }

// decode decodes n values.
func (v *Vector) decode(encoding format.Encoding, data []byte, n int) error {
	switch {
	case encoding == format.Plain:
		return v.plain(data, n)
	case encoding == format.RLE && v.column.typ == format.Boolean:
		return v.runBooleans(data, n)
	case encoding == format.DeltaBinaryPacked && (v.column.typ == format.Int32 || v.column.typ == format.Int64):
		return v.deltaIntegers(data, n)
	case encoding == format.DeltaLengthByteArray && v.column.typ == format.ByteArray:
		return v.deltaLengths(data, n)
	case encoding == format.DeltaByteArray && (v.column.typ == format.ByteArray || v.column.typ == format.FixedLenByteArray):
		return v.deltaBytes(data, n)
	case encoding == format.ByteStreamSplit:
		return v.split(data, n)
	}
	return fmt.Errorf("values of the type %v in the encoding %v are not supported", v.column.typ, encoding)
}

// plain decodes n PLAIN values, which data must hold exactly or with bytes to spare.
func (v *Vector) plain(data []byte, n int) error {
	v.n, v.data = n, data
	if size := v.width(); size > 0 {
		if n > len(data)/size {
			return fmt.Errorf("%d values of %d bytes in %d bytes: %w", n, size, len(data), errDamaged)
		}
		v.fixed(data, n, size)
		return nil
	}
	if v.column.typ == format.Boolean {
		if (n+7)/8 > len(data) {
			return fmt.Errorf("%d booleans in %d bytes: %w", n, len(data), errDamaged)
		}
		v.ints = resize(v.ints, n)
		for i := range v.ints {
			v.ints[i] = int64(data[i/8] >> (i % 8) & 1)
		}
		return nil
	}
	if n > len(data)/4 {
		return fmt.Errorf("%d texts in %d bytes: %w", n, len(data), errDamaged)
	}
	v.spans = resize(v.spans, n)
	at := uint64(0)
	for i := range v.spans {
		if at+4 > uint64(len(data)) {
			return errLength
		}
		length := uint64(binary.LittleEndian.Uint32(data[at:]))
		at += 4
		if length > uint64(len(data))-at {
			return errLength
		}
		v.spans[i] = span{uint32(at), uint32(at + length)}
		at += length
	}
	return nil
}

// width is the number of bytes of a PLAIN value, 0 where it has no fixed one.
func (v *Vector) width() int {
	switch v.column.typ {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return v.column.size
	}
	return 0
}

// fixed takes n values of size bytes from data.
func (v *Vector) fixed(data []byte, n, size int) {
	switch v.column.typ {
	case format.Int32:
		v.ints = resize(v.ints, n)
		for i := range v.ints {
			v.ints[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		}
	case format.Int64:
		v.ints = resize(v.ints, n)
		for i := range v.ints {
			v.ints[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	case format.Float:
		v.floats = resize(v.floats, n)
		for i := range v.floats {
			v.floats[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		}
	case format.Double:
		v.floats = resize(v.floats, n)
		for i := range v.floats {
			v.floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		}
	default:
		v.spans = resize(v.spans, n)
		for i := range v.spans {
			v.spans[i] = span{uint32(i * size), uint32((i + 1) * size)}
		}
	}
}

func (v *Vector) runBooleans(data []byte, n int) error {
	section, _, err := prefixed(data)
	if err != nil {
		return err
	}
	bits := make([]uint8, n)
	if err := runs(bits, section, 1); err != nil {
		return err
	}
	v.n, v.ints = n, resize(v.ints, n)
	for i, bit := range bits {
		v.ints[i] = int64(bit)
	}
	return nil
}

func (v *Vector) deltaIntegers(data []byte, n int) (err error) {
	if v.ints, _, err = deltas(v.ints, data, n); err != nil {
		return err
	}
	if v.n = len(v.ints); v.n != n {
		return errLength
	}
	if v.column.typ == format.Int32 {
		for i, x := range v.ints {
			v.ints[i] = int64(int32(x))
		}
	}
	return nil
}

// deltaLengths decodes texts whose lengths come first, then their bytes.
func (v *Vector) deltaLengths(data []byte, n int) (err error) {
	if v.deltas, v.data, err = deltas(v.deltas, data, n); err != nil {
		return err
	}
	if len(v.deltas) != n {
		return errLength
	}
	v.n, v.spans = n, resize(v.spans, n)
	at := int64(0)
	for i, length := range v.deltas {
		if length < 0 || length > int64(len(v.data))-at {
			return errLength
		}
		v.spans[i] = span{uint32(at), uint32(at + length)}
		at += length
	}
	return nil
}

// deltaBytes decodes texts of which each repeats a prefix of the one before it.
func (v *Vector) deltaBytes(data []byte, n int) error {
	prefixes, data, err := deltas(nil, data, n)
	if err != nil {
		return err
	}
	if err := v.deltaLengths(data, n); err != nil {
		return err
	}
	if len(prefixes) != n {
		return errLength
	}
	var out []byte
	last := span{}
	for i, prefix := range prefixes {
		if prefix < 0 || prefix > int64(last.end-last.start) {
			return fmt.Errorf("a text repeats %d bytes of one that has %d: %w", prefix, last.end-last.start, errDamaged)
		}
		suffix := v.data[v.spans[i].start:v.spans[i].end]
		if len(out)+int(prefix)+len(suffix) > maxPrefixBytes {
			return fmt.Errorf("a page's texts unpack to more than the %d bytes allowed: write smaller pages", maxPrefixBytes)
		}
		start := uint32(len(out))
		out = append(out, out[last.start:last.start+uint32(prefix)]...)
		out = append(out, suffix...)
		last = span{start, uint32(len(out))}
		v.spans[i] = last
	}
	if v.column.typ == format.FixedLenByteArray {
		for _, s := range v.spans {
			if int(s.end-s.start) != v.column.size {
				return errLength
			}
		}
	}
	v.data = out
	return nil
}

// split decodes BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.
func (v *Vector) split(data []byte, n int) error {
	size := v.width()
	if size == 0 || v.column.typ == format.Int96 {
		return fmt.Errorf("values of the type %v can't be split into byte streams: %w", v.column.typ, errDamaged)
	}
	if n > len(data)/size {
		return errLength
	}
	whole := make([]byte, n*size)
	for i := range n {
		for b := range size {
			whole[i*size+b] = data[b*n+i]
		}
	}
	return v.plain(whole, n)
}
