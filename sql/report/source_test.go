package report

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// answered is a fixed answer of a view.
type answered struct {
	values        [][]any
	at            int
	end, closeErr error
	closed        int
}

func (a *answered) Next() bool    { a.at++; return a.at <= len(a.values) }
func (a *answered) Values() []any { return a.values[a.at-1] }
func (a *answered) Err() error    { return a.end }
func (a *answered) Close() error  { a.closed++; return a.closeErr }

func answering(a *answered, asked *string) source {
	return func(_ context.Context, sql string, args ...any) (rows, error) {
		*asked = sql
		return a, nil
	}
}

func TestEachReadsEveryKindOfValue(t *testing.T) {
	huge, _ := new(big.Int).SetString("36893488147419103232", 10) // 2^65
	at := time.Date(2026, 7, 1, 14, 0, 0, 999, time.FixedZone("", 7200))
	a := &answered{values: [][]any{{"a", int64(7), 0.25, true, at, huge}, {nil, nil, nil, nil, nil, nil}}}
	var asked string
	q := query{view: "v", columns: []string{"s", "i", "f", "b", "t", "h"}, where: "x = ?", order: "s", args: []any{1}}
	var got []any
	err := answering(a, &asked).each(t.Context(), q, func(r record) error {
		got = append(got, r.text(0), r.integer(1), r.text(1), r.number(2), r.text(2), r.flag(3), r.instant(4), r.number(5), r.number(1), r.null(0))
		return nil
	})
	if err != nil || a.closed != 1 {
		t.Fatal(err, a.closed)
	}
	if want := "SELECT s, i, f, b, t, h FROM v WHERE x = ? ORDER BY s"; asked != want {
		t.Errorf("asked %s, want %s", asked, want)
	}
	want := []any{
		"a", int64(7), "7", known(0.25), "0.25", true, "2026-07-01T12:00:00Z", known(36893488147419103232), known(7), false,
		"", int64(0), "", number{}, "", false, "", number{}, number{}, true,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

// What a view should not give, and what goes wrong on the way, ends the reading with its name.
func TestEachReportsWhatIsWrong(t *testing.T) {
	broken := errors.New("broken")
	read := map[string]func(record){
		"text": func(r record) { r.text(0) }, "integer": func(r record) { r.integer(0) }, "number": func(r record) { r.number(0) },
		"flag": func(r record) { r.flag(0) }, "instant": func(r record) { r.instant(0) },
	}
	for _, c := range []struct {
		name, accessor string
		answer         answered
		want           string
	}{
		{"a list for a text", "text", answered{values: [][]any{{[]any{}}}}, "column s of view v holds a []interface {} where text is expected"},
		{"a text for a count", "integer", answered{values: [][]any{{"7"}}}, "column s of view v holds a string where a whole number is expected"},
		{"a text for a figure", "number", answered{values: [][]any{{"7"}}}, "column s of view v holds a string"},
		{"a count for a flag", "flag", answered{values: [][]any{{int64(1)}}}, "where a boolean is expected"},
		{"a text for a time", "instant", answered{values: [][]any{{"2026"}}}, "where a time is expected"},
		{"two columns for one", "text", answered{values: [][]any{{"a", "b"}}}, "view v gave 2 columns for 1"},
		{"an end that is none", "text", answered{end: broken}, "read view v: broken"},
		{"a close that fails", "text", answered{closeErr: broken}, "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked string
			err := answering(&c.answer, &asked).each(t.Context(), query{view: "v", columns: []string{"s"}, where: "true"}, func(r record) error {
				read[c.accessor](r)
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || c.answer.closed != 1 {
				t.Errorf("got %v, closed %d times, want %s", err, c.answer.closed, c.want)
			}
		})
	}
}

func TestParseSettings(t *testing.T) {
	got, err := parseSettings(`{"floor":0.50,"cap":"none","where":"{\"country\":[\"US\"]}","bid":1e-3}`)
	want := []given{
		{"floor", parameterValue{"0.50", known(0.5)}}, {"cap", parameterValue{Text: "none"}},
		{"where", parameterValue{Text: `{"country":["US"]}`}}, {"bid", parameterValue{"1e-3", known(0.001)}},
	}
	if err != nil || len(got) != len(want) {
		t.Fatal(got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("parameter %d: got %v, want %v", i, got[i], want[i])
		}
	}
	for _, none := range []string{"", "{}"} {
		if got, err := parseSettings(none); err != nil || len(got) > 0 {
			t.Errorf("nothing set: %v, %v", got, err)
		}
	}
	for _, bad := range []string{" ", "[]", "null", `{"a":1`, `{"a":[1]}`, `{"a":true}`, `{"a":null}`, `{"a":1e999}`, `{"a"`} {
		if got, err := parseSettings(bad); err == nil {
			t.Errorf("%s: got %v and no error", bad, got)
		}
	}
}

// Values are sorted, numbers first and by size; variants keep their own; parameters that appear late are as written before.
func TestSettle(t *testing.T) {
	var l levers
	variants := []variant{
		{Set: l.add([]given{{"cap", parameterValue{"10", known(10)}}})},
		{Set: l.add([]given{{"cap", parameterValue{Text: "none"}}, {"bid", parameterValue{"2", known(2)}}})},
		{Set: l.add([]given{{"cap", parameterValue{"9", known(9)}}})},
		{Set: l.add(nil)},
	}
	parameters := l.settle(variants)
	if len(parameters) != 2 || parameters[0].Name != "cap" || parameters[1].Name != "bid" {
		t.Fatal(parameters)
	}
	for i, want := range []string{"9", "10", "none"} {
		if got := parameters[0].Values[i].Text; got != want {
			t.Errorf("value %d of cap is %s, want %s", i, got, want)
		}
	}
	for i, want := range [][]int{{1, asWritten}, {2, 0}, {0, asWritten}, {asWritten, asWritten}} {
		if got := variants[i].Set; got[0] != want[0] || got[1] != want[1] {
			t.Errorf("variant %d sets %v, want %v", i, got, want)
		}
	}
}
