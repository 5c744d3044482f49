package report

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Grouped is a whole number with commas between its thousands: 1,234,567.
func Grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// magnitude writes |x| as a reader wants a change: whole from ten on, one decimal below, ".0" left
// out. Halves go away from zero.
func magnitude(x float64) string {
	x = math.Abs(x)
	if tenths := math.Round(x * 10); tenths < 100 {
		return strconv.FormatFloat(tenths/10, 'f', -1, 64)
	}
	if x >= 1<<62 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return Grouped(int64(math.Round(x)))
}

// signed is magnitude with its sign; ok is false where it rounds to zero.
func signed(x float64) (s string, ok bool) {
	m := magnitude(x)
	if m == "0" {
		return m, false
	}
	if x < 0 {
		return "-" + m, true
	}
	return "+" + m, true
}

// amount writes a figure of a kind as it stands: 12,345 · USD 1,234.50 · 82.4 % · 2.31.
func amount(k kind, v float64, currency string) string {
	switch k {
	case count:
		return Grouped(int64(math.Round(v)))
	case money:
		return strings.TrimSpace(currency + " " + hundredths(v))
	case share:
		return strconv.FormatFloat(math.Round(v*1000)/10, 'f', -1, 64) + " %"
	}
	return hundredths(v)
}

// hundredths writes two decimals with the whole part grouped.
func hundredths(v float64) string {
	cents := math.Round(math.Abs(v) * 100)
	if cents >= 1<<62 {
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	text := strconv.FormatInt(int64(cents)%100+100, 10)[1:]
	sign := ""
	if v < 0 && cents > 0 {
		sign = "-"
	}
	return sign + Grouped(int64(cents)/100) + "." + text
}

// variantsOf is "1 variant" or "12 variants".
func variantsOf(n int) string {
	if n == 1 {
		return "1 variant"
	}
	return Grouped(int64(n)) + " variants"
}

// shortened cuts a text for people to at most n runes.
func shortened(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// lever is a parameter's name as people say it: daily_cap is "daily cap".
func lever(name string) string { return shortened(strings.ReplaceAll(name, "_", " "), 40) }
