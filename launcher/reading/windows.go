package reading

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// mostVariants bounds a window: the variants whose nested results are read in one query.
const mostVariants = 64

// read asks for the rows behind the position, at most so many.
//
// Views of nested results have a million rows where a study has a thousand campaigns, and some can't be
// made of all variants at once in the memory there is. In their own order, which begins with the variant,
// they are read by windows of a few variants, until there are rows enough. In another order the whole is
// asked for, and where that is too much, the first rows of every window.
func (q *question) read(ctx context.Context, w *warehouse.Warehouse, limit int) ([][]any, error) {
	switch {
	case !q.view.nested || q.at.skips():
		return q.ask(ctx, w, limit)
	case q.sort == "":
		return q.readInOrder(ctx, w, limit)
	}
	rows, err := q.ask(ctx, w, limit)
	if errors.Is(err, warehouse.ErrMemory) {
		return q.readFirsts(ctx, w, limit)
	}
	return rows, err
}

// ask is one query for rows behind the position.
func (q *question) ask(ctx context.Context, w *warehouse.Warehouse, limit int, others ...condition) ([][]any, error) {
	bound := &writer{dialect: duckDB, bound: true}
	text := q.page(bound, q.at, limit, others...)
	return collect(w.Query(ctx, text, bound.args...))
}

func collect(found *warehouse.Rows, err error) (rows [][]any, _ error) {
	if err != nil {
		return nil, err
	}
	for found.Next() {
		rows = append(rows, found.Values())
	}
	return rows, errors.Join(found.Err(), found.Close())
}

// readInOrder reads window after window until there are rows enough. A window is as wide as the rows
// before it say that it must be.
func (q *question) readInOrder(ctx context.Context, w *warehouse.Warehouse, limit int) (rows [][]any, err error) {
	q.window = max(1, q.window)
	err = q.eachWindow(ctx, w, func(within condition) (bool, error) {
		found, err := q.ask(ctx, w, limit-len(rows), within)
		if err != nil {
			return false, err
		}
		rows = append(rows, found...)
		wanted := mostVariants
		if len(found) > 0 {
			wanted = q.window*(limit-len(rows))/len(found) + 1
		}
		q.window = min(max(wanted, 1), 4*q.window, mostVariants)
		return len(rows) < limit, nil
	})
	return rows, err
}

// readFirsts reads the first rows of every window and keeps the first of all.
func (q *question) readFirsts(ctx context.Context, w *warehouse.Warehouse, limit int) (rows [][]any, err error) {
	q.window = mostVariants
	err = q.eachWindow(ctx, w, func(within condition) (bool, error) {
		found, err := q.ask(ctx, w, limit, within)
		if err != nil {
			return false, err
		}
		rows = append(rows, found...)
		slices.SortFunc(rows, q.compare)
		rows = rows[:min(limit, len(rows))]
		return true, nil
	})
	return rows, err
}

// eachWindow calls read with one window of variants after the other, from the position on, until it
// wants no more. A window that needs too much memory is halved.
func (q *question) eachWindow(ctx context.Context, w *warehouse.Warehouse, read func(within condition) (more bool, err error)) error {
	variants, err := q.variants(ctx, w)
	if err != nil {
		return err
	}
	for len(variants) > 0 {
		n := min(q.window, len(variants))
		more, err := read(between(variants[0], variants[n-1]))
		if errors.Is(err, warehouse.ErrMemory) && n > 1 {
			q.window = n / 2
			continue
		}
		if err != nil || !more {
			return err
		}
		variants = variants[n:]
	}
	return nil
}

// variants are those that the view has rows of, in its order, from the one that the position is in.
func (q *question) variants(ctx context.Context, w *warehouse.Warehouse) (ids []string, err error) {
	bound := &writer{dialect: duckDB, bound: true}
	text := "SELECT variant_id\nFROM " + sql.Counted + "\nWHERE status = 'succeeded'"
	for _, f := range q.filters {
		if f.column.Name == "variant_id" {
			text += " AND variant_id = " + bound.value(f.column, f.value)
		}
	}
	if q.sort == "" && q.at.After != nil {
		text += " AND variant_id >= " + bound.value(q.order[0].column, q.at.After[0])
	}
	rows, err := collect(w.Query(ctx, text+"\nORDER BY variant_id", bound.args...))
	for _, row := range rows {
		if id, ok := row[0].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// between keeps the rows of the variants from one to another.
func between(first, last string) condition {
	column := sql.Column{Name: "variant_id", Type: typeString}
	return func(w *writer) string {
		return "variant_id BETWEEN " + w.value(column, first) + " AND " + w.value(column, last)
	}
}

// compare is the order of two rows, as the statement has it.
func (s *selection) compare(a, b []any) int {
	for _, k := range s.order {
		i := s.at(k.column.Name)
		x, y := a[i], b[i]
		switch {
		case x == nil && y == nil:
			continue
		case x == nil:
			return 1
		case y == nil:
			return -1
		}
		if c := compareValues(x, y); c != 0 {
			if k.descending {
				return -c
			}
			return c
		}
	}
	return 0
}

// compareValues orders two values of one column; texts by their bytes, as DuckDB does.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, asA[string](b))
	case int64:
		return cmp.Compare(a, asA[int64](b))
	case float64:
		return cmp.Compare(a, asA[float64](b))
	case time.Time:
		return a.Compare(asA[time.Time](b))
	case bool:
		return cmp.Compare(map[bool]int{true: 1}[a], map[bool]int{true: 1}[asA[bool](b)])
	}
	return 0
}

func asA[T any](v any) T {
	t, _ := v.(T)
	return t
}
