package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// reconnect is the wait before a stream that was cut is opened again, unless the server says another.
const reconnect = time.Second

// Events goes through what happens to a simulation, as it happens, from the event after a sequence
// number on (0: from its beginning). A cut connection is opened again where it broke: no event is
// missed and none comes twice, except that events of type progress (without number) are of the
// moment only. It ends with ctx, with an error that trying again does not better, or when the caller
// breaks; not by itself when the simulation is finished, since that may be retried.
func (c *Client) Events(ctx context.Context, id string, after int64) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		w := &watch{client: c, id: id, after: after, wait: reconnect, yield: yield}
		for {
			err := w.connection(ctx)
			if errors.Is(err, errStopped) {
				return
			}
			if err == nil {
				err = sleep(ctx, w.wait)
			}
			if err != nil {
				yield(wire.Event{}, err)
				return
			}
		}
	}
}

// errStopped is the end that the caller wished.
var errStopped = errors.New("stopped")

// watch is a stream of events through its connections.
type watch struct {
	client *Client
	id     string
	after  int64 // of the last event handed over
	wait   time.Duration
	yield  func(wire.Event, error) bool
}

// connection follows one connection until it is cut, which is no error.
func (w *watch) connection(ctx context.Context) (err error) {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	what := get("v1", "simulations", w.id, "events").with("Accept", "text/event-stream")
	if w.after > 0 {
		what = what.with("Last-Event-ID", strconv.FormatInt(w.after, 10))
	}
	res, err := w.client.send(within, what)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to where it broke, or given up
	if res.StatusCode == http.StatusNoContent {
		return fmt.Errorf("client: the launcher has no more events of %s", w.id)
	}
	// A connection that says nothing, not even a comment, is dead: TCP may not notice for hours.
	idle := time.AfterFunc(w.client.o.Idle, cancel)
	defer idle.Stop()
	s := newStream(res.Body, func() { idle.Reset(w.client.o.Idle) })
	for {
		m, broken := s.next()
		if s.retry > 0 {
			w.wait = s.retry
		}
		if errors.Is(broken, errLargeEvent) {
			return broken
		}
		if broken != nil {
			return ctx.Err()
		}
		if err := w.hand(m); err != nil {
			return err
		}
	}
}

// hand gives an event to the caller, unless it has had it.
func (w *watch) hand(m message) error {
	var e wire.Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil {
		return fmt.Errorf("client: an event of %s can't be read: %w", w.id, err)
	}
	if m.hasID {
		seq, err := strconv.ParseInt(m.id, 10, 64)
		if err != nil {
			return fmt.Errorf("client: an event of %s has the id %q, which is no number", w.id, m.id)
		}
		if seq <= w.after {
			return nil
		}
		w.after, e.Seq = seq, seq
	}
	if !w.yield(e, nil) {
		return errStopped
	}
	return nil
}
