package model

import "fmt"

// maxSelectionNodes bounds the expressions over campaigns of one configuration, all together: each
// is asked of each campaign, so this times 10,000 campaigns is the work a document can cause.
const maxSelectionNodes = 10_000

// WithCampaigns sets the campaigns of a configuration that names them by path, and checks what
// needs them: that every edit of campaigns selects at least one.
func (c *Config) WithCampaigns(campaigns []Campaign) Problems {
	c.Campaigns, c.book = campaigns, nil
	return c.link()
}

// link finds the campaigns that each parameter edits and each cap group holds. The selections are
// kept: they depend on the campaigns as written alone and so are the same in every variant.
func (c *Config) link() Problems {
	var problems Problems
	nodes := 0
	c.selections = nil
	selections := make([][]int, len(c.Parameters))
	selects := func(where *Expr, at Position, warn bool, what string) []int {
		if nodes += where.nodes(); nodes > maxSelectionNodes {
			return nil
		}
		found := selected(where, c.Campaigns)
		if len(found) == 0 {
			problems = append(problems, Problem{Position: at, Warning: warn, Message: what + " selects no campaign",
				Suggestion: "compare its values with the fields of the campaigns as written"})
		}
		return found
	}
	for i, g := range c.CapGroups {
		selects(g.Where, whereAt(g.Where, g.Pos), true, fmt.Sprintf("the cap group %s", quote(c.CapGroups[i].Name)))
	}
	for i, p := range c.Parameters {
		if l := findLever(p.Edit); l != nil && l.takesWhere() == "campaigns" {
			selections[i] = selects(p.Where, whereAt(p.Where, p.Pos), false, fmt.Sprintf("the edit of parameter %s", quote(p.Name)))
		}
	}
	if nodes > maxSelectionNodes {
		return Problems{{Message: fmt.Sprintf("the `where` expressions over campaigns have more than %d conditions together", maxSelectionNodes),
			Suggestion: "name values in one list, or give campaigns a label and select by it"}}
	}
	c.selections = selections
	return problems
}

func whereAt(where *Expr, otherwise Position) Position {
	if where != nil && where.Pos.Line > 0 {
		return where.Pos
	}
	return otherwise
}

// nodes counts the nodes of an expression.
func (e *Expr) nodes() int {
	if e == nil {
		return 0
	}
	count := 1
	for _, a := range e.Args {
		count += a.nodes()
	}
	return count
}

// selection lists the campaigns that parameter i edits.
func (c *Config) selection(i int) []int {
	if len(c.selections) == len(c.Parameters) {
		return c.selections[i]
	}
	return selected(c.Parameters[i].Where, c.Campaigns) // a Config that was made by hand
}
