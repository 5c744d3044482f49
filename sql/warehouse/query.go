package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// ErrNotReading is in the chain of the error about a statement that is more than a question.
var ErrNotReading = errors.New("only one SELECT (also WITH, FROM, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN) at a time is answered: the results are read, never changed")

// Query answers one SELECT, with `?` or `$1` for each of args (texts, numbers, booleans, times, nil).
// Cancelling ctx interrupts it. An error of the SQL says where in the text it is.
func (w *Warehouse) Query(ctx context.Context, text string, args ...any) (*Rows, error) {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to DuckDB: %w", canceled(ctx, err))
	}
	rows := &Rows{conn: conn}
	if err := conn.Raw(func(c any) error { return rows.start(ctx, c.(*duckdb.Conn), text, args) }); err != nil {
		err = w.blame(ctx, canceled(ctx, err))
		return nil, errors.Join(readable(err), conn.Close())
	}
	return rows, nil
}

// start prepares one statement, makes sure that it only reads, and runs it.
func (r *Rows) start(ctx context.Context, c *duckdb.Conn, text string, args []any) error {
	statement, err := prepare(c, text)
	if err != nil {
		return err
	}
	named, err := bind(args)
	if err == nil {
		err = mustRead(c, statement, text)
	}
	if err == nil {
		r.rows, err = statement.QueryContext(ctx, named)
	}
	if err != nil {
		return errors.Join(err, statement.Close())
	}
	r.statement = statement
	r.describe()
	return nil
}

// prepare takes a text of exactly one statement: of several, the driver would run all but the last.
func prepare(c *duckdb.Conn, text string) (*duckdb.Stmt, error) {
	statement, err := c.Prepare(text)
	if _, ofSQL := errors.AsType[*duckdb.Error](err); err != nil && !ofSQL {
		// On an open connection that is none or several; the driver's words are about its own methods.
		return nil, fmt.Errorf("give one statement at a time: %w", ErrNotReading)
	}
	if err != nil {
		return nil, err
	}
	return statement.(*duckdb.Stmt), nil
}

// explained is what an EXPLAIN explains, which EXPLAIN ANALYZE runs.
var explained = regexp.MustCompile(`(?is)^\s*EXPLAIN\s+(?:ANALYZE\s+|\([^)]*\)\s*)?(.*)$`)

// mustRead refuses every statement that could change a file or a setting.
func mustRead(c *duckdb.Conn, statement *duckdb.Stmt, text string) error {
	kind, err := statement.StatementType()
	if err != nil {
		return err
	}
	if kind == duckdb.STATEMENT_TYPE_EXPLAIN {
		return mustExplainReading(c, text)
	}
	if kind != duckdb.STATEMENT_TYPE_SELECT {
		return ErrNotReading
	}
	return nil
}

func mustExplainReading(c *duckdb.Conn, text string) error {
	inner := explained.FindStringSubmatch(text)
	if inner == nil {
		return ErrNotReading
	}
	statement, err := prepare(c, inner[1])
	if err != nil {
		return err
	}
	kind, err := statement.StatementType()
	if err == nil && kind != duckdb.STATEMENT_TYPE_SELECT {
		err = ErrNotReading
	}
	return errors.Join(err, statement.Close())
}

// bind numbers the arguments.
func bind(args []any) ([]driver.NamedValue, error) {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d of the query: %w", i+1, err)
		}
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return named, nil
}

// canceled says in the context's words that it ended the query; DuckDB's own say no more. Any other
// error of DuckDB stays beside it.
func canceled(ctx context.Context, err error) error {
	cause := ctx.Err()
	if cause == nil {
		return err
	}
	if d, ok := errors.AsType[*duckdb.Error](err); ok && d.Type != duckdb.ErrorTypeInterrupt {
		return fmt.Errorf("interrupted: %w: %w", cause, err)
	}
	return fmt.Errorf("interrupted: %w", cause)
}

// readable says what to do about an error that DuckDB words for people who can configure it.
func readable(err error) error {
	d, ok := errors.AsType[*duckdb.Error](err)
	switch {
	case ok && d.Type == duckdb.ErrorTypeOutOfMemory:
		return fmt.Errorf("%w; select fewer columns, or name one simulation: %w", ErrMemory, err)
	case ok && d.Type == duckdb.ErrorTypePermission:
		return fmt.Errorf("queries read the results folder and nothing else: %w", err)
	}
	return err
}

// Rows are the rows of an answer, to be read once and closed.
type Rows struct {
	conn      *sql.Conn
	statement *duckdb.Stmt
	rows      driver.Rows
	columns   []Column
	values    []any
	err       error
	closed    bool
}

// Column is a column of an answer.
type Column struct {
	Name string
	Type string // as DuckDB writes it: BIGINT, DOUBLE, VARCHAR, STRUCT(..)[]
}

func (r *Rows) describe() {
	types, _ := r.rows.(driver.RowsColumnTypeDatabaseTypeName)
	for i, name := range r.rows.Columns() {
		column := Column{Name: name}
		if types != nil {
			column.Type = strings.ToUpper(types.ColumnTypeDatabaseTypeName(i))
		}
		r.columns = append(r.columns, column)
	}
}

// Columns are the columns of the answer, in order.
func (r *Rows) Columns() []Column { return r.columns }
