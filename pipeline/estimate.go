package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
)

// Estimate is what a study consists of and, if Prepare was asked to Measure, what running it would
// take on this machine, roughly.
type Estimate struct {
	Slots     int64 // of the snapshot
	Campaigns int
	Decisions int64 // slots times variants

	DecisionsPerSecond float64       // of one core: measured on the baseline where that is quick, else assumed
	Parallelism        int           // cores counted on
	Duration           time.Duration // Decisions at that pace on all of them
	StateBytes         int64         // the largest variant's state, of those looked at
	MemoryBytes        int64         // snapshot and states of as many variants as there are cores
}

// The pace is measured for at most measureFor; a baseline that takes longer is given up, and the pace
// taken to be assumedPace decisions per second and core, which a study of a million slots and 1,000
// campaigns has on a common machine: about 1.1 s a variant.
const (
	measureFor  = 1500 * time.Millisecond
	assumedPace = 800_000
)

// estimatedVariants is how many variants the memory is estimated from, spread over the plan.
const estimatedVariants = 16

// sizeOf is the part of an estimate that needs no simulating.
func sizeOf(config *model.Config, variants []model.Variant, slots int64) Estimate {
	return Estimate{
		Slots: slots, Campaigns: len(config.Campaigns), Decisions: slots * int64(len(variants)),
		Parallelism: runtime.GOMAXPROCS(0),
	}
}

// foretell completes an estimate with what running takes. The baseline is simulated here, in the
// process of whoever asks: one that needs more than half of the free memory is not measured, and
// neither is one that panics.
func (e *Estimate) foretell(ctx context.Context, config *model.Config, variants []model.Variant, machine transforms.Simulator, held, free int64) error {
	e.DecisionsPerSecond = assumedPace
	looked := min(estimatedVariants, len(variants))
	for i := range looked {
		sc, err := config.Scenario(variants[i*len(variants)/looked])
		if err != nil {
			return fmt.Errorf("pipeline: estimate: %w", err)
		}
		state, ok := stateBytes(machine, sc)
		e.StateBytes = max(e.StateBytes, state)
		if i == 0 && ok && state <= free/2 {
			e.measure(ctx, machine, sc)
		}
	}
	e.Duration = time.Duration(float64(e.Decisions) / (e.DecisionsPerSecond * float64(e.Parallelism)) * float64(time.Second))
	e.MemoryBytes = held + int64(e.Parallelism)*e.StateBytes
	return ctx.Err()
}

// stateBytes is a variant's state; ok is false if asking for it panics, which the run will tell.
func stateBytes(machine transforms.Simulator, sc *model.Scenario) (n int64, ok bool) {
	defer func() {
		if recover() != nil {
			n, ok = 0, false
		}
	}()
	return machine.StateBytes(sc), true
}

// measure times the baseline, or gives up. Its figures are thrown away.
func (e *Estimate) measure(ctx context.Context, machine transforms.Simulator, sc *model.Scenario) {
	defer func() {
		_ = recover() // a baseline that panics has no pace; the run will tell
	}()
	ctx, cancel := context.WithTimeout(ctx, measureFor)
	defer cancel()
	began := time.Now()
	metrics, err := machine.Simulate(ctx, sc)
	if err != nil || metrics.Slots == 0 {
		return
	}
	e.DecisionsPerSecond = float64(metrics.Slots) / max(time.Since(began), time.Microsecond).Seconds()
}

// document is a text with its name and digest.
func document(name string, text []byte) model.Document {
	digest := sha256.Sum256(text)
	return model.Document{Name: name, Text: string(text), SHA256: hex.EncodeToString(digest[:])}
}
