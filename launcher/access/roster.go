package access

import (
	"context"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// How old the roster may be. A request may use it up to its hard age; from the soft age on a new one is
// read beside the requests, so that none waits for the store as long as requests keep coming. A key that
// is not in it may be new: then it is read again at once, but at most ten times a second.
const (
	softAge  = 500 * time.Millisecond
	hardAge  = time.Second
	missAge  = 100 * time.Millisecond
	readTime = 5 * time.Second // after which a reading is given up
	touchAge = time.Minute     // how exactly a key's last use is kept
)

// standard is the tier that a store has from the start.
const standard = "standard"

// roster is all keys and tiers as they were in the store at a moment.
type roster struct {
	keys  map[string]store.Key
	tiers map[string]store.Tier
	at    time.Time // before it was read
}

// tier returns a tier by name. The store never loses one; should it be missing all the same, its keys
// are not locked out but treated as the standard ones.
func (r *roster) tier(name string) store.Tier {
	if t, ok := r.tiers[name]; ok {
		return t
	}
	if t, ok := r.tiers[standard]; ok {
		return t
	}
	return store.Tier{Name: standard, PerMinute: 600, Burst: 100, MaxPriority: 5}
}

// reading is a roster on its way.
type reading struct {
	done   chan struct{}
	roster *roster
	err    error
}

// rosterFor returns a roster that is recent enough to judge a key by.
func (a *Access) rosterFor(ctx context.Context, id string) (*roster, error) {
	list, err := a.recent(ctx, hardAge)
	if err != nil || id == "" {
		return list, err
	}
	if _, known := list.keys[id]; known {
		return list, nil
	}
	return a.recent(ctx, missAge)
}

// recent returns a roster no older than age, waiting for a new one if need be.
func (a *Access) recent(ctx context.Context, age time.Duration) (*roster, error) {
	wanted := a.now().Add(-age)
	for {
		list, under := a.look(wanted)
		if list != nil {
			return list, nil
		}
		select {
		case <-under.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if under.err != nil {
			return nil, under.err
		}
		if !under.roster.at.Before(wanted) {
			return under.roster, nil
		}
	}
}

// look returns the roster if it was read at wanted or later, else the reading to wait for, which it
// starts if need be; also beside the requests once the roster is past its soft age.
func (a *Access) look(wanted time.Time) (*roster, *reading) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := a.current != nil && !a.current.at.Before(wanted)
	if a.reading == nil && (!fresh || a.now().Sub(a.current.at) >= softAge) {
		a.startReading()
	}
	if fresh {
		return a.current, nil
	}
	return nil, a.reading
}

// startReading is called with the lock held.
func (a *Access) startReading() {
	under := &reading{done: make(chan struct{})}
	if a.ctx.Err() != nil { // closed
		under.err = context.Cause(a.ctx)
		close(under.done)
		a.reading = under
		return
	}
	a.reading = under
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(a.ctx, readTime)
		defer cancel()
		under.roster, under.err = a.read(ctx)
		a.mu.Lock()
		defer a.mu.Unlock()
		if under.err == nil {
			a.current = under.roster
		}
		a.reading = nil
		close(under.done)
	})
}

// read reads the whole roster.
func (a *Access) read(ctx context.Context) (*roster, error) {
	list := &roster{keys: map[string]store.Key{}, tiers: map[string]store.Tier{}, at: a.now()}
	keys, err := a.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	tiers, err := a.store.Tiers(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		list.keys[k.ID] = k
	}
	for _, t := range tiers {
		list.tiers[t.Name] = t
	}
	return list, nil
}

// noteUse has the use of a key written to the store, beside the request and at most once a minute.
func (a *Access) noteUse(key store.Key) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.used[key.ID]
	if key.LastUsedAt != nil && key.LastUsedAt.After(last) { // another launcher noted it
		last = *key.LastUsedAt
	}
	if now.Sub(last) < touchAge || a.ctx.Err() != nil {
		return
	}
	a.used[key.ID] = now // as many as there are keys in the store
	a.notes[key.ID] = now
	if !a.writing {
		a.writing = true
		a.work.Go(a.writeNotes)
	}
}

// writeNotes writes the uses of keys until there are none left.
func (a *Access) writeNotes() {
	for {
		id, at, ok := a.nextNote()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(a.ctx, readTime)
		if err := a.store.TouchKey(ctx, id, at); err != nil {
			a.logger.Warn("the last use of a key could not be noted", "key", id, "error", err)
		}
		cancel()
	}
}

// nextNote takes one use of a key to be written; without any the writer is done.
func (a *Access) nextNote() (id string, at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, at := range a.notes {
		delete(a.notes, id)
		return id, at, true
	}
	a.writing = false
	return "", time.Time{}, false
}
