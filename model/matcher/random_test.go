package matcher_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/matcher"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

// simulate is one implementation of the semantics.
type simulate func(t testing.TB, slots []model.Slot, sc *model.Scenario) *model.Metrics

// reference is the plain implementation.
func reference(t testing.TB, slots []model.Slot, sc *model.Scenario) *model.Metrics {
	t.Helper()
	m, err := matcher.Reference(slots, sc)
	if err != nil {
		t.Fatalf("%v\n%s", err, show(slots, sc))
	}
	return m
}

// rounds is how many random studies a test tries: all of them with WHATIF_FULL.
func rounds(few, full int) int {
	if os.Getenv("WHATIF_FULL") == "" {
		return few
	}
	return full
}

// shapes are the sizes of random studies, from tiny ones, whose failures are easy to read, upwards.
var shapes = []studies.Shape{
	{Slots: 4, Campaigns: 2, Users: 2},
	{Slots: 12, Campaigns: 4, Users: 3},
	{Slots: 40, Campaigns: 8, Users: 6},
	{Slots: 150, Campaigns: 20, Users: 12},
	{Slots: 300, Campaigns: 90, Users: 40},
}

// study is the random study of a number: the same for every test and every run.
func study(i int) ([]model.Slot, *model.Scenario) {
	shape := shapes[i%len(shapes)]
	if i%len(shapes) == len(shapes)-1 && i%4 != 0 {
		shape = shapes[1] // large ones cost most and find least
	}
	return studies.Random(studies.Seeded(uint64(i)), shape)
}

// show prints a study for the message of a failure.
func show(slots []model.Slot, sc *model.Scenario) string {
	out := ""
	ordered := slices.Clone(slots)
	slices.SortFunc(ordered, func(a, b model.Slot) int { return int(a.Time - b.Time) })
	for i, s := range ordered {
		if i == 60 {
			out += fmt.Sprintf("  .. and %d slots more\n", len(ordered)-i)
			break
		}
		out += fmt.Sprintf("  slot %q %s user=%q request=%q floor=%d %v %v\n", s.ID,
			time.UnixMicro(int64(s.Time)).UTC().Format("2006-01-02T15:04:05.000000Z"), s.UserID, s.RequestID, s.FloorCPM, s.Scalars, s.Sets)
	}
	out += fmt.Sprintf("  seed=%d replicate=%d zone=%s shift=%dd policy=%+v report=%+v\n", sc.Seed, sc.Replicate, sc.Location, sc.ShiftDays, sc.Policy, sc.Report)
	for _, g := range sc.CapGroups {
		out += fmt.Sprintf("  cap group %s where %s: %v\n", g.Name, showExpr(g.Where), g.FrequencyCaps)
	}
	out += showEdits(sc.Slots)
	for i := range sc.Campaigns {
		out += "  written " + showCampaign(&sc.Written[i])
		out += "  edited  " + showCampaign(&sc.Campaigns[i])
	}
	return out
}

func showEdits(e model.SlotEdits) string {
	out := ""
	for _, w := range e.Where {
		out += "  slots.where " + showExpr(w) + "\n"
	}
	for _, f := range e.Floors {
		out += fmt.Sprintf("  slots.floor_cpm %s %s where %s\n", f.Op, f.Value, showExpr(f.Where))
	}
	for _, f := range e.Traffic {
		out += fmt.Sprintf("  slots.traffic %s where %s\n", f.Factor, showExpr(f.Where))
	}
	if e.Sample != nil {
		out += fmt.Sprintf("  slots.sample %s\n", *e.Sample)
	}
	return out
}

func showCampaign(c *model.Campaign) string {
	out := fmt.Sprintf("%q adv=%q cat=%q %v prio=%d bid=%d %s %s goal=%s budget=%s daily=%s flight=[%s, %s) before=%s/%s caps=%v spread=%v enabled=%v targeting=%s\n",
		c.ID, c.Advertiser, c.Category, c.Labels, c.Priority, c.BidCPM, c.Pricing, c.Pacing, showPointer(c.Goal), showPointer(c.Budget),
		showPointer(c.DailyBudget), showPointer(c.Start), showPointer(c.End), showPointer(c.DeliveredBefore), showPointer(c.SpentBefore),
		c.FrequencyCaps, c.BidSpread, c.Enabled, showExpr(c.Targeting))
	for _, a := range c.BidAdjustments {
		out += fmt.Sprintf("    bid x %s when %s\n", a.Multiply, showExpr(a.When))
	}
	return out
}

func showPointer[T any](p *T) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprint(*p)
}

func showExpr(e *model.Expr) string {
	if e == nil {
		return "everything"
	}
	if e.Op == model.OpIn {
		return fmt.Sprintf("%s in %v", e.Dimension, e.Values)
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = showExpr(a)
	}
	return fmt.Sprintf("%s%q", e.Op, args)
}

// equal fails with the study and the first figures that differ.
func equal(t testing.TB, what string, want, got *model.Metrics, slots []model.Slot, sc *model.Scenario) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s\n%s", what, diff, show(slots, sc))
	}
}
