package model

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Bounds of a number as written. Exact arithmetic on it stays cheap: 1e999999999 would be a
// number of a billion digits.
const (
	maxNumberDigits   = 40
	maxNumberExponent = 40
)

// boolean is the scalar's value if it is a boolean of the core schema.
func (n *node) boolean() (value, ok bool) {
	if n.kind != scalarNode || n.quoted {
		return false, false
	}
	switch n.text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// numberForm says whether a plain scalar is a number.
type numberForm uint8

const (
	notNumber   numberForm = iota
	exactNumber            // read exactly
	tooLong                // a number, of more digits or a larger exponent than allowed
	notANumber             // .inf and .nan, which no field takes
)

// number is the scalar's exact value if it is a number of the core schema. It is read from the
// source text, never by way of a float.
func (n *node) number() (decimal.Decimal, numberForm) {
	if n.kind != scalarNode || n.quoted {
		return decimal.Decimal{}, notNumber
	}
	return parseNumber(n.text)
}

// parseNumber reads the core schema's integers (decimal, 0o, 0x) and floats.
func parseNumber(s string) (decimal.Decimal, numberForm) {
	if d, form := parseBased(s); form != notNumber {
		return d, form
	}
	rest := strings.TrimLeft(s, "+-")
	if len(s)-len(rest) > 1 {
		return decimal.Decimal{}, notNumber
	}
	switch rest {
	case ".inf", ".Inf", ".INF":
		return decimal.Decimal{}, notANumber
	case ".nan", ".NaN", ".NAN":
		if rest == s {
			return decimal.Decimal{}, notANumber
		}
	}
	mantissa, exponent, hasExponent := cutExponent(rest)
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !digits(whole) || !digits(fraction) {
		return decimal.Decimal{}, notNumber
	}
	power := 0
	if hasExponent {
		unsigned := exponent
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			unsigned = exponent[1:]
		}
		if unsigned == "" || !digits(unsigned) {
			return decimal.Decimal{}, notNumber
		}
		var err error
		if power, err = strconv.Atoi(exponent); err != nil || power > maxNumberExponent || power < -maxNumberExponent {
			return decimal.Decimal{}, tooLong
		}
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole)+len(fraction) > maxNumberDigits {
		return decimal.Decimal{}, tooLong
	}
	return exactly(whole+fraction, s[0] == '-', int32(power-len(fraction))), exactNumber
}

// exactly is the number of some digits, perhaps none, times a power of ten. Nearly all numbers of a document
// are short, and a sweep has thousands of them: those go without arithmetic on long ones.
func exactly(digits string, negative bool, power int32) decimal.Decimal {
	if len(digits) <= 18 {
		short := int64(0)
		for _, d := range []byte(digits) {
			short = 10*short + int64(d-'0')
		}
		if negative {
			short = -short
		}
		return decimal.New(short, power)
	}
	long, _ := new(big.Int).SetString(digits, 10) // digits only: cannot fail
	if negative {
		long.Neg(long)
	}
	return decimal.NewFromBigInt(long, power)
}

// parseBased reads 0o17 and 0xff.
func parseBased(s string) (decimal.Decimal, numberForm) {
	base, allowed := 0, ""
	switch {
	case strings.HasPrefix(s, "0o"):
		base, allowed = 8, "01234567"
	case strings.HasPrefix(s, "0x"):
		base, allowed = 16, "0123456789abcdefABCDEF"
	}
	if base == 0 || len(s) == 2 || strings.Trim(s[2:], allowed) != "" {
		return decimal.Decimal{}, notNumber
	}
	if len(s) > maxNumberDigits {
		return decimal.Decimal{}, tooLong
	}
	value, ok := new(big.Int).SetString(s[2:], base)
	if !ok {
		return decimal.Decimal{}, notNumber
	}
	return decimal.NewFromBigInt(value, 0), exactNumber
}

func cutExponent(s string) (mantissa, exponent string, found bool) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// plainText is a scalar as text: a quoted or plain one as it stands, numbers as canonical decimal
// text (`0x10` and `16.0` are "16"), booleans as "true" and "false", so that a value means the same
// in a targeting expression, a label and a slot.
func (n *node) plainText() string {
	if b, ok := n.boolean(); ok {
		return strconv.FormatBool(b)
	}
	if d, form := n.number(); form == exactNumber {
		return d.String()
	}
	return n.text
}
