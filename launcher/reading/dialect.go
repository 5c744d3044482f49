package reading

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/whatif-machine/whatif/sql"
)

// The dialects that a statement is printed in.
const (
	duckDB   = sql.DuckDB
	bigQuery = sql.BigQuery
)

// writer writes the values of a statement: as literals of a dialect, or bound.
type writer struct {
	dialect string
	dataset sql.Dataset // that views are named with in BigQuery; none: by themselves
	bound   bool        // write `?` and keep the values in args
	args    []any
}

// value writes what a column is compared with.
func (w *writer) value(column sql.Column, v any) string {
	if !w.bound {
		return w.literal(column, v)
	}
	w.args = append(w.args, v)
	switch column.Type {
	case typeDate:
		return "CAST(? AS DATE)"
	case typeTimestamp:
		return "CAST(? AS TIMESTAMP WITH TIME ZONE)"
	}
	return "?"
}

func (w *writer) literal(column sql.Column, v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return "CAST(" + w.text(strconv.FormatFloat(v, 'g', -1, 64)) + " AS " + w.floatType() + ")"
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	}
	text := w.text(fmt.Sprint(v))
	switch {
	case column.Type == typeDate:
		return "DATE " + text
	case column.Type == typeTimestamp && w.dialect == bigQuery:
		return "TIMESTAMP " + text
	case column.Type == typeTimestamp:
		return "TIMESTAMPTZ " + text
	}
	return text
}

func (w *writer) floatType() string {
	if w.dialect == bigQuery {
		return "FLOAT64"
	}
	return "DOUBLE"
}

// text writes a text as a literal.
func (w *writer) text(s string) string { return sql.Text(w.dialect, s) }

// name writes a column's name.
func (w *writer) name(column string) string { return sql.Name(w.dialect, column) }
