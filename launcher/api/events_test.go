package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// watched is an open event stream.
type watched struct {
	t      testing.TB
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

// open opens an event stream of a simulation after an event.
func (f *fixture) open(id string, after int64, as string) *watched {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	f.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL+"/v1/simulations/"+id+"/events", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.keys[as])
	request.Header.Set("Accept", "text/event-stream")
	if after > 0 {
		request.Header.Set("Last-Event-ID", strconv.FormatInt(after, 10))
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = answer.Body.Close() }) // cut already
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		f.t.Fatalf("events: %s %q", answer.Status, answer.Header.Get("Content-Type"))
	}
	return &watched{f.t, bufio.NewScanner(answer.Body), cancel}
}

// next is the next numbered event, checked to be written as the specification of server-sent events has
// it; ok is false at the end of the stream.
func (w *watched) next() (e wire.Event, ok bool) {
	w.t.Helper()
	var id, kind, data string
	for w.lines.Scan() {
		name, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			if data == "" || id == "" && kind == eventProgress {
				id, kind, data = "", "", ""
				continue
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				w.t.Errorf("event %q: %v", data, err)
			}
			if kind != e.Type || id != "" && id != strconv.FormatInt(e.Seq, 10) {
				w.t.Errorf("event %s, id %s, data %s", kind, id, data)
			}
			return e, true
		}
	}
	return e, false
}

func TestEventsFromTheFirstAndOn(t *testing.T) {
	f := newFixture(t, nil)
	sim, lease := f.claimed("alice")
	f.record(lease, "baseline", store.VariantSucceeded, "")
	w := f.open(sim.ID, 0, "reader")
	last := int64(0)
	until := func(done func(wire.Event) bool) {
		t.Helper()
		for {
			e, ok := w.next()
			if !ok || e.Seq != last+1 || e.SimulationID != sim.ID {
				t.Fatalf("after %d: %+v, %t", last, e, ok)
			}
			last = e.Seq
			if done(e) {
				return
			}
		}
	}
	until(func(e wire.Event) bool { return e.Type == "variant" && strings.Contains(string(e.Data), `"succeeded"`) })
	f.into(nil, http.StatusCreated, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: `{"text":"seen at once"}`})
	until(func(e wire.Event) bool { return e.Type == "note" && strings.Contains(string(e.Data), "seen at once") })
	f.record(lease, "v0001", store.VariantFailed, "timed_out")
	until(func(e wire.Event) bool { return e.Type == "variant" && strings.Contains(string(e.Data), "timed_out") })
	if _, err := f.store.Finish(t.Context(), lease, store.Outcome{}); err != nil {
		t.Fatal(err)
	}
	until(func(e wire.Event) bool {
		return e.Type == "state" && strings.Contains(string(e.Data), `"state":"partially_failed"`)
	})
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":retry", as: "alice"}) // the stream stays open
	until(func(e wire.Event) bool {
		return e.Type == "state" && strings.Contains(string(e.Data), `"state":"queued"`)
	})
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":cancel", as: "alice"})
	until(func(e wire.Event) bool {
		return e.Type == "state" && strings.Contains(string(e.Data), `"state":"cancelled"`)
	})
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	if e, ok := w.next(); !ok || e.Type != "deleted" {
		t.Errorf("after the deletion: %+v", e)
	}
	if _, ok := w.next(); ok {
		t.Error("the stream goes on after the deletion")
	}
}

func TestResumeWithoutAGap(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	all, err := f.store.Events(t.Context(), "acme", sim.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for after := range int64(len(all)) {
		w := f.open(sim.ID, after, "reader")
		for _, want := range all[after:] {
			if e, ok := w.next(); !ok || e.Seq != want.Seq {
				t.Fatalf("after %d: %+v, want %d", after, e, want.Seq)
			}
		}
		w.cancel()
	}
	path := "/v1/simulations/" + sim.ID + "/events"
	for _, bad := range []string{"x", "-1", "99999"} {
		f.refused(invalidRequest, ask{method: "GET", path: path, as: "reader", header: map[string]string{"Last-Event-ID": bad}})
		f.refused(invalidRequest, ask{method: "GET", path: path + "?last_event_id=" + bad, as: "reader"})
	}
	f.into(nil, http.StatusOK, ask{method: "HEAD", path: path, as: "reader"})
}

// TestWatchersOfOneSimulation: many watchers see every event, in order, while others come and go; the
// store is asked for one of them.
func TestWatchersOfOneSimulation(t *testing.T) {
	f := newFixture(t, nil)
	sim, lease := f.claimed("alice")
	const watchers = 40
	var reading sync.WaitGroup
	ends := make(chan int64, watchers)
	for i := range watchers {
		reading.Go(func() {
			var last int64
			w := f.open(sim.ID, 0, "reader")
			for {
				e, ok := w.next()
				if !ok || e.Seq != last+1 {
					t.Errorf("watcher %d: %+v after %d", i, e, last)
					return
				}
				last = e.Seq
				if e.Type == "state" && strings.Contains(string(e.Data), `"state":"succeeded"`) {
					ends <- last
					return
				}
				if int(last) == i { // cut, and back
					w.cancel()
					w = f.open(sim.ID, last, "reader")
				}
			}
		})
	}
	for _, v := range []string{"baseline", "v0001", "v0002", "v0003"} {
		f.record(lease, v, store.VariantSucceeded, "")
	}
	end, err := f.store.Finish(t.Context(), lease, store.Outcome{})
	if err != nil {
		t.Fatal(err)
	}
	reading.Wait()
	for range watchers {
		if last := <-ends; last != end.Events {
			t.Errorf("a watcher ended at %d, want %d", last, end.Events)
		}
	}
}

// TestStreamsEndWithTheLauncher: a reader is told to come back.
func TestStreamsEndWithTheLauncher(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	w := f.open(sim.ID, 0, "reader")
	if _, ok := w.next(); !ok {
		t.Fatal("no first event")
	}
	f.api.Close()
	told := false
	for w.lines.Scan() {
		told = told || w.lines.Text() == "retry: 1000"
	}
	if !told {
		t.Error("the stream ended without a word")
	}
	f.refused(overloaded, ask{method: "GET", path: sim.Links.Events, as: "reader"})
}

// ledger is a source of events that a test writes.
type ledger struct {
	mu      sync.Mutex
	events  []store.Event
	sim     store.Simulation
	fails   error
	changed chan struct{}
	looks   int
}

func newLedger() *ledger {
	return &ledger{sim: store.Simulation{ID: "20260701-abcdefgh23", Tenant: "acme", State: store.Running}, changed: make(chan struct{})}
}

func (l *ledger) Events(_ context.Context, _, _ string, after int64, limit int) ([]store.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks++
	if l.fails != nil {
		return nil, l.fails
	}
	rest := l.events[min(int(after), len(l.events)):]
	return rest[:min(limit, len(rest))], nil
}

func (l *ledger) Simulation(context.Context, string, string) (store.Simulation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sim.Events = int64(len(l.events))
	return l.sim, l.fails
}

func (l *ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// write adds events; quiet: nobody is told, as if another launcher had.
func (l *ledger) write(n int, quiet bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.events = append(l.events, store.Event{SimulationID: l.sim.ID, Seq: int64(len(l.events) + 1), Type: store.EventVariant, Data: json.RawMessage(`{}`)})
	}
	if !quiet {
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// TestOneLookForAll: in a bubble of its own time, a change of another launcher is seen within a second, and the
// source is asked as often for a hundred watchers as for one.
func TestOneLookForAll(t *testing.T) {
	for _, watchers := range []int{1, 100} {
		synctest.Test(t, func(t *testing.T) {
			l := newLedger()
			l.write(3, true)
			h := newHub(l, func(string) (store.Progress, bool) { return store.Progress{}, false }, time.Now)
			defer h.close()
			sim, err := l.Simulation(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			var topics []*topic
			for range watchers {
				topic, leave, err := h.join(sim)
				if err != nil {
					t.Fatal(err)
				}
				defer leave()
				topics = append(topics, topic)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			l.mu.Lock()
			looks := l.looks
			l.mu.Unlock()
			if looks < 40 || looks > 60 { // five a second
				t.Errorf("%d watchers: %d looks in 10 s", watchers, looks)
			}
			l.write(1, true)
			time.Sleep(impatience)
			synctest.Wait()
			for _, topic := range topics {
				if frames, _, _, behind, _, err := topic.news(cursor{seq: 3}); len(frames) != 1 || frames[0].seq != 4 || behind || err != nil {
					t.Fatalf("%d frames, behind %t: %v", len(frames), behind, err)
				}
			}
		})
	}
}

// TestMemoryOfATopicIsBounded: who is too far behind is sent to the store, and nobody sees a gap.
func TestMemoryOfATopicIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		h := newHub(l, func(string) (store.Progress, bool) { return store.Progress{}, false }, time.Now)
		defer h.close()
		sim, err := l.Simulation(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		topic, leave, err := h.join(sim)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		l.write(longMemory+1000, false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, _, _, behind, _, _ := topic.news(cursor{seq: 999}); !behind {
			t.Error("the first thousand events are still kept")
		}
		frames, _, _, behind, _, err := topic.news(cursor{seq: 1000})
		if behind || err != nil || len(frames) != longMemory || frames[0].seq != 1001 {
			t.Errorf("%d frames, behind %t: %v", len(frames), behind, err)
		}
		for i, f := range frames {
			if f.seq != int64(1001+i) || !strings.HasPrefix(string(f.text), fmt.Sprintf("id: %d\nevent: variant\ndata: {", f.seq)) {
				t.Fatalf("frame %d: %q", i, f.text)
			}
		}
	})
}

// TestTroubleOfTheStore: one that is away for a while ends no stream; a gap or another error does.
func TestTroubleOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		h := newHub(l, func(string) (store.Progress, bool) { return store.Progress{}, false }, time.Now)
		defer h.close()
		topic, leave, err := h.join(l.sim)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		fail := func(err error) {
			l.mu.Lock()
			l.fails = err
			l.mu.Unlock()
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		ended := func() error { _, _, _, _, _, err := topic.news(cursor{seq: 1, version: 99}); return err }
		l.write(1, false)
		fail(fmt.Errorf("down: %w", store.ErrUnavailable))
		if err := ended(); err != nil {
			t.Errorf("the stream ended while the store was away: %v", err)
		}
		fail(nil)
		fail(fmt.Errorf("no more: %w", store.ErrGone))
		if err := ended(); !errors.Is(err, store.ErrGone) {
			t.Errorf("deleted: %v", err)
		}
		fail(nil)
		again, leaveAgain, err := h.join(l.sim)
		if err != nil || again == topic {
			t.Fatalf("who comes after the end gets the ended one: %v", err)
		}
		l.write(1, false)
		time.Sleep(impatience)
		synctest.Wait()
		if frames, _, _, _, _, err := again.news(cursor{seq: 1}); len(frames) != 1 || err != nil {
			t.Errorf("who comes after the end sees %d events: %v", len(frames), err)
		}
		leave() // who was there before leaves the new one alone
		if third, leave, err := h.join(l.sim); err != nil || third != again {
			t.Errorf("the new topic went with the old one's watcher: %v", err)
		} else {
			leave()
		}
		leaveAgain()
	})
	if _, err := framesOf([]store.Event{{Seq: 2}}, 0); err == nil {
		t.Error("a gap was passed on")
	}
}

// TestProgressBetweenEvents: how it goes is told about once a second, when it has changed.
func TestProgressBetweenEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		decisions := int64(0)
		var mu sync.Mutex
		h := newHub(l, func(string) (store.Progress, bool) {
			mu.Lock()
			defer mu.Unlock()
			return store.Progress{Decisions: decisions}, true
		}, time.Now)
		defer h.close()
		topic, leave, err := h.join(l.sim)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		at := 0
		for i := range 5 {
			mu.Lock()
			decisions++
			mu.Unlock()
			time.Sleep(1300 * time.Millisecond)
			synctest.Wait()
			_, moment, version, _, _, _ := topic.news(cursor{version: at})
			if version != at+1 || !strings.HasPrefix(string(moment), "event: progress\ndata: {") || !strings.Contains(string(moment), fmt.Sprintf(`"decisions":%d`, i+1)) {
				t.Fatalf("round %d: version %d, %q", i, version, moment)
			}
			at = version
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if _, moment, version, _, _, _ := topic.news(cursor{version: at}); version != at || moment != nil {
			t.Errorf("told again though nothing has changed: %d, %q", version, moment)
		}
	})
}
