package bigquery

import (
	"fmt"
	"strings"

	bq "cloud.google.com/go/bigquery"

	"github.com/whatif-machine/whatif/model"
)

// Partition and clustering of the table (results.md).
const partitionColumn = "submitted_at"

var clusterColumns = []string{"simulation_id", "variant_id"}

// Schema is that of the table, from the one struct that also gives the files theirs. Every column is NULLABLE
// or REPEATED: a REQUIRED one can't be added to a table later, and files of an earlier version lack it
// ("Modifying table schemas": https://cloud.google.com/bigquery/docs/managing-table-schemas).
func Schema() bq.Schema { return schemaOf(model.ResultColumns()) }

// types are BigQuery's names of the types.
var types = map[model.ColumnType]bq.FieldType{
	model.ColumnInteger: bq.IntegerFieldType, model.ColumnFloat: bq.FloatFieldType, model.ColumnString: bq.StringFieldType,
	model.ColumnBoolean: bq.BooleanFieldType, model.ColumnTimestamp: bq.TimestampFieldType, model.ColumnRecord: bq.RecordFieldType,
}

func schemaOf(columns []model.Column) (schema bq.Schema) {
	for _, c := range columns {
		schema = append(schema, &bq.FieldSchema{Name: c.Name, Type: types[c.Type], Repeated: c.Repeated, Schema: schemaOf(c.Fields)})
	}
	return schema
}

// missing merges what a table lacks into its schema, and reports whether that is anything. The error says what
// of it can't be made to fit.
func missing(have, want bq.Schema, path string) (merged bq.Schema, more bool, err error) {
	merged = append(merged, have...)
	for _, w := range want {
		i := indexOf(merged, w.Name)
		if i < 0 {
			merged, more = append(merged, w), true
			continue
		}
		h := *merged[i]
		if h.Type != w.Type || h.Repeated != w.Repeated {
			return nil, false, fmt.Errorf("column %s%s is %s, and rows have %s", path, w.Name, kindOf(&h), kindOf(w))
		}
		if w.Type == bq.RecordFieldType {
			nested, changed, err := missing(h.Schema, w.Schema, path+w.Name+".")
			if err != nil {
				return nil, false, err
			}
			if changed {
				h.Schema, more = nested, true
				merged[i] = &h
			}
		}
	}
	for _, h := range have {
		if h.Required && indexOf(want, h.Name) < 0 {
			return nil, false, fmt.Errorf("column %s%s is REQUIRED, and rows of this version don't have it", path, h.Name)
		}
	}
	return merged, more, nil
}

// indexOf finds a column. BigQuery's names don't tell cases apart.
func indexOf(s bq.Schema, name string) int {
	for i, f := range s {
		if strings.EqualFold(f.Name, name) {
			return i
		}
	}
	return -1
}

func kindOf(f *bq.FieldSchema) string {
	if f.Repeated {
		return "REPEATED " + string(f.Type)
	}
	return string(f.Type)
}
