package studies

import "math/rand/v2"

// Source yields the choices that make up a study.
type Source interface {
	// Intn is a number in [0, n), n > 0.
	Intn(n int) int
}

// Seeded is the source of a seed: the same seed makes the same study.
func Seeded(seed uint64) Source { return seeded{rand.New(rand.NewPCG(seed, 0))} }

type seeded struct{ r *rand.Rand }

func (s seeded) Intn(n int) int { return s.r.IntN(n) }

// FromBytes is the source of a fuzzer's input: each choice takes as many bytes as it needs, and
// after the last byte all choices are 0.
func FromBytes(data []byte) Source { return &bytesSource{data} }

type bytesSource struct{ rest []byte }

func (s *bytesSource) Intn(n int) int {
	v := uint64(0)
	for bound := uint64(1); bound < uint64(n); bound <<= 8 {
		if len(s.rest) == 0 {
			return int(v % uint64(n))
		}
		v = v<<8 | uint64(s.rest[0])
		s.rest = s.rest[1:]
	}
	return int(v % uint64(n))
}

// chance is true in percent of 100 cases.
func chance(src Source, percent int) bool { return src.Intn(100) >= 100-percent }

// pick is one of the values, equally likely.
func pick[T any](src Source, values ...T) T { return values[src.Intn(len(values))] }

// between is a number in [low, high].
func between(src Source, low, high int) int { return low + src.Intn(high-low+1) }
