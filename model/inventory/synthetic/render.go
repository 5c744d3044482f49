package synthetic

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/whatif-machine/whatif/model"
)

// writer collects YAML: block style for campaigns, flow style within them.
type writer struct{ strings.Builder }

// renderCampaigns is the campaigns file. ParseCampaigns reads back what it was given.
func renderCampaigns(list []model.Campaign, comment string) []byte {
	var w writer
	w.WriteString(comment)
	w.WriteString("campaigns:\n")
	for i := range list {
		w.campaign(&list[i])
	}
	return []byte(w.String())
}

func (w *writer) campaign(c *model.Campaign) {
	fmt.Fprintf(w, "- id: %s\n", text(c.ID))
	w.field("advertiser", text(c.Advertiser))
	w.field("name", text(c.Name))
	w.field("category", text(c.Category))
	w.field("labels", labels(c.Labels))
	if c.Priority != model.DefaultPriority {
		w.field("priority", strconv.Itoa(c.Priority))
	}
	w.field("bid_cpm", c.BidCPM.Decimal().String())
	if c.Pricing != model.PricingAuction {
		w.field("pricing", string(c.Pricing))
	}
	w.delivery(c)
	if c.Targeting != nil {
		w.field("targeting", expression(c.Targeting))
	}
	if len(c.FrequencyCaps) > 0 {
		w.field("frequency_caps", list(c.FrequencyCaps, frequencyCap))
	}
	if len(c.BidAdjustments) > 0 {
		w.field("bid_adjustments", list(c.BidAdjustments, adjustment))
	}
	if len(c.BidSpread) > 0 {
		w.field("bid_spread", list(c.BidSpread, decimal.Decimal.String))
	}
}

// delivery writes flight, goal, money and pacing.
func (w *writer) delivery(c *model.Campaign) {
	if c.Goal != nil {
		w.field("goal", strconv.FormatInt(*c.Goal, 10))
	}
	if c.Budget != nil {
		w.field("budget", c.Budget.Decimal().String())
	}
	if c.DailyBudget != nil {
		w.field("daily_budget", c.DailyBudget.Decimal().String())
	}
	w.field("start", day(*c.Start))
	w.field("end", day(*c.End))
	if c.DeliveredBefore != nil {
		w.field("delivered_before", strconv.FormatInt(*c.DeliveredBefore, 10))
	}
	if c.SpentBefore != nil {
		w.field("spent_before", c.SpentBefore.Decimal().String())
	}
	if c.Pacing != model.PacingASAP {
		w.field("pacing", string(c.Pacing))
	}
}

// field is one line of a campaign.
func (w *writer) field(key, value string) { w.WriteString("  " + key + ": " + value + "\n") }

// day is the date of an instant at midnight, UTC.
func day(t model.Instant) string { return t.String()[:len("2026-07-01")] }

func frequencyCap(c model.FrequencyCap) string {
	if c.Units == 1 {
		return fmt.Sprintf("{impressions: %d, per: %s}", c.Impressions, c.Per)
	}
	return fmt.Sprintf("{impressions: %d, per: %s, units: %d}", c.Impressions, c.Per, c.Units)
}

func adjustment(a model.BidAdjustment) string {
	return fmt.Sprintf("{when: %s, multiply: %s}", expression(a.When), a.Multiply)
}

// expression is a targeting expression as people write it: an AND is one map, unless a key would
// stand in it twice.
func expression(e *model.Expr) string {
	if e.Op != model.OpAll {
		return "{" + entry(e) + "}"
	}
	keys := make(map[string]bool, len(e.Args))
	for _, a := range e.Args {
		keys[key(a)] = true
	}
	if len(keys) < len(e.Args) || len(e.Args) == 1 {
		return "{all: " + list(e.Args, expression) + "}"
	}
	return "{" + strings.Join(mapped(e.Args, entry), ", ") + "}"
}

// entry is a node as a key and its value.
func entry(e *model.Expr) string {
	switch e.Op {
	case model.OpIn:
		return key(e) + ": " + list(e.Values, text)
	case model.OpNot:
		return key(e) + ": " + expression(e.Args[0])
	default:
		return key(e) + ": " + list(e.Args, expression)
	}
}

// key is what a node is called in a map: its dimension or its connective.
func key(e *model.Expr) string {
	if e.Op == model.OpIn {
		return e.Dimension
	}
	return string(e.Op)
}

func labels(m map[string]string) string {
	keys := slices.Sorted(maps.Keys(m))
	return "{" + strings.Join(mapped(keys, func(k string) string { return text(k) + ": " + text(m[k]) }), ", ") + "}"
}

// list is a flow sequence.
func list[T any](items []T, one func(T) string) string {
	return "[" + strings.Join(mapped(items, one), ", ") + "]"
}

func mapped[T any](items []T, one func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = one(item)
	}
	return out
}

// text is a plain scalar, quoted where it would not be read as the same text.
func text(s string) string {
	plain := s != ""
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		plain = plain && (letter || i > 0 && (c >= '0' && c <= '9' || strings.ContainsRune("-_+. ", c)) || i == 0 && c >= '0' && c <= '9')
	}
	if plain && s != "true" && s != "false" && s != "null" && !strings.HasSuffix(s, " ") {
		return s
	}
	return strconv.Quote(s)
}
