package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dialect is all that differs between the two databases once they are open. Statements are written
// with `?` for both.
type dialect struct {
	name string
	// forUpdate and skipLocked end a SELECT of rows that are about to be changed. SQLite has one
	// writer at a time, who needs neither.
	forUpdate, skipLocked string
	// clock is the statement for the database's time in microseconds; empty: this process's clock.
	clock string
	// numbered: parameters are $1, $2 ..
	numbered bool
}

var (
	sqliteDialect   = &dialect{name: "sqlite"}
	postgresDialect = &dialect{
		name: "postgres", forUpdate: " FOR UPDATE", skipLocked: " FOR UPDATE SKIP LOCKED", numbered: true,
		clock: "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
	}
)

// numberedTexts keeps statements already rewritten; there are as many as the code has.
var numberedTexts sync.Map

// text is a statement in this dialect.
func (d *dialect) text(query string) string {
	if !d.numbered {
		return query
	}
	if known, ok := numberedTexts.Load(query); ok {
		return known.(string)
	}
	var b strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	numberedTexts.Store(query, b.String())
	return b.String()
}

// asker is what *sql.DB and *sql.Tx have in common.
type asker interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// session runs statements of both dialects, inside a transaction or not.
type session struct {
	on       asker
	dialect  *dialect
	patience time.Duration // for the answer to a statement; 0: none needed
}

// exec returns how many rows were changed.
func (c session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, done := c.bounded(ctx)
	result, err := c.on.ExecContext(ctx, c.dialect.text(query), args...)
	if err = done(err); err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c session) row(ctx context.Context, query string, args ...any) scanner {
	ctx, done := c.bounded(ctx)
	return single{c.on.QueryRowContext(ctx, c.dialect.text(query), args...), done}
}

// scanner is a row to be read, of a *sql.Row or *sql.Rows.
type scanner interface{ Scan(into ...any) error }

// list reads every row of a query.
func list[T any](ctx context.Context, c session, read func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	ctx, done := c.bounded(ctx)
	defer func() { err = done(err) }()
	rows, err := c.on.QueryContext(ctx, c.dialect.text(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := rows.Close(); err == nil {
			err = closed
		}
	}()
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// text1 reads a row of one text.
func text1(r scanner) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

// maxParameters of one statement, well below both databases' bounds (32,766 and 65,535): longer ones
// are no faster.
const maxParameters = 2048

// inChunks hands out rows (of width values each) in statements whose row counts are powers of two,
// so that few different statements exist for the databases to prepare and keep.
func inChunks(rows []any, width int, run func(n int, args []any) error) error {
	for left := len(rows) / width; left > 0; {
		n := 1
		for n*2 <= left && n*2*width <= maxParameters {
			n *= 2
		}
		if err := run(n, rows[:n*width]); err != nil {
			return err
		}
		rows, left = rows[n*width:], left-n
	}
	return nil
}

// placeholders are n rows of width parameters: (?,?),(?,?).
func placeholders(n, width int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(row+",", n), ",")
}

// insert writes many rows of width values each: head is the statement up to VALUES, tail what follows.
func (c session) insert(ctx context.Context, head string, width int, tail string, rows []any) error {
	return inChunks(rows, width, func(n int, args []any) error {
		_, err := c.exec(ctx, head+placeholders(n, width)+tail, args...)
		return err
	})
}

// insertReturning is insert for a tail that returns one text a row written.
func (c session) insertReturning(ctx context.Context, head string, width int, tail string, rows []any) (map[string]bool, error) {
	written := map[string]bool{}
	err := inChunks(rows, width, func(n int, args []any) error {
		texts, err := list(ctx, c, text1, head+placeholders(n, width)+tail, args...)
		for _, text := range texts {
			written[text] = true
		}
		return err
	})
	return written, err
}

// micros is a time as the databases keep it, null for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func microsOf(t *time.Time) any {
	if t == nil {
		return nil
	}
	return micros(*t)
}

// whole drops what the databases don't keep of a time.
func whole(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }

// instant is a time column that may be null.
type instant struct{ at *time.Time }

// Scan reads microseconds.
func (i *instant) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		i.at = nil
	case int64:
		at := time.UnixMicro(v).UTC()
		i.at = &at
	default:
		return fmt.Errorf("a time is stored as %T, want microseconds", value)
	}
	return nil
}

// zero is the time, or the zero time for null.
func (i instant) zero() time.Time {
	if i.at == nil {
		return time.Time{}
	}
	return *i.at
}
