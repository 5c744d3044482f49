package reading

import (
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/sql"
)

// statement is the whole answer as one SELECT: what is printed, in any dialect.
func (s *selection) statement(w *writer) string {
	if s.view.name == "comparison" {
		return s.comparison(w, s.sort, s.top)
	}
	limit := ""
	if s.top > 0 {
		limit = fmt.Sprintf("\nLIMIT %d", s.top)
	}
	return s.plain(w, nil) + s.ordered(w) + limit
}

// page is the part of the answer behind a position, and of it the first rows. Beside the conditions of
// the selection there may be others, of the view's columns.
func (s *selection) page(w *writer, at position, limit int, others ...condition) string {
	behind := func(w *writer) string { return s.after(w, at.After) }
	var text string
	if s.view.name == "comparison" {
		text = "SELECT *\nFROM (\n" + s.comparison(w, "", 0) + "\n) AS answer"
		if at.After != nil {
			text += "\nWHERE " + behind(w)
		}
	} else {
		if at.After != nil {
			others = append(others, behind)
		}
		text = s.plain(w, others)
	}
	text += s.ordered(w) + fmt.Sprintf("\nLIMIT %d", limit)
	if at.skips() {
		text += fmt.Sprintf(" OFFSET %d", at.Given)
	}
	return text
}

// condition writes one condition of a statement.
type condition func(w *writer) string

// comparison is the statement of package sql over the rows chosen. The conditions of the metrics come
// first because they stand first in the text.
func (s *selection) comparison(w *writer, sort string, top int) string {
	metricsOf := s.partition(w, "m.")
	of := append(s.partition(w, "c."), s.filtered(w, "c.")...)
	q := sql.ComparisonQuery{Metrics: s.metrics, Sort: sort, Ascending: s.ascending, Top: top, Dataset: w.dataset}
	return q.Where(strings.Join(of, "\n  AND "), strings.Join(metricsOf, " AND "))
}

// plain selects the rows of a view, all columns.
func (s *selection) plain(w *writer, others []condition) string {
	from := w.dataset.Of(s.view.of)
	if s.view.name == "pareto" {
		from += "(" + w.text(s.x) + ", " + w.text(s.y) + ")"
	}
	if w.dialect == bigQuery && s.at(s.view.of) >= 0 {
		from += " AS answer" // there a view's name hides its column of the same name
	}
	where := append(s.partition(w, ""), s.filtered(w, "")...)
	if len(s.metrics) > 0 {
		// Names of a list of ours.
		where = append(where, "metric IN ('"+strings.Join(s.metrics, "', '")+"')")
	}
	for _, other := range others {
		where = append(where, other(w))
	}
	return "SELECT *\nFROM " + from + "\nWHERE " + strings.Join(where, "\n  AND ")
}

// partition names the simulation and, for the sake of what BigQuery has to read, its day.
func (s *selection) partition(w *writer, prefix string) []string {
	return []string{
		prefix + "simulation_id = " + w.value(sql.Column{Type: typeString}, s.simulation),
		prefix + "submitted_date = " + w.value(sql.Column{Type: typeDate}, s.date),
	}
}

func (s *selection) filtered(w *writer, prefix string) (list []string) {
	for _, f := range s.filters {
		list = append(list, prefix+w.name(f.column.Name)+" = "+w.value(f.column, f.value))
	}
	return list
}

// ordered is the complete order of the rows.
func (s *selection) ordered(w *writer) string {
	terms := make([]string, len(s.order))
	for i, k := range s.order {
		direction := ""
		if k.descending {
			direction = " DESC"
		}
		terms[i] = k.expression(w) + direction + " NULLS LAST"
	}
	return "\nORDER BY " + strings.Join(terms, ", ")
}

func (k key) expression(w *writer) string {
	if k.baseline {
		return "CASE WHEN variant_id = 'baseline' THEN 0 ELSE 1 END"
	}
	return w.name(k.column.Name)
}

// after is true for the rows behind one in the order: those that are equal in the first terms and
// behind in the next.
func (s *selection) after(w *writer, values []any) string {
	var ways []string
	for i, k := range s.order {
		if values[i] == nil {
			continue // nulls are last: nothing is behind them in this term
		}
		var all []string
		for j, earlier := range s.order[:i] {
			all = append(all, earlier.same(w, values[j]))
		}
		ways = append(ways, strings.Join(append(all, k.behind(w, values[i])), " AND "))
	}
	if len(ways) == 0 {
		return "FALSE"
	}
	return "((" + strings.Join(ways, ")\n  OR (") + "))"
}

func (k key) same(w *writer, v any) string {
	if v == nil {
		return k.expression(w) + " IS NULL"
	}
	return k.expression(w) + " = " + w.value(k.column, v)
}

func (k key) behind(w *writer, v any) string {
	sign := " > "
	if k.descending {
		sign = " < "
	}
	return "(" + k.expression(w) + sign + w.value(k.column, v) + " OR " + k.expression(w) + " IS NULL)"
}

// place is where a row stands in the order.
func (s *selection) place(row []any) []any {
	values := make([]any, len(s.order))
	for i, k := range s.order {
		switch {
		case k.baseline && row[s.at("variant_id")] == baselineID:
			values[i] = int64(0)
		case k.baseline:
			values[i] = int64(1)
		default:
			values[i] = keyValue(k.column, row[s.at(k.column.Name)])
		}
	}
	return values
}
