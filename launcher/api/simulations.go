package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

const maxPage = 200

// Paging are the parameters of a route that lists.
type Paging struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"200" default:"50"`
	PageToken string `query:"page_token" maxLength:"1000" doc:"next_page_token of the page before; same filters"`
}

func (p Paging) page() store.Page { return store.Page{Size: p.PageSize, Token: p.PageToken} }

// Rest has the whole query, for a route that takes parameters besides those declared.
type Rest struct{ query url.Values }

// Resolve keeps the query.
func (r *Rest) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	r.query = u.Query()
	return nil
}

// BySimulation names a simulation.
type BySimulation struct {
	ID string `path:"id" maxLength:"100" example:"20260701-abcdefgh23"`
}

// answer is an operation's answer of a type.
type answer[T any] struct{ Body T }

func (s *server) routeSimulations() {
	route(s, huma.Operation{
		OperationID: "list-simulations", Method: http.MethodGet, Path: "/v1/simulations", Tags: []string{"simulations"},
		Summary:     "List simulations, newest first",
		Description: "Filter by `state`, `owner` and labels: `label.quarter=q3` selects those with this label.",
		Metadata:    map[string]any{metaDynamic: true},
	}, access.ScopeRead, nil, s.listSimulations)
	route(s, huma.Operation{
		OperationID: "get-simulation", Method: http.MethodGet, Path: "/v1/simulations/{id}", Tags: []string{"simulations"},
		Summary: "Show one simulation", Description: "`blocking` names the variants that its end waits for, `waiting` says why nothing of it runs right now.",
	}, access.ScopeRead, []code{notFound, gone}, s.getSimulation)
}

type listSimulationsInput struct {
	Paging
	Rest
	State string `query:"state" enum:"scheduled,queued,running,paused,succeeded,partially_failed,failed,cancelled"`
	Owner string `query:"owner" maxLength:"1000"`
}

func (s *server) listSimulations(ctx context.Context, in *listSimulationsInput) (*answer[wire.SimulationList], error) {
	filter := store.Filter{Tenant: callOf(ctx).caller.Tenant, State: store.State(in.State), Owner: in.Owner}
	for name, values := range in.query {
		key, ok := strings.CutPrefix(name, "label.")
		switch {
		case ok && len(values) == 1:
			if filter.Labels == nil {
				filter.Labels = map[string]string{}
			}
			filter.Labels[key] = values[0]
		case ok:
			return nil, field("query", name, "is given more than once")
		case name != "state" && name != "owner" && name != "page_size" && name != "page_token":
			return nil, field("query", name, "is no parameter of this route")
		}
	}
	list, next, err := s.Store.Simulations(ctx, filter, in.page())
	if err != nil {
		return nil, err
	}
	out := wire.SimulationList{Simulations: make([]wire.Simulation, 0, len(list)), NextPageToken: next}
	for _, sim := range list {
		out.Simulations = append(out.Simulations, simulationOf(sim))
	}
	return &answer[wire.SimulationList]{out}, nil
}

func (s *server) getSimulation(ctx context.Context, in *BySimulation) (*answer[wire.Simulation], error) {
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out, err := s.described(ctx, sim)
	return &answer[wire.Simulation]{out}, err
}

// simulation is a simulation of the caller's tenant.
func (s *server) simulation(ctx context.Context, id string) (store.Simulation, error) {
	if !model.ValidSimulationID(id) {
		return store.Simulation{}, refuse(notFound, "%.100q is no simulation's id", id)
	}
	return s.Store.Simulation(ctx, about(ctx, id), id)
}

// described is a simulation with all that can be said about it.
func (s *server) described(ctx context.Context, sim store.Simulation) (wire.Simulation, error) {
	if live, ok := s.Live(sim.ID); ok && sim.State == store.Running {
		sim.Progress = live
	}
	reasons, err := s.reasons(ctx, sim)
	if err != nil {
		return wire.Simulation{}, err
	}
	out := simulationOf(sim)
	out.Summary = standing(sim, " variants succeeded", reasons)
	out.Waiting, err = s.waiting(ctx, sim)
	return out, err
}

// reasons counts the failed variants of a simulation by reason.
func (s *server) reasons(ctx context.Context, sim store.Simulation) (map[string]int, error) {
	if sim.Counts.Failed == 0 {
		return nil, nil
	}
	reasons := map[string]int{}
	page := store.Page{Size: maxPage}
	for {
		list, next, err := s.Store.Variants(ctx, sim.Tenant, sim.ID, store.VariantFailed, page)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			reasons[v.Reason]++
		}
		if next == "" {
			return reasons, nil
		}
		page.Token = next
	}
}

// revision changes whenever a simulation does.
func revision(sim store.Simulation) string { return strconv.FormatInt(sim.Events, 10) }
