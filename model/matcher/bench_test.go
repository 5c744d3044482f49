package matcher_test

import (
	"testing"

	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

// benchShape is small enough for the reference; the engine's own benchmarks have large snapshots.
var benchShape = studies.Shape{Slots: 4_000, Campaigns: 120, Users: 600}

// BenchmarkReference measures the plain implementation, in slots (copies included) a second. With
// BenchmarkEngine it tells what the production engine's structure is worth.
func BenchmarkReference(b *testing.B) {
	slots, sc := studies.Random(studies.Seeded(18), benchShape)
	visited := int64(0)
	for b.Loop() {
		m, err := matcher.Reference(slots, sc)
		if err != nil {
			b.Fatal(err)
		}
		visited += m.Slots
	}
	b.ReportMetric(float64(visited)/b.Elapsed().Seconds(), "slots/s")
}

// BenchmarkEngine measures the production engine on the same study, its snapshot built beforehand.
func BenchmarkEngine(b *testing.B) {
	slots, sc := studies.Random(studies.Seeded(18), benchShape)
	snapshot, err := inventory.Build(slots, inventory.Options{Location: sc.Location, ShiftDays: sc.ShiftDays})
	if err != nil {
		b.Fatal(err)
	}
	simulator := engine.New(snapshot)
	visited := int64(0)
	for b.Loop() {
		m, err := simulator.Simulate(b.Context(), sc)
		if err != nil {
			b.Fatal(err)
		}
		visited += m.Slots
	}
	b.ReportMetric(float64(visited)/b.Elapsed().Seconds(), "slots/s")
}
