package reading

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/sql/warehouse"
)

// snapshot names the rows that a simulation had at a time.
type snapshot struct{ simulation, revision string }

// warehouses keeps a few warehouses open that are asked often.
//
// Each is open as long as it is used, and a while after. One of an older revision is closed when the
// last question to it is answered.
type warehouses struct {
	open func(ctx context.Context, simulation string) (w *warehouse.Warehouse, letGo func(), err error)
	most int           // unused ones
	idle time.Duration // that an unused one stays open
	lost func(error)   // told of an error at a closing that nobody waits for

	mutex  sync.Mutex
	held   map[snapshot]*opened
	turn   int64 // counts releases, to tell which was used last
	closed bool
	alive  sync.WaitGroup // of the ones not closed yet
}

// opened is one warehouse, or the opening of one.
type opened struct {
	of    snapshot
	ready chan struct{} // closed when warehouse and err are set
	*warehouse.Warehouse
	letGo func() // of its files, once it is closed
	err   error
	files int           // that it was opened over
	since time.Time     // when it had been opened
	took  time.Duration // to open it

	users   int
	used    int64 // turn of the last release
	expiry  *time.Timer
	dropped bool // not in held any more: closed with its last user
}

// acquire is the warehouse of a snapshot, opened if it is not yet. The caller releases it.
func (c *warehouses) acquire(ctx context.Context, of snapshot) (*opened, error) {
	for {
		o, first, err := c.join(of)
		if err != nil {
			return nil, err
		}
		if first {
			c.openNow(ctx, o)
		}
		select {
		case <-o.ready:
		case <-ctx.Done():
			c.release(o)
			return nil, ctx.Err()
		}
		if o.err == nil {
			return o, nil
		}
		c.drop(o)
		c.release(o)
		// The one that opened gave up; this one has not.
		if ended := errors.Is(o.err, context.Canceled) || errors.Is(o.err, context.DeadlineExceeded); !ended || first || ctx.Err() != nil {
			return nil, o.err
		}
	}
}

// openNow opens a warehouse for all who wait for it.
func (c *warehouses) openNow(ctx context.Context, o *opened) {
	begin := time.Now()
	w, letGo, err := c.open(ctx, o.of.simulation)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	o.Warehouse, o.letGo, o.err, o.since, o.took = w, letGo, err, time.Now(), time.Since(begin)
	if w != nil {
		o.files = w.Files()
	}
	close(o.ready)
}

// A warehouse over so many result files is as good as new for so many times as long as it took to open.
const (
	manyFiles   = 100
	asGoodAsNew = 4
)

// recent is the snapshot of a simulation that is open, if it is one of many files and was opened just now:
// so no more than a fifth of the time goes into opening.
func (c *warehouses) recent(simulation string) (of snapshot, ok bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, o := range c.held {
		if o.of.simulation == simulation && o.files >= manyFiles && time.Since(o.since) < asGoodAsNew*o.took {
			return o.of, true
		}
	}
	return snapshot{}, false
}

// join finds a snapshot's warehouse, or notes that the caller opens it. Older revisions of the same
// simulation are dropped then.
func (c *warehouses) join(of snapshot) (o *opened, first bool, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return nil, false, ErrClosed
	}
	if o = c.held[of]; o == nil {
		for _, other := range c.held {
			if other.of.simulation == of.simulation {
				c.forget(other)
			}
		}
		o, first = &opened{of: of, ready: make(chan struct{})}, true
		c.held[of] = o
		c.alive.Add(1)
	}
	o.users++
	if o.expiry != nil {
		o.expiry.Stop()
	}
	return o, first, nil
}

// release ends one use.
func (c *warehouses) release(o *opened) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	o.users--
	if o.users > 0 {
		return
	}
	if o.dropped {
		c.shut(o)
		return
	}
	c.turn++
	o.used = c.turn
	o.expiry = time.AfterFunc(c.idle, func() { c.expire(o, o.used) })
	c.bound()
}

// expire drops one that was not used since a turn.
func (c *warehouses) expire(o *opened, turn int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if o.users == 0 && o.used == turn {
		c.forget(o)
	}
}

// bound drops the unused ones that were used the longest ago.
func (c *warehouses) bound() {
	for {
		var oldest *opened
		unused := 0
		for _, o := range c.held {
			if o.users > 0 {
				continue
			}
			unused++
			if oldest == nil || o.used < oldest.used {
				oldest = o
			}
		}
		if unused <= c.most {
			return
		}
		c.forget(oldest)
	}
}

// drop makes the next question open anew.
func (c *warehouses) drop(o *opened) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.forget(o)
}

// dropAll drops what is open of a simulation.
func (c *warehouses) dropAll(simulation string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, o := range c.held {
		if o.of.simulation == simulation {
			c.forget(o)
		}
	}
}

// forget takes one out, and closes it if nobody uses it. The mutex is held.
func (c *warehouses) forget(o *opened) {
	if o.dropped {
		return
	}
	o.dropped = true
	delete(c.held, o.of)
	if o.expiry != nil {
		o.expiry.Stop()
	}
	if o.users == 0 {
		c.shut(o)
	}
}

// shut closes one for good, beside the mutex: closing may take a while.
func (c *warehouses) shut(o *opened) {
	go func() {
		defer c.alive.Done()
		if o.letGo != nil {
			defer o.letGo()
		}
		if o.Warehouse == nil {
			return
		}
		if err := o.Warehouse.Close(); err != nil {
			c.lost(err)
		}
	}()
}

// close drops all and waits until the last one that is in use is closed.
func (c *warehouses) close() {
	c.mutex.Lock()
	c.closed = true
	for _, o := range c.held {
		c.forget(o)
	}
	c.mutex.Unlock()
	c.alive.Wait()
}
