package report

import (
	"math"
	"strconv"
)

// number is a figure of a view, or unknown (null). The zero value is unknown, so that a figure that
// nobody read can't be mistaken for 0.
type number struct {
	Value float64
	Known bool
}

// known is a figure; NaN and the infinities, which no view holds, count as unknown.
func known(v float64) number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return number{}
	}
	return number{v, true}
}

// MarshalJSON writes seven significant digits, more than any chart or cell of the page shows, and
// whole numbers in full; unknown is null.
func (n number) MarshalJSON() ([]byte, error) {
	switch {
	case !n.Known:
		return []byte("null"), nil
	case n.Value == math.Trunc(n.Value) && math.Abs(n.Value) < 1<<53:
		return strconv.AppendInt(nil, int64(n.Value), 10), nil
	}
	return strconv.AppendFloat(nil, n.Value, 'g', 7, 64), nil
}
