package queue

import (
	"context"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

const (
	maxBeat   = time.Second            // between two heartbeats at most: they carry the progress
	toEnd     = 2 * time.Second        // what a process takes to end that is told to
	lookEvery = 100 * time.Millisecond // wishes are looked for that often at most when the store has changed
)

// beat prolongs the lease and hears what the user wishes, until ctx is done.
func (c *claim) beat(ctx context.Context, last time.Time) {
	ticker := time.NewTicker(min(c.q.Lease/5, maxBeat))
	defer ticker.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	troubled := false
	for {
		changed := c.q.book.Changed()
		sent := c.q.Now()
		err := c.heartbeat(ctx, last)
		switch {
		case ctx.Err() != nil:
			return
		case isLost(err):
			c.lose(err)
			return
		case err == nil:
			last, troubled = sent, false
		case c.q.Now().Sub(last) >= c.trust():
			c.lose(errUnheard)
			return
		case !troubled:
			troubled = true
			c.log.Warn("a heartbeat did not reach the store; the simulation goes on as long as its lease holds", "error", err)
		}
		if !c.await(ctx, ticker.C, look, changed) {
			return
		}
	}
}

// trust is how long after the last heartbeat that was answered the lease is relied on. While the store can't be
// reached the run goes on that long, and then its process has what it may take to end before another launcher
// can claim the simulation, unless the lease is shorter than is of any use.
func (c *claim) trust() time.Duration { return max(c.q.Lease/2, c.q.Lease-toEnd) }

func (c *claim) heartbeat(ctx context.Context, last time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, max(c.trust()-c.q.Now().Sub(last), maxBeat/10))
	defer cancel()
	wish, err := c.q.book.Heartbeat(ctx, c.Lease, c.q.Lease, c.meter.progress())
	if err == nil {
		c.heed(wish)
	}
	return err
}

// await waits for the next heartbeat's time, looking for wishes whenever the store has changed since the
// last one. It is false when ctx is done.
func (c *claim) await(ctx context.Context, beat <-chan time.Time, look *time.Timer, changed <-chan struct{}) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-beat:
			return true
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return false
		case <-beat:
			return true
		case <-look.C:
			look.Reset(lookEvery)
		}
		changed = c.q.book.Changed()
		// An error shows itself in the next heartbeat.
		if sim, err := c.q.book.Simulation(ctx, c.Simulation.Tenant, c.Simulation.ID); err == nil {
			c.heed(sim.Wanted)
		}
	}
}

// heed does what the user wishes.
func (c *claim) heed(wish store.Wish) {
	switch wish {
	case store.WantCancel:
		c.stop(errCancelled)
	case store.WantPause:
		c.stop(errPaused)
	}
}
