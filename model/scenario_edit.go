package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Scenario makes a variant concrete: the configuration with the variant's edits applied, in the
// order of the parameters. The configuration is not changed; what no edit touches is shared with
// it, so scenarios may be used side by side but their fields must not be written to. The error
// tells of an edit whose result does not fit its field.
func (c *Config) Scenario(v Variant) (*Scenario, error) {
	if len(v.Values) != len(c.Parameters) {
		return nil, fmt.Errorf("variant %s has %d values for %d parameters: it is not of this configuration", v.ID, len(v.Values), len(c.Parameters))
	}
	s := &Scenario{Seed: c.Seed, Replicate: v.Replicate, Location: c.Location, ShiftDays: c.ShiftDays,
		Written: c.Campaigns, Campaigns: c.Campaigns, CapGroups: c.CapGroups, Policy: c.Policy, Report: c.Report}
	for i, p := range c.Parameters {
		value := v.Values[i]
		if value.Kind == ValueUnset {
			continue
		}
		if strings.HasPrefix(p.Edit, campaignEdit) && len(c.Campaigns) > 0 && &s.Campaigns[0] == &c.Campaigns[0] {
			s.Campaigns = slices.Clone(c.Campaigns)
		}
		if err := c.edit(s, i, value); err != nil {
			return nil, fmt.Errorf("variant %s: parameter %s: %w", v.ID, p.Name, err)
		}
	}
	return s, nil
}

func (c *Config) edit(s *Scenario, i int, value Value) error {
	p := &c.Parameters[i]
	switch {
	case strings.HasPrefix(p.Edit, campaignEdit):
		return c.editCampaigns(s.Campaigns, i, value)
	case strings.HasPrefix(p.Edit, policyEdit):
		return s.Policy.edit(p.Edit, value)
	}
	return s.Slots.edit(p, value)
}

func (p *Policy) edit(name string, value Value) error {
	switch name {
	case "policy.auction":
		p.Auction = Auction(value.Text)
	case "policy.within_priority":
		p.WithinPriority = WithinPriority(value.Text)
	case "policy.one_per_request":
		p.OnePerRequest = OnePerRequest(value.Text)
	case "policy.unidentified_users":
		p.UnidentifiedUsers = UnidentifiedUsers(value.Text)
	default:
		return fmt.Errorf("unknown edit %s", name)
	}
	return nil
}

func (s *SlotEdits) edit(p *Parameter, value Value) error {
	switch p.Edit {
	case "slots.where":
		s.Where = append(s.Where, value.Expr)
	case "slots.floor_cpm":
		s.Floors = append(s.Floors, FloorEdit{p.Op, value.Number, p.Where})
	case "slots.traffic":
		s.Traffic = append(s.Traffic, TrafficEdit{value.Number, p.Where})
	case "slots.sample":
		s.Sample = &value.Number
	default:
		return fmt.Errorf("unknown edit %s", p.Edit)
	}
	return nil
}

// editCampaigns applies parameter i to the campaigns it selects by their fields as written.
func (c *Config) editCampaigns(campaigns []Campaign, i int, value Value) error {
	p := &c.Parameters[i]
	apply, err := campaignEditor(p, value)
	if err != nil {
		return err
	}
	for _, j := range c.selection(i) {
		if err := apply(&campaigns[j]); err != nil {
			return fmt.Errorf("campaign %s: %w", quote(campaigns[j].ID), err)
		}
	}
	return nil
}

// campaignEditor is the edit of one campaign by a value, which is read once. Pointers are
// replaced, never written through: they are shared with the configuration.
func campaignEditor(p *Parameter, value Value) (func(*Campaign) error, error) {
	infallible := func(set func(*Campaign)) (func(*Campaign) error, error) {
		return func(c *Campaign) error { set(c); return nil }, nil
	}
	if per, ok := strings.CutPrefix(p.Edit, capEdit); ok {
		return infallible(func(c *Campaign) { c.setCap(CapPeriod(per), value) })
	}
	switch p.Edit {
	case "campaigns.bid_cpm":
		return func(c *Campaign) error {
			bid, err := editNumber(p.Op, value.Number, 6, int64(c.BidCPM), 0)
			c.BidCPM = CPM(bid)
			return err
		}, nil
	case "campaigns.budget":
		return func(c *Campaign) error { return editOptional(&c.Budget, p.Op, value, 9, 0) }, nil
	case "campaigns.daily_budget":
		return func(c *Campaign) error { return editOptional(&c.DailyBudget, p.Op, value, 9, 0) }, nil
	case "campaigns.goal":
		return func(c *Campaign) error { return editOptional(&c.Goal, p.Op, value, 0, 1) }, nil
	case "campaigns.start":
		return timeEditor(p.Op, value, func(c *Campaign) **Instant { return &c.Start })
	case "campaigns.end":
		return timeEditor(p.Op, value, func(c *Campaign) **Instant { return &c.End })
	case "campaigns.priority":
		return infallible(func(c *Campaign) { c.Priority = int(value.Number.IntPart()) })
	case "campaigns.pacing":
		return infallible(func(c *Campaign) { c.Pacing = Pacing(value.Text) })
	case "campaigns.pricing":
		return infallible(func(c *Campaign) { c.Pricing = Pricing(value.Text) })
	case "campaigns.enabled":
		return infallible(func(c *Campaign) { c.Enabled = value.Text == "true" })
	case "campaigns.targeting":
		return infallible(func(c *Campaign) { c.Targeting = value.Expr }) // none: nil
	}
	return nil, fmt.Errorf("unknown edit %s", p.Edit)
}

// editNumber sets, multiplies or adds to a number that counts 10^-places of its unit, rounding
// half to even once; what falls below lowest becomes lowest.
func editNumber(op EditOp, operand decimal.Decimal, places int32, field, lowest int64) (int64, error) {
	old := decimal.New(field, 0)
	result := operand.Shift(places)
	switch op {
	case OpMultiply:
		result = old.Mul(operand)
	case OpAdd:
		result = old.Add(result)
	}
	whole, ok := wholeNumber(result)
	switch {
	case ok:
		return max(whole, lowest), nil
	case result.IsNegative():
		return lowest, nil
	}
	return 0, fmt.Errorf("%s of %s gives %s, which is beyond 2^63", op, operand, result)
}

// editOptional edits a field that may be unset: none clears it, and only set gives an unset one a value.
func editOptional[T ~int64](field **T, op EditOp, value Value, places int32, lowest int64) error {
	if value.Kind == ValueNone {
		*field = nil
		return nil
	}
	if *field == nil && op != OpSet {
		return nil
	}
	old := int64(0)
	if *field != nil {
		old = int64(**field)
	}
	edited, err := editNumber(op, value.Number, places, old, lowest)
	result := T(edited)
	*field = &result
	return err
}

// timeEditor sets a time or adds a duration, floored to microseconds, to one that is set.
func timeEditor(op EditOp, value Value, field func(*Campaign) **Instant) (func(*Campaign) error, error) {
	if value.Kind == ValueNone {
		return func(c *Campaign) error { *field(c) = nil; return nil }, nil
	}
	if op == OpSet {
		at, err := ParseInstant(value.Text, time.UTC) // canonical, with its offset
		return func(c *Campaign) error { *field(c) = &at; return nil }, err
	}
	by, ok := parseDuration(value.Text)
	if !ok {
		return nil, fmt.Errorf("expected a duration, found %s", quote(value.Text))
	}
	micros := by.Microseconds()
	if by%1000 < 0 {
		micros--
	}
	return func(c *Campaign) error {
		old := *field(c)
		if old == nil {
			return nil
		}
		if micros > 0 && int64(*old) > math.MaxInt64-micros || micros < 0 && int64(*old) < math.MinInt64-micros {
			return fmt.Errorf("adding %s to %s leaves the range of times", value.Text, *old)
		}
		moved := *old + Instant(micros)
		*field(c) = &moved
		return nil
	}, nil
}

// setCap replaces, adds or (none) removes the cap of one period and units 1; the others stay.
func (c *Campaign) setCap(per CapPeriod, value Value) {
	at := findCap(c.FrequencyCaps, per)
	caps := slices.Clone(c.FrequencyCaps)
	switch {
	case value.Kind == ValueNone && at < 0:
		return
	case value.Kind == ValueNone:
		c.FrequencyCaps = slices.Delete(caps, at, at+1)
	case at >= 0:
		caps[at].Impressions = value.Number.IntPart()
		c.FrequencyCaps = caps
	default:
		c.FrequencyCaps = append(caps, FrequencyCap{Impressions: value.Number.IntPart(), Per: per, Units: 1})
	}
}
