package synthetic

import (
	"math"

	"github.com/whatif-machine/whatif/model"
)

// market is the line items of a study over a log of some slots and days.
type market struct {
	items []lineItem
	days  int
	fill  float64 // the fill that is asked for
}

// campaigns sets goals and budgets for a log of slots (the whole, or a sample of its users), such
// that goals stand to each other as volumes do and ask for scale times all slots, but no campaign
// wants more than mostOfMatched of what it matches.
func (m *market) campaigns(slots int, scale float64) []model.Campaign {
	all, focus := 0.0, 0.0
	for i := range m.items {
		if c := &m.items[i]; c.focus {
			focus += c.share
		} else {
			all += c.volume * c.part()
		}
	}
	list := make([]model.Campaign, len(m.items))
	for i := range m.items {
		c := &m.items[i]
		matched := c.share * float64(slots) * float64(c.within) / float64(m.days)
		var wanted float64
		if c.focus {
			wanted = focusDemand * m.fill * float64(slots) * c.share / focus * min(scale, 1)
		} else {
			wanted = scale * float64(slots) * c.volume * c.part() / all
		}
		list[i] = c.sized(min(wanted, mostOfMatched*matched))
	}
	return list
}

// part is the share of its goal that a campaign on schedule can deliver within the log: a paced
// one the log's share of its flight, any other whatever is left of it.
func (c *lineItem) part() float64 {
	open := c.days - c.before
	if c.Pacing != model.PacingASAP {
		open = c.within
	}
	return float64(open) / float64(c.days)
}

// sized is the campaign with the goal and the budgets that let it deliver wanted impressions within the log.
func (c *lineItem) sized(wanted float64) model.Campaign {
	campaign := c.Campaign
	goal := max(int64(math.Round(wanted/c.part())), 1)
	bid := float64(c.BidCPM)
	budget := money(float64(goal) * bid * c.slack)
	if c.hasGoal {
		campaign.Goal = &goal
	}
	if c.hasBudget {
		campaign.Budget = &budget
	}
	if c.hasDaily {
		daily := money(max(wanted/float64(c.within), 1) * bid * c.dailySlack)
		campaign.DailyBudget = &daily
	}
	if c.schedule > 0 {
		done := c.schedule * float64(c.before) / float64(c.days)
		if c.hasGoal {
			delivered := int64(float64(goal) * done)
			campaign.DeliveredBefore = &delivered
		}
		if c.hasBudget {
			spent := money(float64(budget) * done)
			campaign.SpentBefore = &spent
		}
	}
	return campaign
}

// money rounds nanos to whole cents, one at least.
func money(nanos float64) model.Nanos {
	const cent = 10_000_000
	return model.Nanos(max(math.Round(nanos/cent), 1)) * cent
}
