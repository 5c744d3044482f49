package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// grouped is a number as people read it: 1,000.
func grouped[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// counted is a number of things: "1 mistake", "3 mistakes".
func counted[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// standing says how the variants of a simulation stand: "997 of 1,000 variants succeeded; 3 failed:
// timed_out; 2 running". Of one that nothing runs of, what was under way is "interrupted". reasons counts failures by
// their reason; nil: not known here.
func standing(sim store.Simulation, noun string, reasons map[string]int) string {
	c, total, underWay := sim.Counts, sim.Variants, "running"
	if sim.State != store.Running {
		underWay = "interrupted"
	}
	if c.Pending == total {
		return counted(total, "variant") + " to come"
	}
	parts := []string{fmt.Sprintf("%s of %s%s", grouped(c.Succeeded), grouped(total), noun)}
	if c.Failed > 0 {
		part := grouped(c.Failed) + " failed"
		if len(reasons) > 0 {
			part += ": " + why(reasons)
		}
		parts = append(parts, part)
	}
	for _, more := range []struct {
		n    int
		what string
	}{{c.Cancelled, "cancelled"}, {c.Running, underWay}, {c.Pending, "to come"}} {
		if more.n > 0 {
			parts = append(parts, grouped(more.n)+" "+more.what)
		}
	}
	return strings.Join(parts, "; ")
}

// why lists reasons, the most frequent first: "timed_out", or "2 timed_out, 1 crashed".
func why(reasons map[string]int) string {
	names := make([]string, 0, len(reasons))
	for name := range reasons {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := reasons[b] - reasons[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if len(names) == 1 {
		return names[0]
	}
	for i, name := range names {
		names[i] = grouped(reasons[name]) + " " + name
	}
	return strings.Join(names, ", ")
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// lasting is a duration as people read it: "3h20m", "45s".
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
	}
	return counted(int(d.Hours()/24), "day")
}
