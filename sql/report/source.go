package report

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// source asks the views. The warehouse is one; see fromWarehouse.
type source func(ctx context.Context, sql string, args ...any) (rows, error)

// rows is an answer, read once from top to bottom.
type rows interface {
	Next() bool
	Values() []any // of the current row: nil, bool, int64, float64, string, time.Time, *big.Int
	Err() error
	Close() error
}

// query is one SELECT over one view; where holds one `?` for each of args.
type query struct {
	view    string
	columns []string
	where   string
	order   string
	args    []any
}

// text is the SELECT. Views and columns are ours, values are always bound.
func (q query) text() string {
	text := "SELECT " + strings.Join(q.columns, ", ") + " FROM " + q.view + " WHERE " + q.where
	if q.order != "" {
		text += " ORDER BY " + q.order
	}
	return text
}

// each calls row for every row of the answer. The record is row's only during the call.
func (ask source) each(ctx context.Context, q query, row func(record) error) (err error) {
	answer, err := ask(ctx, q.text(), q.args...)
	if err != nil {
		return fmt.Errorf("report: ask view %s: %w", q.view, err)
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	for answer.Next() {
		values := answer.Values()
		if len(values) != len(q.columns) {
			return fmt.Errorf("report: view %s gave %d columns for %d", q.view, len(values), len(q.columns))
		}
		r := record{q: q, values: values, bad: new(error)}
		if err := row(r); err != nil {
			return err
		}
		if *r.bad != nil {
			return *r.bad
		}
	}
	if err := answer.Err(); err != nil {
		return fmt.Errorf("report: read view %s: %w", q.view, err)
	}
	return nil
}

// record is one row. Its accessors take a column's place in the query; the first value of an
// unexpected type is kept in bad and ends the reading.
type record struct {
	q      query
	values []any
	bad    *error
}

// reject notes that a column holds something else than it should.
func (r record) reject(i int, wanted string) {
	if *r.bad == nil {
		*r.bad = fmt.Errorf("report: column %s of view %s holds a %T where %s is expected", r.q.columns[i], r.q.view, r.values[i], wanted)
	}
}

// text is a column's text, a number in its shortest form; null is empty.
func (r record) text(i int) string {
	switch v := r.values[i].(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	r.reject(i, "text")
	return ""
}

// null reports whether a column is null.
func (r record) null(i int) bool { return r.values[i] == nil }

// number is a column's figure; null is unknown.
func (r record) number(i int) number {
	switch v := r.values[i].(type) {
	case nil:
		return number{}
	case float64:
		return known(v)
	case *big.Int: // a sum beyond an int64
		f, _ := new(big.Float).SetInt(v).Float64()
		return known(f)
	}
	return known(float64(r.integer(i)))
}

// integer is a column's whole number; null is 0.
func (r record) integer(i int) int64 {
	switch v := r.values[i].(type) {
	case nil:
		return 0
	case int64:
		return v
	}
	r.reject(i, "a whole number")
	return 0
}

// flag is a column's boolean; null is false.
func (r record) flag(i int) bool {
	switch v := r.values[i].(type) {
	case nil:
		return false
	case bool:
		return v
	}
	r.reject(i, "a boolean")
	return false
}

// instant is a column's time as RFC 3339 in UTC, to the second; null is empty.
func (r record) instant(i int) string {
	switch v := r.values[i].(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	r.reject(i, "a time")
	return ""
}
