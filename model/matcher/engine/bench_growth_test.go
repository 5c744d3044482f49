package engine_test

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// mostSlots bounds the snapshots of BenchmarkGrowth. Ten million take minutes to make and 4 GB.
var mostSlots = flag.Int("growth.slots", 1_000_000, "the largest snapshot of BenchmarkGrowth")

// growthSize is the study from which one size at a time is changed.
var growthSize = synthetic.Options{Slots: 100_000, Campaigns: 1_000, Users: 20_000, Days: 7, Seed: 7}

// smallSize is the study of many variants.
var smallSize = synthetic.Options{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 7}

// coreVariants is how many variants the cores share.
const coreVariants = 200

// BenchmarkGrowth measures what grows with the slots, the campaigns, the variants and the cores, everything in use:
//
//	slots-N      one variant of N slots and 1,000 campaigns
//	campaigns-N  one variant of 100,000 slots and N campaigns
//	variants-N   N variants of 20,000 slots and 50 campaigns, one after another, in a process that has run none
//	cores-N      200 such variants on N cores
//
// cpu-ms/variant is processor time, wall-ms/variant the clock's, both the best of the passes. .ci/growth
// draws them.
func BenchmarkGrowth(b *testing.B) {
	for n := 10_000; n <= *mostSlots; n *= 10 {
		o := growthSize
		o.Slots, o.Users = n, n/5
		b.Run(fmt.Sprintf("slots-%d", n), func(b *testing.B) { growOne(b, o) })
	}
	for n := 10; n <= model.MaxCampaigns; n *= 10 {
		o := growthSize
		o.Campaigns = n
		b.Run(fmt.Sprintf("campaigns-%d", n), func(b *testing.B) { growOne(b, o) })
	}
	small := sync.OnceValues(func() (*inventory.Snapshot, *model.Scenario) { return generate(smallSize) })
	for n := 1; n <= model.MaxVariants; n *= 10 {
		b.Run(fmt.Sprintf("variants-%d", n), func(b *testing.B) {
			snap, sc := small()
			grow(b, snap.Len(), n, func() { runAll(b, engine.New(snap), variantsOf(sc, n), 1) })
		})
	}
	for n := 1; n <= 2; n++ {
		b.Run(fmt.Sprintf("cores-%d", n), func(b *testing.B) {
			snap, sc := small()
			e := engine.New(snap)
			runAll(b, e, variantsOf(sc, 1), 1)
			grow(b, snap.Len(), coreVariants, func() { runAll(b, e, variantsOf(sc, coreVariants), n) })
		})
	}
}

// growOne measures a variant of a study in a process that has run another.
func growOne(b *testing.B, o synthetic.Options) {
	snap, sc := lately.study(o)
	e := engine.New(snap)
	simulate(b, e, sc)
	grow(b, snap.Len(), 1, func() { simulate(b, e, sc) })
}

// lately is the study that was made last: the runs of one size come one after the other.
var lately recent

type recent struct {
	options  synthetic.Options
	snapshot *inventory.Snapshot
	scenario *model.Scenario
}

func (r *recent) study(o synthetic.Options) (*inventory.Snapshot, *model.Scenario) {
	if r.snapshot == nil || r.options.Slots != o.Slots || r.options.Campaigns != o.Campaigns {
		*r = recent{options: o}
		r.snapshot, r.scenario = generate(o)
	}
	return r.snapshot, r.scenario
}

// grow measures work on variants of so many slots.
func grow(b *testing.B, slots, variants int, work func()) {
	cpu, wall := never, never
	for b.Loop() {
		began, at := cpuTime(), time.Now()
		work()
		cpu, wall = min(cpu, cpuTime()-began), min(wall, time.Since(at))
	}
	b.ReportMetric(cpu.Seconds()*1000/float64(variants), "cpu-ms/variant")
	b.ReportMetric(wall.Seconds()*1000/float64(variants), "wall-ms/variant")
	b.ReportMetric(perSlot(cpu, slots*variants), "cpu-ns/slot")
}

// variantsOf are n scenarios that differ in a factor to the bids of a third of the campaigns.
func variantsOf(sc *model.Scenario, n int) []*model.Scenario {
	list := make([]*model.Scenario, n)
	for k := range list {
		factor := decimal.New(int64(500+k), -3)
		list[k] = edited(sc, func(i int, c *model.Campaign) {
			if i%3 == 0 {
				c.BidCPM = model.CPM(decimal.NewFromInt(int64(c.BidCPM)).Mul(factor).RoundBank(0).IntPart())
			}
		})
	}
	return list
}

// runAll simulates scenarios on some cores.
func runAll(b *testing.B, e *engine.Engine, list []*model.Scenario, cores int) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range cores {
		workers.Go(func() {
			for at := next.Add(1) - 1; at < int64(len(list)); at = next.Add(1) - 1 {
				if _, err := e.Simulate(b.Context(), list[at]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	workers.Wait()
}
