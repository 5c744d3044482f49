package matcher_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
	for i := range rounds(1_000, 40_000) {
		slots, sc := study(i)
		bothAgree(t, fmt.Sprintf("random study %d", i), slots, sc)
	}
}

// TestOneEngineManyVariants runs scenarios that have nothing in common on one engine: one after the
// other, again in reverse, and at once. What an earlier variant left behind must not show.
func TestOneEngineManyVariants(t *testing.T) {
	for i := range rounds(25, 2_000) {
		shape := shapes[1+i%3]
		slots, scenarios := studies.Several(studies.Seeded(uint64(i)), shape, 8)
		snapshot, err := inventory.Build(slots, inventory.Options{Location: scenarios[0].Location, ShiftDays: scenarios[0].ShiftDays})
		if err != nil {
			t.Fatal(err)
		}
		shared := engine.New(snapshot)
		var want []*model.Metrics
		for _, sc := range scenarios {
			want = append(want, reference(t, slots, sc))
		}
		check := func(v int, how string) {
			got, err := shared.Simulate(t.Context(), scenarios[v])
			if err != nil {
				t.Error(err)
			} else if diff := cmp.Diff(want[v], got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("study %d, %s (-reference +engine):\n%s\n%s", i, how, diff, show(slots, scenarios[v]))
			}
		}
		for v := range scenarios {
			check(v, "in order")
		}
		for v := range slices.Backward(scenarios) {
			check(v, "in reverse")
		}
		var running sync.WaitGroup
		for v := range scenarios {
			running.Go(func() { check(v, "at once") })
		}
		running.Wait()
		if t.Failed() {
			return
		}
	}
}

// FuzzEngineEqualsReference compares the two on studies that the fuzzer makes out of bytes. Minimising an
// interesting input takes Go a minute by default; -fuzzminimizetime 5x keeps it at trying new ones.
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
