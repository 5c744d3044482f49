package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/whatif-machine/whatif/launcher/wire"
)

func (s *server) routeHealth() {
	public(s, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Tags: []string{"operation"}, Summary: "Is the process alive?",
		Metadata: map[string]any{metaAccepts: []string{"*/*"}},
	}, nil, func(context.Context, *struct{}) (*answer[wire.Health], error) {
		return &answer[wire.Health]{wire.Health{Status: wire.HealthOK}}, nil
	})
	public(s, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"operation"}, Summary: "Can it take and answer requests?",
		Description: "503 with the same body if not: `checks` says what fails. A failing warehouse is told, and no reason for 503: nobody waits for it.", Metadata: map[string]any{metaAccepts: []string{"*/*"}},
		Responses: map[string]*huma.Response{
			"200": {Description: "It can", Content: jsonOf[wire.Health](s.huma.OpenAPI().Components.Schemas)},
			"503": {Description: "It can't", Content: jsonOf[wire.Health](s.huma.OpenAPI().Components.Schemas)},
		},
	}, nil, s.ready)
	public(s, huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{"operation"}, Summary: "Metrics for Prometheus",
		Metadata: map[string]any{metaAccepts: []string{"*/*"}, metaDynamic: true},
		Responses: map[string]*huma.Response{"200": {
			Description: "Text exposition format", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, nil, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			s.Metrics.ServeHTTP(w, r)
		}}, nil
	})
}

// readyWithin is how long a part may take to say that it is well.
const readyWithin = 2 * time.Second

type readyOutput struct {
	Status int
	Body   wire.Health
}

// ready asks each part that requests need. What fails is logged whole and told in a word: whoever may ask
// needs no key.
func (s *server) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	out := &readyOutput{http.StatusOK, wire.Health{Status: wire.HealthOK, Checks: map[string]string{}}}
	for _, part := range []struct {
		name string
		ask  func(context.Context) error
	}{{"store", s.Store.Ping}, {"results", s.Results.Ready}} {
		out.Body.Checks[part.name] = wire.HealthOK
		if err := part.ask(ctx); err != nil {
			s.Logger.Error("not ready", "part", part.name, "error", err)
			out.Status, out.Body.Status, out.Body.Checks[part.name] = http.StatusServiceUnavailable, wire.HealthFailing, wire.HealthFailing
		}
	}
	s.noteWarehouse(ctx, out.Body.Checks)
	return out, nil
}

// noteWarehouse tells of the warehouse. No request needs it, and what is to be loaded waits: a launcher is ready
// without it.
func (s *server) noteWarehouse(ctx context.Context, checks map[string]string) {
	if s.Warehouse == nil {
		return
	}
	checks["warehouse"] = wire.HealthOK
	if err := s.Warehouse(ctx); err != nil {
		s.Logger.Warn("the warehouse is not well; results are loaded when it is", "error", err)
		checks["warehouse"] = wire.HealthFailing
	}
}
