package synthetic

import (
	"context"
	"fmt"
	"math"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// The search for the demand that sells the requested share: how many slots it simulates at most,
// when it is content, and where it looks.
const (
	mostSimulated = 1_000_000
	fillTolerance = 0.005
	searchRounds  = 16
	firstScale    = 1.5
	leastScale    = 1. / 64
	mostScale     = 64
)

// sampleStride is how many visitors there are to one that is simulated. A sample sells a little
// less than the whole: pacing is upset by single heavy users. So it is large, and the whole if
// that is not larger.
func sampleStride(slots int) int { return (slots + mostSimulated - 1) / mostSimulated }

// calibrate finds the scale of demand at which the scenario as written sells the requested share
// of a snapshot. Fill grows with demand, so it is found by interpolation between a scale that
// sells too little and one that sells too much. Where the campaigns cannot sell so much, or even
// one impression each is more, the nearest scale is taken.
func (m *market) calibrate(ctx context.Context, snapshot *inventory.Snapshot, study *model.Config) (float64, error) {
	machine := engine.New(snapshot)
	low, high := point{at: math.Log2(leastScale)}, point{at: math.Log2(mostScale), fill: 1}
	next, best, distance := math.Log2(firstScale), 0.0, math.Inf(1)
	for range searchRounds {
		fill, err := fillAt(ctx, machine, study, m.campaigns(snapshot.Len(), math.Exp2(next)))
		if err != nil {
			return 0, err
		}
		if d := math.Abs(fill - m.fill); d < distance {
			best, distance = next, d
		}
		if distance <= fillTolerance {
			break
		}
		if fill < m.fill {
			low = point{next, fill}
		} else {
			high = point{next, fill}
		}
		next = between(low, high, m.fill)
	}
	return math.Exp2(best), nil
}

// point is a scale of demand, as a power of two, and the fill that it gives.
type point struct{ at, fill float64 }

// between is where a straight line between two points has a fill, though not nearer to either than
// a fifth of their distance: fill bends.
func between(low, high point, fill float64) float64 {
	f := 0.5
	if high.fill > low.fill {
		f = min(max((fill-low.fill)/(high.fill-low.fill), 0.2), 0.8)
	}
	return low.at + f*(high.at-low.at)
}

// fillAt simulates the scenario as written.
func fillAt(ctx context.Context, machine *engine.Engine, study *model.Config, campaigns []model.Campaign) (float64, error) {
	metrics, err := machine.Simulate(ctx, &model.Scenario{
		Seed: study.Seed, Location: study.Location, Written: campaigns, Campaigns: campaigns,
		CapGroups: study.CapGroups, Policy: study.Policy,
	})
	if err != nil {
		return 0, fmt.Errorf("generate: simulating the log to set the fill: %w", err)
	}
	return float64(metrics.Filled) / float64(metrics.Slots), nil
}
