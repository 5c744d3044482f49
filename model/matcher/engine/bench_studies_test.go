package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// standard is the study that speed is measured on.
var standard = synthetic.Options{Slots: 1_000_000, Campaigns: 1_000, Users: 200_000, Days: 7, Seed: 7}

// manyCampaigns is the study with as many campaigns as are allowed.
var manyCampaigns = synthetic.Options{Slots: 200_000, Campaigns: model.MaxCampaigns, Users: 40_000, Days: 7, Seed: 7}

// Each study is made once per process.
var (
	loadStandard      = sync.OnceValues(func() (*inventory.Snapshot, *model.Scenario) { return generate(standard) })
	loadManyCampaigns = sync.OnceValues(func() (*inventory.Snapshot, *model.Scenario) { return generate(manyCampaigns) })
)

// generate makes a synthetic study, and returns its snapshot and its baseline.
func generate(o synthetic.Options) (*inventory.Snapshot, *model.Scenario) {
	dir := must(os.MkdirTemp("", "whatif-bench-"))
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}()
	o.Dir = filepath.Join(dir, "study")
	ctx := context.Background() // what is shared outlives the benchmark that asked first
	files := must(synthetic.Generate(ctx, o))
	c, problems := model.ParseConfig(files.Config, must(os.ReadFile(files.Config)))
	sound(problems)
	list, problems := model.ParseCampaigns(files.Campaigns, must(os.ReadFile(files.Campaigns)), c.Location)
	sound(problems)
	sound(c.WithCampaigns(list))
	variants, problems := c.Expand()
	sound(problems)
	sc := must(c.Scenario(variants[0]))
	return must(inventory.Load(ctx, []string{files.Snapshot}, inventory.Options{Location: c.Location, ShiftDays: c.ShiftDays})), sc
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func sound(problems model.Problems) {
	if err := problems.Err(); err != nil {
		panic(err)
	}
}

// plain is the scenario without caps, pacing, shared bids, bids that depend on the slot and counts of losses.
func plain(sc *model.Scenario) *model.Scenario {
	out := edited(sc, func(i int, c *model.Campaign) {
		c.FrequencyCaps, c.Pacing, c.BidAdjustments, c.BidSpread = nil, model.PacingASAP, nil, nil
		c.BidCPM += model.CPM(i)
	})
	out.CapGroups, out.Policy, out.Report = nil, model.DefaultPolicy, model.Report{}
	return out
}

// edited is the scenario after a change to each of its campaigns.
func edited(sc *model.Scenario, change func(int, *model.Campaign)) *model.Scenario {
	out := *sc
	out.Campaigns = slices.Clone(sc.Campaigns)
	for i := range out.Campaigns {
		change(i, &out.Campaigns[i])
	}
	return &out
}

// reporting is the scenario with another report.
func reporting(sc *model.Scenario, change func(*model.Report)) *model.Scenario {
	out := *sc
	change(&out.Report)
	return &out
}

// sloted is the scenario with edits of its slots.
func sloted(sc *model.Scenario, edits model.SlotEdits) *model.Scenario {
	out := *sc
	out.Slots = edits
	return &out
}

// replicated is a bootstrap replicate of the scenario.
func replicated(sc *model.Scenario) *model.Scenario {
	out := *sc
	out.Replicate = 1
	return &out
}

// adjustmentPercents are the factors of bid adjustments, in hundredths.
var adjustmentPercents = []int64{60, 70, 80, 85, 90, 110, 115, 120, 130, 140}

// adjustedHalf gives every second campaign one to three bid adjustments by device, hour and size, as the
// generator does to a tenth, and takes them from the others.
func adjustedHalf(sc *model.Scenario) *model.Scenario {
	wheres := []*model.Expr{
		oneOf("device_type", "mobile"), oneOf(model.HourOfDay, "18", "19", "20", "21", "22"), oneOf("size", "300x250", "336x280"),
	}
	return edited(sc, func(i int, c *model.Campaign) {
		c.BidAdjustments = nil
		if i%2 == 1 {
			return
		}
		for k := range 1 + i/2%3 {
			percent := adjustmentPercents[(i/2+k)%len(adjustmentPercents)]
			c.BidAdjustments = append(c.BidAdjustments, model.BidAdjustment{When: wheres[k], Multiply: decimal.New(percent, -2)})
		}
	})
}

// spreadHalf gives every second campaign a bid spread, and takes it from the others.
func spreadHalf(sc *model.Scenario) *model.Scenario {
	spread := []decimal.Decimal{decimal.New(9, -1), decimal.New(1, 0), decimal.New(11, -1)}
	return edited(sc, func(i int, c *model.Campaign) {
		c.BidSpread = nil
		if i%2 == 0 {
			c.BidSpread = spread
		}
	})
}

func oneOf(dimension string, values ...string) *model.Expr {
	return &model.Expr{Op: model.OpIn, Dimension: dimension, Values: values}
}

// share is a slots.sample of so many hundredths.
func share(percent int64) model.SlotEdits {
	f := decimal.New(percent, -2)
	return model.SlotEdits{Sample: &f}
}
