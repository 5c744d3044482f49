package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// planned is what a plan says of one variant.
type planned struct {
	id         string
	replicate  int
	parameters json.RawMessage // an object: what it sets, by parameter
}

// plannedOf lists the variants of a study.
func plannedOf(config *model.Config, variants []model.Variant) ([]planned, error) {
	list := make([]planned, 0, len(variants))
	for _, v := range variants {
		set := map[string]any{}
		for i, value := range v.Values {
			switch value.Kind {
			case model.ValueUnset:
			case model.ValueNumber:
				set[config.Parameters[i].Name] = value.Number.InexactFloat64()
			default:
				set[config.Parameters[i].Name] = value.Text
			}
		}
		text, err := json.Marshal(set)
		if err != nil {
			return nil, fmt.Errorf("parameters of %s: %w", v.ID, err)
		}
		list = append(list, planned{v.ID, v.Replicate, text})
	}
	return list, nil
}

// maxPlans bounds the plans that are remembered; one has at most 1,000 variants, about 200 KB.
const maxPlans = 64

// plans remembers the variants of the simulations that were asked for last. They never change.
type plans struct {
	mu    sync.Mutex
	lists map[string][]planned
	order []string // the longest known first
}

func newPlans() *plans { return &plans{lists: map[string][]planned{}} }

func (p *plans) get(id string) ([]planned, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, ok := p.lists[id]
	return list, ok
}

func (p *plans) put(id string, list []planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.lists[id]; ok {
		return
	}
	if len(p.order) == maxPlans {
		delete(p.lists, p.order[0])
		p.order = p.order[1:]
	}
	p.lists[id] = list
	p.order = append(p.order, id)
}

// planOf lists the variants of a simulation in the order of its plan: as the result store has it, or made
// of its inputs while nothing of it has been started.
func (s *server) planOf(ctx context.Context, sim store.Simulation) ([]planned, error) {
	if list, ok := s.plans.get(sim.ID); ok {
		return list, nil
	}
	plan, err := s.Results.Plan(ctx, sim.ID)
	if errors.Is(err, results.ErrNotFound) {
		plan, err = s.makePlan(ctx, sim)
	}
	if err != nil {
		return nil, fmt.Errorf("the plan of %s: %w", sim.ID, err)
	}
	config, problems := model.ParseConfig(plan.Config.Name, []byte(plan.Config.Text))
	if config == nil {
		return nil, fmt.Errorf("the configuration of %s: %w", sim.ID, problems.Err())
	}
	list, err := plannedOf(config, plan.Variants)
	if err != nil {
		return nil, err
	}
	s.plans.put(sim.ID, list)
	return list, nil
}

func (s *server) makePlan(ctx context.Context, sim store.Simulation) (*model.Plan, error) {
	inputs, err := s.Store.Inputs(ctx, sim.Tenant, sim.ID)
	if err != nil {
		return nil, err
	}
	return pipeline.PlanOf(&inputs, sim.ID, sim.Tenant, sim.SubmittedAt)
}
