package transforms

import (
	"context"
	"fmt"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// Simulator computes variants over one snapshot. It is safe for concurrent use.
type Simulator interface {
	// StateBytes bounds the memory that Simulate allocates for a scenario.
	StateBytes(sc *model.Scenario) int64
	// Simulate computes the figures of a scenario, or stops with ctx's error soon after ctx is done.
	Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error)
}

// Engine is the name of the simulator that the product runs, and the only one compiled into it.
const Engine = "engine"

var simulators = struct {
	sync.Mutex
	open map[string]func(*inventory.Snapshot) Simulator
}{open: map[string]func(*inventory.Snapshot) Simulator{
	Engine: func(snap *inventory.Snapshot) Simulator { return engine.New(snap) },
}}

// RegisterSimulator makes a simulator known to this process under a name. A name can't be taken twice.
func RegisterSimulator(name string, open func(*inventory.Snapshot) Simulator) error {
	simulators.Lock()
	defer simulators.Unlock()
	if _, taken := simulators.open[name]; taken {
		return fmt.Errorf("transforms: a simulator named %q is registered already", name)
	}
	simulators.open[name] = open
	return nil
}

func simulator(name string) (func(*inventory.Snapshot) Simulator, error) {
	simulators.Lock()
	defer simulators.Unlock()
	open, ok := simulators.open[name]
	if !ok {
		return nil, fmt.Errorf("transforms: no simulator is named %q", name)
	}
	return open, nil
}
