package warehouse_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every type of DuckDB that an answer can have comes as one that JSON can carry.
func TestValuesArePlain(t *testing.T) {
	w := open(t, t.TempDir())
	for expression, want := range map[string]any{
		"NULL": nil, "TRUE": true, "CAST(1 AS TINYINT)": int64(1), "CAST(1 AS UINTEGER)": int64(1), "CAST(7 AS UBIGINT)": int64(7),
		"CAST(5 AS HUGEINT)": int64(5), "SUM(3)": int64(3), "CAST(1.5 AS FLOAT)": 1.5, "1.25": 1.25, "1e300": 1e300, "'a'": "a",
		"CAST('NaN' AS DOUBLE)": nil, "CAST('inf' AS DOUBLE)": nil,
		"DATE '2026-07-01'":                      time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
		"TIMESTAMP '2026-07-01 01:02:03.000004'": time.Date(2026, 7, 1, 1, 2, 3, 4000, time.UTC),
		"[1, NULL]":                              []any{int64(1), nil},
		"{'a': 1, 'b': ['x']}":                   map[string]any{"a": int64(1), "b": []any{"x"}},
		"MAP {1: 'x'}":                           map[string]any{"1": "x"},
		"INTERVAL 3 DAY":                         map[string]any{"months": int64(0), "days": int64(3), "microseconds": int64(0)},
		"CAST('00000000-0000-0000-0000-000000000001' AS UUID)": "00000000-0000-0000-0000-000000000001",
	} {
		got := ask(t, w, "SELECT "+expression+" AS v")[0]["v"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want (-), got (+)\n%s", expression, diff)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestArgumentsAreBound(t *testing.T) {
	w := open(t, t.TempDir())
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	got := ask(t, w, "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", "'; DROP", 7, 0.5, true, nil)[0]
	if diff := cmp.Diff(record{"a": "'; DROP", "b": int64(7), "c": 0.5, "d": true, "e": nil}, got); diff != "" {
		t.Errorf("want (-), got (+)\n%s", diff)
	}
	if got := ask(t, w, "SELECT ? > TIMESTAMP '2026-06-30' AS later", at)[0]["later"]; got != true {
		t.Errorf("a bound time compares as %v", got)
	}
	if _, err := w.Query(t.Context(), "SELECT ?", struct{}{}); err == nil {
		t.Error("a struct was bound")
	}
}
