package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

func (s *server) routeControl() {
	can := []code{notFound, gone, wrongState}
	for _, c := range []struct {
		verb, summary, description string
		do                         func(ctx context.Context, tenant, id, by string) (store.Simulation, error)
	}{
		{"cancel", "Cancel a simulation", "What is in flight is given up within 2 seconds; variants that have finished keep their results. Cancelling a cancelled one changes nothing.", s.Store.Cancel},
		{"pause", "Pause a running simulation", "What is in flight is given up without blame and starts again when it is resumed; finished variants are kept.", s.Store.Pause},
		{"resume", "Go on with a paused simulation", "", s.Store.Resume},
	} {
		route(s, huma.Operation{
			OperationID: c.verb + "-simulation", Method: http.MethodPost, Path: "/v1/simulations/{id}:" + c.verb, Tags: []string{"simulations"},
			Summary: c.summary, Description: c.description,
		}, access.ScopeSubmit, can, func(ctx context.Context, in *BySimulation) (*answer[wire.Simulation], error) {
			return s.control(ctx, in.ID, c.do)
		})
	}
	route(s, huma.Operation{
		OperationID: "retry-simulation", Method: http.MethodPost, Path: "/v1/simulations/{id}:retry", Tags: []string{"simulations"},
		Summary: "Run failed or cancelled variants of a finished simulation again", Description: "It goes back to `queued`; what succeeded is kept, under the same links.",
	}, access.ScopeSubmit, append(can, malformedBody, requestTimeout, bodyTooLarge, unsupportedMediaType), s.retry)
	route(s, huma.Operation{
		OperationID: "delete-simulation", Method: http.MethodDelete, Path: "/v1/simulations/{id}", Tags: []string{"simulations"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a finished simulation and its results", Description: "Its id answers `GONE` from then on. Rows that were loaded into BigQuery stay there.",
	}, access.ScopeAdmin, can, s.deleteSimulation)
}

// control asks the store for a change of a simulation and answers with what has become of it.
func (s *server) control(ctx context.Context, id string, do func(ctx context.Context, tenant, id, by string) (store.Simulation, error)) (*answer[wire.Simulation], error) {
	if !model.ValidSimulationID(id) {
		return nil, refuse(notFound, "%.100q is no simulation's id", id)
	}
	tenant := about(ctx, id)
	sim, err := do(ctx, tenant, id, callOf(ctx).name())
	if err != nil {
		return nil, err
	}
	out, err := s.described(ctx, sim)
	return &answer[wire.Simulation]{out}, err
}

type retryInput struct {
	BySimulation
	Body *wire.RetryRequest // none: all
}

func (s *server) retry(ctx context.Context, in *retryInput) (*answer[wire.Simulation], error) {
	var variants []string
	if in.Body != nil {
		variants = slices.Compact(slices.Sorted(slices.Values(in.Body.Variants)))
	}
	return s.control(ctx, in.ID, func(ctx context.Context, tenant, id, by string) (store.Simulation, error) {
		return s.Store.Retry(ctx, tenant, id, by, variants)
	})
}

func (s *server) deleteSimulation(ctx context.Context, in *BySimulation) (*struct{}, error) {
	if !model.ValidSimulationID(in.ID) {
		return nil, refuse(notFound, "%.100q is no simulation's id", in.ID)
	}
	if err := s.Store.Delete(ctx, about(ctx, in.ID), in.ID, callOf(ctx).name()); err != nil {
		return nil, err
	}
	// From here on it is deleted, whatever happens: Erase removes what could not be removed now.
	if err := erase(context.WithoutCancel(ctx), s.Store, s.Results, in.ID); err != nil {
		s.Logger.Warn("results of a deleted simulation are left; they are removed later", "simulation_id", in.ID, "error", err)
	}
	return nil, nil
}

// erase removes the results of a deleted simulation and notes that it has.
func erase(ctx context.Context, st *store.Store, r *results.Store, id string) error {
	if err := r.Delete(ctx, id); err != nil && !errors.Is(err, results.ErrNotFound) {
		return err
	}
	return st.ResultsRemoved(ctx, id)
}
