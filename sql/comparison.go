package sql

import (
	"fmt"
	"strings"
)

// ComparisonQuery asks for some metrics of every variant beside its difference to the baseline. The
// baseline comes first; the others by the Sort metric, highest first (Ascending: lowest first), ties
// and absent values by variant id.
type ComparisonQuery struct {
	SimulationID string
	Metrics      []string // names of variant_metrics; each gives <m>, <m>_delta, <m>_relative_delta
	Sort         string   // one of Metrics; empty: in the order of the variants
	Ascending    bool
	Top          int     // variants beside the baseline; 0: all
	Dataset      Dataset // that the views are in; none: they are named by themselves
}

// DefaultMetrics are those of the comparison view.
var DefaultMetrics = []string{"fill_rate", "filled", "reach", "average_frequency", "revenue", "ecpm", "goals_met"}

// Metrics are the names of variant_metrics, in its order.
var Metrics = []string{
	"slots", "filled", "fill_rate", "unfilled_no_campaign_targeted", "unfilled_below_floor", "unfilled_unidentified",
	"unfilled_goal_reached", "unfilled_budget_spent", "unfilled_paced", "unfilled_frequency_capped", "unfilled_separated",
	"revenue", "ecpm", "rpm", "users", "reach", "reach_rate", "identified_impressions", "average_frequency", "grp",
	"goals", "goals_met", "goal_shortfall",
}

// SQL is the statement, the same in every dialect, and the values of its parameters.
// Metric names must come from variant_metrics: they are quoted, not bound.
func (q ComparisonQuery) SQL() (string, []any) {
	return q.Where("c.simulation_id = ?", "m.simulation_id = c.simulation_id"), []any{q.SimulationID}
}

// Where is the statement over the rows that conditions of the caller's choose: of is about the view
// comparison, named c; metricsOf is about variant_metrics, named m, and should name the same simulation.
// SimulationID is not used.
func (q ComparisonQuery) Where(of, metricsOf string) string {
	order := "c.variant_id"
	if q.Sort != "" {
		direction := "DESC"
		if q.Ascending {
			direction = "ASC"
		}
		order = fmt.Sprintf("%s %s NULLS LAST, c.variant_id", q.Sort, direction)
	}
	limit := ""
	if q.Top > 0 {
		limit = fmt.Sprintf("\nLIMIT %d", q.Top+1)
	}
	return fmt.Sprintf(`SELECT c.variant_id, c.parameters, c.comparable%s
FROM %s AS c
LEFT JOIN %s AS m
  ON %s AND m.variant_id = c.variant_id AND m.metric IN ('%s')
WHERE %s
GROUP BY c.variant_id, c.parameters, c.comparable
ORDER BY CASE WHEN c.variant_id = 'baseline' THEN 0 ELSE 1 END, %s%s`,
		q.columns(), q.Dataset.Of("comparison"), q.Dataset.Of("variant_metrics"), metricsOf, strings.Join(q.Metrics, "', '"), of, order, limit)
}

// columns are three of each metric, each after a comma.
func (q ComparisonQuery) columns() string {
	var columns strings.Builder
	for _, m := range q.Metrics {
		for _, c := range []struct{ column, suffix string }{{"value", ""}, {"delta", "_delta"}, {"relative_delta", "_relative_delta"}} {
			fmt.Fprintf(&columns, ",\n  MAX(CASE WHEN m.metric = '%s' THEN m.%s END) AS %s%s", m, c.column, m, c.suffix)
		}
	}
	return columns.String()
}
