package model

// Book is a list of campaigns with what the checks of every study over it ask again, found out once: a
// launcher checks hundreds of studies a second over the same thousand campaigns. It must not be changed.
type Book struct {
	campaigns   []Campaign
	bounds      bounds  // of money, over all of them
	memberships []*Expr // each dimension and value they name, where it is first named, in their order
}

// NewBook looks through campaigns that are complete.
func NewBook(campaigns []Campaign) *Book {
	b := &Book{campaigns: campaigns, bounds: boundsOf(campaigns)}
	seen := map[[2]string]bool{}
	for e := range campaignExpressions(campaigns) {
		for in := range e.Dimensions {
			if first := firstNamed(in, seen); first != nil {
				b.memberships = append(b.memberships, first)
			}
		}
	}
	return b
}

// firstNamed is a membership without the values that were named before; nil: they and its dimension were.
func firstNamed(in *Expr, seen map[[2]string]bool) *Expr {
	first := &Expr{Op: in.Op, Dimension: in.Dimension, Pos: in.Pos}
	known := seen[[2]string{in.Dimension}]
	seen[[2]string{in.Dimension}] = true
	for _, value := range in.Values {
		key := [2]string{in.Dimension, "=" + value} // none is the dimension's own
		if !seen[key] {
			seen[key] = true
			first.Values = append(first.Values, value)
		}
	}
	if known && len(first.Values) == 0 {
		return nil
	}
	return first
}

// WithBook is WithCampaigns for campaigns that many studies share.
func (c *Config) WithBook(b *Book) Problems {
	problems := c.WithCampaigns(b.campaigns)
	c.book = b
	return problems
}
