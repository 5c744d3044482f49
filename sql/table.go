package sql

import (
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// EmptyTable is a SELECT without rows that has the columns of Table and their types, in DuckDB.
func EmptyTable() string {
	var b strings.Builder
	b.WriteString("SELECT")
	for i, c := range model.ResultColumns() {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n  CAST(NULL AS %s) AS %s", duckDBType(c), Name(DuckDB, c.Name))
	}
	b.WriteString("\nWHERE FALSE")
	return b.String()
}

// duckDBTypes are the scalar types.
var duckDBTypes = map[model.ColumnType]string{
	model.ColumnInteger: "BIGINT", model.ColumnFloat: "DOUBLE", model.ColumnString: "VARCHAR",
	model.ColumnBoolean: "BOOLEAN", model.ColumnTimestamp: "TIMESTAMP WITH TIME ZONE",
}

func duckDBType(c model.Column) string {
	name := duckDBTypes[c.Type]
	if c.Type == model.ColumnRecord {
		var fields []string
		for _, f := range c.Fields {
			fields = append(fields, `"`+f.Name+`" `+duckDBType(f))
		}
		name = "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	if c.Repeated {
		name += "[]"
	}
	return name
}
