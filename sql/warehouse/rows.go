package warehouse

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// Next moves to the next row and reports whether there is one; when not, see Err.
func (r *Rows) Next() bool {
	if r.err != nil || r.closed {
		return false
	}
	row := make([]driver.Value, len(r.columns))
	if err := r.rows.Next(row); err != nil {
		if !errors.Is(err, io.EOF) {
			r.err = fmt.Errorf("read the answer: %w", err)
		}
		return false
	}
	r.values = make([]any, len(row))
	for i, v := range row {
		r.values[i] = plain(v)
		// The driver gives the bare bytes of an id.
		if b, ok := v.([]byte); ok && r.columns[i].Type == "UUID" && len(b) == len(duckdb.UUID{}) {
			id := duckdb.UUID(b)
			r.values[i] = id.String()
		}
	}
	return true
}

// Values are the values of the row that Next moved to, one a column; the slice is the caller's. They
// are nil, bool, int64, float64, string, time.Time (UTC), []byte, []any and map[string]any, all of
// which JSON can carry; whole numbers beyond an int64 are *big.Int, and a DECIMAL is a float64.
func (r *Rows) Values() []any { return r.values }

// Err is the error that ended the reading early, or nil.
func (r *Rows) Err() error { return r.err }

// Close gives back the connection. It may be called twice.
func (r *Rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := errors.Join(r.rows.Close(), r.statement.Close(), r.conn.Close())
	if err != nil {
		return fmt.Errorf("close the answer: %w", err)
	}
	return nil
}

// plain turns a value of the driver into one that the rest of the product and JSON know.
func plain(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return whole(new(big.Int).SetUint64(v))
	case *big.Int:
		return whole(v)
	case float32:
		return number(float64(v))
	case float64:
		return number(v)
	case duckdb.Decimal:
		return number(v.Float64())
	case time.Time:
		return v.UTC()
	}
	return plainNested(v)
}

// plainNested is plain for values made of values, and for the types that have no JSON form.
func plainNested(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	case map[string]any:
		record := make(map[string]any, len(v))
		for name, e := range v {
			record[name] = plain(e)
		}
		return record
	case duckdb.Map:
		record := make(map[string]any, len(v))
		for key, e := range v {
			record[fmt.Sprint(plain(key))] = plain(e)
		}
		return record
	case duckdb.Union:
		return plain(v.Value)
	case duckdb.Interval:
		return map[string]any{"months": int64(v.Months), "days": int64(v.Days), "microseconds": v.Micros}
	}
	return v
}

// whole is an int64 where it fits: sums of DuckDB are 128 bits wide.
func whole(v *big.Int) any {
	if v != nil && v.IsInt64() {
		return v.Int64()
	}
	return v
}

// number is null where it is none: the views give no NaN and no infinity, and JSON has neither.
func number(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}
