package transforms

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
)

func init() {
	register.DoFn3x1[context.Context, []byte, func(string, model.Variant), error](&expandFn{})
	register.Emitter2[string, model.Variant]()
}

// ExpandVariants: Impulse -> PCollection<KV<variant id, Variant>>
//
// The variants come from the stored plan: the job's graph holds their ids at most, whatever their number.
func ExpandVariants(s beam.Scope, job Job) beam.PCollection {
	s = s.Scope("ExpandVariants")
	variants := beam.ParDo(s, &expandFn{Job: job}, beam.Impulse(s))
	// A runner may fuse what follows to the one element of Impulse; this lets it spread them.
	return beam.Reshuffle(s, variants)
}

type expandFn struct{ Job Job }

func (f *expandFn) ProcessElement(ctx context.Context, _ []byte, emit func(string, model.Variant)) error {
	study, err := openStudy(ctx, f.Job)
	if err != nil {
		return err
	}
	variants, err := chosen(study.plan, f.Job.Only)
	if err != nil {
		return err
	}
	for _, v := range study.longestFirst(ctx, variants) {
		emit(v.ID, v)
	}
	return nil
}

// chosen are the plan's variants with the given ids, in the plan's order; all of them without ids.
func chosen(plan *model.Plan, only []string) ([]model.Variant, error) {
	if len(only) == 0 {
		return slices.Clone(plan.Variants), nil
	}
	wanted := make(map[string]bool, len(only))
	for _, id := range only {
		wanted[id] = true
	}
	var out []model.Variant
	for _, v := range plan.Variants {
		if wanted[v.ID] {
			out = append(out, v)
			delete(wanted, v.ID)
		}
	}
	for id := range wanted {
		return nil, fmt.Errorf("transforms: the plan of %s has no variant %s", plan.SimulationID, id)
	}
	return out, nil
}
