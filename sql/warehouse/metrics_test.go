package warehouse_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
)

// The list of metrics in the code is what the view has.
func TestMetricsAreThoseOfTheView(t *testing.T) {
	var got []string
	for _, row := range ask(t, open(t, simple(t)), "SELECT DISTINCT metric FROM variant_metrics ORDER BY metric") {
		got = append(got, row["metric"].(string))
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(views.Metrics)), got); diff != "" {
		t.Errorf("list (-), view (+)\n%s", diff)
	}
	for _, m := range views.DefaultMetrics {
		if !slices.Contains(views.Metrics, m) {
			t.Errorf("default metric %s is none of the view", m)
		}
	}
}

// A comparison asked for by a condition of one's own is the same as that of its simulation.
func TestComparisonByCondition(t *testing.T) {
	w := open(t, store(t, roll(5, []study{studies[0], studies[4]})))
	q := views.ComparisonQuery{SimulationID: studies[0].id, Metrics: []string{"reach", "ecpm"}, Sort: "ecpm", Top: 7}
	text, args := q.SQL()
	want := ask(t, w, text, args...)
	got := ask(t, w, q.Where("c.simulation_id = '"+studies[0].id+"'", "m.simulation_id = '"+studies[0].id+"'"))
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 8 || want[0]["variant_id"] != model.BaselineID {
		t.Errorf("by simulation, %d rows (-), by condition (+)\n%s", len(want), diff)
	}
}
