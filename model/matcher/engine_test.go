package matcher_test

import (
	"fmt"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

// production is the engine, on a snapshot built from the slots.
func production(t testing.TB, slots []model.Slot, sc *model.Scenario) *model.Metrics {
	t.Helper()
	snapshot, err := inventory.Build(slots, inventory.Options{Location: sc.Location, ShiftDays: sc.ShiftDays})
	if err != nil {
		t.Fatalf("%v\n%s", err, show(slots, sc))
	}
	m, err := engine.New(snapshot).Simulate(t.Context(), sc)
	if err != nil {
		t.Fatalf("%v\n%s", err, show(slots, sc))
	}
	return m
}

// bothAgree holds the engine to the reference, and both to what follows from a scenario.
func bothAgree(t testing.TB, what string, slots []model.Slot, sc *model.Scenario) *model.Metrics {
	t.Helper()
	want, got := reference(t, slots, sc), production(t, slots, sc)
	equal(t, what+": engine against reference", want, got, slots, sc)
	if err := model.CheckMetrics(got, sc); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, show(slots, sc))
	}
	return got
}

// TestEngineEqualsReference compares the two on random studies.
func TestEngineEqualsReference(t *testing.T) {
	for i := range rounds(1_500, 100_000) {
		slots, sc := study(i)
		bothAgree(t, fmt.Sprintf("random study %d", i), slots, sc)
	}
}

// FuzzEngineEqualsReference compares the two on studies that the fuzzer makes out of bytes.
func FuzzEngineEqualsReference(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(8) {
		choices := studies.Seeded(seed)
		data := make([]byte, 400*(seed+1))
		for i := range data {
			data[i] = byte(choices.Intn(256))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		slots, sc := studies.Random(studies.FromBytes(data), shapes[2])
		bothAgree(t, "fuzzed study", slots, sc)
	})
}
