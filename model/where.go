package model

import (
	"slices"
	"strconv"
	"strings"
)

// MatchCampaign reports whether an expression over campaign fields selects a campaign, by its
// fields as given. An empty or absent field is missing and in no list.
func MatchCampaign(e *Expr, c *Campaign) bool {
	return e.Holds(func(in *Expr) bool {
		value := campaignField(in.Dimension, c)
		return value != "" && slices.Contains(in.Values, value)
	})
}

// campaignField is a field as text; empty: missing.
func campaignField(name string, c *Campaign) string {
	switch name {
	case "id":
		return c.ID
	case "advertiser":
		return c.Advertiser
	case "name":
		return c.Name
	case "category":
		return c.Category
	case "priority":
		return strconv.Itoa(c.Priority)
	case "pricing":
		return string(c.Pricing)
	}
	if key, ok := strings.CutPrefix(name, labelPrefix); ok {
		return c.Labels[key]
	}
	return ""
}

// GroupValue is a campaign's value of a report group (advertiser, category, priority as decimal
// text, labels.<key>); nil: missing.
func GroupValue(key string, c *Campaign) *string {
	if v := campaignField(key, c); v != "" {
		return &v
	}
	return nil
}

// selector is MatchCampaign for many campaigns: value lists as sets.
type selector struct {
	op        ExprOp
	args      []selector
	dimension string
	values    map[string]bool
}

func compileSelector(e *Expr) selector {
	if e == nil {
		return selector{op: OpAll}
	}
	s := selector{op: e.Op, dimension: e.Dimension}
	if e.Op == OpIn {
		s.values = make(map[string]bool, len(e.Values))
		for _, v := range e.Values {
			s.values[v] = true
		}
	}
	for _, a := range e.Args {
		s.args = append(s.args, compileSelector(a))
	}
	return s
}

func (s *selector) matches(c *Campaign) bool {
	switch s.op {
	case OpAll, OpAny:
		for i := range s.args {
			if s.args[i].matches(c) == (s.op == OpAny) {
				return s.op == OpAny
			}
		}
		return s.op == OpAll
	case OpNot:
		return !s.args[0].matches(c)
	}
	value := campaignField(s.dimension, c)
	return value != "" && s.values[value]
}

// selected lists the indices of the campaigns that where selects, ascending.
func selected(where *Expr, campaigns []Campaign) []int {
	s := compileSelector(where)
	var out []int
	for i := range campaigns {
		if s.matches(&campaigns[i]) {
			out = append(out, i)
		}
	}
	return out
}
