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
	m, err := a.analyse("CREATE TABLE `my-project.whatif.t` (id STRING, n INT64, x FLOAT64, made TIMESTAMP, list ARRAY<STRUCT<metric STRING, value FLOAT64>>)")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.keep("t", m); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT id,\n  nn FROM `my-project.whatif.t`": "Unrecognized name: nn [at 2:3]",
		"SELECT * FROM u":                                                                          "Table not found: u",
		"SELECT id + n FROM `my-project.whatif.t`":                                                 "No matching signature for operator +",
		"SELECT CAST(n AS BIGINT) FROM `my-project.whatif.t`":                                      "Type not found: BIGINT [at 1:18]",
		"SELECT CAST(n AS DOUBLE) FROM `my-project.whatif.t`":                                      "Type not found: DOUBLE [at 1:18]",
		"SELECT SUM(n), id FROM `my-project.whatif.t`":                                             "neither grouped nor aggregated [at 1:16]",
		"SELECT MAX(n) OVER (PARTITION BY x) FROM `my-project.whatif.t`":                           "Partitioning by expressions of type FLOAT64 is not allowed",
		"SELECT AVG(x ORDER BY id) FROM `my-project.whatif.t`":                                     "does not support ORDER BY",
		"SELECT UNNEST(list) FROM `my-project.whatif.t`":                                           "UNNEST",
		"SELECT {'metric': 'a'} FROM `my-project.whatif.t`":                                        "Syntax error",
		"SELECT * EXCLUDE (n) FROM `my-project.whatif.t`":                                          "Syntax error",
		"SELECT t > 1 FROM `my-project.whatif.t`":                                                  "No matching signature for operator >",
		"SELECT group FROM `my-project.whatif.t`":                                                  "Syntax error: Unexpected keyword GROUP [at 1:8]",
		"SELECT metric FROM `my-project.whatif.t`, UNNEST(list) AS item WHERE item.values > 0":     "values",
		"SELECT id FROM `my-project.whatif.t` WHERE made = DATE '2026-07-01'":                      "No matching signature for operator =",
		"SELECT value, list.value FROM (SELECT *, 1 AS value FROM `my-project.whatif.t`)":          "Cannot access field value on a value with type ARRAY",
		"SELECT value FROM (SELECT *, 1 AS value FROM `my-project.whatif.t`) AS t, t.list AS item": "Column name value is ambiguous [at 1:8]",
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
	m, err := a.analyse("CREATE TABLE `my-project.whatif.t` (a INT64, b INT64, c INT64, d INT64, list ARRAY<INT64>)")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.keep("t", m); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT a FROM (SELECT * FROM `my-project.whatif.t`)":                                                "a",
		"SELECT a FROM (SELECT *, MAX(b) OVER (PARTITION BY c) AS m FROM `my-project.whatif.t`)":             "a",
		"SELECT m FROM (SELECT *, MAX(b) OVER (PARTITION BY c ORDER BY d) AS m FROM `my-project.whatif.t`)":  "b c d",
		"SELECT a FROM (SELECT * FROM `my-project.whatif.t` QUALIFY ROW_NUMBER() OVER (PARTITION BY c) = 1)": "a c",
		"SELECT 1 FROM `my-project.whatif.t` WHERE b > 0":                                                    "b",
		"SELECT a + b AS s FROM `my-project.whatif.t`, UNNEST(list) AS item":                                 "a b list",
		"SELECT a FROM `my-project.whatif.t`, UNNEST(list) AS item":                                          "a list",
		"SELECT COUNT(*) AS n FROM `my-project.whatif.t` GROUP BY d":                                         "d",
		"SELECT (SELECT MAX(item) FROM UNNEST(list) AS item WHERE item > a) AS m FROM `my-project.whatif.t`": "a list",
		"SELECT m.a FROM `my-project.whatif.t` AS m JOIN `my-project.whatif.t` AS n ON m.b = n.c":            "a b c",
	} {
		m, err := a.analyse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got := strings.Join(m.reads["t"], " "); got != want {
			t.Errorf("%s\nreads %s, want %s", query, got, want)
		}
	}
}
