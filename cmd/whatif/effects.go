package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/sql/warehouse"
)

// compareBy prints the response curve of one parameter: each metric's mean, lowest and highest over
// the variants that share a value.
func (c *console) compareBy(ctx context.Context, w *warehouse.Warehouse, id string, f comparisonFlags) error {
	if err := c.knownParameter(ctx, w, id, f.by); err != nil {
		return err
	}
	var columns strings.Builder
	for _, m := range f.metrics {
		for _, statistic := range []string{"mean", "minimum", "maximum"} {
			fmt.Fprintf(&columns, ", MAX(CASE WHEN metric = '%s' THEN %s END) AS %s_%s", m, statistic, m, statistic)
		}
	}
	r, err := query(ctx, w, fmt.Sprintf(`SELECT value, MAX(variants) AS variants%s
		FROM parameter_effects WHERE simulation_id = ? AND parameter = ?
		GROUP BY value ORDER BY MIN(value_number) NULLS LAST, value`, columns.String()), id, f.by)
	if err != nil {
		return err
	}
	if c.asTable() {
		r = readableEffects(r, f)
	}
	return c.print(r)
}

func (c *console) knownParameter(ctx context.Context, w *warehouse.Warehouse, id, name string) error {
	r, err := query(ctx, w, "SELECT DISTINCT parameter FROM parameter_effects WHERE simulation_id = ? ORDER BY parameter", id)
	if err != nil {
		return err
	}
	var names []string
	for _, row := range r.values {
		if row[0] == name {
			return nil
		}
		names = append(names, fmt.Sprint(row[0]))
	}
	if len(names) == 0 {
		return usage("--by %s: no variant that succeeded sets a parameter", name)
	}
	return usage("--by %s: there is no such parameter; there are %s", name, strings.Join(names, ", "))
}

// readableEffects shows "mean (lowest .. highest)" per metric.
func readableEffects(r rows, f comparisonFlags) rows {
	out := rows{columns: []string{f.by, "variants"}, right: map[string]bool{f.by: true}}
	for _, m := range f.metrics {
		out.columns = append(out.columns, m)
		out.right[m] = true
	}
	for _, row := range r.values {
		cells := []any{row[0], row[1]}
		for i, m := range f.metrics {
			mean, low, high := row[2+3*i], row[3+3*i], row[4+3*i]
			text := metricCell(m, mean, nil, nil, true)
			if low != high {
				text += fmt.Sprintf(" (%s .. %s)", metricCell(m, low, nil, nil, true), metricCell(m, high, nil, nil, true))
			}
			cells = append(cells, text)
		}
		out.values = append(out.values, cells)
	}
	return out
}
