package transforms

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// ordered are the ids of variants in the order of longestFirst, for a snapshot as it was glanced at.
func ordered(t *testing.T, config *model.Config, g *model.Glance, variants ...model.Variant) string {
	t.Helper()
	s := &study{job: jobForTests(), config: config, seen: g}
	if g != nil {
		s.simulator = panicking{} // it counts as opened
	}
	var ids []string
	for _, v := range s.longestFirst(t.Context(), variants) {
		ids = append(ids, v.ID)
	}
	return strings.Join(ids, " ")
}

func variantOf(id string, values ...model.Value) model.Variant {
	return model.Variant{ID: id, Point: id, Values: values}
}

func number(x float64) model.Value {
	return model.Value{Kind: model.ValueNumber, Number: decimal.NewFromFloat(x)}
}

// TestLongestFirst: a variant of twice the traffic takes about twice as long, one of a tenth of the
// users a tenth.
func TestLongestFirst(t *testing.T) {
	config := &model.Config{Parameters: []model.Parameter{{Name: "traffic", Edit: "slots.traffic"}, {Name: "sample", Edit: "slots.sample"}}}
	unset := model.Value{}
	got := ordered(t, config, nil,
		variantOf("v0001", number(0.5), unset), variantOf("baseline", unset, unset), variantOf("v0002", number(2), unset),
		variantOf("v0003", number(2), number(0.1)), variantOf("v0004", unset, unset))
	if want := "v0002 baseline v0004 v0001 v0003"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTheSnapshotTellsWhatAnEditLeaves: three slots of four are in US, and one segment has one of them. What looks
// like a narrower edit is the wider one.
func TestTheSnapshotTellsWhatAnEditLeaves(t *testing.T) {
	slots := []model.Slot{
		{ID: "a", Time: 1, Scalars: map[string]string{"country": "US"}, Sets: map[string][]string{"segments": {"x", "y"}}},
		{ID: "b", Time: 2, Scalars: map[string]string{"country": "US"}, Sets: map[string][]string{"segments": {"z"}}},
		{ID: "c", Time: 3, Scalars: map[string]string{"country": "US"}},
		{ID: "d", Time: 4},
	}
	snap, err := inventory.Build(slots, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := func(dimension string, values ...string) model.Value {
		return model.Value{Kind: model.ValueExpr, Expr: &model.Expr{Op: model.OpIn, Dimension: dimension, Values: values}}
	}
	config := &model.Config{Parameters: []model.Parameter{{Name: "where", Edit: "slots.where"}}}
	glance := glanceAt(snap)
	// A thousand times as many such slots, so that the row of a variant does not outweigh them.
	glance.Slots *= 1_000_000
	got := ordered(t, config, glance,
		variantOf("v0001", in("segments", "y", "z")), variantOf("v0002", in("country", "US")), variantOf("v0003", in("segments", "x")),
		variantOf("baseline", model.Value{Kind: model.ValueExpr, Expr: &model.Expr{Op: model.OpAll}}))
	if want := "baseline v0002 v0001 v0003"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestASnapshotThatCannotBeOpened leaves variants in the order of what is known without it.
func TestASnapshotThatCannotBeOpened(t *testing.T) {
	config := &model.Config{Parameters: []model.Parameter{{Name: "where", Edit: "slots.where"}, {Name: "sample", Edit: "slots.sample"}}}
	s := &study{job: jobForTests(), config: config, plan: &model.Plan{Inventory: []model.PinnedInput{{URI: t.TempDir() + "/none.parquet"}}}}
	order := s.longestFirst(t.Context(), []model.Variant{variantOf("v0001", model.Value{}, number(0.5)), variantOf("v0002", model.Value{}, model.Value{})})
	if order[0].ID != "v0002" || s.simulator != nil {
		t.Errorf("%s first", order[0].ID)
	}
}

// TestAJobElsewhereIsNotKeptWaiting for a snapshot that this process may not need: what slots.where leaves is taken
// for everything, and variants keep the plan's order.
func TestAJobElsewhereIsNotKeptWaiting(t *testing.T) {
	none := model.Value{Kind: model.ValueExpr, Expr: &model.Expr{Op: model.OpAny}}
	s := &study{job: jobForTests(), config: &model.Config{Parameters: []model.Parameter{{Name: "where", Edit: "slots.where"}}}}
	s.job.Elsewhere = true
	s.simulator, s.seen = panicking{}, &model.Glance{Slots: 1, Seen: []func(*model.Expr) bool{func(*model.Expr) bool { return true }}}
	order := s.longestFirst(t.Context(), []model.Variant{variantOf("v0001", none), variantOf("v0002", model.Value{})})
	if order[0].ID != "v0001" {
		t.Errorf("%s first: it has looked at the snapshot", order[0].ID)
	}
}
