package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/sql/report"
)

// count is a number with its noun: "1 error", "1,200 slots".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + noun + "s"
}

// grouped writes an integer with a comma between the thousands, as the report does.
func grouped(n int64) string { return report.Grouped(n) }

// rounded writes a number with at most three significant decimals and grouped thousands.
func rounded(x float64) string {
	if math.Abs(x) >= 1000 {
		return grouped(int64(math.Round(x)))
	}
	if math.Abs(x) >= 100 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// percent writes a share: 0.8342 as "83.4 %".
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" }

// signed writes a number with its sign: "+12.0", "-4.1"; nothing changed is "0.0".
func signed(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	switch {
	case strings.Trim(s, "-0.") == "":
		return strings.TrimPrefix(s, "-")
	case x > 0:
		return "+" + s
	}
	return s
}

// duration writes a time span for people: "850ms", "12s", "3m20s", "4h10m".
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return strings.Replace(d.Round(time.Second).String(), "m0s", "m", 1)
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// bytes writes a size: "1.5 MiB".
func bytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 5 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}
