package limit

import "sync"

// Bytes bounds the memory that bodies may take while they are on their way and answered: what the Shedder
// measures is there already, and a body that was let in can no longer be refused. It is safe for
// concurrent use.
type Bytes struct {
	most, each int64

	mu      sync.Mutex
	held    int64
	tenants map[string]int64
}

// NewBytes bounds bodies to so many bytes in all, of which each tenant has at most half.
func NewBytes(most int64) *Bytes {
	return &Bytes{most: most, each: most / 2, tenants: map[string]int64{}}
}

// Hold is what one request has of the bytes. One goroutine at a time may use it; none at all holds nothing.
type Hold struct {
	bytes  *Bytes
	tenant string
	n      int64
}

// Take asks for so many bytes for a tenant. They are given back with Keep.
func (b *Bytes) Take(tenant string, n int64) (*Hold, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+n > b.most || b.tenants[tenant]+n > b.each {
		return nil, false
	}
	h := &Hold{bytes: b, tenant: tenant}
	h.set(n)
	return h, true
}

// Keep gives back all but so many bytes, such as when the body proved shorter than it might have been; 0
// gives back all.
func (h *Hold) Keep(n int64) {
	if h == nil {
		return
	}
	h.bytes.mu.Lock()
	defer h.bytes.mu.Unlock()
	if n < h.n {
		h.set(n)
	}
}

// set changes what is held. Called with the lock held.
func (h *Hold) set(n int64) {
	b := h.bytes
	b.held += n - h.n
	b.tenants[h.tenant] += n - h.n
	h.n = n
	if b.tenants[h.tenant] == 0 {
		delete(b.tenants, h.tenant)
	}
}

// Held is how many bytes are taken in all.
func (b *Bytes) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}
