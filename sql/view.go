package sql

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed views/*.sql views/*/*.sql views/*/columns.txt
var files embed.FS

// RowsGlob matches the result files of all simulations, relative to the results folder.
const RowsGlob = "simulation_id=*/variant_id=*/attempt=*.parquet"

// Table is the relation of all attempts that every view rests on: BigQuery's table, a view in DuckDB.
const Table = "variant_results"

// Counted is the view of the rows that count, without nested results. Every other view rests on it.
const Counted = "counted"

// Column is one column of a view.
type Column struct {
	Name string
	Type string // STRING, INT64, FLOAT64, BOOL, DATE, TIMESTAMP, or ARRAY<STRUCT<..>> of these
	Doc  string // what it means; its unit
}

// View is one view in one dialect.
type View struct {
	Name     string
	Args     []string // of a table macro (pareto), all text; nil: a plain view
	Internal bool     // a step on the way, not among the views of the result store
	Columns  []Column // nil for internal views
	Query    string   // the SELECT, without a semicolon
}

// inOrder lists the views so that each comes after those it reads.
var inOrder = []View{
	{Name: Counted, Internal: true},
	{Name: "counted_details", Internal: true},
	{Name: "figures", Internal: true},
	{Name: "compared", Internal: true},
	{Name: "campaign_entries", Internal: true},
	{Name: "group_entries", Internal: true},
	{Name: "breakdown_entries", Internal: true},
	{Name: "contention_entries", Internal: true},
	{Name: "variants"},
	{Name: "variant_metrics"},
	{Name: "comparison"},
	{Name: "campaign_results"},
	{Name: "frequency"},
	{Name: "campaign_frequency"},
	{Name: "group_results"},
	{Name: "breakdown_results"},
	{Name: "contention"},
	{Name: "parameter_effects"},
	{Name: "failures"},
	{Name: "pareto", Args: []string{"x", "y"}},
}

// Views are the views of a dialect, each after those it reads. They name each other without a dataset.
func Views(dialect string) ([]View, error) {
	r, err := newRendering(dialect, func(name string) string { return name })
	if err != nil {
		return nil, err
	}
	return r.views()
}

func (r rendering) views() (views []View, err error) {
	for _, v := range inOrder {
		if !v.Internal {
			if v.Columns, err = columns(v.Name); err != nil {
				return nil, err
			}
		}
		if v.Query, err = r.query(v); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// Create is the statement that makes the view in DuckDB, or replaces it, without a semicolon.
func (v View) Create() string {
	if v.Args != nil {
		return fmt.Sprintf("CREATE OR REPLACE MACRO %s(%s) AS TABLE\n%s", v.Name, strings.Join(v.Args, ", "), v.Query)
	}
	return fmt.Sprintf("CREATE OR REPLACE VIEW %s AS\n%s", v.Name, v.Query)
}

// Doc says what the view is: the comment that its query begins with, in one line.
func (v View) Doc() string {
	var lines []string
	for line := range strings.Lines(v.Query) {
		comment, ok := strings.CutPrefix(line, "-- ")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSpace(comment))
	}
	return strings.Join(lines, " ")
}

// TableColumns are the columns of Table, each with the fields of its records behind it: campaigns,
// campaigns.campaign_id, ..
func TableColumns() ([]Column, error) { return columns(Table) }

// columns reads columns.txt: a line a column, its name, type and meaning.
func columns(view string) ([]Column, error) {
	path := "views/" + view + "/columns.txt"
	text, err := fs.ReadFile(files, path)
	if err != nil {
		return nil, fmt.Errorf("columns of view %s: %w", view, err)
	}
	var list []Column
	for number, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.SplitN(line, "\t", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s:%d: want name, type and meaning, separated by tabs", path, number+1)
		}
		list = append(list, Column{Name: fields[0], Type: fields[1], Doc: fields[2]})
	}
	return list, nil
}
