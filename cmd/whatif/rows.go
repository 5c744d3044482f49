package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// rows is a table to print: raw values by column, and how people like to see them.
type rows struct {
	columns []string
	values  [][]any
	right   map[string]bool // columns to align right in a table
}

// print writes the rows in the format asked for: a table on a terminal, else CSV.
func (c *console) print(r rows) error {
	switch format := c.chosenFormat(); format {
	case "table":
		return c.printTable(r)
	case "markdown":
		return r.markdown(c.out)
	case "csv":
		return writeCSV(c.out, r.columns, slices.Values(r.values))
	case "json":
		return writeJSON(c.out, r.columns, slices.Values(r.values))
	default:
		return usage("--format %q is not one of table, json, csv, markdown", format)
	}
}

// chosenFormat is the format asked for, by default a table on a terminal and CSV elsewhere.
func (c *console) chosenFormat() string {
	if c.format != "" {
		return c.format
	}
	if _, ok := terminal(c.out); ok {
		return "table"
	}
	return "csv"
}

// asTable reports whether rows will be printed for people rather than for a program.
func (c *console) asTable() bool {
	format := c.chosenFormat()
	return format == "table" || format == "markdown"
}

func (c *console) printTable(r rows) error {
	w := r.writer()
	if width, ok := terminal(c.out); ok {
		w.SetStyle(withWidth(w.Style(), width))
	}
	_, err := fmt.Fprintln(c.out, w.Render())
	return err
}

func withWidth(style *table.Style, width int) table.Style {
	s := *style
	s.Size.WidthMax = width
	return s
}

func (r rows) markdown(out io.Writer) error {
	_, err := fmt.Fprintln(out, r.writer().RenderMarkdown())
	return err
}

func (r rows) writer() table.Writer {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	header := make(table.Row, len(r.columns))
	var configs []table.ColumnConfig
	for i, name := range r.columns {
		header[i] = name
		if r.right[name] || r.numeric(i) {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	w.AppendHeader(header)
	w.SetColumnConfigs(configs)
	for _, row := range r.values {
		cells := make(table.Row, len(row))
		for i, v := range row {
			cells[i] = cell(v, "-")
		}
		w.AppendRow(cells)
	}
	return w
}

// numeric reports whether a column holds nothing but numbers.
func (r rows) numeric(column int) bool {
	some := false
	for _, row := range r.values {
		switch row[column].(type) {
		case int64, float64, int32, int:
			some = true
		case nil:
		default:
			return false
		}
	}
	return some
}

// writeCSV writes rows as they come, with a header.
func writeCSV(out io.Writer, columns []string, values iter.Seq[[]any]) error {
	w := csv.NewWriter(out)
	if err := w.Write(columns); err != nil {
		return err
	}
	for row := range values {
		record := make([]string, len(row))
		for i, v := range row {
			record[i] = cell(v, "")
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// writeJSON writes an array of objects, as they come, whose keys stand in the order of the columns.
func writeJSON(out io.Writer, columns []string, values iter.Seq[[]any]) error {
	open := "["
	for row := range values {
		object, err := jsonObject(columns, row)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, open+object); err != nil {
			return err
		}
		open = ",\n "
	}
	end := "]\n"
	if open == "[" {
		end = "[]\n"
	}
	_, err := io.WriteString(out, end)
	return err
}

func jsonObject(columns []string, row []any) (string, error) {
	text := "{"
	for i, name := range columns {
		key, err := json.Marshal(name)
		if err != nil {
			return "", err
		}
		value, err := json.Marshal(row[i])
		if err != nil {
			return "", fmt.Errorf("column %s: %w", name, err)
		}
		if i > 0 {
			text += ", "
		}
		text += string(key) + ": " + string(value)
	}
	return text + "}", nil
}

// cell is a value as text; null becomes the given text.
func cell(v any, null string) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case fmt.Stringer:
		return v.String()
	case []any, map[string]any:
		if text, err := json.Marshal(v); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}
