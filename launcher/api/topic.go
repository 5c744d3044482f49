package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// frame is one event as it is sent.
type frame struct {
	seq  int64
	text []byte
}

// topic is a simulation that is watched: its last events without a gap, and how it goes just now.
type topic struct {
	hub        *hub
	tenant, id string
	watchers   int // the hub's lock guards it
	cancel     context.CancelFunc

	mu       sync.Mutex
	frames   []frame // consecutive; the newest last
	head     int64   // number of the last event that was seen
	moment   []byte  // the newest progress event
	version  int     // counts the moments
	ended    error   // nothing will follow
	changed  chan struct{}
	told     string // state and counts of the newest moment, to tell whether it is news
	lastLook time.Time
}

func newTopic(h *hub, sim store.Simulation) *topic {
	return &topic{hub: h, tenant: sim.Tenant, id: sim.ID, head: max(0, sim.Events-longMemory), changed: make(chan struct{})}
}

// cursor is how far a watcher has got.
type cursor struct {
	seq     int64 // of the last event that it was sent
	version int   // of the last moment
}

// news are the frames after a cursor, or what to wait for. behind: the events are no longer kept here and
// are to be read from the store.
func (t *topic) news(at cursor) (frames []frame, moment []byte, version int, behind bool, wait <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.head - int64(len(t.frames)) // number of the event before the first frame
	if at.seq < first {
		return nil, nil, at.version, true, nil, nil
	}
	if at.seq < t.head {
		frames = t.frames[at.seq-first:]
	}
	if at.version < t.version {
		moment = t.moment
	}
	if len(frames) == 0 && moment == nil {
		err = t.ended
	}
	return frames, moment, t.version, false, t.changed, err
}

// Paces of following.
const (
	batch      = 500
	breath     = 50 * time.Millisecond  // between two looks, however much happens
	impatience = 200 * time.Millisecond // after which another launcher may have changed something
	momentPace = time.Second            // between two looks at the progress
)

// follow looks for news until ctx is done.
func (t *topic) follow(ctx context.Context) {
	for {
		changed := t.hub.source.Changed()
		more, err := t.look(ctx)
		if ctx.Err() != nil {
			t.end(errClosing)
			return
		}
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.end(err)
			return
		}
		if more {
			continue
		}
		if !pause(ctx, breath, nil) || !pause(ctx, impatience-breath, changed) {
			t.end(errClosing)
			return
		}
	}
}

// pause waits, or less if something is heard of; false: ctx is done.
func pause(ctx context.Context, d time.Duration, heard <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-heard:
	case <-ctx.Done():
		return false
	}
	return true
}

// look reads what is new; more: there may be more at once.
func (t *topic) look(ctx context.Context) (more bool, err error) {
	t.mu.Lock()
	head := t.head
	t.mu.Unlock()
	events, err := t.hub.source.Events(ctx, t.tenant, t.id, head, batch)
	if err != nil {
		return false, err
	}
	frames, err := framesOf(events, head)
	if err != nil {
		return false, err
	}
	if len(frames) > 0 {
		t.add(frames)
	}
	if len(frames) == batch {
		return true, nil
	}
	return false, t.lookAtProgress(ctx)
}

// framesOf writes events down as they are sent. A gap would be a fault of the store, and is not passed on.
func framesOf(events []store.Event, after int64) ([]frame, error) {
	frames := make([]frame, 0, len(events))
	for _, e := range events {
		after++
		if e.Seq != after {
			return nil, fmt.Errorf("events of %s: number %d where %d was due", e.SimulationID, e.Seq, after)
		}
		data, err := json.Marshal(eventOf(e))
		if err != nil {
			return nil, fmt.Errorf("event %d of %s: %w", e.Seq, e.SimulationID, err)
		}
		frames = append(frames, frame{e.Seq, fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, data)})
	}
	return frames, nil
}

func (t *topic) add(frames []frame) {
	most := t.hub.memory()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frames = append(t.frames, frames...)
	t.head += int64(len(frames))
	if over := len(t.frames) - most; over > 0 {
		// A new array: watchers may be sending from the old one.
		t.frames = append(make([]frame, 0, most+most/2), t.frames[over:]...)
	}
	t.wake()
}

// wake tells the watchers that there is news. The caller holds the lock.
func (t *topic) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *topic) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = err
	t.wake()
}

// over reports whether nothing will follow.
func (t *topic) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended != nil
}

// lookAtProgress makes a moment of how the simulation goes, if that has changed.
func (t *topic) lookAtProgress(ctx context.Context) error {
	now := t.hub.now()
	if now.Sub(t.lastLook) < momentPace {
		return nil
	}
	t.lastLook = now
	sim, err := t.hub.source.Simulation(ctx, t.tenant, t.id)
	if err != nil {
		return err
	}
	if sim.State != store.Running {
		return nil
	}
	if live, ok := t.hub.live(t.id); ok {
		sim.Progress = live
	}
	data, err := json.Marshal(wire.Moment{State: string(sim.State), Counts: wire.Counts(sim.Counts), Progress: progressOf(sim), Blocking: blockersOf(sim.Progress.Blocking)})
	if err != nil || string(data) == t.told {
		return err
	}
	t.told = string(data)
	event, err := json.Marshal(wire.Event{SimulationID: t.id, At: now.UTC(), Type: eventProgress, Data: data})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moment = fmt.Appendf(nil, "event: %s\ndata: %s\n\n", eventProgress, event)
	t.version++
	t.wake()
	return nil
}

// eventProgress is the type of the events that are not kept and have no number.
const eventProgress = "progress"
