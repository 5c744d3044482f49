package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/transforms"
)

// The simulators of these tests do what the engine does, except to variants whose first campaign has
// a bid of so many micros above a whole unit: those meet with a fault.
const (
	bidPanic   = 1 // panics
	bidLoop    = 2 // never ends, whatever its context says
	bidMemory  = 3 // claims a state of an exbibyte
	bidKill    = 4 // kills its own process
	bidSlow    = 5 // takes until its context is done
	bidPartial = 6 // returns neither figures nor an error
	bidState   = 7 // kills its own process when asked for its state
)

// Names of the simulators.
const (
	faulty   = "faulty"   // with faults
	harmless = "harmless" // the same with the faults left out
	paced    = "paced"    // every variant takes a while
	fickle   = "fickle"   // with faults that the second process of a variant does not meet
	liar     = "liar"     // every process finds other figures
)

var testSimulators = map[string]func(*inventory.Snapshot) transforms.Simulator{
	faulty:   func(s *inventory.Snapshot) transforms.Simulator { return &faultySimulator{engine.New(s)} },
	harmless: func(s *inventory.Snapshot) transforms.Simulator { return engine.New(s) },
	paced:    func(s *inventory.Snapshot) transforms.Simulator { return &pacedSimulator{engine.New(s)} },
	fickle: func(s *inventory.Snapshot) transforms.Simulator {
		return &fickleSimulator{faultySimulator{engine.New(s)}}
	},
	liar: func(s *inventory.Snapshot) transforms.Simulator {
		return &lyingSimulator{engine.New(s)}
	},
}

func registerForTests(name string, open func(*inventory.Snapshot) transforms.Simulator) {
	if err := transforms.RegisterSimulator(name, open); err != nil {
		panic(err)
	}
}

type faultySimulator struct{ *engine.Engine }

func faultOf(sc *model.Scenario) int64 { return int64(sc.Campaigns[0].BidCPM) % 1_000_000 }

func (f *faultySimulator) StateBytes(sc *model.Scenario) int64 {
	switch faultOf(sc) {
	case bidMemory:
		return 1 << 60
	case bidState:
		killMyself()
	}
	return f.Engine.StateBytes(sc)
}

func (f *faultySimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	switch faultOf(sc) {
	case bidPanic:
		panic("a slot too many")
	case bidLoop:
		for n := uint64(0); ; n++ {
			loopSink = n
		}
	case bidKill:
		killMyself()
	case bidSlow:
		<-ctx.Done()
		return nil, ctx.Err()
	case bidPartial:
		return nil, nil
	}
	return f.Engine.Simulate(ctx, sc)
}

func killMyself() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {}
}

var loopSink uint64

// pace is how long a variant of the paced simulator takes at least.
const pace = 20 * time.Millisecond

type pacedSimulator struct{ *engine.Engine }

func (p *pacedSimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	timer := time.NewTimer(pace)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return p.Engine.Simulate(ctx, sc)
}

// fickleSimulator meets each fault once: whoever makes its file first. WHATIF_TEST_FICKLE is the folder.
type fickleSimulator struct{ faultySimulator }

func (f *fickleSimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	file := filepath.Join(os.Getenv("WHATIF_TEST_FICKLE"), fmt.Sprint(sc.Campaigns[0].BidCPM))
	if made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o666); err == nil {
		if err := made.Close(); err != nil {
			return nil, err
		}
		return f.faultySimulator.Simulate(ctx, sc)
	}
	return f.Engine.Simulate(ctx, sc)
}

// lyingSimulator has figures that depend on the process, which is the defect that digests find. Each variant waits
// until two processes are at it. WHATIF_TEST_FICKLE is the folder where they meet.
type lyingSimulator struct{ *engine.Engine }

func (l *lyingSimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	at := filepath.Join(os.Getenv("WHATIF_TEST_FICKLE"), fmt.Sprint(sc.Campaigns[0].BidCPM))
	if err := errors.Join(os.MkdirAll(at, 0o777), os.WriteFile(filepath.Join(at, fmt.Sprint(os.Getpid())), nil, 0o666)); err != nil {
		return nil, err
	}
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for {
		if there, err := os.ReadDir(at); err != nil || len(there) > 1 {
			break
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	other := *sc
	other.Campaigns = slices.Clone(sc.Campaigns)
	other.Campaigns[0].BidCPM += model.CPM(os.Getpid())
	return l.Engine.Simulate(ctx, &other)
}
