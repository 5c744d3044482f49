package reading

import (
	"fmt"
	"slices"

	"github.com/whatif-machine/whatif/sql"
)

// view is what a request may ask for by name.
type view struct {
	name    string   // in requests
	of      string   // view of package sql
	keys    []string // columns that tell the rows of one simulation apart, in their natural order
	metrics bool     // a request may choose metrics
	nested  bool     // reads the nested results: as many rows as variants times entries
}

// views are all there are, by the name that a request gives.
var views = []view{
	{name: "comparison", of: "comparison", keys: []string{"variant_id"}, metrics: true},
	{name: "variants", of: "variants", keys: []string{"variant_id"}},
	{name: "metrics", of: "variant_metrics", keys: []string{"variant_id", "metric"}, metrics: true},
	{name: "campaigns", of: "campaign_results", keys: []string{"variant_id", "campaign_id"}, nested: true},
	{name: "frequency", of: "frequency", keys: []string{"variant_id", "frequency"}},
	{name: "campaign_frequency", of: "campaign_frequency", keys: []string{"variant_id", "campaign_id", "frequency"}, nested: true},
	{name: "groups", of: "group_results", keys: []string{"variant_id", "group", "value"}, nested: true},
	{name: "breakdowns", of: "breakdown_results", keys: []string{"variant_id", "dimension", "value"}, nested: true},
	{name: "contention", of: "contention", keys: []string{"variant_id", "campaign_id", "winner_id"}, nested: true},
	{name: "effects", of: "parameter_effects", keys: []string{"parameter", "metric", "value_number", "value"}, metrics: true},
	{name: "failures", of: "failures", keys: []string{"variant_id"}},
	{name: "pareto", of: "pareto", keys: []string{"variant_id"}},
}

// Views are the names of the views that a request may ask for.
func Views() (names []string) {
	for _, v := range views {
		names = append(names, v.name)
	}
	return names
}

// viewNamed is a view with its columns.
func viewNamed(name string) (view, []sql.Column, error) {
	i := slices.IndexFunc(views, func(v view) bool { return v.name == name })
	if i < 0 {
		return view{}, nil, unknown("view", "view", name, Views())
	}
	all, err := sql.Views(sql.DuckDB)
	if err != nil {
		return view{}, nil, err
	}
	j := slices.IndexFunc(all, func(v sql.View) bool { return v.Name == views[i].of })
	if j < 0 {
		return view{}, nil, fmt.Errorf("view %s rests on %s, which package sql does not have", name, views[i].of)
	}
	return views[i], all[j].Columns, nil
}

// names are the columns' names.
func names(columns []sql.Column) (list []string) {
	for _, c := range columns {
		list = append(list, c.Name)
	}
	return list
}
