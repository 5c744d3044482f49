package queue

import (
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestMemoryIsShared: no more simulations than there are tokens, or places, have variants in flight.
func TestMemoryIsShared(t *testing.T) {
	for _, c := range []struct {
		tokens, places int
		whole, want    int64
	}{{2, 8, 1 << 30, 1 << 29}, {64, 8, 1 << 30, 1 << 27}, {1, 8, 1 << 30, 1 << 30}, {8, 8, 3, 1}, {8, 8, 0, 0}} {
		if got := (Options{Parallelism: c.tokens, MaxRunning: c.places, MemoryBytes: c.whole}).memoryShare(); got != c.want {
			t.Errorf("%d tokens, %d places, %d bytes: %d each, want %d", c.tokens, c.places, c.whole, got, c.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Store: &store.Store{}, Results: &results.Store{}, Name: "first"}
	if o, err := good.defaults(); err != nil || o.MaxRunning != 8 || o.Lease != 10*time.Second || o.Parallelism < 1 {
		t.Errorf("%+v, %v", o, err)
	}
	for name, spoil := range map[string]func(*Options){
		"no store": func(o *Options) { o.Store = nil }, "no results": func(o *Options) { o.Results = nil },
		"no name": func(o *Options) { o.Name = "" }, "tokens": func(o *Options) { o.Parallelism = -1 },
		"places": func(o *Options) { o.MaxRunning = -1 }, "memory": func(o *Options) { o.MemoryBytes = -1 },
		"lease": func(o *Options) { o.Lease = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
