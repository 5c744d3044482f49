package queue

import (
	"context"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/transforms"
)

// Names of the simulators of these tests. They do what the engine does, but paced takes a while for each
// variant, and with faulty those variants meet with a fault whose first campaign has a bid of so many
// micros above a tenth of a unit.
const (
	paced  = "paced"
	faulty = "faulty"

	bidPanic  = 1 // panics
	bidLoop   = 2 // never ends, whatever its context says
	bidMemory = 3 // claims a state of an exbibyte: fails, and may be tried again
)

// pace is how long a variant takes with the paced simulator.
const pace = 30 * time.Millisecond

func registerSimulators() {
	for name, open := range map[string]func(*inventory.Snapshot) transforms.Simulator{
		paced:  func(s *inventory.Snapshot) transforms.Simulator { return pacedSimulator{engine.New(s)} },
		faulty: func(s *inventory.Snapshot) transforms.Simulator { return faultySimulator{engine.New(s)} },
	} {
		if err := transforms.RegisterSimulator(name, open); err != nil {
			panic(err)
		}
	}
}

type pacedSimulator struct{ *engine.Engine }

func (p pacedSimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	if err := sleep(ctx, pace); err != nil {
		return nil, err
	}
	return p.Engine.Simulate(ctx, sc)
}

type faultySimulator struct{ *engine.Engine }

func faultIn(sc *model.Scenario) int64 { return int64(sc.Campaigns[0].BidCPM) % 100_000 }

func (f faultySimulator) StateBytes(sc *model.Scenario) int64 {
	if faultIn(sc) == bidMemory {
		return 1 << 60
	}
	return f.Engine.StateBytes(sc)
}

func (f faultySimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	switch faultIn(sc) {
	case bidPanic:
		panic("a slot too many")
	case bidLoop:
		for n := uint64(0); ; n++ {
			loopSink = n
		}
	}
	return f.Engine.Simulate(ctx, sc)
}

var loopSink uint64
