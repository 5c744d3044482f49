package model

import (
	"fmt"
	"math"

	"github.com/shopspring/decimal"
)

// Fractional digits of a CPM as written, and of a factor of slots.
const (
	maxCPMDigits    = 9
	maxFactorDigits = 6
)

// ToCPM rounds a price per mille in units half to even to micros; false if it does not fit.
func ToCPM(units decimal.Decimal) (CPM, bool) {
	v, ok := scaled(units, 6)
	return CPM(v), ok
}

// ToNanos rounds an amount in units half to even to nanos; false if it does not fit.
func ToNanos(units decimal.Decimal) (Nanos, bool) {
	v, ok := scaled(units, 9)
	return Nanos(v), ok
}

// Decimal is the price in units.
func (c CPM) Decimal() decimal.Decimal { return decimal.New(int64(c), -6) }

// Decimal is the amount in units.
func (n Nanos) Decimal() decimal.Decimal { return decimal.New(int64(n), -9) }

// scaled is round half to even of d·10^places as an int64.
func scaled(d decimal.Decimal, places int32) (int64, bool) {
	return wholeNumber(d.Shift(places))
}

// wholeNumber rounds half to even to an int64; false if it does not fit.
func wholeNumber(d decimal.Decimal) (int64, bool) {
	d = d.RoundBank(0)
	if d.GreaterThan(decimal.NewFromInt(math.MaxInt64)) || d.LessThan(decimal.NewFromInt(math.MinInt64)) {
		return 0, false
	}
	return d.IntPart(), true
}

// fractionDigits is how many digits after the point d needs.
func fractionDigits(d decimal.Decimal) int {
	digits := int(-d.Exponent())
	for digits > 0 && d.Equal(d.Truncate(int32(digits-1))) {
		digits--
	}
	return max(digits, 0)
}

// checkCPM says what is wrong with a CPM as written; empty: nothing.
func checkCPM(d decimal.Decimal) string {
	if d.IsNegative() {
		return fmt.Sprintf("must be at least 0, found %s", d)
	}
	if fractionDigits(d) > maxCPMDigits {
		return fmt.Sprintf("a CPM has at most %d digits after the point, found %s", maxCPMDigits, d)
	}
	if _, ok := ToCPM(d); !ok {
		return fmt.Sprintf("a CPM must be below 2^63 micros, found %s", d)
	}
	return ""
}

// checkNanos says what is wrong with an amount as written; empty: nothing.
func checkNanos(d decimal.Decimal) string {
	if d.IsNegative() {
		return fmt.Sprintf("must be at least 0, found %s", d)
	}
	if _, ok := ToNanos(d); !ok {
		return fmt.Sprintf("an amount must be below 2^63 nanos (about 9.2 billion), found %s", d)
	}
	return ""
}

func (r *reader) cpm(n *node, path string) (CPM, bool) {
	d, ok := r.decimal(n, path)
	if !ok {
		return 0, false
	}
	if wrong := checkCPM(d); wrong != "" {
		r.fail(n, path, "%s", wrong)
		return 0, false
	}
	return ToCPM(d)
}

func (r *reader) nanos(n *node, path string) (Nanos, bool) {
	d, ok := r.decimal(n, path)
	if !ok {
		return 0, false
	}
	if wrong := checkNanos(d); wrong != "" {
		r.fail(n, path, "%s", wrong)
		return 0, false
	}
	return ToNanos(d)
}
