package matcher_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// everyImplementation runs a test once for each implementation of the semantics.
func everyImplementation(t *testing.T, test func(t *testing.T, run simulate)) {
	for name, run := range implementations {
		t.Run(name, func(t *testing.T) { test(t, run) })
	}
}

// relation changes a study in a way whose effect on the result is known: equal after adjust.
type relation struct {
	name   string
	change func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario)
	adjust func(original, changed *model.Metrics)
}

// TestRelations checks what must hold between the results of two studies, whatever they are.
func TestRelations(t *testing.T) {
	everyImplementation(t, func(t *testing.T, run simulate) {
		for _, r := range relations {
			t.Run(r.name, func(t *testing.T) {
				for i := range rounds(40, 3_000) {
					slots, sc := study(i)
					prepareFor(r.name, sc)
					changedSlots, changed := r.change(slices.Clone(slots), *sc)
					want, got := run(t, slots, sc), run(t, changedSlots, changed)
					if r.adjust != nil {
						r.adjust(want, got)
					}
					equal(t, r.name, want, got, changedSlots, changed)
				}
			})
		}
	})
}

const weekShift = "a shift by whole weeks in UTC, flights with it, keeps all but the times"

// prepareFor takes what a relation does not hold for out of the study: months are not whole weeks,
// and where the shift is compared the days of the calendar have other names.
func prepareFor(name string, sc *model.Scenario) {
	if name != weekShift {
		return
	}
	sc.Location = time.UTC
	noMonths := func(caps []model.FrequencyCap) []model.FrequencyCap {
		return slices.DeleteFunc(slices.Clone(caps), func(c model.FrequencyCap) bool { return c.Per == model.PerMonth })
	}
	for i := range sc.Campaigns {
		sc.Campaigns[i].FrequencyCaps = noMonths(sc.Campaigns[i].FrequencyCaps)
	}
	for i := range sc.CapGroups {
		sc.CapGroups[i].FrequencyCaps = append(noMonths(sc.CapGroups[i].FrequencyCaps), model.FrequencyCap{Impressions: 4, Per: model.PerWeek, Units: 5})
	}
	sc.Report.Breakdowns = slices.DeleteFunc(slices.Clone(sc.Report.Breakdowns), func(d string) bool { return d == model.Day })
}

var relations = []relation{
	{
		name: "the order of the input does not matter",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			slices.Reverse(slots)
			return slots, &sc
		},
	},
	{
		name: weekShift,
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			const weeks = 5
			sc.ShiftDays += weeks * 7
			later := func(list []model.Campaign) []model.Campaign {
				list = slices.Clone(list)
				for i := range list {
					for _, p := range []**model.Instant{&list[i].Start, &list[i].End} {
						if *p != nil {
							*p = new(**p + weeks*7*86_400_000_000)
						}
					}
				}
				return list
			}
			sc.Written, sc.Campaigns = later(sc.Written), later(sc.Campaigns)
			return slots, &sc
		},
		adjust: func(original, changed *model.Metrics) {
			for i := range original.Campaigns {
				for _, p := range []*int64{original.Campaigns[i].FirstImpression, original.Campaigns[i].LastImpression} {
					if p != nil {
						*p += 5 * 7 * 86_400_000_000
					}
				}
			}
		},
	},
	{
		name: "a campaign that never matches changes nothing but its own row",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			sc.Report.Groups = nil
			idle := model.Campaign{ID: "idle", Priority: 1, BidCPM: 9_000_000, Pricing: model.PricingAuction, Pacing: model.PacingASAP,
				Enabled: true, Targeting: &model.Expr{Op: model.OpAny}}
			sc.Written = append(slices.Clone(sc.Written), idle)
			sc.Campaigns = append(slices.Clone(sc.Campaigns), idle)
			return slots, &sc
		},
		adjust: func(original, changed *model.Metrics) {
			original.Groups = nil
			changed.Campaigns = changed.Campaigns[:len(changed.Campaigns)-1]
		},
	},
	{
		name: "a disabled campaign is as good as none",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			var written, edited []model.Campaign
			for i, c := range sc.Campaigns {
				if c.Enabled {
					written, edited = append(written, sc.Written[i]), append(edited, c)
				}
			}
			sc.Written, sc.Campaigns = written, edited
			return slots, &sc
		},
	},
	{
		name: "edits of the slots by neutral values change nothing",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			one := decimal.NewFromInt(1)
			sc.Slots.Where = append(slices.Clone(sc.Slots.Where), &model.Expr{Op: model.OpAll})
			sc.Slots.Floors = append(slices.Clone(sc.Slots.Floors),
				model.FloorEdit{Op: model.OpMultiply, Value: one}, model.FloorEdit{Op: model.OpAdd, Value: decimal.Zero})
			sc.Slots.Traffic = append(slices.Clone(sc.Slots.Traffic), model.TrafficEdit{Factor: one})
			if sc.Slots.Sample == nil {
				sc.Slots.Sample = &one
			}
			return slots, &sc
		},
	},
	{
		name: "halved and doubled traffic is the traffic as it was",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			sc.Slots.Traffic = append(slices.Clone(sc.Slots.Traffic),
				model.TrafficEdit{Factor: decimal.RequireFromString("0.5")}, model.TrafficEdit{Factor: decimal.NewFromInt(2)})
			return slots, &sc
		},
	},
	{
		name: "what is reported does not change what happens",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			sc.Report = model.Report{}
			return slots, &sc
		},
		adjust: func(original, changed *model.Metrics) {
			original.GRP, original.Groups, original.Breakdowns = nil, nil, nil
			for i := range original.Campaigns {
				c := &original.Campaigns[i]
				c.Matched, c.MatchedUsers, c.LostFloor, c.LostIdentity, c.AfterGoal, c.LostBudget = nil, nil, nil, nil, nil, nil
				c.LostPacing, c.LostFrequency, c.LostSeparation, c.Outbid, c.WinRate, c.ShareOfMatched = nil, nil, nil, nil, nil, nil
				c.Contention = nil
			}
		},
	},
	{
		name: "a targeting expression under two nots selects the same",
		change: func(slots []model.Slot, sc model.Scenario) ([]model.Slot, *model.Scenario) {
			sc.Campaigns = slices.Clone(sc.Campaigns)
			for i := range sc.Campaigns {
				if e := sc.Campaigns[i].Targeting; e != nil {
					not := &model.Expr{Op: model.OpNot, Args: []*model.Expr{e}}
					sc.Campaigns[i].Targeting = &model.Expr{Op: model.OpNot, Args: []*model.Expr{not}}
				}
			}
			return slots, &sc
		},
	},
}
