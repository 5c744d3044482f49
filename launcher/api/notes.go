package api

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func (s *server) routeNotes() {
	route(s, huma.Operation{
		OperationID: "add-note", Method: http.MethodPost, Path: "/v1/simulations/{id}/notes", Tags: []string{"notes"}, DefaultStatus: http.StatusCreated,
		Summary: "Write a note about a simulation or one of its variants", Description: "Plain text. It is seen at once in the simulation's events and in the feed.",
	}, access.ScopeSubmit, []code{notFound, gone, malformedBody, requestTimeout, bodyTooLarge, unsupportedMediaType}, s.addNote)
	route(s, huma.Operation{
		OperationID: "list-notes", Method: http.MethodGet, Path: "/v1/simulations/{id}/notes", Tags: []string{"notes"},
		Summary: "List the notes about a simulation, oldest first",
	}, access.ScopeRead, []code{notFound, gone}, s.listNotes)
	route(s, huma.Operation{
		OperationID: "feed", Method: http.MethodGet, Path: "/v1/feed", Tags: []string{"notes"},
		Summary: "List what happened in the tenant, newest first",
	}, access.ScopeRead, nil, s.feed)
}

type addNoteInput struct {
	BySimulation
	Body wire.NoteRequest
}

func (s *server) addNote(ctx context.Context, in *addNoteInput) (*answer[wire.Note], error) {
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Body.Text) == "" {
		return nil, field("body", "text", "is empty")
	}
	if in.Body.VariantID != "" {
		if err := s.hasVariant(ctx, sim, in.Body.VariantID); err != nil {
			return nil, err
		}
	}
	id, err := s.randomName(10)
	if err != nil {
		return nil, err
	}
	n := store.Note{
		ID: id, SimulationID: sim.ID, VariantID: in.Body.VariantID, At: s.Now().UTC(),
		Author: author(callOf(ctx), in.Body.Author), Text: printable(in.Body.Text),
	}
	n, err = s.Store.AddNote(ctx, sim.Tenant, n)
	if err != nil {
		return nil, err
	}
	return &answer[wire.Note]{noteOf(n)}, nil
}

// author is who wrote a note: the key's name. Without keys there is nobody to vouch for, and what the
// caller says is taken.
func author(c *call, said string) string {
	if c.name() != "" {
		return c.name()
	}
	if said = strings.TrimSpace(printable(said)); said != "" {
		return said
	}
	return "anonymous"
}

// printable drops the control characters of a text, line feeds and tabs aside.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

func (s *server) hasVariant(ctx context.Context, sim store.Simulation, variant string) error {
	plan, err := s.planOf(ctx, sim)
	if err != nil {
		return err
	}
	for _, p := range plan {
		if p.id == variant {
			return nil
		}
	}
	return field("body", "variant_id", "%s has no variant %.100q", sim.ID, variant)
}

type listNotesInput struct {
	BySimulation
	Paging
}

func (s *server) listNotes(ctx context.Context, in *listNotesInput) (*answer[wire.NoteList], error) {
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Store.Notes(ctx, sim.Tenant, sim.ID, in.page())
	if err != nil {
		return nil, err
	}
	out := wire.NoteList{Notes: make([]wire.Note, 0, len(list)), NextPageToken: next}
	for _, n := range list {
		out.Notes = append(out.Notes, noteOf(n))
	}
	return &answer[wire.NoteList]{out}, nil
}

func (s *server) feed(ctx context.Context, in *struct{ Paging }) (*answer[wire.Feed], error) {
	list, next, err := s.Store.Feed(ctx, callOf(ctx).caller.Tenant, in.page())
	if err != nil {
		return nil, err
	}
	out := wire.Feed{Events: make([]wire.Event, 0, len(list)), NextPageToken: next}
	for _, e := range list {
		out.Events = append(out.Events, eventOf(e))
	}
	return &answer[wire.Feed]{out}, nil
}
