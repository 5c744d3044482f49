package inputs

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// cache keeps what was made, the least recently used of which goes once it is full, and sees to it that one
// caller at a time makes what others wait for. Failures are not kept.
type cache[K comparable, V any] struct {
	most int64         // weight of all
	size func(V) int64 // weight of one

	mu      sync.Mutex
	kept    map[K]*list.Element // of entry[K, V]
	order   *list.List          // most recently used first
	weight  int64
	flights map[K]*flight[V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// flight is a value being made.
type flight[V any] struct {
	landed chan struct{}
	value  V
	err    error
	again  bool // its maker was told to stop, which is no answer for those who wait
}

func newCache[K comparable, V any](most int64, size func(V) int64) *cache[K, V] {
	return &cache[K, V]{most: most, size: size, kept: map[K]*list.Element{}, order: list.New(), flights: map[K]*flight[V]{}}
}

// get returns what is kept, or made: by produce in this call, or by another that is at it. It is kept if
// produce says so. An error of it is that of all who waited for it, unless it came of its own caller's context.
func (c *cache[K, V]) get(ctx context.Context, key K, produce func(context.Context) (v V, keep bool, err error)) (V, error) {
	for {
		c.mu.Lock()
		if e, ok := c.kept[key]; ok {
			c.order.MoveToFront(e)
			c.mu.Unlock()
			return e.Value.(entry[K, V]).value, nil
		}
		f, flying := c.flights[key]
		if !flying {
			f = &flight[V]{landed: make(chan struct{}), err: errors.New("its reader panicked"), again: true}
			c.flights[key] = f
			c.mu.Unlock()
			return c.fly(ctx, key, f, produce)
		}
		c.mu.Unlock()
		select {
		case <-f.landed:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		if !f.again {
			return f.value, f.err
		}
	}
}

// find is what is kept.
func (c *cache[K, V]) find(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value, true
}

// put keeps a value that was made elsewhere.
func (c *cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.kept[key]; !ok {
		c.keep(key, value)
	}
}

// fly makes the value, keeps it and wakes who waits.
func (c *cache[K, V]) fly(ctx context.Context, key K, f *flight[V], produce func(context.Context) (V, bool, error)) (V, error) {
	keep := false
	defer func() { // also when produce panics
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, key)
		if keep && f.err == nil {
			c.keep(key, f.value)
		}
		close(f.landed)
	}()
	value, mayKeep, err := produce(ctx)
	f.value, f.err, f.again, keep = value, err, err != nil && ctx.Err() != nil, mayKeep
	return value, err
}

// keep stores a value and drops what no longer fits. One that fits at no time is not stored.
func (c *cache[K, V]) keep(key K, value V) {
	if c.size(value) > c.most {
		return
	}
	c.kept[key] = c.order.PushFront(entry[K, V]{key, value})
	c.weight += c.size(value)
	for c.weight > c.most {
		last := c.order.Remove(c.order.Back()).(entry[K, V])
		delete(c.kept, last.key)
		c.weight -= c.size(last.value)
	}
}
