package columns

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// bitByBit reads the value of width bits at a place of packed data, lowest bit first, one bit after the other.
func bitByBit(data []byte, place, width int) uint64 {
	var value uint64
	for bit := range width {
		at := place*width + bit
		value |= uint64(data[at/8]>>(at%8)&1) << bit
	}
	return value
}

// TestUnpackBits: every width and number of values, with no byte to spare and with some.
func TestUnpackBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for width := 1; width <= 32; width++ {
		for n := range 67 {
			data := make([]byte, (n+7)/8*width+r.IntN(20))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			wide, narrow := make([]uint32, n), make([]uint8, n)
			unpackBits(wide, data, uint(width))
			if width <= 8 {
				unpackBits(narrow, data, uint(width))
			}
			for i := range n {
				want := bitByBit(data, i, width)
				if uint64(wide[i]) != want || width <= 8 && uint64(narrow[i]) != want {
					t.Fatalf("width %d, value %d of %d: %d and %d, want %d", width, i, n, wide[i], narrow[i], want)
				}
			}
		}
	}
}

// packDeltas is DELTA_BINARY_PACKED in blocks of one part of 8 deltas, as the format's description has it.
func packDeltas(values []int64, least int64, width int) []byte {
	data := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(nil, 8), 1), uint64(len(values)))
	data = binary.AppendVarint(data, values[0])
	for at := 1; at < len(values); at += 8 {
		data = append(binary.AppendVarint(data, least), byte(width))
		packed := make([]byte, width)
		for i := range min(8, len(values)-at) {
			delta := uint64(values[at+i] - values[at+i-1] - least)
			for bit := range width {
				packed[(i*width+bit)/8] |= byte(delta>>bit&1) << ((i*width + bit) % 8)
			}
		}
		data = append(data, packed...)
	}
	return data
}

// TestDeltas: every width, the wide ones included, for which a delta may overflow.
func TestDeltas(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for width := range 65 {
		for _, n := range []int{1, 2, 9, 40} {
			least := int64(r.Uint64()) >> r.IntN(64)
			values := []int64{int64(r.Uint64())}
			for range n - 1 {
				values = append(values, values[len(values)-1]+least+int64(r.Uint64()&(uint64(1)<<width-1)))
			}
			got, rest, err := deltas(nil, append(packDeltas(values, least, width), "rest"...), n)
			if err != nil || !slices.Equal(got, values) || string(rest) != "rest" {
				t.Fatalf("width %d: %v (%v), rest %q, want %v", width, got, err, rest, values)
			}
		}
	}
}

func TestRepeat(t *testing.T) {
	for n := range 100 {
		dst := make([]uint32, n)
		repeat(dst, 7)
		if slices.ContainsFunc(dst, func(v uint32) bool { return v != 7 }) {
			t.Errorf("%d values: %v", n, dst)
		}
	}
}

func TestHighestCode(t *testing.T) {
	for n := range 13 {
		for place := range n {
			codes := make([]uint32, n)
			codes[place] = 1 << 31
			if got := highestCode(codes); got != 1<<31 {
				t.Errorf("%v: %d", codes, got)
			}
		}
	}
	if highestCode(nil) != 0 {
		t.Error("the greatest of no codes is not 0")
	}
}

// TestIsASCII: one byte beyond, wherever it is.
func TestIsASCII(t *testing.T) {
	for n := range 100 {
		text := make([]byte, n)
		if !isASCII(text) {
			t.Errorf("%d zeros are not ASCII", n)
		}
		for place := range n {
			text[place] = 0x80
			if isASCII(text) {
				t.Errorf("%d bytes with byte %d above 127 are ASCII", n, place)
			}
			text[place] = 0x7f
		}
	}
}

func ExampleVector_IsASCII() {
	v := Vector{column: &Column{Kind: Text}, data: []byte("k\xc3\xb6ln")}
	fmt.Println(v.IsASCII())
	// Output: false
}
