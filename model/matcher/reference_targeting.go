package matcher

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// fields looks up the values of a dimension (of a slot) or a field (of a campaign); none: missing.
type fields func(name string) []string

// matches evaluates an expression (section 4); nil matches everything.
func matches(e *model.Expr, values fields) bool {
	if e == nil {
		return true
	}
	holds := func(arg *model.Expr) bool { return matches(arg, values) }
	switch e.Op {
	case model.OpAll:
		return !slices.ContainsFunc(e.Args, func(arg *model.Expr) bool { return !holds(arg) })
	case model.OpAny:
		return slices.ContainsFunc(e.Args, holds)
	case model.OpNot:
		return !holds(e.Args[0])
	default: // model.OpIn
		return slices.ContainsFunc(values(e.Dimension), func(v string) bool { return slices.Contains(e.Values, v) })
	}
}

// allMatch reports whether every expression holds.
func allMatch(list []*model.Expr, values fields) bool {
	return !slices.ContainsFunc(list, func(e *model.Expr) bool { return !matches(e, values) })
}

// campaignFields looks up the fields of a campaign that `where` and `groups` may name; an empty or
// absent one is missing (section 3).
func campaignFields(c *model.Campaign) fields {
	return func(name string) []string {
		var value string
		switch name {
		case "id":
			value = c.ID
		case "advertiser":
			value = c.Advertiser
		case "name":
			value = c.Name
		case "category":
			value = c.Category
		case "priority":
			value = strconv.Itoa(c.Priority)
		case "pricing":
			value = string(c.Pricing)
		default:
			value = c.Labels[strings.TrimPrefix(name, "labels.")]
		}
		if value == "" {
			return nil
		}
		return []string{value}
	}
}
