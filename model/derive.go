package model

// Derive fills in every ratio and every amount in units from the counts (semantics 8). A ratio
// whose denominator is 0 is null. It is called once by whoever made the counts.
func (m *Metrics) Derive(report Report) {
	m.Revenue = units(m.RevenueNanos)
	m.FillRate = ratio(m.Filled, m.Slots)
	m.ECPM = perMille(m.RevenueNanos, m.Filled)
	m.RPM = perMille(m.RevenueNanos, m.Slots)
	m.ReachRate = ratio(m.Reach, m.Users)
	m.AverageFrequency = ratio(m.IdentifiedImpressions, m.Reach)
	m.GRP = nil
	if report.Universe != nil {
		if r := ratio(m.IdentifiedImpressions, *report.Universe); r != nil {
			grp := 100 * *r
			m.GRP = &grp
		}
	}
	for i := range m.Campaigns {
		m.Campaigns[i].derive()
	}
	for i := range m.Groups {
		g := &m.Groups[i]
		g.Spend = units(g.SpendNanos)
		g.AverageFrequency = ratio(g.IdentifiedImpressions, g.Reach)
	}
	for i := range m.Breakdowns {
		m.Breakdowns[i].Revenue = units(m.Breakdowns[i].RevenueNanos)
	}
}

func (c *CampaignResult) derive() {
	c.Spend = units(c.SpendNanos)
	c.AverageFrequency = ratio(c.IdentifiedImpressions, c.Reach)
	c.DeliveryRate, c.OnSchedule, c.BudgetUtilisation = nil, nil, nil
	if c.Goal != nil {
		c.DeliveryRate = ratio(c.Delivered, *c.Goal)
	}
	if c.Expected != nil {
		c.OnSchedule = ratio(c.Impressions, *c.Expected)
	}
	if c.Budget != nil {
		c.BudgetUtilisation = ratio(c.SpendNanos+int64(c.SpentBefore), int64(*c.Budget))
	}
	c.WinRate, c.ShareOfMatched = nil, nil
	if c.Matched != nil {
		c.WinRate = ratio(c.Impressions, c.Impressions+*c.Outbid)
		c.ShareOfMatched = ratio(c.Impressions, *c.Matched)
	}
}

// units turns nanos into currency units for a report.
func units(nanos int64) float64 { return float64(nanos) / 1e9 }

// ratio is a/b, or null where b is 0.
func ratio(a, b int64) *float64 {
	if b == 0 {
		return nil
	}
	r := float64(a) / float64(b)
	return &r
}

// perMille is the amount per thousand of n, in units.
func perMille(nanos, n int64) *float64 {
	if n == 0 {
		return nil
	}
	r := units(nanos) / float64(n) * 1000
	return &r
}
