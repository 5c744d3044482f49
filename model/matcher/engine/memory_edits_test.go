package engine_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// What a variant may allocate. The columns of this snapshot take over 40 bytes a slot, so that a copy of them, or of
// what a resample takes of them, breaks the bound.
const (
	bytesPerSlot      = 16 // of the snapshot: how often it is visited, and from where; tables of users and requests
	bytesPerVisit     = 32
	bytesPerDimension = 64 << 10
)

// TestEditsOfSlotsCopyNothing: a variant of few slots, or of others, allocates what its visits take and not
// another snapshot. Its buffers are new ones.
func TestEditsOfSlotsCopyNothing(t *testing.T) {
	snap, sc := generate(synthetic.Options{Slots: 100_000, Campaigns: 100, Users: 20_000, Days: 7, Seed: 7})
	if columns := newRoofline(snap, sc).bytes / snap.Len(); columns <= 40 {
		t.Fatalf("the columns take %d bytes a slot only; the bounds of this test are for more", columns)
	}
	e := warmed(t, snap, sc)
	mobile := oneOf("device_type", "mobile")
	for name, edited := range map[string]*model.Scenario{
		"as written":     sc,
		"a replicate":    replicated(sc),
		"a hundredth":    sloted(sc, share(1)),
		"a tenth":        sloted(sc, share(10)),
		"mobile":         sloted(sc, model.SlotEdits{Where: []*model.Expr{mobile}}),
		"twice as many":  sloted(sc, model.SlotEdits{Traffic: []model.TrafficEdit{{Factor: decimal.New(2, 0)}}}),
		"floors changed": sloted(sc, model.SlotEdits{Floors: []model.FloorEdit{{Op: model.OpMultiply, Value: decimal.New(2, 0), Where: mobile}}}),
	} {
		bytes, visits := allocated(t, e, edited)
		bound := bytesPerSlot*int64(snap.Len()) + bytesPerVisit*visits + bytesPerDimension*int64(len(dimensionsOf(sc)))
		t.Logf("%s: %d visits, %d bytes of %d", name, visits, bytes, bound)
		if bytes > bound {
			t.Errorf("%s: %d bytes for %d visits to %d slots; at most %d", name, bytes, visits, snap.Len(), bound)
		}
	}
}

// allocated is what a simulation allocates in a process that has run the study as written before, with no
// buffer left of that.
func allocated(t *testing.T, e *engine.Engine, sc *model.Scenario) (bytes, visits int64) {
	t.Helper()
	for range 2 { // the first puts buffers aside, the second lets go of them
		runtime.GC()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's own work is not the variant's
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := simulate(t, e, sc)
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), m.Slots
}

// warmed is an engine that has run a scenario: what all variants share is there.
func warmed(t *testing.T, snap *inventory.Snapshot, sc *model.Scenario) *engine.Engine {
	t.Helper()
	e := engine.New(snap)
	simulate(t, e, sc)
	return e
}
