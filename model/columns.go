package model

import (
	"reflect"
	"strings"
)

// ColumnType is the type of a column of the result row, in BigQuery's words.
type ColumnType string

// The types a column can have.
const (
	ColumnInteger   ColumnType = "INTEGER"
	ColumnFloat     ColumnType = "FLOAT"
	ColumnString    ColumnType = "STRING"
	ColumnBoolean   ColumnType = "BOOLEAN"
	ColumnTimestamp ColumnType = "TIMESTAMP" // an INT64 of microseconds, UTC, in Parquet
	ColumnRecord    ColumnType = "RECORD"
)

// Column describes one column of the result row or one field of a record in it.
type Column struct {
	Name     string
	Type     ColumnType
	Nullable bool
	Repeated bool
	Fields   []Column // of a record
}

// ResultColumns are the columns of VariantResult in order, read from its tags: with the Parquet
// schema they have one source. (BigQuery's own inference refuses pointers to scalars.)
func ResultColumns() []Column { return columnsOf(reflect.TypeFor[VariantResult]()) }

func columnsOf(t reflect.Type) []Column {
	var columns []Column
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			columns = append(columns, columnsOf(f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("bigquery"), ",")
		if name == "-" {
			continue
		}
		c := Column{Name: name, Nullable: options == "nullable"}
		element := f.Type
		if element.Kind() == reflect.Slice {
			c.Repeated, element = true, element.Elem()
		}
		if element.Kind() == reflect.Pointer {
			element = element.Elem()
		}
		c.Type = columnType(element.Kind())
		if strings.Contains(f.Tag.Get("parquet"), "timestamp(") {
			c.Type = ColumnTimestamp
		}
		if c.Type == ColumnRecord {
			c.Fields = columnsOf(element)
		}
		columns = append(columns, c)
	}
	return columns
}

func columnType(k reflect.Kind) ColumnType {
	switch k {
	case reflect.Int64:
		return ColumnInteger
	case reflect.Float64:
		return ColumnFloat
	case reflect.Bool:
		return ColumnBoolean
	case reflect.Struct:
		return ColumnRecord
	}
	return ColumnString
}
