package objecttest

import (
	"net/http"
	"path"
)

// Fault is something to go wrong. What is not set does not narrow it down.
type Fault struct {
	Op   Op     // requests of this operation only
	Name string // of an object whose name matches this pattern (path.Match, against the last parts of the name)
	Skip int    // so many that match go well first
	// Times is how many go wrong before all is well again; 0: one; Always: all.
	Times int

	// What goes wrong; exactly one of them.
	Status     int           // this answer instead of doing anything, e.g. 503, 429, 403
	Torn       bool          // the connection breaks in the middle of what the client sends; nothing is kept
	LostAnswer bool          // it is done, and the connection breaks before the answer
	Truncated  bool          // the connection breaks in the middle of the answer
	Flipped    bool          // a bit of what was read is another on the way
	Rival      []byte        // another writer makes an object of these bytes just before
	Until      chan struct{} // the answer is held back until it is closed, or the client goes away
	Do         func()        // called before it is done: anything

	seen, done int
	healed     chan struct{}
}

// Always is a number of times without end.
const Always = -1

// Break has a fault happen from now on, besides those that were ordered before. One request meets one fault at most.
func (g *GCS) Break(f Fault) *Fault {
	f.healed = make(chan struct{})
	f.seen, f.done = 0, 0
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &f)
	return &f
}

// Heal ends all faults.
func (g *GCS) Heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		close(f.healed)
	}
	g.faults = nil
}

// Happened is how often a fault has happened.
func (g *GCS) Happened(f *Fault) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return f.done
}

// fault is what goes wrong with a request, nil for nothing.
func (g *GCS) fault(q Request) *Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		if !f.meets(q) {
			continue
		}
		if f.seen++; f.seen <= f.Skip {
			continue
		}
		if f.Times == Always || f.done < max(1, f.Times) {
			f.done++
			return f
		}
	}
	return nil
}

func (f *Fault) meets(q Request) bool {
	if f.Op != "" && f.Op != q.Op {
		return false
	}
	if f.Name == "" {
		return true
	}
	for name := q.Name; ; {
		if ok, err := path.Match(f.Name, name); ok && err == nil {
			return true
		}
		_, rest, more := cutSlash(name)
		if !more {
			return false
		}
		name = rest
	}
}

// wait holds an answer back.
func (f *Fault) wait(r *http.Request) {
	select {
	case <-f.Until:
	case <-f.healed:
	case <-r.Context().Done():
	}
}
