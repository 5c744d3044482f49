package studies

import (
	"fmt"

	"github.com/whatif-machine/whatif/model"
)

// sometimes is an expression over slots in percent of 100 cases, else nil.
func (m *maker) sometimes(percent int) *model.Expr {
	if !chance(m, percent) {
		return nil
	}
	return m.slotExpr(3)
}

// slotExpr draws an expression over the dimensions that occur and the derived ones.
func (m *maker) slotExpr(depth int) *model.Expr {
	return m.expr(depth, m.slotLeaf)
}

// campaignExpr draws an expression over the fields of a campaign.
func (m *maker) campaignExpr() *model.Expr {
	return m.expr(1, func() *model.Expr {
		field, values := "advertiser", []string{"acme", "bolt", "cog"}
		switch m.Intn(5) {
		case 1:
			field, values = "category", []string{"auto", "food"}
		case 2:
			field, values = "labels.team", []string{"red", "blue"}
		case 3:
			field, values = "priority", []string{"1", "4", "12"}
		case 4:
			field, values = "pricing", []string{"auction", "fixed"}
		}
		return &model.Expr{Op: model.OpIn, Dimension: field, Values: m.some(values)}
	})
}

func (m *maker) expr(depth int, leaf func() *model.Expr) *model.Expr {
	if depth == 0 || chance(m, 50) {
		return leaf()
	}
	e := &model.Expr{Op: pick(m, model.OpAll, model.OpAny, model.OpNot)}
	n := 1
	if e.Op != model.OpNot {
		n = pick(m, 0, 1, 2, 2, 3)
	}
	for range n {
		e.Args = append(e.Args, m.expr(depth-1, leaf))
	}
	return e
}

func (m *maker) slotLeaf() *model.Expr {
	names := append([]string{model.HourOfDay, model.DayOfWeek}, m.dims...)
	name := pick(m, names...)
	values := m.values[name]
	switch name {
	case model.HourOfDay:
		for hour := range 24 {
			values = append(values, fmt.Sprint(hour))
		}
	case model.DayOfWeek:
		values = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	}
	return &model.Expr{Op: model.OpIn, Dimension: name, Values: m.some(values)}
}

// some of the values, at least one, now and then with one that never occurs.
func (m *maker) some(values []string) []string {
	var out []string
	for _, v := range values {
		if v != "" && chance(m, 50) {
			out = append(out, v)
		}
	}
	if len(out) == 0 || chance(m, 5) {
		out = append(out, "never")
	}
	return out
}
