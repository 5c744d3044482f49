package engine_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

// build makes the snapshot of a study.
func build(t testing.TB, slots []model.Slot, sc *model.Scenario) *inventory.Snapshot {
	t.Helper()
	snap, err := inventory.Build(slots, inventory.Options{Location: sc.Location, ShiftDays: sc.ShiftDays})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// judge is what the reference says.
func judge(t testing.TB, slots []model.Slot, sc *model.Scenario) *model.Metrics {
	t.Helper()
	m, err := matcher.Reference(slots, sc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestManyCampaigns goes beyond the sizes at which rows of bids and of live flights are exact, beyond 1,024 campaigns,
// where rows are matched in two parts if losses are off, and beyond 4,096, where a row has more than 64 words.
func TestManyCampaigns(t *testing.T) {
	for i, shape := range []studies.Shape{
		{Slots: 120, Campaigns: 1_300, Users: 20},
		{Slots: 60, Campaigns: 4_000, Users: 30},
		{Slots: 90, Campaigns: 2_500, Users: 3},
		{Slots: 50, Campaigns: 7_000, Users: 9},
	} {
		slots, sc := largest(uint64(i), shape)
		if len(sc.Campaigns) < shape.Campaigns/2 {
			t.Fatalf("only %d campaigns", len(sc.Campaigns))
		}
		e := engine.New(build(t, slots, sc))
		for _, losses := range []bool{true, false} {
			sc.Report.Losses = losses
			if diff := cmp.Diff(judge(t, slots, sc), simulate(t, e, sc)); diff != "" {
				t.Errorf("%d campaigns, losses %v: %s", len(sc.Campaigns), losses, diff)
			}
		}
	}
}

// largest is a random study of about that many campaigns.
func largest(seed uint64, shape studies.Shape) ([]model.Slot, *model.Scenario) {
	for ; ; seed += 101 {
		slots, sc := studies.Random(studies.Seeded(seed), shape)
		if len(sc.Campaigns) > shape.Campaigns*2/3 && len(slots) > shape.Slots/2 {
			return slots, sc
		}
	}
}

// TestSharedByVariants simulates different scenarios on one engine, at once and one after the other: what is
// shared and what is used again must not carry over.
func TestSharedByVariants(t *testing.T) {
	for seed := range uint64(12) {
		slots, scenarios := studies.Several(studies.Seeded(seed), studies.Shape{Slots: 120, Campaigns: 40, Users: 12}, 12)
		e := engine.New(build(t, slots, scenarios[0]))
		want := make([]*model.Metrics, len(scenarios))
		for i, sc := range scenarios {
			want[i] = judge(t, slots, sc)
		}
		var wait sync.WaitGroup
		for worker := range 3 {
			wait.Go(func() {
				for i := range scenarios {
					i = (i*(worker+1) + worker) % len(scenarios) // each in an order of its own
					got, err := e.Simulate(t.Context(), scenarios[i])
					if err != nil {
						t.Error(err)
					} else if diff := cmp.Diff(want[i], got); diff != "" {
						t.Errorf("study %d, scenario %d: %s", seed, i, diff)
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestInputsAreNotChanged: scenarios are shared with others.
func TestInputsAreNotChanged(t *testing.T) {
	same := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
	for seed := range uint64(20) {
		shape := studies.Shape{Slots: 30, Campaigns: 10, Users: 5}
		slots, sc := studies.Random(studies.Seeded(seed), shape)
		_, again := studies.Random(studies.Seeded(seed), shape)
		simulate(t, engine.New(build(t, slots, sc)), sc)
		again.Location = sc.Location // compared by the pointer
		if diff := cmp.Diff(again.Campaigns, sc.Campaigns, same); diff != "" {
			t.Fatalf("study %d: %s", seed, diff)
		}
	}
}

// TestCancelled: a context that is done, before or in the middle, ends the simulation with its error.
func TestCancelled(t *testing.T) {
	slots, sc := largest(3, studies.Shape{Slots: 20_000, Campaigns: 50, Users: 300})
	sc.Report.Losses = true
	e := engine.New(build(t, slots, sc))
	asked := 0
	ctx := &countdown{Context: t.Context(), left: 1 << 30, asked: &asked}
	if _, err := e.Simulate(ctx, sc); err != nil {
		t.Fatal(err)
	}
	if asked < 4 {
		t.Fatalf("the context was looked at %d times for %d slots", asked, len(slots))
	}
	for left := range asked {
		ctx := &countdown{Context: t.Context(), left: left, asked: new(int)}
		if m, err := engine.New(build(t, slots, sc)).Simulate(ctx, sc); !errors.Is(err, context.Canceled) || m != nil {
			t.Fatalf("cancelled at look %d of %d: %v", left, asked, err)
		}
	}
	got := simulate(t, e, sc) // what was left half done has no influence
	if diff := cmp.Diff(judge(t, slots, sc), got); diff != "" {
		t.Error(diff)
	}
}

// countdown is cancelled once it was looked at so often.
type countdown struct {
	context.Context
	left  int
	asked *int
}

func (c *countdown) Err() error {
	if *c.asked++; *c.asked > c.left {
		return context.Canceled
	}
	return nil
}

// TestStateBytes: the bound holds, and is no guess: what Simulate allocates on a fresh engine is under it, and
// more than a quarter of it.
func TestStateBytes(t *testing.T) {
	for seed := range uint64(40) {
		shape := studies.Shape{Slots: 3_000, Campaigns: 300, Users: 200}
		slots, sc := studies.Random(studies.Seeded(seed), shape)
		e := engine.New(build(t, slots, sc))
		bound := e.StateBytes(sc)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		simulate(t, e, sc)
		runtime.ReadMemStats(&after)
		took := int64(after.TotalAlloc - before.TotalAlloc)
		if took > bound || took < bound/4 {
			t.Errorf("study %d (%d slots, %d campaigns): took %d bytes, bound %d", seed, len(slots), len(sc.Campaigns), took, bound)
		}
	}
}

// TestNoAllocationPerSlot: ten times the slots cost no more allocations than their share of the result.
func TestNoAllocationPerSlot(t *testing.T) {
	allocations := func(copies int64) float64 {
		slots, sc := largest(5, studies.Shape{Slots: 2_000, Campaigns: 60, Users: 100})
		sc.Replicate, sc.Slots = 0, model.SlotEdits{Traffic: []model.TrafficEdit{{Factor: decimal.NewFromInt(copies)}}}
		e := engine.New(build(t, slots, sc))
		simulate(t, e, sc)
		return testing.AllocsPerRun(3, func() { simulate(t, e, sc) })
	}
	once, tenfold := allocations(1), allocations(10)
	if tenfold > once+300 {
		t.Errorf("%v allocations, %v with ten times the slots", once, tenfold)
	}
}

// TestRefuses: what the configuration's checks would refuse is an error that says so.
func TestRefuses(t *testing.T) {
	slots, sc := largest(7, studies.Shape{Slots: 20, Campaigns: 5, Users: 3})
	sc.Slots, sc.Report.Breakdowns = model.SlotEdits{}, nil
	e := engine.New(build(t, slots, sc))
	for name, breaks := range map[string]func(*model.Scenario){
		"dimension of targeting": func(sc *model.Scenario) {
			sc.Campaigns[0].Enabled = true
			sc.Campaigns[0].Targeting = &model.Expr{Op: model.OpIn, Dimension: "nowhere", Values: []string{"x"}}
		},
		"dimension of a slot edit": func(sc *model.Scenario) {
			sc.Slots.Where = []*model.Expr{{Op: model.OpIn, Dimension: "nowhere", Values: []string{"x"}}}
		},
		"dimension of a breakdown": func(sc *model.Scenario) { sc.Report.Breakdowns = []string{"nowhere"} },
		"copies": func(sc *model.Scenario) {
			for range 6 {
				sc.Slots.Traffic = append(sc.Slots.Traffic, model.TrafficEdit{Factor: decimal.NewFromInt(10)})
			}
		},
		"campaigns as written": func(sc *model.Scenario) { sc.Written = sc.Written[1:] },
		"bid": func(sc *model.Scenario) {
			sc.Campaigns[0].Enabled, sc.Campaigns[0].BidCPM = true, 1<<62
			sc.Campaigns[0].BidSpread = []decimal.Decimal{decimal.NewFromInt(1), decimal.NewFromInt(100)}
		},
		"floor": func(sc *model.Scenario) {
			sc.Slots.Floors = []model.FloorEdit{{Op: model.OpSet, Value: decimal.New(1, 30)}}
		},
	} {
		broken := *sc
		broken.Campaigns = append([]model.Campaign(nil), sc.Campaigns...)
		breaks(&broken)
		if m, err := e.Simulate(t.Context(), &broken); err == nil || m != nil {
			t.Errorf("%s: accepted", name)
		}
		if got := e.StateBytes(&broken); got != 0 {
			t.Errorf("%s: would take %d bytes", name, got)
		}
	}
}
