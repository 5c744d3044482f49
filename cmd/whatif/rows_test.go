package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// example has every kind of cell that needs care: null, text with a comma, a quote and a newline, a list.
var example = rows{
	columns: []string{"id", "value", "list"},
	values: [][]any{
		{"a,\"b\"\nc", 1.5, []any{int64(1), "x"}},
		{nil, nil, nil},
	},
}

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		"csv":      "id,value,list\n\"a,\"\"b\"\"\nc\",1.5,\"[1,\"\"x\"\"]\"\n,,\n",
		"json":     "[{\"id\": \"a,\\\"b\\\"\\nc\", \"value\": 1.5, \"list\": [1,\"x\"]},\n {\"id\": null, \"value\": null, \"list\": null}]\n",
		"markdown": "| id | value | list |\n| --- | ---:| --- |\n| a,\"b\"<br/>c | 1.5 | [1,\"x\"] |\n| - | - | - |\n",
	} {
		var out strings.Builder
		c := &console{out: &out, format: format}
		if err := c.print(example); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s:\n%q\nwant\n%q", format, out.String(), want)
		}
	}
}

func TestNumbersInCells(t *testing.T) {
	for v, want := range map[float64]string{1234567: "1234567", 0.015: "0.015", 0: "0", 1e-9: "1e-09", -2500000.5: "-2500000.5", 1e300: "1e+300"} {
		if got := cell(v, ""); got != want {
			t.Errorf("%v printed as %q, want %q", v, got, want)
		}
	}
}

func TestDefaultFormat(t *testing.T) {
	var out strings.Builder
	c := &console{out: &out}
	if err := c.print(rows{columns: []string{"a"}, values: [][]any{{int64(1)}}}); err != nil || out.String() != "a\n1\n" {
		t.Errorf("a stream that is no terminal got %q, %v; want CSV", out.String(), err)
	}
	c.format = "xml"
	if err := c.print(example); err == nil || !strings.Contains(err.Error(), "table, json, csv, markdown") {
		t.Errorf("unknown format: %v", err)
	}
}

func TestEmptyJSON(t *testing.T) {
	var out strings.Builder
	if err := writeJSON(&out, []string{"a"}, slices.Values([][]any{})); err != nil || out.String() != "[]\n" {
		t.Errorf("no rows gave %q, %v", out.String(), err)
	}
}

func TestMetricCells(t *testing.T) {
	for _, c := range []struct {
		metric                 string
		value, delta, relative any
		baseline               bool
		want                   string
	}{
		{"fill_rate", 0.834, -0.041, -0.0469, false, "83.4 % (-4.1 pts)"},
		{"fill_rate", 0.834, nil, nil, true, "83.4 %"},
		{"reach", 12345.0, 1323.0, 0.12, false, "12,345 (+12.0 %)"},
		{"revenue", 1234.56, 0.0, 0.0, false, "1,235 (0.0 %)"},
		{"average_frequency", 2.345, nil, nil, false, "2.35"}, // no baseline
		{"ecpm", nil, nil, nil, false, "-"},
	} {
		if got := metricCell(c.metric, c.value, c.delta, c.relative, c.baseline); got != c.want {
			t.Errorf("%s: got %q, want %q", c.metric, got, c.want)
		}
	}
}

func TestParametersInOrder(t *testing.T) {
	r := rows{values: [][]any{{"baseline", "{}"}, {"v0001", `{"floor":2,"bid":"none"}`}, {"v0002", `{"cap":1,"floor":"x"}`}, {"v0003", nil}}}
	if got, want := strings.Join(parameterNames(r), " "), "floor bid cap"; got != want {
		t.Errorf("parameters %q, want %q", got, want)
	}
}

func TestRemaining(t *testing.T) {
	start := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	m := &meter{started: start, first: -1}
	if got := m.remaining(900, 1000, start); got != 0 {
		t.Errorf("with nothing done yet: %v, want none", got)
	}
	// A resumed run: 10 of the 100 left took 20 s, so the other 90 take 180 s.
	if got := m.remaining(910, 1000, start.Add(20*time.Second)); got != 180*time.Second {
		t.Errorf("got %v, want 3m", got)
	}
}

func TestFitLeavesOutWholeColumns(t *testing.T) {
	r := rows{
		columns: []string{"variant", "cap", "floor", "reach", "revenue"},
		values:  [][]any{{"v0001", "1", "2", "1,234 (+1 %)", strings.Repeat("x", 50)}},
		first:   []string{"cap"},
	}
	// By hand: each column is as wide as its widest text, at most 40, and 3 more, less 1 as the last has no border:
	// variant 10, cap 6, floor 8, reach 15, revenue 43, in all 81.
	for _, c := range []struct {
		width int
		want  string
	}{{81, ""}, {80, "cap"}, {74, "cap revenue"}, {32, "cap revenue"}, {31, "cap revenue reach"}, {5, "cap revenue reach floor"}} {
		fitting, hidden := r.fit(c.width)
		if got := strings.Join(hidden, " "); got != c.want {
			t.Errorf("at %d: hidden %q, want %q", c.width, got, c.want)
		}
		if len(fitting.columns)+len(hidden) != 5 || len(fitting.values[0]) != len(fitting.columns) {
			t.Errorf("at %d: %v", c.width, fitting)
		}
	}
	fitting, _ := r.fit(83)
	if got := fitting.values[0][4].(string); got != strings.Repeat("x", 39)+"…" {
		t.Errorf("long text became %q", got)
	}
	if r.values[0][4].(string) != strings.Repeat("x", 50) {
		t.Error("the rows themselves were changed")
	}
}
