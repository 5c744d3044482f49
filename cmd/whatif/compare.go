package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

// tableTop is how many variants a table on a terminal shows when --top is not given.
const tableTop = 20

// tableMetrics are the columns of a table: few enough for a terminal.
var tableMetrics = []string{"fill_rate", "reach", "average_frequency", "revenue"}

type comparisonFlags struct {
	metrics   []string
	by        string
	sort      string
	ascending bool
	top       int
}

func (c *console) compareCommand() *cobra.Command {
	var f comparisonFlags
	cmd := &cobra.Command{
		Use:   "compare SIMULATION",
		Short: "The variants of a simulation beside the baseline",
		Long: `compare prints every variant's metrics and their difference to the baseline. With --by it averages over all variants
that share a value of one parameter: the response curve of that lever.`,
		Example: `  whatif compare latest
  whatif compare latest --metric reach --metric revenue --sort revenue --top 10
  whatif compare latest --by daily_cap
  whatif compare latest --format csv > comparison.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return c.reading(cmd.Context(), args[0], func(w *warehouse.Warehouse, id string) error {
				if err := c.compare(cmd.Context(), w, id, f); err != nil {
					return err
				}
				return c.sayIncomplete(cmd.Context(), id)
			})
		},
	}
	cmd.Flags().StringSliceVar(&f.metrics, "metric", nil, "a metric to show; may be repeated (default: those of the comparison view)")
	cmd.Flags().StringVar(&f.by, "by", "", "a parameter: average over the variants that share its value")
	cmd.Flags().StringVar(&f.sort, "sort", "", "a metric to sort by, highest first")
	cmd.Flags().BoolVar(&f.ascending, "ascending", false, "with --sort: lowest first")
	cmd.Flags().IntVar(&f.top, "top", 0, "show only so many variants beside the baseline")
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// check refuses flags that make no sense, alone or together.
func (f comparisonFlags) check() error {
	switch {
	case f.top < 0:
		return usage("--top %d is not a number of variants", f.top)
	case f.by != "" && (f.sort != "" || f.top > 0 || f.ascending):
		return usage("--by lists the values of a parameter in their order; --sort, --ascending and --top do not go with it")
	case f.ascending && f.sort == "":
		return usage("--ascending goes with --sort METRIC")
	}
	return nil
}

// reading opens the results of a simulation, by its id or `latest`, for as long as read takes.
func (c *console) reading(ctx context.Context, name string, read func(w *warehouse.Warehouse, id string) error) error {
	id, err := c.resolve(ctx, name)
	if err != nil {
		return err
	}
	w, err := c.open(ctx, id)
	if err != nil {
		return err
	}
	defer w.close()
	return read(w.Warehouse, id)
}

// submitted is the result store and a simulation's plan in it.
func (c *console) submitted(ctx context.Context, id string) (*results.Store, *model.Plan, error) {
	store, err := results.Open(c.results)
	if err != nil {
		return nil, nil, err
	}
	plan, err := store.Plan(ctx, id)
	return store, plan, err
}

// sayIncomplete says what of a simulation a comparison cannot show: what failed and what did not run.
func (c *console) sayIncomplete(ctx context.Context, id string) error {
	store, plan, err := c.submitted(ctx, id)
	if err != nil {
		return err
	}
	counted, err := store.Counted(ctx, id)
	if err != nil {
		return err
	}
	failed := 0
	for _, row := range counted {
		if row.Status == model.StatusFailed {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(c.err, "%s of %s failed and are not compared; why: whatif failures %s%s\n",
			grouped(int64(failed)), count(len(plan.Variants), "variant"), id, resultsFlag(c.results))
	}
	if missing := len(plan.Variants) - len(counted); missing > 0 {
		fmt.Fprintf(c.err, "%s of %s did not run yet; go on: whatif run --resume %s%s\n",
			grouped(int64(missing)), count(len(plan.Variants), "variant"), id, resultsFlag(c.results))
	}
	return nil
}

// compare prints the comparison of one simulation.
func (c *console) compare(ctx context.Context, w *warehouse.Warehouse, id string, f comparisonFlags) error {
	if err := c.chooseMetrics(ctx, w, id, &f); err != nil {
		return err
	}
	if f.by != "" {
		return c.compareBy(ctx, w, id, f)
	}
	text, args := sql.ComparisonQuery{SimulationID: id, Metrics: f.metrics, Sort: f.sort, Ascending: f.ascending, Top: f.top}.SQL()
	r, err := query(ctx, w, text, args...)
	if err != nil {
		return err
	}
	if !c.asTable() {
		return c.print(r)
	}
	if len(r.values) == 0 {
		c.say("no variant of %s has succeeded: there is nothing to compare", id)
		return nil
	}
	if err := c.print(readable(r, f)); err != nil {
		return err
	}
	return c.sayMore(ctx, w, id, len(r.values))
}

// chooseMetrics fills in the defaults and refuses names that the simulation has no figures for.
func (c *console) chooseMetrics(ctx context.Context, w *warehouse.Warehouse, id string, f *comparisonFlags) error {
	if len(f.metrics) == 0 {
		f.metrics = slices.Clone(sql.DefaultMetrics)
		if c.asTable() {
			f.metrics = slices.Clone(tableMetrics)
		}
	}
	if f.sort != "" && !slices.Contains(f.metrics, f.sort) {
		f.metrics = append(f.metrics, f.sort)
	}
	if c.asTable() && f.top == 0 && f.by == "" {
		f.top = tableTop
	}
	known, err := query(ctx, w, "SELECT DISTINCT metric FROM variant_metrics WHERE simulation_id = ? ORDER BY metric", id)
	if err != nil {
		return err
	}
	var names []string
	for _, row := range known.values {
		names = append(names, fmt.Sprint(row[0]))
	}
	for _, m := range f.metrics {
		if len(names) > 0 && !slices.Contains(names, m) {
			return usage("there is no metric %q; there are %s", m, strings.Join(names, ", "))
		}
	}
	return nil
}

// sayMore says how many variants the table left out.
func (c *console) sayMore(ctx context.Context, w *warehouse.Warehouse, id string, shown int) error {
	total, err := query(ctx, w, "SELECT COUNT(*) FROM comparison WHERE simulation_id = ?", id)
	if err != nil || len(total.values) == 0 {
		return err
	}
	if n, ok := total.values[0][0].(int64); ok && n > int64(shown) {
		c.say("%s more; all: whatif compare %s%s --top %d", grouped(n-int64(shown)), id, resultsFlag(c.results), n)
	}
	return nil
}

// readable turns raw comparison rows into what people read: a column per parameter, a cell per metric.
func readable(r rows, f comparisonFlags) rows {
	metrics := f.metrics
	parameters := parameterNames(r)
	out := rows{columns: append([]string{"variant"}, parameters...), right: map[string]bool{}, first: sameEverywhere(r, parameters)}
	out.first = append(out.first, lessTelling(f)...)
	for _, m := range metrics {
		out.columns = append(out.columns, m)
		out.right[m] = true
	}
	for _, row := range r.values {
		cells := []any{row[0]}
		values := parameterValues(row[1])
		for _, p := range parameters {
			cells = append(cells, values[p])
		}
		for i, m := range metrics {
			cells = append(cells, metricCell(m, row[3+3*i], row[4+3*i], row[5+3*i], row[0] == "baseline"))
		}
		out.values = append(out.values, cells)
	}
	return out
}

// sameEverywhere are the parameters that no shown variant tells from the others: what a narrow
// terminal can do without.
func sameEverywhere(r rows, parameters []string) []string {
	return slices.DeleteFunc(slices.Clone(parameters), func(name string) bool {
		seen := map[any]bool{}
		for _, row := range r.values {
			seen[parameterValues(row[1])[name]] = true
		}
		return len(seen) > 2 // not only as written, and one value
	})
}

// lessTelling are the metrics that a narrow terminal leaves out next, before any lever: not the one
// that the rows are sorted by, else not the first.
func lessTelling(f comparisonFlags) []string {
	keep := f.sort
	if keep == "" {
		keep = f.metrics[0]
	}
	return slices.DeleteFunc([]string{"average_frequency", "reach"}, func(m string) bool {
		return m == keep || !slices.Contains(f.metrics, m)
	})
}

// parameterValues reads the parameters column: a JSON object of name and value.
func parameterValues(v any) map[string]any {
	values := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(fmt.Sprint(v)))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil // none: the row leaves everything as written
	}
	for name, value := range values {
		values[name] = fmt.Sprint(value)
	}
	return values
}

// parameterNames lists the parameters in the order of the configuration: that in which a row names
// them, and the rows after it those that it leaves as written.
func parameterNames(r rows) []string {
	var names []string
	for _, row := range r.values {
		for _, name := range objectKeys(fmt.Sprint(row[1])) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// objectKeys lists the keys of a flat JSON object as they stand in the text.
func objectKeys(text string) []string {
	var keys []string
	decoder := json.NewDecoder(strings.NewReader(text))
	for i := 0; ; i++ {
		token, err := decoder.Token()
		if err != nil {
			return keys
		}
		if key, ok := token.(string); ok && i%2 == 1 { // after the brace, keys and values alternate
			keys = append(keys, key)
		}
	}
}

// metricCell is a value with its difference to the baseline: points for rates, percent otherwise.
func metricCell(metric string, value, delta, relative any, baseline bool) string {
	v, ok := number(value)
	if !ok {
		return "-"
	}
	rate := strings.HasSuffix(metric, "_rate") || strings.HasSuffix(metric, "_share")
	text := rounded(v)
	if rate {
		text = percent(v)
	} else if v == float64(int64(v)) {
		text = grouped(int64(v))
	}
	if baseline {
		return text
	}
	if d, ok := number(delta); ok && rate {
		return text + " (" + signed(100*d, 1) + " pts)"
	}
	if d, ok := number(relative); ok && !rate {
		return text + " (" + signed(100*d, 1) + " %)"
	}
	return text
}

// number reads a cell as a float; false for null and text.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	}
	return 0, false
}
