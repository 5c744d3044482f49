package report

import (
	"encoding/json"
	"math"
	"testing"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Grouped(0), "0"}, {Grouped(999), "999"}, {Grouped(1000), "1,000"}, {Grouped(-1234567), "-1,234,567"}, {Grouped(math.MinInt64), "-9,223,372,036,854,775,808"},
		{magnitude(0.04), "0"}, {magnitude(0.05), "0.1"}, {magnitude(-3.44), "3.4"}, {magnitude(9.94), "9.9"}, {magnitude(9.96), "10"}, {magnitude(12.5), "13"}, {magnitude(1234.4), "1,234"},
		{amount(count, 12345, "USD"), "12,345"}, {amount(money, 1234.5, "USD"), "USD 1,234.50"}, {amount(money, 0.999, ""), "1.00"}, {amount(money, -0.004, "EUR"), "EUR 0.00"},
		{amount(share, 0.8244, "USD"), "82.4 %"}, {amount(share, 1, "USD"), "100 %"}, {amount(ratio, 2.306, "USD"), "2.31"},
		{shortened("a  b\nc", 9), "a b c"}, {shortened("größer als", 5), "größ…"}, {lever("daily_cap"), "daily cap"},
		{variantsOf(1), "1 variant"}, {variantsOf(1000), "1,000 variants"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestNumberAsJSON(t *testing.T) {
	for _, c := range []struct {
		n    number
		want string
	}{
		{number{}, "null"}, {known(math.NaN()), "null"}, {known(math.Inf(-1)), "null"}, {known(0), "0"}, {known(-12345678901), "-12345678901"},
		{known(0.1234567891), "0.1234568"}, {known(1e-9), "1e-09"}, {known(1e300), "1e+300"},
	} {
		got, err := json.Marshal(c.n)
		if err != nil || string(got) != c.want {
			t.Errorf("%v: got %s, %v, want %s", c.n, got, err, c.want)
		}
	}
}
