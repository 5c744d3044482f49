package sql

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// Kind says what a statement makes.
type Kind string

// What statements make.
const (
	KindDataset  Kind = "dataset"
	KindTable    Kind = "table"
	KindView     Kind = "view"
	KindFunction Kind = "function" // a table function
)

// Statement makes one thing in BigQuery. Run again, it changes nothing.
type Statement struct {
	Kind    Kind
	Name    string // within the dataset; of a dataset its own
	SQL     string // without a semicolon
	Mark    string // of a view or function: what its description ends with, so that it can be known again
	Columns []Column
}

// Install is all that makes a dataset with the table and the views, in the order to run it. An empty
// location is BigQuery's default, US.
func Install(d Dataset, location string) ([]Statement, error) {
	docs, err := TableColumns()
	if err != nil {
		return nil, err
	}
	views, err := d.Views()
	if err != nil {
		return nil, err
	}
	list := []Statement{
		{Kind: KindDataset, Name: d.Name, SQL: createDataset(d, location)},
		{Kind: KindTable, Name: Table, SQL: createTable(d, docs)},
	}
	for _, v := range views {
		list = append(list, v.statement(d))
	}
	return list, nil
}

// InstallScript is Install as one text, to be run by BigQuery's console or its command bq.
func InstallScript(d Dataset, location string) (string, error) {
	list, err := Install(d, location)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "-- The table and the views of the what-if result store in BigQuery's dataset %s\n", d)
	for _, s := range list {
		fmt.Fprintf(&b, "\n%s;\n", s.SQL)
	}
	return b.String(), nil
}

func createDataset(d Dataset, location string) string {
	text := "CREATE SCHEMA IF NOT EXISTS `" + d.String() + "`"
	if location != "" {
		text += "\nOPTIONS (location = " + Text(BigQuery, location) + ")"
	}
	return text
}

// TableDoc says what the table is.
const TableDoc = "Results of what-if simulations: a row for each attempt at each variant. The views pick the rows that count."

// createTable is the table of all attempts. A query that doesn't say which days it wants is refused:
// it would read, and be charged for, every simulation there ever was.
func createTable(d Dataset, docs []Column) string {
	said := map[string]string{}
	for _, c := range docs {
		said[c.Name] = c.Doc
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n", d.Of(Table))
	for i, c := range model.ResultColumns() {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  " + columnDDL(c, "", said))
	}
	fmt.Fprintf(&b, "\n)\nPARTITION BY TIMESTAMP_TRUNC(submitted_at, DAY)\nCLUSTER BY simulation_id, variant_id\nOPTIONS (\n  description = %s,\n  require_partition_filter = TRUE\n)",
		Text(BigQuery, TableDoc))
	return b.String()
}

// columnDDL declares a column, or a field of a record. None is NOT NULL: such a one could not be added
// to a table later, and rows written before lack it.
func columnDDL(c model.Column, path string, said map[string]string) string {
	path += c.Name
	text := "`" + c.Name + "` " + columnType(c, path, said)
	if doc := said[path]; doc != "" {
		text += " OPTIONS (description = " + Text(BigQuery, doc) + ")"
	}
	return text
}

// bigQueryTypes are the scalar types.
var bigQueryTypes = map[model.ColumnType]string{
	model.ColumnInteger: "INT64", model.ColumnFloat: "FLOAT64", model.ColumnString: "STRING",
	model.ColumnBoolean: "BOOL", model.ColumnTimestamp: "TIMESTAMP",
}

func columnType(c model.Column, path string, said map[string]string) string {
	name := bigQueryTypes[c.Type]
	if c.Type == model.ColumnRecord {
		var fields []string
		for _, f := range c.Fields {
			fields = append(fields, columnDDL(f, path+".", said))
		}
		indent := strings.Repeat("  ", strings.Count(path, ".")+2)
		name = "STRUCT<\n" + indent + strings.Join(fields, ",\n"+indent) + "\n" + indent[2:] + ">"
	}
	if c.Repeated {
		name = "ARRAY<" + name + ">"
	}
	return name
}

// statement makes a view or, of one with arguments, a table function.
func (v View) statement(d Dataset) Statement {
	s := Statement{Kind: KindView, Name: v.Name, Columns: v.Columns}
	head := "CREATE OR REPLACE VIEW " + d.Of(v.Name)
	if v.Args != nil {
		s.Kind = KindFunction
		head = "CREATE OR REPLACE TABLE FUNCTION " + d.Of(v.Name) + "(" + strings.Join(v.Args, " STRING, ") + " STRING)"
	} else if v.Columns != nil {
		var columns []string
		for _, c := range v.Columns {
			columns = append(columns, fmt.Sprintf("  `%s` OPTIONS (description = %s)", c.Name, Text(BigQuery, c.Doc)))
		}
		head += " (\n" + strings.Join(columns, ",\n") + "\n)"
	}
	digest := sha256.Sum256([]byte(head + v.Query))
	s.Mark = "[sql " + hex.EncodeToString(digest[:6]) + "]"
	s.SQL = head + "\nOPTIONS (description = " + Text(BigQuery, v.Doc()+" "+s.Mark) + ")\nAS\n" + v.Query
	return s
}
