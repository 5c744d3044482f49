package model

import (
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

// TestNumbersOfAnyLength: numbers around the length that goes without long arithmetic, and none but their digits.
func TestNumbersOfAnyLength(t *testing.T) {
	nines := strings.Repeat("9", 18)
	for text, want := range map[string]struct {
		digits string
		power  int32
	}{
		"0": {"0", 0}, "-0.0": {"0", -1}, ".5": {"5", -1}, "5.": {"5", 0}, "007": {"7", 0}, "-1.20": {"-120", -2}, "+3e2": {"3", 2}, "1.5e-3": {"15", -4},
		nines: {nines, 0}, "-" + nines: {"-" + nines, 0}, "0." + nines: {nines, -18},
		nines + "9": {nines + "9", 0}, "-" + nines + "9": {"-" + nines + "9", 0}, "9223372036854775808": {"9223372036854775808", 0},
		nines + "." + nines: {nines + nines, -18},
	} {
		digits, ok := new(big.Int).SetString(want.digits, 10)
		if !ok {
			t.Fatal(want.digits)
		}
		if got, form := parseNumber(text); form != exactNumber || !got.Equal(decimal.NewFromBigInt(digits, want.power)) || got.Exponent() != want.power {
			t.Errorf("%s is %s, %v", text, got, form)
		}
	}
}
