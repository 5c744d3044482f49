package limit

import (
	"sync"
	"time"
)

// When a breaker opens and for how long.
const (
	breakAfter = 3 // failures in a row
	breakFor   = time.Second
)

// breaker keeps requests from waiting for a server that does not answer.
//
//	closed --breakAfter failures in a row--> open --breakFor--> half open --success--> closed
//	                                          ^                 (one try)     |
//	                                          +------------- failure ---------+
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // open until then
	trying   bool      // half open: somebody tries
}

// allow reports whether to ask the server. Who was allowed tells report what came of it.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakAfter {
		return true
	}
	if b.trying || b.now().Before(b.until) {
		return false
	}
	b.trying = true
	return true
}

// report tells of a try. opened or closed is true if it made the breaker so.
func (b *breaker) report(ok bool) (opened, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.failures >= breakAfter
	b.trying = false
	if ok {
		b.failures = 0
		return false, was
	}
	if b.failures++; b.failures >= breakAfter {
		b.until = b.now().Add(breakFor)
	}
	return !was && b.failures >= breakAfter, false
}
