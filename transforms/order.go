package transforms

import (
	"cmp"
	"context"
	"slices"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

const (
	// glanceSlots is how many slots of a snapshot are looked at to estimate what edits of slots leave.
	glanceSlots = 1000
	// assumedSlots is the size of a snapshot that nobody has looked at.
	assumedSlots = 1_000_000
)

// longestFirst orders variants by an estimate of how long each takes, so that the last ones to begin are
// short: the end of a job is then not spent waiting for a long one alone. Handed out in this order to m cores they
// take at most 4/3 - 1/(3m) of the least time possible, in any other up to 2 - 1/m (R. L. Graham, Bounds on
// multiprocessing timing anomalies, 1969). Variants of equal length keep their order. No figure depends on it.
func (s *study) longestFirst(ctx context.Context, variants []model.Variant) []model.Variant {
	work := s.workOf(variants, s.glance(ctx))
	order := slices.Clone(variants)
	slices.SortStableFunc(order, func(a, b model.Variant) int { return cmp.Compare(work[b.ID], work[a.ID]) })
	return order
}

// workOf estimates the work of each variant by its id. One whose scenario can't be made takes none: its
// attempt will tell why.
func (s *study) workOf(variants []model.Variant, g *model.Glance) map[string]float64 {
	type kind struct {
		point    string
		resample bool
	}
	known := map[kind]float64{} // resamples of a point take the same
	work := make(map[string]float64, len(variants))
	for _, v := range variants {
		k := kind{v.Point, v.Replicate > 0}
		if _, is := known[k]; !is {
			known[k] = 0
			if sc, err := s.config.Scenario(v); err == nil {
				known[k] = sc.Work(g)
			}
		}
		work[v.ID] = known[k]
	}
	return work
}

// glance is what is known of the snapshot before the first variant. It is opened only where the order depends
// on which slots an edit matches, and where this process will need it in any case; a snapshot that
// can't be opened is for the attempts to tell of.
func (s *study) glance(ctx context.Context) *model.Glance {
	if !s.job.Elsewhere && picksSlots(s.config) {
		opened := recovered(ctx, s.open)
		if opened.err == nil {
			return s.seen
		}
	}
	return &model.Glance{Slots: assumedSlots}
}

// picksSlots tells whether variants differ in slots that only the snapshot knows.
func picksSlots(config *model.Config) bool {
	return slices.ContainsFunc(config.Parameters, func(p model.Parameter) bool {
		return p.Edit == "slots.where" || p.Edit == "slots.traffic" && p.Where != nil
	})
}

// glanceAt looks at slots of a snapshot, evenly over its time.
func glanceAt(snap *inventory.Snapshot) *model.Glance {
	g := &model.Glance{Slots: int64(snap.Len())}
	g.Start, g.End = snap.Horizon()
	looked := min(glanceSlots, snap.Len())
	for k := range looked {
		i := int(int64(k) * int64(snap.Len()) / int64(looked))
		g.Seen = append(g.Seen, func(in *model.Expr) bool { return has(snap.Dimension(in.Dimension), i, in.Values) })
	}
	return g
}

// has tells whether slot i has one of the values; no dimension has none.
func has(d *inventory.Dimension, i int, values []string) bool {
	if d == nil || d.Code(i) == 0 {
		return false
	}
	at := d.Code(i) - 1
	if !d.Multi() {
		return slices.Contains(values, d.Values()[at])
	}
	return slices.ContainsFunc(d.Sets()[at], func(v uint32) bool { return slices.Contains(values, d.Values()[v]) })
}
