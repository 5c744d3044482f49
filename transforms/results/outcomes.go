package results

import "sync"

// outcomes remembers how attempts ended whose files have a version: what is at a version never changes, and
// reading it again would cost a request each.
type outcomes struct {
	mu sync.Mutex
	of map[entry]Row
}

// maxOutcomes bounds what is remembered, to about 50 MB.
const maxOutcomes = 200_000

func (o *outcomes) recall(row *Row) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, ok := o.of[entry{row.Path, row.version}]
	if ok {
		*row = known
	}
	return ok
}

func (o *outcomes) remember(row Row) {
	if row.version == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil || len(o.of) >= maxOutcomes {
		o.of = map[entry]Row{}
	}
	o.of[entry{row.Path, row.version}] = row
}
