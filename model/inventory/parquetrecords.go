package inventory

import (
	"errors"
	"fmt"

	"github.com/whatif-machine/whatif/model/inventory/columns"
	"github.com/whatif-machine/whatif/model/inventory/logs"
)

// parquetRecords calls do with every row of a Parquet file as a record: values as their canonical texts
// (times as RFC 3339), lists of them. Columns that can't be read are an error if all are wanted, else they are left out.
func parquetRecords(path string, mapping *logs.Map, do func(*logs.Record) error) (err error) {
	f, err := columns.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var readable []*columns.Column
	for _, c := range f.Columns() {
		if c.Err == nil {
			readable = append(readable, c)
		} else if mapping.Rest() {
			return fmt.Errorf("%s: column %q %w; or name the columns to take in a map", path, c.Name, c.Err)
		}
	}
	names := make([]string, len(readable))
	for i, c := range readable {
		names[i] = c.Name
	}
	if err := mapping.CheckHeader(names); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	row := int64(0)
	for group := range f.Groups() {
		cursors := make([]*cursor, len(readable))
		for i, c := range readable {
			pages, err := c.Pages(group)
			if err != nil {
				return fmt.Errorf("%s: column %q: %w", path, c.Name, err)
			}
			cursors[i] = &cursor{pages: pages, column: c}
		}
		for range f.GroupRows(group) {
			row++
			value, err := recordOf(cursors)
			if err != nil {
				return fmt.Errorf("%s: row %d: %w", path, row, err)
			}
			if err := do(&logs.Record{Line: row, Value: value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordOf is the next row.
func recordOf(cursors []*cursor) (map[string]any, error) {
	record := make(map[string]any, len(cursors))
	for _, c := range cursors {
		if c.column.List {
			values, err := c.list()
			if err != nil {
				return nil, err
			}
			list := make([]any, len(values))
			for i, v := range values {
				list[i] = v
			}
			if len(list) > 0 {
				record[c.column.Name] = list
			}
			continue
		}
		text, ok, err := c.text()
		if err != nil {
			return nil, err
		}
		if ok {
			record[c.column.Name] = text
		}
	}
	return record, nil
}
