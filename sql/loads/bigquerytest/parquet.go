package bigquerytest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/model"
)

// key is what names a row.
type key struct {
	Simulation string `parquet:"simulation_id"`
	Variant    string `parquet:"variant_id"`
	Attempt    int64  `parquet:"attempt"`
}

// Parquet is what BigQuery finds in a Parquet file of rows.
func Parquet(data []byte) File {
	file, err := readParquet(data)
	if err != nil {
		return File{Broken: err.Error()}
	}
	return file
}

func readParquet(data []byte) (file File, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on damaged files
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return file, err
	}
	for _, field := range f.Root().Columns() {
		column, err := inferred(field)
		if err != nil {
			return file, err
		}
		file.Schema = append(file.Schema, column)
	}
	rows, err := parquet.Read[key](bytes.NewReader(data), int64(len(data)))
	for _, k := range rows {
		file.Keys = append(file.Keys, model.ResultPath(k.Simulation, k.Variant, k.Attempt))
	}
	return file, err
}

// inferred is the column that BigQuery makes of a Parquet field, by the tables "Parquet conversions" and "List
// logical type" with enable_list_inference ("Loading Parquet data from Cloud Storage":
// https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions): a group with
// the LIST annotation of the form
//
//	required|optional group NAME (LIST) { repeated group list { required|optional T element } }
//
// becomes REPEATED T; any other repeated field REPEATED; required REQUIRED; optional NULLABLE; a group RECORD.
func inferred(c *parquet.Column) (*bq.TableFieldSchema, error) {
	out := &bq.TableFieldSchema{Name: c.Name(), Mode: "REQUIRED"}
	switch {
	case c.Optional():
		out.Mode = "NULLABLE"
	case c.Repeated():
		out.Mode = "REPEATED"
	}
	element := c
	if annotated[*format.ListType](c.Type()) {
		inner := c.Columns()
		if len(inner) != 1 || !inner[0].Repeated() || inner[0].Name() != "list" || len(inner[0].Columns()) != 1 || inner[0].Columns()[0].Name() != "element" {
			return nil, fmt.Errorf("field %s is no list of three levels", c.Name())
		}
		element = inner[0].Columns()[0]
		out.Mode = "REPEATED"
	}
	if !element.Leaf() {
		out.Type = "RECORD"
		for _, field := range element.Columns() {
			nested, err := inferred(field)
			if err != nil {
				return nil, fmt.Errorf("%s.%w", c.Name(), err)
			}
			out.Fields = append(out.Fields, nested)
		}
		return out, nil
	}
	var err error
	out.Type, err = scalar(element.Type())
	return out, err
}

// scalar is the type of a leaf: "BOOLEAN -> BOOL, INT64 -> INT64, DOUBLE -> FLOAT64, BYTE_ARRAY with STRING (UTF8)
// -> STRING, INT64 with TIMESTAMP (isAdjustedToUTC, micros) -> TIMESTAMP". The REST interface has the older names.
func scalar(t parquet.Type) (string, error) {
	if annotated[*format.StringType](t) {
		return "STRING", nil
	}
	if annotated[*format.TimestampType](t) {
		stamp := t.LogicalType().Value.(*format.TimestampType)
		if _, micros := stamp.Unit.Value.(*format.MicroSeconds); !micros {
			return "", errors.New("a timestamp that isn't in microseconds")
		}
		if !stamp.IsAdjustedToUTC {
			return "DATETIME", nil
		}
		return "TIMESTAMP", nil
	}
	switch t.Kind() {
	case parquet.Boolean:
		return "BOOLEAN", nil
	case parquet.Int64:
		return "INTEGER", nil
	case parquet.Double:
		return "FLOAT", nil
	case parquet.ByteArray:
		return "BYTES", nil
	}
	return "", fmt.Errorf("no rule for type %s", t)
}

// annotated reports whether a field has a logical type.
func annotated[T format.LogicalTypeValue](t parquet.Type) bool {
	logical := t.LogicalType()
	if logical == nil {
		return false
	}
	_, is := logical.Value.(T)
	return is
}
