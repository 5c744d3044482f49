package engine_test

import (
	"math"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// never is longer than anything that is timed.
const never = time.Duration(math.MaxInt64)

// versus is a case of BenchmarkMatcher: a scenario, and one to compare it with in the same run.
type versus struct {
	name  string
	sc    *model.Scenario
	other *model.Scenario // nil: the roofline only
}

// BenchmarkMatcher simulates one variant of the standard study per operation. Every case runs in turns
// with the roofline and with the scenario it is compared to, so that the ratios are those of one
// machine in one state; times are the processor's, the best of the passes of the run (ns/op aside, which is
// the clock's mean):
//
//	ns/slot     per slot that the variant visits
//	x-roofline  that, over the roofline's
//	x-other     that, over the other scenario's
//	x-memory    state over its bound: 32 bytes a slot, of the snapshot's or visited, and 64 KiB a targeted dimension
//
// .ci/bench has the goals.
func BenchmarkMatcher(b *testing.B) {
	snap, sc := loadStandard()
	on := newBench(snap, sc)
	for _, c := range standardCases(sc) {
		b.Run(c.name, func(b *testing.B) { on.measure(b, c) })
	}
	b.Run("campaigns-10000", func(b *testing.B) {
		snap, sc := loadManyCampaigns()
		newBench(snap, sc).measure(b, versus{sc: sc})
	})
}

// standardCases are the cases on the standard study.
func standardCases(sc *model.Scenario) []versus {
	off := reporting(sc, func(r *model.Report) { r.Losses = false })
	mobile := oneOf("device_type", "mobile")
	return []versus{
		{"losses-on", sc, off},
		{"losses-off", off, nil},
		{"plain", plain(sc), nil},
		{"adjustments-half", adjustedHalf(sc), sc},
		{"spread-half", spreadHalf(sc), sc},
		{"contention", reporting(sc, func(r *model.Report) { r.Contention = true }), sc},
		{"breakdowns-3", sc, reporting(sc, func(r *model.Report) { r.Breakdowns = nil })},
		{"groups", sc, reporting(sc, func(r *model.Report) { r.Groups = nil })},
		{"replicate", replicated(sc), sc},
		{"sample-1%", sloted(sc, share(1)), sc},
		{"sample-10%", sloted(sc, share(10)), sc},
		{"where-mobile", sloted(sc, model.SlotEdits{Where: []*model.Expr{mobile}}), sc},
		{"traffic-2", sloted(sc, model.SlotEdits{Traffic: []model.TrafficEdit{{Factor: decimal.New(2, 0)}}}), sc},
	}
}

// bench is a study with what its cases share: an engine, as in a process that runs many variants, and the roofline.
type bench struct {
	snap   *inventory.Snapshot
	engine *engine.Engine
	line   *roofline
}

func newBench(snap *inventory.Snapshot, sc *model.Scenario) *bench {
	return &bench{snap, engine.New(snap), newRoofline(snap, sc)}
}

// measure runs a case in turns with what it is compared to.
func (on *bench) measure(b *testing.B, c versus) {
	simulate(b, on.engine, c.sc) // what all variants share is counted once
	if c.other != nil {
		simulate(b, on.engine, c.other)
	}
	line := on.line.best()
	mine, other := best{took: never}, best{took: never}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		line = min(line, on.line.pass())
		if c.other != nil {
			other.time(b, on.engine, c.other)
		}
		b.StartTimer()
		mine.time(b, on.engine, c.sc)
	}
	line = min(line, on.line.best())
	b.ReportMetric(mine.perSlot(), "ns/slot")
	b.ReportMetric(mine.perSlot()/perSlot(line, on.snap.Len()), "x-roofline")
	if c.other != nil {
		b.ReportMetric(mine.perSlot()/other.perSlot(), "x-other")
	}
	bound := 32*max(mine.slots, int64(on.snap.Len())) + 64<<10*int64(len(dimensionsOf(c.sc)))
	b.ReportMetric(float64(on.engine.StateBytes(c.sc))/float64(bound), "x-memory")
}

// best is the best of the passes of a scenario.
type best struct {
	took  time.Duration
	slots int64 // visited
}

func (p *best) time(b *testing.B, e *engine.Engine, sc *model.Scenario) {
	began := cpuTime()
	m := simulate(b, e, sc)
	p.took, p.slots = min(p.took, cpuTime()-began), m.Slots
}

func (p *best) perSlot() float64 { return perSlot(p.took, int(p.slots)) }

func perSlot(d time.Duration, slots int) float64 { return float64(d.Nanoseconds()) / float64(slots) }

func simulate(t testing.TB, e *engine.Engine, sc *model.Scenario) *model.Metrics {
	t.Helper()
	m, err := e.Simulate(t.Context(), sc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
