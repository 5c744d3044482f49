package model

import (
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"
)

// A sum that could leave int64 is an error of the configuration (semantics 1), found before
// anything runs. The money of one variant is bounded by
//
//	max effective bid (nanos an impression) x slots x copies
//
// with 12 copies at most of a bootstrap resample and ceil(f) at most of a traffic factor f.
const maxBootstrapCopies = 12

// roughLimit is how far a bound in floats may go before the exact one is asked; it leaves room for
// their rounding.
const roughLimit = 9e18

// checkMoney looks at every point of the sweep: first by a rough bound that costs a few
// multiplications, and where that is not enough exactly, campaign by campaign.
func (c *Config) checkMoney(cat Catalog, variants []Variant) Problems {
	var problems Problems
	var written bounds
	if c.book != nil {
		written = c.book.bounds
	} else {
		written = boundsOf(c.Campaigns)
	}
	named := map[string]bool{}
	for _, v := range variants {
		if v.Replicate > 1 || len(v.Values) != len(c.Parameters) {
			continue // bounded like replicate 1
		}
		if named[v.Point] || c.roughlyFits(cat, v, written) {
			continue
		}
		wrong, at := c.exactlyFits(cat, v)
		if wrong == "" {
			continue
		}
		named[v.Point] = true
		if len(problems) == maxVariantProblems {
			return append(problems, Problem{Position: c.sweepPos, Message: "more variants could overflow; they are not listed"})
		}
		problems = append(problems, Problem{Position: c.blame(v, at), Message: fmt.Sprintf("variant %s: %s", v.ID, wrong),
			Suggestion: "sums of money are counted in nanos of the currency unit up to 2^63, about 9.2 billion units: use a larger unit, lower values or fewer slots"})
	}
	return problems
}

// blame is where the first of a variant's edits is written, or the campaign that is in the way, if it is one.
func (c *Config) blame(v Variant, campaign Position) Position {
	for i, value := range v.Values {
		if value.Kind != ValueUnset && c.Parameters[i].Values.Line > 0 {
			return c.Parameters[i].Values
		}
	}
	if campaign.Line > 0 {
		return campaign
	}
	return c.CampaignsPos
}

// bounds are upper bounds over all campaigns, in micros or nanos and impressions, as floats.
type bounds struct {
	bid, factor, budget, spent, goals, delivered float64
}

func boundsOf(campaigns []Campaign) bounds {
	var b bounds
	for i := range campaigns {
		k := &campaigns[i]
		b.bid = max(b.bid, float64(k.BidCPM))
		b.factor = max(b.factor, k.largestFactor().InexactFloat64())
		for _, money := range []*Nanos{k.Budget, k.DailyBudget} {
			if money != nil {
				b.budget = max(b.budget, float64(*money))
			}
		}
		if k.SpentBefore != nil {
			b.spent = max(b.spent, float64(*k.SpentBefore))
		}
		if k.Goal != nil {
			b.goals += float64(*k.Goal)
		}
		if k.DeliveredBefore != nil {
			b.delivered = max(b.delivered, float64(*k.DeliveredBefore))
		}
	}
	return b
}

// largestFactor bounds what adjustments and spread can multiply a bid by.
func (c *Campaign) largestFactor() decimal.Decimal {
	one := decimal.NewFromInt(1)
	factor := one
	for _, a := range c.BidAdjustments {
		factor = factor.Mul(decimal.Max(one, a.Multiply))
	}
	if len(c.BidSpread) > 0 {
		factor = factor.Mul(decimal.Max(c.BidSpread[0], c.BidSpread[1:]...))
	}
	return factor
}

// roughlyFits applies a variant's edits to the bounds of all campaigns at once, as if each edit
// met the campaign with the largest value.
func (c *Config) roughlyFits(cat Catalog, v Variant, b bounds) bool {
	floor := float64(cat.MaxFloor)
	for i, p := range c.Parameters {
		if v.Values[i].Kind != ValueNumber {
			continue
		}
		x := v.Values[i].Number.Abs().InexactFloat64()
		switch p.Edit {
		case "campaigns.bid_cpm":
			b.bid = roughEdit(p.Op, b.bid, x, 1e6)
		case "campaigns.budget", "campaigns.daily_budget":
			b.budget = roughEdit(p.Op, b.budget, x, 1e9)
		case "campaigns.goal":
			n := float64(len(c.Campaigns)) // of which each may be set, added to or rounded up to 1
			if p.Op == OpMultiply {
				b.goals = b.goals*max(1, x) + n
			} else {
				b.goals += n * (x + 1)
			}
		case "slots.floor_cpm":
			floor = roughEdit(p.Op, floor, x, 1e6)
		}
	}
	// Seven roundings of at most a micro each, for adjustments and spread.
	bid := b.bid*max(1, b.factor) + 7*max(1, b.factor)
	slots := float64(cat.Slots) * c.copiesOf(v)
	return slots < roughLimit && floor < roughLimit && b.goals+b.delivered+slots < roughLimit &&
		b.budget+bid < roughLimit && b.spent+b.budget+bid*slots < roughLimit
}

// roughEdit bounds the largest value after an edit by x, of a field that counts 1/scale of its unit.
func roughEdit(op EditOp, bound, x, scale float64) float64 {
	switch op {
	case OpMultiply:
		return bound*max(1, x) + 1
	case OpAdd:
		return bound + x*scale + 1
	}
	return max(bound, x*scale+1)
}

// copiesOf bounds how often one slot can be taken: a factor f takes it at most ceil(f) times.
func (c *Config) copiesOf(v Variant) float64 {
	one := decimal.NewFromInt(1)
	factor := one
	for i, p := range c.Parameters {
		if p.Edit == "slots.traffic" && v.Values[i].Kind == ValueNumber {
			factor = factor.Mul(decimal.Max(one, v.Values[i].Number))
		}
	}
	copies := factor.Ceil().InexactFloat64()
	if v.Replicate > 0 {
		copies *= maxBootstrapCopies
	}
	return copies
}

// exactlyFits applies the variant's edits and says what could overflow, and of which campaign, if
// of one; empty: nothing.
func (c *Config) exactlyFits(cat Catalog, v Variant) (wrong string, campaign Position) {
	sc, err := c.Scenario(v)
	if err != nil {
		return err.Error(), campaign
	}
	copies, _ := big.NewFloat(c.copiesOf(v)).Int(nil)
	slots := new(big.Int).Mul(copies, big.NewInt(cat.Slots))
	if !slots.IsInt64() {
		return fmt.Sprintf("%d slots times %s copies are beyond 2^63", cat.Slots, copies), campaign
	}
	goals := new(big.Int)
	for i := range sc.Campaigns {
		k := &sc.Campaigns[i]
		if wrong := k.overflow(slots); wrong != "" {
			return fmt.Sprintf("campaign %s: %s", quote(k.ID), wrong), k.Pos
		}
		if k.Goal != nil {
			goals.Add(goals, big.NewInt(*k.Goal))
		}
	}
	if !goals.IsInt64() {
		return "the goals of all campaigns sum to more than 2^63", campaign
	}
	return floorOverflow(cat.MaxFloor, sc.Slots.Floors), campaign
}

// overflow says which sum of a campaign could leave int64 if it won every slot.
func (c *Campaign) overflow(slots *big.Int) string {
	// Each rounding adds at most half a micro, and later factors multiply that: seven in all.
	factor := c.largestFactor()
	bid := c.BidCPM.Decimal().Shift(6).Mul(factor).Add(decimal.NewFromInt(7).Mul(decimal.Max(factor, decimal.NewFromInt(1)))).Ceil().BigInt()
	if len(c.BidAdjustments)+len(c.BidSpread) == 0 {
		bid = big.NewInt(int64(c.BidCPM))
	}
	spend := new(big.Int).Mul(bid, slots)
	if !spend.IsInt64() {
		return fmt.Sprintf("an effective bid of up to %s micros on up to %s slots could sum to more than 2^63 nanos", bid, slots)
	}
	if c.SpentBefore != nil && !spend.Add(spend, big.NewInt(int64(*c.SpentBefore))).IsInt64() {
		return "spent_before and what it may spend could sum to more than 2^63 nanos"
	}
	for _, money := range []*Nanos{c.Budget, c.DailyBudget} {
		if money != nil && !new(big.Int).Add(big.NewInt(int64(*money)), bid).IsInt64() {
			return "a budget and one effective bid sum to more than 2^63 nanos"
		}
	}
	if c.DeliveredBefore != nil && !new(big.Int).Add(slots, big.NewInt(*c.DeliveredBefore)).IsInt64() {
		return "delivered_before and the slots sum to more than 2^63"
	}
	return ""
}

// floorOverflow follows the largest floor through the edits.
func floorOverflow(floor CPM, edits []FloorEdit) string {
	highest := floor.Decimal()
	for _, e := range edits {
		switch e.Op {
		case OpMultiply:
			highest = decimal.Max(highest, highest.Mul(e.Value))
		case OpAdd:
			highest = decimal.Max(highest, highest.Add(e.Value))
		default:
			highest = decimal.Max(highest, e.Value)
		}
	}
	if _, ok := ToCPM(highest); !ok {
		return fmt.Sprintf("a floor could become %s, beyond 2^63 micros", highest)
	}
	return ""
}
