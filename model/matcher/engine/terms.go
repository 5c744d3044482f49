package engine

import (
	"github.com/whatif-machine/whatif/model"
)

// unset marks a goal or an amount that a campaign does not have.
const unset = -1

// terms are what a campaign agreed to and what it got before the horizon, after edits and scaling.
type terms struct {
	start, end               int64 // flight
	goal, budget, daily      int64 // unset: none
	delivered, spent         int64 // before the horizon
	deliveredRaw, spentRaw   int64 // before scaling
	goalRaw, budgetRaw       int64
	dailyRaw                 int64
	horizonStart, horizonEnd int64
}

// termsOf reads a campaign's terms; what was before comes from the campaign as written (semantics 3).
func termsOf(written, c *model.Campaign, start, end int64) terms {
	t := terms{horizonStart: start, horizonEnd: end,
		start: instantOr(c.Start, start), end: instantOr(c.End, end),
		goalRaw: valueOr(c.Goal), budgetRaw: valueOr(c.Budget), dailyRaw: valueOr(c.DailyBudget)}
	t.deliveredRaw = before(written, written.DeliveredBefore, written.Goal, start, end)
	t.spentRaw = before(written, written.SpentBefore, written.Budget, start, end)
	t.scale(1, 1)
	return t
}

func instantOr(t *model.Instant, otherwise int64) int64 {
	if t == nil {
		return otherwise
	}
	return int64(*t)
}

func valueOr[T ~int64](v *T) int64 {
	if v == nil {
		return unset
	}
	return int64(*v)
}

// before is what a campaign delivered or spent before the horizon: as given, else on schedule of its whole.
func before[T ~int64](written *model.Campaign, given, whole *T, start, end int64) int64 {
	if given != nil {
		return int64(*given)
	}
	from, to := instantOr(written.Start, start), instantOr(written.End, end)
	if from >= start || whole == nil || to <= from {
		return 0
	}
	return mulDiv(int64(*whole), min(start, to)-from, to-from)
}

// scale fits the terms to a sample: kept of total slots (semantics 9).
func (t *terms) scale(kept, total int64) {
	t.goal, t.budget, t.daily, t.delivered, t.spent = t.goalRaw, t.budgetRaw, t.dailyRaw, t.deliveredRaw, t.spentRaw
	if kept == total {
		return
	}
	if t.goal != unset {
		t.goal = max(1, mulDiv(t.goal, kept, total))
	}
	t.delivered = mulDiv(t.delivered, kept, total)
	t.spent = mulDivEven(t.spent, kept, total)
	if t.budget != unset {
		t.budget = mulDivEven(t.budget, kept, total)
	}
	if t.daily != unset {
		t.daily = mulDivEven(t.daily, kept, total)
	}
}

// overlaps reports whether the flight has an instant of the horizon.
func (t *terms) overlaps() bool {
	return t.start < t.end && t.start < t.horizonEnd && t.end > t.horizonStart
}

// expected is what the goal asks for within the horizon (semantics 8).
func (t *terms) expected() int64 {
	until := min(t.end, t.horizonEnd)
	if t.start >= t.end || until <= t.start {
		return 0
	}
	return max(0, mulDiv(t.goal, until-t.start, t.end-t.start)-t.delivered)
}
