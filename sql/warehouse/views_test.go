package warehouse_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// studies cover what simulations look like: with replicates enough for intervals and too few, without
// a baseline, with a failed one, with lineage and samples that differ.
var studies = []study{
	{id: "20260701-aaaaaaaaaa", variants: 24, baseline: "succeeded"},
	{id: "20260701-bbbbbbbbbb", variants: 2, replicates: 22, baseline: "succeeded", mixed: true},
	{id: "20260702-cccccccccc", variants: 6, replicates: 2, baseline: "missing"},
	{id: "20260702-dddddddddd", variants: 4, replicates: 2, baseline: "failed", mixed: true},
	{id: "20260703-eeeeeeeeee", variants: 9, replicates: 1, baseline: "succeeded", mixed: true},
}

func roll(seed uint64, studies []study) (all []model.VariantResult) {
	d := dice{rand.New(rand.NewPCG(seed, 1))}
	for _, s := range studies {
		all = append(all, d.rows(s)...)
	}
	return all
}

// order sorts rows by their identifying columns.
func order(rows []record) []record {
	key := func(r record) string {
		var parts []string
		for _, column := range []string{"simulation_id", "variant_id", "replicate", "metric", "campaign_id", "winner_id", "group", "dimension", "parameter", "value", "frequency"} {
			parts = append(parts, text(r[column]))
		}
		return strings.Join(parts, "\x00")
	}
	slices.SortFunc(rows, func(a, b record) int { return strings.Compare(key(a), key(b)) })
	return rows
}

// Sums of floats may be taken in another order than ours.
var nearly = cmpopts.EquateApprox(1e-9, 1e-12)

func TestViewsEqualPlainDerivations(t *testing.T) {
	t.Parallel()
	all := roll(1, studies)
	root := store(t, all)
	whole := open(t, root)
	counted := count(all)
	checkViews(t, "whole store", whole, all, counted)
	one := studies[4].id
	ofOthers := func(r model.VariantResult) bool { return r.SimulationID != one }
	checkViews(t, "one simulation", open(t, root, warehouse.Simulation(one)),
		slices.DeleteFunc(slices.Clone(all), ofOthers), slices.DeleteFunc(slices.Clone(counted), ofOthers))
}

// differing leaves out the rows that are the same to the last bit in both, nearly all: telling how rows
// differ takes far longer than telling that they don't.
func differing(want, got []record) (a, b []record) {
	if len(want) != len(got) {
		return want, got
	}
	for i := range want {
		if !reflect.DeepEqual(want[i], got[i]) {
			a, b = append(a, want[i]), append(b, got[i])
		}
	}
	return a, b
}

func checkViews(t *testing.T, name string, w *warehouse.Warehouse, all, counted []model.VariantResult) {
	t.Helper()
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, v := range list {
		if v.Internal || v.Args != nil {
			continue
		}
		want, got := order(derivations[v.Name](all, counted)), order(ask(t, w, selectAll(v)))
		wanted, given := differing(want, got)
		if diff := cmp.Diff(wanted, given, nearly, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s, view %s: plain derivation of %d rows (-), view of %d (+)\n%.3000s", name, v.Name, len(want), len(got), diff)
		}
		checked++
	}
	if checked != len(derivations) {
		t.Errorf("%d views checked, there are %d derivations", checked, len(derivations))
	}
}

func TestParetoEqualsPlainDerivation(t *testing.T) {
	t.Parallel()
	all := roll(2, []study{studies[0], studies[4]})
	w, counted := open(t, store(t, all)), count(all)
	for _, c := range []struct {
		x     string
		signX float64
		y     string
		signY float64
	}{{"reach", 1, "revenue", 1}, {"fill_rate", 1, "goal_shortfall", -1}, {"average_frequency", -1, "ecpm", 1}, {"goals_met", 1, "goals_met", 1}} {
		named := func(metric string, sign float64) string { return map[bool]string{true: "-"}[sign < 0] + metric }
		var got []string
		for _, row := range ask(t, w, "SELECT * FROM pareto("+views.Quote(named(c.x, c.signX))+", "+views.Quote(named(c.y, c.signY))+")") {
			got = append(got, row["simulation_id"].(string)+"/"+row["variant_id"].(string))
		}
		slices.Sort(got)
		if diff := cmp.Diff(expectPareto(counted, c.x, c.signX, c.y, c.signY), got); diff != "" {
			t.Errorf("pareto(%s, %s): plain derivation (-), view (+)\n%s", c.x, c.y, diff)
		}
	}
}

// The comparison and the metrics are two shapes of the same figures: they agree to the last bit, on
// samples of any size, with and without a baseline.
func TestComparisonAgreesWithTheMetrics(t *testing.T) {
	t.Parallel()
	w := open(t, store(t, roll(4, []study{studies[2], studies[3],
		{id: "20260704-ffffffffff", variants: 15, baseline: "succeeded", mixed: true}, {id: "20260705-gggggggggg", variants: 15, baseline: "succeeded", mixed: true}})))
	metrics := map[string]record{}
	for _, r := range ask(t, w, "SELECT * FROM variant_metrics") {
		metrics[text(r["simulation_id"])+text(r["variant_id"])+text(r["metric"])] = r
	}
	sampled, compared := 0, 0
	for _, r := range ask(t, w, "SELECT * FROM comparison") {
		if share := r["sampled_share"].(float64); share > 0 && share < 1 && r["reach_delta"] != nil {
			sampled++
		}
		for _, name := range views.DefaultMetrics {
			m := metrics[text(r["simulation_id"])+text(r["variant_id"])+text(name)]
			want := []any{m["value"], m["delta"], m["relative_delta"]}
			got := []any{float(r[name]), float(r[name+"_delta"]), float(r[name+"_relative_delta"])}
			if m == nil || !slices.Equal(got, want) {
				t.Errorf("%s of %s/%s: comparison has %v, variant_metrics %v", name, r["simulation_id"], r["variant_id"], got, want)
			}
			compared++
		}
	}
	if sampled < 5 || compared < 100 {
		t.Errorf("%d figures were compared, %d variants on a sample among those with a baseline", compared, sampled)
	}
}
