package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

func (s *server) routeVariants() {
	route(s, huma.Operation{
		OperationID: "list-variants", Method: http.MethodGet, Path: "/v1/simulations/{id}/variants", Tags: []string{"variants"},
		Summary: "List the variants of a simulation in the order of its plan",
	}, access.ScopeRead, []code{notFound, gone}, s.listVariants)
	route(s, huma.Operation{
		OperationID: "get-variant", Method: http.MethodGet, Path: "/v1/simulations/{id}/variants/{variant_id}", Tags: []string{"variants"},
		Summary: "Show one variant with its attempts and their errors",
	}, access.ScopeRead, []code{notFound, gone}, s.getVariant)
}

// planned is a simulation of the caller's tenant with the variants of its plan.
func (s *server) planned(ctx context.Context, id string) (store.Simulation, []planned, error) {
	sim, err := s.simulation(ctx, id)
	if err != nil {
		return sim, nil, err
	}
	plan, err := s.planOf(ctx, sim)
	return sim, plan, err
}

type listVariantsInput struct {
	BySimulation
	Paging
	Status string `query:"status" enum:"pending,running,succeeded,failed,cancelled"`
}

func (s *server) listVariants(ctx context.Context, in *listVariantsInput) (*answer[wire.VariantList], error) {
	sim, plan, err := s.planned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	state := store.VariantState(in.Status)
	if begun, err := s.begun(ctx, sim); err != nil {
		return nil, err
	} else if !begun {
		return listPlanned(sim, plan, state, in.Paging)
	}
	list, next, err := s.Store.Variants(ctx, sim.Tenant, sim.ID, state, in.page())
	if err != nil {
		return nil, err
	}
	byID := make(map[string]planned, len(plan))
	for _, p := range plan {
		byID[p.id] = p
	}
	out := wire.VariantList{Variants: make([]wire.Variant, 0, len(list)), NextPageToken: next}
	for _, v := range list {
		out.Variants = append(out.Variants, variantOf(byID[v.ID], v))
	}
	return &answer[wire.VariantList]{out}, nil
}

// begun reports whether a launcher has written down the variants of a simulation: until then they are in
// its plan only.
func (s *server) begun(ctx context.Context, sim store.Simulation) (bool, error) {
	if sim.StartedAt == nil {
		return false, nil
	}
	list, _, err := s.Store.Variants(ctx, sim.Tenant, sim.ID, "", store.Page{Size: 1})
	return len(list) > 0, err
}

// plannedToken begins the page tokens of a list that is made of the plan.
const plannedToken = "plan."

// listPlanned lists the variants of a simulation that nothing has been done for yet.
func listPlanned(sim store.Simulation, plan []planned, state store.VariantState, p Paging) (*answer[wire.VariantList], error) {
	out := wire.VariantList{Variants: []wire.Variant{}}
	is := untouched(sim)
	if state != "" && state != is {
		return &answer[wire.VariantList]{out}, nil
	}
	from := 0
	if p.PageToken != "" {
		text, ok := strings.CutPrefix(p.PageToken, plannedToken)
		n, err := strconv.Atoi(text)
		if !ok || err != nil || n < 0 || n > len(plan) {
			return nil, field("query", "page_token", "is none of this list, or the simulation has been started meanwhile: begin again without one")
		}
		from = n
	}
	to := min(from+p.PageSize, len(plan))
	for _, v := range plan[from:to] {
		out.Variants = append(out.Variants, variantOf(v, store.Variant{ID: v.id, State: is}))
	}
	if to < len(plan) {
		out.NextPageToken = plannedToken + strconv.Itoa(to)
	}
	return &answer[wire.VariantList]{out}, nil
}

// untouched is the state of all variants of a simulation that no launcher has begun.
func untouched(sim store.Simulation) store.VariantState {
	if sim.State == store.Cancelled {
		return store.VariantCancelled
	}
	return store.VariantPending
}

type getVariantInput struct {
	BySimulation
	Variant string `path:"variant_id" maxLength:"100" example:"v0001"`
}

func (s *server) getVariant(ctx context.Context, in *getVariantInput) (*answer[wire.Variant], error) {
	sim, plan, err := s.planned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range plan {
		if p.id != in.Variant {
			continue
		}
		v, err := s.Store.Variant(ctx, sim.Tenant, sim.ID, p.id)
		if errors.Is(err, store.ErrNotFound) {
			v, err = store.Variant{ID: p.id, State: untouched(sim)}, nil
		}
		if err != nil {
			return nil, err
		}
		out := variantOf(p, v)
		out.Attempts, err = s.attempts(ctx, sim, p.id)
		return &answer[wire.Variant]{out}, err
	}
	return nil, refuse(notFound, "%s has no variant %.100q", sim.ID, in.Variant)
}

// mostAttempts bounds the attempts that are looked for; each is a file that may be there.
const mostAttempts = 200

// attempts are the rows that a variant's attempts left. The numbers of a simulation's attempts are given to
// all its variants in turn: which of them this one has rows of is found by looking.
func (s *server) attempts(ctx context.Context, sim store.Simulation, variant string) ([]wire.Attempt, error) {
	var rows []*model.VariantResult
	for n := max(1, sim.Attempts-mostAttempts+1); n <= sim.Attempts; n++ {
		if _, there, err := s.Results.Outcome(ctx, sim.ID, variant, n); err != nil {
			return nil, err
		} else if !there {
			continue
		}
		row, err := s.Results.Read(ctx, sim.ID, variant, n)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	counts := model.Counting(rows, func(r *model.VariantResult) (int64, string) { return r.Attempt, r.Status })
	var list []wire.Attempt
	for i, row := range rows {
		list = append(list, attemptOf(row, i == counts))
	}
	return list, nil
}

func attemptOf(row *model.VariantResult, counts bool) wire.Attempt {
	a := wire.Attempt{
		Number: row.Attempt, Status: row.Status, Counts: counts, ResultSHA256: row.ResultSHA256,
		StartedAt: time.UnixMicro(row.StartedAt).UTC(), FinishedAt: time.UnixMicro(row.FinishedAt).UTC(),
	}
	if row.Error != nil {
		a.Reason, a.Message, a.Retryable = row.Error.Reason, row.Error.Message, row.Error.Retryable
	}
	return a
}
