package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/whatif-machine/whatif/model"
)

// Distributions of 9,826 real campaigns. Their money and impressions are those of a larger
// inventory: what is kept is the ratio between them.
var (
	// eCPM p10/p50/p90/p99: 1.32/3.27/9.84/18.7. A third of the campaigns bid the median, as on a rate card.
	bidCurve = curve{{0, 0.6}, {0.1, 1.32}, {1. / 3, 3.27}, {2. / 3, 3.27}, {0.9, 9.84}, {0.99, 18.7}, {1, 24}}
	// flight p50/p90: 19/56 days
	flightCurve = curve{{0, 3}, {0.5, 19}, {0.9, 56}, {1, 150}}
	// impressions p50/p90/p99: 66 k/1.1 M/9.6 M. Narrow campaigns are held to what they match, so
	// that the ratios come out somewhat larger than they are here.
	volumeCurve = curve{{0, 0.6}, {0.5, 66}, {0.9, 800}, {0.99, 6500}, {1, 13000}}
)

// Shares of campaigns.
const (
	cappedShare   = 0.60
	pacedShare    = 0.40 // even or traffic
	trafficShare  = 0.40 // of the paced ones
	goalShare     = 0.80
	budgetShare   = 0.65 // besides those without a goal, which all have one
	dailyShare    = 0.15
	adjustedShare = 0.10
	spreadShare   = 0.03
	fixedShare    = 0.60 // of those with priority 6 and better: reserved, paid by their rate
	houseCap      = 3    // impressions a day
	unevenShare   = 0.15 // of those begun before the log: ahead of schedule or behind

	mostOfMatched = 0.5 // no campaign wants more of the slots that it matches
)

// The advertiser whose levers the study moves: a few broad campaigns that want more than they can
// win at their bids.
const (
	focusAdvertiser = "acme"
	focusShare      = 0.04 // of the campaigns, at least one
	focusMost       = 24
	focusDemand     = 0.25 // of all slots
)

// lineItem is a campaign before its goal is known.
type lineItem struct {
	model.Campaign
	share      float64 // of the slots, its targeting matches
	days       int     // of its flight
	before     int     // of them before the log
	within     int     // of them within the log
	volume     float64 // its goal over the whole flight, relative to others
	focus      bool    // of the focus advertiser
	leads      bool    // its first
	hasGoal    bool
	hasBudget  bool
	hasDaily   bool
	slack      float64 // budget over what the goal costs at the bid
	dailySlack float64
	schedule   float64 // delivered before over schedule; 0: as the default says
}

var (
	categoriesSold = []string{"retail", "auto", "finance", "travel", "telecom", "food", "health", "entertainment", "technology", "education"}
	brands         = strings.Fields("borealis cobalt dynamo everly fjord granite harbor ivory juniper keystone lumen marigold nimbus orchid " +
		"pioneer quartz ridge summit tundra umber velvet willow xenon yonder zephyr")
	kpis = []string{"reach", "conversions", "views"}
)

// cappingLabel marks the campaigns that the study's daily cap is for.
const cappingLabel = "capping"

// priorities are those of an ad server: sponsorship, standard in three steps, price, house.
var (
	priorityLevels = []int{4, 6, 8, 10, 12, 16}
	priorityTable  = newTable([]float64{4, 6, 14, 6, 63, 7})
)

// deck is what is dealt to all campaigns at once, so that shares and quantiles come out exactly.
type deck struct {
	owners                                        []advertiser
	traits                                        traits
	bids, flights, volumes                        []float64 // probabilities
	capped, paced, adjusted, goals, daily, spread []bool
	breadth                                       float64
}

func newDeck(r *rand.Rand, n int) *deck {
	d := &deck{owners: newAdvertisers(r, n), traits: newTraits(r, n), breadth: breadthOf(n)}
	d.bids, d.flights, d.volumes = strata(r, n), strata(r, n), strata(r, n)
	leadBids(d.owners, d.bids)
	d.capped = evenly(r, d.volumes, cappedShare)
	d.paced, d.adjusted = chosen(r, n, pacedShare), chosen(r, n, adjustedShare)
	d.goals, d.daily, d.spread = chosen(r, n, goalShare), chosen(r, n, dailyShare), chosen(r, n, spreadShare)
	return d
}

// newLineItems draws the campaigns without their goals and budgets.
func newLineItems(o *Options) []lineItem {
	r := stream(o.Seed, streamCampaigns)
	d := newDeck(r, o.Campaigns)
	items := make([]lineItem, o.Campaigns)
	for i := range items {
		c := &items[i]
		c.describe(r, d, i)
		c.fly(r, o, int(math.Round(flightCurve.at(d.flights[i]))))
		c.target(r, &d.traits, i, d.breadth)
		c.limit(r, d, i)
		c.sell(r)
	}
	return items
}

// describe sets who sells what at which bid, and what is asked for.
func (c *lineItem) describe(r *rand.Rand, d *deck, i int) {
	owner := d.owners[i]
	c.Campaign = model.Campaign{
		ID: fmt.Sprintf("c%04d", i+1), Advertiser: owner.name, Category: owner.category,
		Name: fmt.Sprintf("%s %d", owner.name, owner.number), Labels: map[string]string{"kpi": kpis[r.IntN(len(kpis))]},
		Priority: priorityLevels[priorityTable.draw(r)], Pricing: model.PricingAuction, Pacing: model.PacingASAP, Enabled: true,
		BidCPM: cents(bidCurve.at(d.bids[i])),
	}
	c.volume = volumeCurve.at(d.volumes[i])
	c.focus, c.leads = owner.name == focusAdvertiser, owner.name == focusAdvertiser && owner.number == 1
	c.hasGoal, c.hasDaily = d.goals[i], d.daily[i]
	c.hasBudget = !d.goals[i] || r.Float64() < budgetShare
	c.slack, c.dailySlack = 0.8+0.6*r.Float64(), 0.8+0.8*r.Float64()
}

// limit sets caps, pacing, bid adjustments and a bid spread.
func (c *lineItem) limit(r *rand.Rand, d *deck, i int) {
	if c.leads || d.capped[i] {
		c.FrequencyCaps = drawCaps(r, c.leads)
		if c.FrequencyCaps[0].Per == model.PerDay {
			c.Labels[cappingLabel] = "daily"
		}
	}
	if d.paced[i] {
		c.pace(r)
	}
	if d.adjusted[i] {
		c.BidAdjustments = drawAdjustments(r)
	}
	if d.spread[i] {
		c.BidSpread = []decimal.Decimal{decimal.New(9, -1), decimal.New(1, 0), decimal.New(11, -1)}
	}
}

// breadthOf says how wide targeting has to be for every slot to find takers: a thousand campaigns
// divide the audience between them, a few have to share it.
func breadthOf(campaigns int) float64 {
	return min(max(1-math.Log(float64(campaigns)/20)/math.Log(50), 0), 1)
}

// fly sets the flight: whole days, at least one of them within the log.
func (c *lineItem) fly(r *rand.Rand, o *Options, days int) {
	first := 1 - days + r.IntN(days+o.Days-1)
	switch {
	case c.focus && days >= o.Days: // the whole log
		first = -r.IntN(days - o.Days + 1)
	case c.focus: // within it
		first = r.IntN(o.Days - days + 1)
	}
	start, end := Start.AddDate(0, 0, first), Start.AddDate(0, 0, first+days)
	from, to := model.Instant(start.UnixMicro()), model.Instant(end.UnixMicro())
	c.Start, c.End = &from, &to
	c.days, c.before = days, max(-first, 0)
	c.within = min(first+days, o.Days) - max(first, 0)
	if c.before > 0 && r.Float64() < unevenShare {
		c.schedule = 0.7 + 0.5*r.Float64()
	}
}

// target draws an audience that is not too small to matter.
func (c *lineItem) target(r *rand.Rand, wants *traits, i int, breadth float64) {
	least := 0.015 + 0.15*breadth
	if c.focus {
		least = 0.15 + 0.1*breadth
	}
	for {
		a := wants.audience(r, i, breadth)
		if a.share >= least || breadth >= 1.5 {
			c.Targeting, c.share = a.expr, a.share
			return
		}
		breadth += 0.05
	}
}

// drawCaps is one or two frequency caps. Most campaigns follow the house rule of houseCap a day,
// which is the lever of the study; one that leads always does, so that the lever has a campaign to move.
func drawCaps(r *rand.Rand, leads bool) []model.FrequencyCap {
	limit := func(n int64, per model.CapPeriod, units int64) model.FrequencyCap {
		return model.FrequencyCap{Impressions: n, Per: per, Units: units}
	}
	daily := limit(houseCap, model.PerDay, 1)
	n := int64(2 + r.IntN(5))
	switch k := r.IntN(100); {
	case k < 60 || leads:
		return []model.FrequencyCap{daily}
	case k < 74:
		return []model.FrequencyCap{daily, limit(2, model.PerHour, 1)}
	case k < 86:
		return []model.FrequencyCap{daily, limit(2*houseCap+n, model.PerWeek, 1)}
	case k < 89:
		return []model.FrequencyCap{limit(n, model.PerHour, 6)}
	case k < 96:
		return []model.FrequencyCap{limit(2*n, model.PerWeek, 1)}
	default:
		return []model.FrequencyCap{limit(3*n, model.PerLifetime, 1)}
	}
}

func (c *lineItem) pace(r *rand.Rand) {
	c.Pacing = model.PacingEven
	if r.Float64() < trafficShare {
		c.Pacing = model.PacingTraffic
	}
}

// adjustmentPercents are the factors of bid adjustments, per cent.
var adjustmentPercents = []int64{60, 70, 80, 85, 90, 110, 115, 120, 130, 140}

// drawAdjustments is one to three adjustments by device, hour or size.
func drawAdjustments(r *rand.Rand) []model.BidAdjustment {
	factor := func() decimal.Decimal { return decimal.New(adjustmentPercents[r.IntN(len(adjustmentPercents))], -2) }
	list := []model.BidAdjustment{{When: in(dimDevice, "mobile"), Multiply: factor()}}
	if r.IntN(2) == 0 {
		list = append(list, model.BidAdjustment{When: in(model.HourOfDay, "18", "19", "20", "21", "22"), Multiply: factor()})
	}
	if r.IntN(3) == 0 {
		list = append(list, model.BidAdjustment{When: in(dimSize, "300x250", "336x280"), Multiply: factor()})
	}
	return list
}

// sell sets what follows from priority and advertiser: reserved campaigns are paid by their rate,
// and those of the focus advertiser compete by price for more than they can get.
func (c *lineItem) sell(r *rand.Rand) {
	switch {
	case c.focus:
		c.Priority = model.DefaultPriority
		c.hasGoal, c.hasBudget, c.hasDaily = true, true, false
		c.slack, c.schedule = 1.5, 0
		c.BidSpread, c.BidAdjustments = nil, nil
	case c.Priority <= 6 && r.Float64() < fixedShare:
		c.Pricing = model.PricingFixed
	}
}

// leadBids gives the focus advertiser bids from the middle to the upper third, where a higher or
// lower bid decides, by exchanging them with campaigns that have such.
func leadBids(owners []advertiser, bids []float64) {
	for i := range owners {
		if owners[i].name != focusAdvertiser {
			continue
		}
		_, f := math.Modf(float64(owners[i].number) * goldenRatio)
		want, nearest := 0.55+0.25*f, -1
		for j := range owners {
			if owners[j].name != focusAdvertiser && (nearest < 0 || math.Abs(bids[j]-want) < math.Abs(bids[nearest]-want)) {
				nearest = j
			}
		}
		if nearest >= 0 {
			bids[i], bids[nearest] = bids[nearest], bids[i]
		}
	}
}

// advertiser is who owns a campaign: its name, what it sells, and the campaign's number with it.
type advertiser struct {
	name, category string
	number         int
}

// newAdvertisers divides campaigns between advertisers, some with many and most with a few; the
// first of them is the focus advertiser.
func newAdvertisers(r *rand.Rand, n int) []advertiser {
	focus := min(max(int(math.Round(focusShare*float64(n))), 1), focusMost)
	others := max(n/5, 1)
	sizes := newTable(zipf(others, 0.7))
	count := make([]int, others+1)
	owners := make([]advertiser, n)
	order := r.Perm(n)
	for i, campaign := range order {
		who := 0
		if i >= focus {
			who = 1 + sizes.draw(r)
		}
		count[who]++
		owners[campaign] = advertiser{advertiserName(who), categoriesSold[who%len(categoriesSold)], count[who]}
	}
	return owners
}

func advertiserName(i int) string {
	switch {
	case i == 0:
		return focusAdvertiser
	case i <= len(brands):
		return brands[i-1]
	}
	return fmt.Sprintf("%s-%d", brands[(i-1)%len(brands)], (i-1)/len(brands)+1)
}
