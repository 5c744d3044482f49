package model

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// ParseCampaigns reads a campaigns file, YAML or JSON: a list, or a map with the one key
// `campaigns`. loc is the study's time zone, for times without offset. The problems are in the
// document's order; the campaigns are complete only if Problems.Err is nil.
func ParseCampaigns(name string, text []byte, loc *time.Location) ([]Campaign, Problems) {
	root, problem := parseDocument(name, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	if loc == nil {
		loc = time.UTC
	}
	r := &reader{file: name, loc: loc}
	list, path := root, ""
	if root.kind == mapNode {
		o, _ := r.object(root, "", campaignsFileKeys)
		if !o.require("campaigns") {
			return nil, r.done()
		}
		list, path = o.values["campaigns"], "campaigns"
	}
	return r.campaigns(list, path), r.done()
}

// campaigns reads the list and checks that ids are unique.
func (r *reader) campaigns(n *node, path string) []Campaign {
	if n.kind != listNode {
		r.fail(n, path, "expected a list of campaigns, found %s", n.describe())
		return nil
	}
	if len(n.items) > MaxCampaigns {
		r.fail(n, path, "%d campaigns; the limit is %d", len(n.items), MaxCampaigns)
		return nil
	}
	if len(n.items) == 0 {
		r.warn(n, path, "there are no campaigns: nothing can be sold")
	}
	out := make([]Campaign, 0, len(n.items))
	for i, item := range n.items {
		out = append(out, r.campaign(item, index(path, i)))
	}
	r.uniqueIDs(out)
	return out
}

// uniqueIDs notes a campaign whose id an earlier one has.
func (r *reader) uniqueIDs(campaigns []Campaign) {
	first := make(map[string]Position, len(campaigns))
	for _, c := range campaigns {
		if c.ID == "" {
			continue // noted already
		}
		if p, again := first[c.ID]; again {
			r.note(c.Pos.Line, c.Pos.Column, c.Pos.Path+".id", "", "the id %s is taken by the campaign in line %d", quote(c.ID), p.Line)
			continue
		}
		first[c.ID] = c.Pos
	}
}

func (r *reader) campaign(n *node, path string) Campaign {
	c := Campaign{Priority: DefaultPriority, Pricing: PricingAuction, Pacing: PacingASAP, Enabled: true, Pos: r.at(n, path)}
	o, ok := r.object(n, path, campaignKeys)
	if !ok {
		return c
	}
	o.require("id", "bid_cpm")
	take(o, "id", &c.ID, r.filled)
	take(o, "advertiser", &c.Advertiser, r.text)
	take(o, "name", &c.Name, r.text)
	take(o, "category", &c.Category, r.text)
	take(o, "labels", &c.Labels, r.textMap)
	take(o, "priority", &c.Priority, r.small(1, MaxPriority))
	take(o, "bid_cpm", &c.BidCPM, r.cpm)
	take(o, "pricing", &c.Pricing, choice(r, PricingAuction, PricingFixed))
	takePointer(o, "goal", &c.Goal, r.whole(1, math.MaxInt64))
	takePointer(o, "budget", &c.Budget, r.nanos)
	takePointer(o, "daily_budget", &c.DailyBudget, r.nanos)
	takePointer(o, "start", &c.Start, r.instant)
	takePointer(o, "end", &c.End, r.instant)
	takePointer(o, "delivered_before", &c.DeliveredBefore, r.whole(0, math.MaxInt64))
	takePointer(o, "spent_before", &c.SpentBefore, r.nanos)
	take(o, "pacing", &c.Pacing, choice(r, PacingASAP, PacingEven, PacingTraffic))
	takeSome(o, "targeting", &c.Targeting, r.targeting)
	take(o, "frequency_caps", &c.FrequencyCaps, r.caps)
	take(o, "bid_adjustments", &c.BidAdjustments, r.adjustments)
	take(o, "bid_spread", &c.BidSpread, r.spread)
	take(o, "enabled", &c.Enabled, r.boolean)
	if c.badFlight() {
		r.fail(o.values["end"], path+".end", "%s", c.contradiction())
	}
	written := func(key string) bool { return o.values[key] != nil || o.broken[key] }
	if c.badPacing() && !written("goal") && !written("budget") {
		r.fail(o.values["pacing"], path+".pacing", "pacing %s needs a goal or a budget", c.Pacing)
	}
	return c
}

// contradiction is what is wrong between a campaign's fields; empty: nothing. An edit can bring one
// about, so Expand asks again.
func (c *Campaign) contradiction() string {
	switch {
	case c.badFlight():
		return fmt.Sprintf("start must be before end, found %s and %s", *c.Start, *c.End)
	case c.badPacing():
		return fmt.Sprintf("pacing %s needs a goal or a budget", c.Pacing)
	}
	return ""
}

func (c *Campaign) badFlight() bool { return c.Start != nil && c.End != nil && *c.Start >= *c.End }

func (c *Campaign) badPacing() bool {
	return c.Pacing != PacingASAP && c.Goal == nil && c.Budget == nil
}

// textMap reads labels.
func (r *reader) textMap(n *node, path string) (map[string]string, bool) {
	fields, ok := r.entries(n, path)
	out := make(map[string]string, len(fields))
	for _, f := range fields {
		if f.key == "" {
			r.note(f.line, f.column, path, "", "a label needs a name")
			continue
		}
		if text, ok := r.text(f.value, join(path, f.key)); ok {
			out[f.key] = text
		}
	}
	return out, ok
}

// caps reads frequency caps, each (per, units) at most once.
func (r *reader) caps(n *node, path string) ([]FrequencyCap, bool) {
	type window struct {
		per   CapPeriod
		units int64
	}
	seen := map[window]bool{}
	return each(r, n, path, func(n *node, path string) (FrequencyCap, bool) {
		c := FrequencyCap{Units: 1}
		o, ok := r.object(n, path, capKeys)
		if !ok || !o.require("impressions", "per") {
			return c, false
		}
		valid := take(o, "impressions", &c.Impressions, r.whole(1, math.MaxInt64))
		valid = take(o, "per", &c.Per, choice(r, PerMinute, PerHour, PerDay, PerWeek, PerMonth, PerLifetime)) && valid
		if units := o.values["units"]; units != nil {
			valid = take(o, "units", &c.Units, r.whole(1, math.MaxInt64)) && valid
			if valid && c.Per == PerLifetime && c.Units != 1 {
				r.fail(units, path+".units", "a lifetime cap has no units")
				return c, false
			}
		}
		if valid && seen[window{c.Per, c.Units}] {
			r.fail(n, path, "there is a cap per %d %s already; each (per, units) may be there once", c.Units, c.Per)
			return c, false
		}
		seen[window{c.Per, c.Units}] = valid
		return c, valid
	})
}

func (r *reader) adjustments(n *node, path string) ([]BidAdjustment, bool) {
	if items := r.list(n); len(items) > MaxBidAdjustments {
		r.fail(n, path, "%d bid adjustments; the limit is %d", len(items), MaxBidAdjustments)
		return nil, false
	}
	return each(r, n, path, func(n *node, path string) (BidAdjustment, bool) {
		var a BidAdjustment
		o, ok := r.object(n, path, adjustKeys)
		if !ok || !o.require("when", "multiply") {
			return a, false
		}
		valid := take(o, "when", &a.When, r.targeting)
		return a, take(o, "multiply", &a.Multiply, r.atLeastZero) && valid
	})
}

func (r *reader) spread(n *node, path string) ([]decimal.Decimal, bool) {
	if items := r.list(n); len(items) < MinBidSpread || len(items) > MaxBidSpread {
		r.fail(n, path, "a bid spread has %d to %d factors, found %d", MinBidSpread, MaxBidSpread, len(items))
		return nil, false
	}
	return each(r, n, path, r.atLeastZero)
}

// findCap is the index of the cap of one period and units 1, which edits replace; -1: none.
func findCap(caps []FrequencyCap, per CapPeriod) int {
	return slices.IndexFunc(caps, func(c FrequencyCap) bool { return c.Per == per && c.Units == 1 })
}
