package studies

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// campaign draws a campaign as written.
func (m *maker) campaign(i int) model.Campaign {
	c := model.Campaign{
		ID:         fmt.Sprintf("%s%d", pick(m, "c", "C-", "ü"), i),
		Advertiser: pick(m, "", "acme", "bolt", "cog"),
		Name:       pick(m, "", "summer", "winter"),
		Category:   pick(m, "", "auto", "food"),
		Priority:   pick(m, 12, 12, 12, 1, 4, 16),
		Pricing:    pick(m, model.PricingAuction, model.PricingAuction, model.PricingAuction, model.PricingAuction, model.PricingFixed),
		Enabled:    chance(m, 92),
		Targeting:  m.sometimes(60),
		Pacing:     model.PacingASAP,
	}
	if chance(m, 50) {
		c.Labels = map[string]string{"team": pick(m, "red", "blue")}
	}
	c.BidCPM = m.bid()
	m.flight(&c)
	m.amounts(&c)
	if chance(m, 45) {
		c.FrequencyCaps = m.caps(0)
	}
	m.bidRules(&c)
	return c
}

// bid draws from few values, so that bids tie.
func (m *maker) bid() model.CPM {
	return model.CPM(pick(m, 2_000_000, 2_000_000, 2_000_000, 1_000_000, 3_000_000, 1_000_001, 0, 777_777))
}

// flight draws start and end around the horizon, each often left to it.
func (m *maker) flight(c *model.Campaign) {
	at := func(quarters int) *model.Instant {
		t := m.base + model.Instant(m.shift*86_400_000_000) + model.Instant(m.span)*250_000*model.Instant(quarters) + model.Instant(m.Intn(3))
		return &t
	}
	c.Start, c.End = nil, nil
	if chance(m, 45) {
		c.Start = at(between(m, -5, 5))
	}
	if chance(m, 45) {
		c.End = at(between(m, -3, 8))
	}
	if c.Start != nil && c.End != nil && *c.Start >= *c.End {
		end := *c.Start + 1 + model.Instant(m.Intn(m.span*1_000_000))
		c.End = &end
	}
}

// amounts draws goal, budgets, what was before, and a pacing that they allow.
func (m *maker) amounts(c *model.Campaign) {
	c.Goal, c.Budget, c.DailyBudget = nil, nil, nil
	if chance(m, 50) {
		c.Goal = new(int64(pick(m, 1, 2, 3, 5, 8, 13, 40, 1_000)))
	}
	if chance(m, 40) {
		c.Budget = m.money()
	}
	if chance(m, 25) {
		c.DailyBudget = m.money()
	}
	if chance(m, 25) {
		c.DeliveredBefore = new(int64(m.Intn(6)))
	}
	if chance(m, 25) {
		c.SpentBefore = m.money()
	}
	m.pace(c)
}

func (m *maker) money() *model.Nanos {
	return new(model.Nanos(pick(m, 0, 1, 2_000_000, 3_999_999, 4_000_000, 10_000_001, 25_000_000, 100_000_000)))
}

// pace draws a pacing; without goal and budget there is nothing to pace by.
func (m *maker) pace(c *model.Campaign) {
	c.Pacing = pick(m, model.PacingASAP, model.PacingEven, model.PacingTraffic)
	if c.Goal == nil && c.Budget == nil {
		c.Pacing = model.PacingASAP
	}
}

// caps draws at least so many frequency caps, at most three, each (per, units) once.
func (m *maker) caps(atLeast int) []model.FrequencyCap {
	var caps []model.FrequencyCap
	for range max(atLeast, m.Intn(4)) {
		fc := model.FrequencyCap{
			Impressions: int64(pick(m, 1, 1, 2, 3, 5)),
			Per:         pick(m, model.PerDay, model.PerHour, model.PerMinute, model.PerWeek, model.PerMonth, model.PerLifetime),
			Units:       int64(pick(m, 1, 1, 2, 3, 7)),
		}
		if fc.Per == model.PerLifetime {
			fc.Units = 1
		}
		same := func(o model.FrequencyCap) bool { return o.Per == fc.Per && o.Units == fc.Units }
		if !slices.ContainsFunc(caps, same) {
			caps = append(caps, fc)
		}
	}
	return caps
}

// bidRules draws adjustments and a spread.
func (m *maker) bidRules(c *model.Campaign) {
	factor := func() decimal.Decimal {
		return decimal.RequireFromString(pick(m, "1", "0.5", "1.5", "0", "1.0000005", "0.3333333", "2"))
	}
	c.BidAdjustments, c.BidSpread = nil, nil
	for range pick(m, 0, 0, 0, 1, 2, model.MaxBidAdjustments) {
		c.BidAdjustments = append(c.BidAdjustments, model.BidAdjustment{When: m.slotExpr(1), Multiply: factor()})
	}
	if chance(m, 20) {
		for range pick(m, 2, 3, 64) {
			c.BidSpread = append(c.BidSpread, factor())
		}
	}
}

// edited is the campaign after a variant's edits, often unchanged.
func (m *maker) edited(c model.Campaign) model.Campaign {
	if chance(m, 60) {
		return c
	}
	if chance(m, 50) {
		c.BidCPM = m.bid()
	}
	if chance(m, 30) {
		m.flight(&c)
	}
	if chance(m, 40) {
		before, spent := c.DeliveredBefore, c.SpentBefore
		m.amounts(&c)
		c.DeliveredBefore, c.SpentBefore = before, spent // no edit reaches them
	}
	if chance(m, 30) {
		c.FrequencyCaps = m.caps(0)
	}
	if chance(m, 20) {
		c.Priority = pick(m, 1, 2, 12)
	}
	if chance(m, 10) {
		c.Enabled = !c.Enabled
	}
	if chance(m, 20) {
		c.Targeting = m.sometimes(70)
	}
	if chance(m, 10) {
		c.Pricing = pick(m, model.PricingAuction, model.PricingFixed)
	}
	return c
}
