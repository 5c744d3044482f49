package engine

import "unsafe"

// slack is what an allocation can take beyond what was asked for: the allocator's rounding to pages.
const slack = 8192

// meter adds up what a variant's buffers need. One function, state.reserve, names all of them: run dry
// it only counts, so what StateBytes says is what Simulate takes.
type meter struct {
	bytes int64
	dry   bool
}

func (m *meter) count(n, size int64) {
	if n > 0 {
		m.bytes += n*size + min(slack, n*size/4+64)
	}
}

// take makes *buf n zero values, in its present memory where that is large enough.
func take[T any](m *meter, buf *[]T, n int) {
	takeRaw(m, buf, n)
	if !m.dry {
		clear(*buf)
	}
}

// takeRaw is take for a buffer whose old content does no harm.
func takeRaw[T any](m *meter, buf *[]T, n int) {
	var zero T
	m.count(int64(n), int64(unsafe.Sizeof(zero)))
	switch {
	case m.dry:
	case cap(*buf) < n:
		*buf = make([]T, n)
	default:
		*buf = (*buf)[:n]
	}
}
