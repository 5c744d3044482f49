package googlesql

import (
	"strings"
	"testing"
)

// What is wrong is refused, with its place, and what is documented wrongly is seen.
func TestWrongStatementsAreRefused(t *testing.T) {
	a, err := newAnalyser()
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.analyse("CREATE TABLE `d.t` (id STRING, n INT64, x FLOAT64, made TIMESTAMP, list ARRAY<STRUCT<metric STRING, value FLOAT64>>)")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.keep("d.t", m); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT id,\n  nn FROM `d.t`":                                              "Unrecognized name: nn [at 2:3]",
		"SELECT * FROM t":                                                          "Table not found: t",
		"SELECT id + n FROM `d.t`":                                                 "No matching signature for operator +",
		"SELECT CAST(n AS BIGINT) FROM `d.t`":                                      "Type not found: BIGINT [at 1:18]",
		"SELECT CAST(n AS DOUBLE) FROM `d.t`":                                      "Type not found: DOUBLE [at 1:18]",
		"SELECT SUM(n), id FROM `d.t`":                                             "neither grouped nor aggregated [at 1:16]",
		"SELECT MAX(n) OVER (PARTITION BY x) FROM `d.t`":                           "Partitioning by expressions of type FLOAT64 is not allowed",
		"SELECT AVG(x ORDER BY id) FROM `d.t`":                                     "does not support ORDER BY",
		"SELECT UNNEST(list) FROM `d.t`":                                           "UNNEST",
		"SELECT {'metric': 'a'} FROM `d.t`":                                        "Syntax error",
		"SELECT * EXCLUDE (n) FROM `d.t`":                                          "Syntax error",
		"SELECT group FROM `d.t`":                                                  "Syntax error: Unexpected keyword GROUP [at 1:8]",
		"SELECT metric FROM `d.t`, UNNEST(list) AS item WHERE item.values > 0":     "values",
		"SELECT id FROM `d.t` WHERE made = DATE '2026-07-01'":                      "No matching signature for operator =",
		"SELECT value, list.value FROM (SELECT *, 1 AS value FROM `d.t`)":          "Cannot access field value on a value with type ARRAY",
		"SELECT value FROM (SELECT *, 1 AS value FROM `d.t`) AS t, t.list AS item": "Column name value is ambiguous [at 1:8]",
	} {
		_, err := a.analyse(query)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives the error %v, want one with %q", query, err, want)
		}
	}
}

// The columns that a query needs are those it answers, and those that decide which rows there are.
func TestReads(t *testing.T) {
	a, err := newAnalyser()
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.analyse("CREATE TABLE `d.t` (a INT64, b INT64, c INT64, d INT64, list ARRAY<INT64>)")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.keep("d.t", m); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT a FROM (SELECT * FROM `d.t`)":                                                "a",
		"SELECT a FROM (SELECT *, MAX(b) OVER (PARTITION BY c) AS m FROM `d.t`)":             "a",
		"SELECT m FROM (SELECT *, MAX(b) OVER (PARTITION BY c ORDER BY d) AS m FROM `d.t`)":  "b c d",
		"SELECT a FROM (SELECT * FROM `d.t` QUALIFY ROW_NUMBER() OVER (PARTITION BY c) = 1)": "a c",
		"SELECT 1 FROM `d.t` WHERE b > 0":                                                    "b",
		"SELECT a + b AS s FROM `d.t`, UNNEST(list) AS item":                                 "a b list",
		"SELECT a FROM `d.t`, UNNEST(list) AS item":                                          "a list",
		"SELECT COUNT(*) AS n FROM `d.t` GROUP BY d":                                         "d",
		"SELECT (SELECT MAX(item) FROM UNNEST(list) AS item WHERE item > a) AS m FROM `d.t`": "a list",
		"SELECT m.a FROM `d.t` AS m JOIN `d.t` AS n ON m.b = n.c":                            "a b c",
	} {
		m, err := a.analyse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got := strings.Join(m.reads["d.t"], " "); got != want {
			t.Errorf("%s\nreads %s, want %s", query, got, want)
		}
	}
}
