package inventory

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// TestInterner holds the interner against a map, over several blocks of texts and sizes of the table, with room made
// before or not and memory fetched before or not.
func TestInterner(t *testing.T) {
	for _, room := range []int{0, 100, 30_000} {
		r := rand.New(rand.NewPCG(9, uint64(room)))
		var in interner
		in.reserve(room)
		numbers := map[string]uint32{}
		for range 60_000 {
			text := fmt.Appendf(nil, "%0*d", r.IntN(3)*30, r.IntN(20_000))
			h := xxhash.Sum64(text)
			in.fetch([]uint64{h, 0, h + 1})
			want, known := numbers[string(text)]
			if !known {
				want = uint32(len(numbers))
				numbers[string(text)] = want
			}
			if found, ok := in.find(text); ok != known || ok && found != want {
				t.Fatalf("%s is found as %d (%t), want %d (%t)", text, found, ok, want, known)
			}
			if got, isNew := in.put(text, h); got != want || isNew == known {
				t.Fatalf("%s is %d (new: %t), want %d (%t)", text, got, isNew, want, !known)
			}
		}
		if in.len() != len(numbers) || in.len() < 5*textsPerBlock {
			t.Fatalf("%d texts, want %d", in.len(), len(numbers))
		}
		hashes := in.hashes(nil, nil)
		for text, number := range numbers {
			if string(in.bytes(number)) != text || in.hash(number) != xxhash.Sum64String(text) || hashes[number] != in.hash(number) {
				t.Fatalf("text %d is %s, want %s", number, in.bytes(number), text)
			}
		}
	}
}

// TestInternerTellsEqualHashesApart: texts of one hash are different still.
func TestInternerTellsEqualHashesApart(t *testing.T) {
	var in interner
	for i, text := range []string{"a", "b", "a", "c", "b"} {
		number, isNew := in.put([]byte(text), 42)
		if number != []uint32{0, 1, 0, 2, 1}[i] || isNew != (i == 0 || i == 1 || i == 3) {
			t.Errorf("%s is %d (new: %t)", text, number, isNew)
		}
	}
}
