package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// Times of an event stream.
const (
	pingEvery   = 15 * time.Second // a comment, so that nobody on the way takes it for dead
	idleFor     = 10 * time.Minute // without news: closed, the reader may come back
	eventsWait  = 10 * time.Second // for a reader to take what it is sent
	soon        = time.Second      // to come back after, when the launcher stops
	backoffIdle = 30 * time.Second // to come back after, when nothing has happened for long
)

func (s *server) routeEvents() {
	event := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Event](), true, "Event")
	route(s, huma.Operation{
		OperationID: "watch-simulation", Method: http.MethodGet, Path: "/v1/simulations/{id}/events", Tags: []string{"simulations"},
		Summary: "Watch a simulation",
		Description: "Server-sent events: changes of state, variants, notes and wishes, numbered without gaps from 1, all of them from the first, or those after " +
			"`Last-Event-ID`; and between them `progress` events, which have no number and are not kept. The data of each is an Event. The stream " +
			"stays open after the end, since a retry may follow, and closes when nothing has happened for 10 minutes.",
		Metadata: map[string]any{metaAccepts: []string{"text/event-stream"}},
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: event}},
		}},
	}, access.ScopeRead, []code{notFound, gone}, s.watch)
}

type watchInput struct {
	BySimulation
	Header string `header:"Last-Event-ID" maxLength:"20" doc:"number of the last event that was received"`
	Query  string `query:"last_event_id" maxLength:"20" doc:"the same, where no header can be sent"`
}

func (s *server) watch(ctx context.Context, in *watchInput) (*huma.StreamResponse, error) {
	text, location, name := in.Header, "header", "Last-Event-ID"
	if text == "" {
		text, location, name = in.Query, "query", "last_event_id"
	}
	var after int64
	if text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, field(location, name, "is no number of an event")
		}
		after = n
	}
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if after > sim.Events {
		return nil, field(location, name, "is beyond the last event, %d", sim.Events)
	}
	t, leave, err := s.hub.join(sim)
	if errors.Is(err, errClosing) {
		err = refuse(overloaded, "%w", err).later(retryLater)
	}
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer leave()
		r, w := humachi.Unwrap(ctx)
		c := callOf(r.Context())
		c.streams = true
		c.leave() // it may stay for hours: it has a bound of its own
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodHead {
			return
		}
		out := &stream{w: w, control: http.NewResponseController(w)}
		if err := s.stream(r.Context(), t, cursor{seq: after}, out); err != nil && r.Context().Err() == nil {
			s.hub.wasCut()
		}
	}}, nil
}

// stream sends a watcher what happens until it goes, nothing has happened for long, or nothing will. An
// error means that the watcher was gone or too slow.
func (s *server) stream(ctx context.Context, t *topic, at cursor, out *stream) error {
	if err := out.send([]byte(": events of " + t.id + "\n\n")); err != nil {
		return err
	}
	ping, idle := time.NewTicker(pingEvery), time.NewTimer(idleFor)
	defer ping.Stop()
	defer idle.Stop()
	for {
		frames, moment, version, behind, wait, err := t.news(at)
		if behind {
			frames, err = s.missed(ctx, t, at.seq)
		}
		switch {
		case err != nil:
			return out.send(farewell(t.id, err, s.Now()))
		case len(frames) > 0 || moment != nil:
			if at.seq, err = out.frames(at.seq, frames, moment); err != nil {
				return err
			}
			at.version = version
			idle.Reset(idleFor)
			continue
		}
		select {
		case <-wait:
		case <-ping.C:
			if err := out.send([]byte(": ping\n\n")); err != nil {
				return err
			}
		case <-idle.C:
			return out.send(comeBack(backoffIdle))
		case <-ctx.Done():
			return nil
		}
	}
}

// missed reads events for a watcher that is further behind than what its topic keeps.
func (s *server) missed(ctx context.Context, t *topic, after int64) ([]frame, error) {
	events, err := s.Store.Events(ctx, t.tenant, t.id, after, batch)
	if err != nil {
		return nil, err
	}
	return framesOf(events, after)
}

// farewell is the last that a watcher is sent: the simulation was deleted, or it should come back.
func farewell(id string, err error, now time.Time) []byte {
	if errors.Is(err, store.ErrGone) || errors.Is(err, store.ErrNotFound) {
		return fmt.Appendf(nil, "event: %s\ndata: {\"simulation_id\":%q,\"at\":%q,\"type\":%q,\"data\":{}}\n\n",
			store.EventDeleted, id, now.UTC().Format(time.RFC3339Nano), store.EventDeleted)
	}
	return comeBack(soon)
}

// comeBack tells a reader when to connect again.
func comeBack(after time.Duration) []byte {
	return fmt.Appendf(nil, "retry: %d\n\n", after.Milliseconds())
}

// stream is the connection of a watcher.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// frames sends frames and a moment, and returns the number of the last event.
func (s *stream) frames(last int64, frames []frame, moment []byte) (int64, error) {
	var text []byte
	for _, f := range frames {
		text = append(text, f.text...)
		last = f.seq
	}
	return last, s.send(append(text, moment...))
}

// send writes and flushes. A reader that does not take it in time is cut off.
func (s *stream) send(text []byte) error {
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(eventsWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return s.control.Flush()
}
