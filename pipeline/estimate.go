package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// Estimate is what running a study would take on this machine, roughly.
type Estimate struct {
	Slots     int64 // of the snapshot
	Campaigns int
	Decisions int64 // slots times variants

	DecisionsPerSecond float64       // of one core: measured on the baseline where that is quick, else assumed
	Measured           bool          // whether it was
	Parallelism        int           // cores counted on
	Duration           time.Duration // Decisions at that pace on all of them
	StateBytes         int64         // the largest variant's state, of those looked at
	MemoryBytes        int64         // snapshot and states of as many variants as there are cores
}

// The pace is measured for at most measureFor; a baseline that takes longer is given up, and the pace
// taken to be assumedPace decisions per second and core, which a study with 1,000 campaigns has on a
// common machine (docs/PERFORMANCE.md).
const (
	measureFor  = 1500 * time.Millisecond
	assumedPace = 300_000
)

// estimatedVariants is how many variants the memory is estimated from, spread over the plan.
const estimatedVariants = 16

// estimate foretells a study's cost.
func estimate(ctx context.Context, config *model.Config, variants []model.Variant, snap *inventory.Snapshot) (Estimate, error) {
	e := Estimate{
		Slots: int64(snap.Len()), Campaigns: len(config.Campaigns), Decisions: int64(snap.Len()) * int64(len(variants)),
		DecisionsPerSecond: assumedPace, Parallelism: runtime.GOMAXPROCS(0),
	}
	machine := engine.New(snap)
	for i := range min(estimatedVariants, len(variants)) {
		sc, err := config.Scenario(variants[i*len(variants)/min(estimatedVariants, len(variants))])
		if err != nil {
			return e, fmt.Errorf("pipeline: estimate: %w", err)
		}
		e.StateBytes = max(e.StateBytes, machine.StateBytes(sc))
		if i == 0 {
			e.measure(ctx, machine, sc)
		}
	}
	e.Duration = time.Duration(float64(e.Decisions) / (e.DecisionsPerSecond * float64(e.Parallelism)) * float64(time.Second))
	e.MemoryBytes = snap.Bytes() + int64(e.Parallelism)*e.StateBytes
	return e, ctx.Err()
}

// measure times the baseline, or gives up. Its figures are thrown away.
func (e *Estimate) measure(ctx context.Context, machine *engine.Engine, sc *model.Scenario) {
	ctx, cancel := context.WithTimeout(ctx, measureFor)
	defer cancel()
	began := time.Now()
	metrics, err := machine.Simulate(ctx, sc)
	if err != nil || metrics.Slots == 0 {
		return
	}
	e.DecisionsPerSecond = float64(metrics.Slots) / max(time.Since(began), time.Microsecond).Seconds()
	e.Measured = true
}

// document is a text with its name and digest.
func document(name string, text []byte) model.Document {
	digest := sha256.Sum256(text)
	return model.Document{Name: name, Text: string(text), SHA256: hex.EncodeToString(digest[:])}
}
