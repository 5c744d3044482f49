package logs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// text is a scalar of a record as canonical text; ok is false for what is missing: null and the empty text.
func text(v any) (s string, ok bool, err error) {
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, v != "", nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case json.Number:
		s, err := numberText(string(v))
		return s, err == nil, err
	case map[string]any:
		return "", false, fmt.Errorf("is an object, not a value: name a path into it in a map")
	case []any:
		return "", false, fmt.Errorf("is a list, not a value: declare it multi-valued in a map, or take an element")
	}
	return "", false, fmt.Errorf("has the unexpected type %T", v)
}

// numberText is a JSON number as canonical decimal text: exactly the number that is written, without exponent
// and needless zeros.
func numberText(n string) (string, error) {
	if strings.ContainsAny(n, "eE") {
		d, err := number(n)
		return d.String(), err
	}
	if strings.Contains(n, ".") {
		n = strings.TrimSuffix(strings.TrimRight(n, "0"), ".")
	}
	if n == "-0" {
		return "0", nil
	}
	return n, nil
}

// number is a decimal text, exponents of a sane size included.
func number(s string) (decimal.Decimal, error) {
	s = strings.TrimSpace(s)
	if len(s) > 400 {
		return decimal.Decimal{}, fmt.Errorf("%.20q.. is no number", s)
	}
	if at := strings.IndexAny(s, "eE"); at >= 0 { // 1e999999999 would be expanded
		if exponent, err := strconv.Atoi(s[at+1:]); err != nil || exponent < -40 || exponent > 40 {
			return decimal.Decimal{}, fmt.Errorf("is %.40q, a number out of range", s)
		}
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("%.40q is no number", s)
	}
	return d, nil
}
