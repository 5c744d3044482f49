package warehouse_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
)

// Our BigQuery statements can't be run without BigQuery. A transpiler that isn't ours (sqlglot) carries them
// over to DuckDB, which runs them: on what the DuckDB statements are tested on, with the same rows expected.
// What it wrote is kept in testdata; .ci/python/transpile writes it anew.
const transpiledFile = "testdata/transpiled.json"

// transpiled is one view of BigQuery, and what the transpiler made of it.
type transpiled struct {
	View     string `json:"view"`
	BigQuery string `json:"bigquery"`
	DuckDB   string `json:"duckdb"`
}

// What is kept was made of the statements as they are now.
func TestTranspiledIsOfTheseViews(t *testing.T) {
	list, err := views.Views(views.BigQuery)
	if err != nil {
		t.Fatal(err)
	}
	if command := os.Getenv("WHATIF_TRANSPILE"); command != "" {
		transpile(t, strings.Fields(command), list)
	}
	kept := readTranspiled(t)
	if len(kept) != len(list) {
		t.Fatalf("%d views are kept, there are %d: run .ci/python/transpile", len(kept), len(list))
	}
	for i, v := range list {
		if kept[i].View != v.Name || kept[i].BigQuery != v.Query {
			t.Errorf("view %s has changed: run .ci/python/transpile", v.Name)
		}
	}
}

// transpile has the file written anew, or compares it with what would be written.
func transpile(t *testing.T, command []string, list []views.View) {
	t.Helper()
	var queries, translations []string
	for _, v := range list {
		queries = append(queries, v.Query)
	}
	input, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Stdin, run.Stderr = bytes.NewReader(input), os.Stderr
	output, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &translations); err != nil || len(translations) != len(list) {
		t.Fatalf("%d translations, %v", len(translations), err)
	}
	var all []transpiled
	for i, v := range list {
		all = append(all, transpiled{v.Name, v.Query, translations[i]})
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("WHATIF_TRANSPILE_MODE") == "check" {
		if diff := cmp.Diff(all, readTranspiled(t)); diff != "" {
			t.Errorf("%s would change (-), kept (+)\n%.3000s", transpiledFile, diff)
		}
		return
	}
	if err := os.WriteFile(transpiledFile, append(text, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readTranspiled(t *testing.T) (list []transpiled) {
	t.Helper()
	text, err := os.ReadFile(transpiledFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// carriedOver opens a store by the views of BigQuery.
func carriedOver(t *testing.T, root string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	// BigQuery's DATE(time) is the day in UTC, whatever else is set.
	statements := []string{"SET TimeZone = 'UTC'", views.CreateTable(filepath.Join(root, views.RowsGlob))}
	list, err := views.Views(views.BigQuery)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range readTranspiled(t) {
		v := views.View{Name: v.View, Query: v.DuckDB, Args: list[i].Args}
		statements = append(statements, v.Create())
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
	return db
}

// askOver returns all rows of an answer.
func askOver(t *testing.T, db *sql.DB, query string) (all []record) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := record{}
		for i, c := range columns {
			row[c] = values[i]
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// BigQuery's views give the rows worked out by hand.
func TestTranspiledGiveTheRowsWorkedOutByHand(t *testing.T) {
	t.Parallel()
	list, err := views.Views(views.BigQuery)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Internal {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var input []model.VariantResult
			var want []record
			readJSON(t, v.Name, "input.json", &input)
			readJSON(t, v.Name, "expected.json", &want)
			compareWithExpected(t, relevant(asJSON(t, askOver(t, carriedOver(t, store(t, input)), selectAll(v))), want), want)
		})
	}
}

// BigQuery's views and DuckDB's give the same rows, on studies of every sort.
func TestTranspiledGiveTheRowsOfDuckDB(t *testing.T) {
	t.Parallel()
	root := store(t, roll(6, []study{studies[1], studies[3], studies[4]}))
	native, over := open(t, root), carriedOver(t, root)
	list, err := views.Views(views.BigQuery)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Internal {
			continue
		}
		want, got := inOrder(t, asJSON(t, ask(t, native, selectAll(v)))), inOrder(t, asJSON(t, askOver(t, over, selectAll(v))))
		wanted, given := differing(want, got)
		if diff := cmp.Diff(wanted, given, nearly, cmpopts.EquateEmpty()); diff != "" || len(want) == 0 {
			t.Errorf("view %s: DuckDB's %d rows (-), BigQuery's %d (+)\n%.2000s", v.Name, len(want), len(got), diff)
		}
	}
}

// inOrder sorts rows by what tells them apart.
func inOrder(t *testing.T, rows []record) []record {
	t.Helper()
	for _, r := range rows {
		key, err := json.Marshal(identity(r))
		if err != nil {
			t.Fatal(err)
		}
		r["key"] = string(key)
	}
	slices.SortFunc(rows, func(a, b record) int { return strings.Compare(a["key"].(string), b["key"].(string)) })
	return rows
}
