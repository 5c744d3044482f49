package synthetic

import (
	"context"
	"fmt"
	"math"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/matcher"
)

// The search for the demand that sells the requested share: how many slots it simulates, when it
// is content, and where it looks.
const (
	sampleSlots   = 10_000
	fillTolerance = 0.002
	searchRounds  = 14
	leastScale    = 1. / 64
	mostScale     = 64
)

// sampleStride is how many visitors there are to a sampled one.
func sampleStride(slots int) int { return max(slots/sampleSlots, 1) }

// calibrate finds the scale of demand at which the scenario as written sells the requested share
// of the sample. Fill grows with demand, so it is found by bisection. Where the campaigns cannot
// sell so much, or even one impression each is more, the nearest scale is taken.
func (m *market) calibrate(ctx context.Context, sample []model.Slot, study *model.Config) (float64, error) {
	machine := reference{sample}
	low, high := math.Log2(leastScale), math.Log2(mostScale)
	best, distance := 1.0, math.Inf(1)
	for range searchRounds {
		scale := math.Exp2((low + high) / 2)
		fill, err := fillAt(ctx, machine, study, m.campaigns(len(sample), scale))
		if err != nil {
			return 0, err
		}
		if d := math.Abs(fill - m.fill); d < distance {
			best, distance = scale, d
		}
		if distance <= fillTolerance {
			break
		}
		if fill < m.fill {
			low = math.Log2(scale)
		} else {
			high = math.Log2(scale)
		}
	}
	return best, nil
}

// fillAt simulates the scenario as written.
func fillAt(ctx context.Context, machine reference, study *model.Config, campaigns []model.Campaign) (float64, error) {
	metrics, err := machine.Simulate(ctx, &model.Scenario{
		Seed: study.Seed, Location: study.Location, Written: campaigns, Campaigns: campaigns,
		CapGroups: study.CapGroups, Policy: study.Policy,
	})
	if err != nil {
		return 0, fmt.Errorf("generate: simulating the sample that sets the fill: %w", err)
	}
	return float64(metrics.Filled) / float64(metrics.Slots), nil
}

// reference simulates by the letter of the semantics.
type reference struct{ slots []model.Slot }

func (r reference) Simulate(_ context.Context, sc *model.Scenario) (*model.Metrics, error) {
	return matcher.Reference(r.slots, sc)
}
