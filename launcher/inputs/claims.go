package inputs

import "sync"

// claims are the bytes that uploads which are being stored are about to take, by tenant and digest, so that no
// upload has to wait for another. Each counts what is kept and what was claimed before it, in this order: one
// that has been stored meanwhile is in either, and the last of those that fit has counted all others.
type claims struct {
	mu sync.Mutex
	of map[string]map[string]*claim
}

// claim is on the bytes of one file, however many send it at the same time.
type claim struct {
	size    int64
	senders int
}

// stake claims an upload's bytes, and returns all that its tenant has claimed by then, its own too.
func (c *claims) stake(tenant string, up Upload) map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.of[tenant]
	if mine == nil {
		mine = map[string]*claim{}
		c.of[tenant] = mine
	}
	if mine[up.SHA256] == nil {
		mine[up.SHA256] = &claim{size: up.Size}
	}
	mine[up.SHA256].senders++
	sizes := make(map[string]int64, len(mine))
	for digest, one := range mine {
		sizes[digest] = one.size
	}
	return sizes
}

// drop gives a claim up: the bytes are kept by now, or never will be.
func (c *claims) drop(tenant string, up Upload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.of[tenant]
	if mine[up.SHA256].senders--; mine[up.SHA256].senders == 0 {
		delete(mine, up.SHA256)
	}
	if len(mine) == 0 {
		delete(c.of, tenant)
	}
}
