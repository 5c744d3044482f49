package sql

import (
	"fmt"
	"strings"
)

// Script is everything that makes the views over the result files that a glob matches, to be pasted
// into, or read by, a DuckDB of one's own:
//
//	duckdb -init views.sql
func Script(glob string) (string, error) {
	views, err := Views(DuckDB)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "-- The views of the what-if result store over %s\n\n%s;\n", oneLine(glob), CreateTable(glob))
	for _, v := range views {
		fmt.Fprintf(&b, "\n%s;\n", v.Create())
	}
	return b.String(), nil
}

// CreateTable is the statement that makes Table in DuckDB, a view over the result files that a glob
// matches. With an empty glob it has no rows: DuckDB refuses a glob that matches nothing.
func CreateTable(glob string) string {
	if glob == "" {
		return fmt.Sprintf("CREATE OR REPLACE VIEW %s AS\n%s", Table, EmptyTable())
	}
	// By name, so that files written before a column was added are read beside later ones.
	return tableOver(glob, "union_by_name = true")
}

// CreateAlikeTable is CreateTable over files that all have the columns that the first of them has:
// far cheaper, because DuckDB then opens only that one to know the columns of all.
func CreateAlikeTable(glob string) string { return tableOver(glob, "union_by_name = false") }

// tableOver reads files beside a branch that has no rows, but all columns. What the folders' names say
// is in the rows too, and taken from there.
func tableOver(glob, union string) string {
	return fmt.Sprintf(`CREATE OR REPLACE VIEW %s AS
%s
UNION ALL BY NAME
SELECT *
FROM READ_PARQUET(%s, %s, hive_partitioning = false)`, Table, EmptyTable(), Quote(glob), union)
}

// Quote writes a text as an SQL literal.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// oneLine keeps a text from ending the comment it stands in.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
