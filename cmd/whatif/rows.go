package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// rows is a table to print: raw values by column, and how people like to see them.
type rows struct {
	columns []string
	values  [][]any
	right   map[string]bool // columns to align right in a table
	first   []string        // columns that a narrow terminal does without first
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

// printTable prints a table that fits the terminal: whole columns are left out, never half a number.
func (c *console) printTable(r rows) error {
	hidden := []string{}
	if width, ok := terminal(c.out); ok {
		r, hidden = r.fit(width)
	}
	if _, err := fmt.Fprintln(c.out, r.writer().Render()); err != nil {
		return err
	}
	if len(hidden) > 0 {
		c.say("too narrow for %s; a wider terminal or --format csv shows all", strings.Join(hidden, ", "))
	}
	return nil
}

// mostCell bounds a cell of a table on a terminal, in characters.
const mostCell = 40

// fit leaves out columns until the table is no wider than the terminal: those of r.first, then from
// the last to the second. Long texts are cut.
func (r rows) fit(width int) (fitting rows, hidden []string) {
	widths := map[string]int{}
	values := make([][]any, len(r.values))
	for i, row := range r.values {
		values[i] = slices.Clone(row)
		for k, v := range row {
			cut := shortened(cell(v, "-"), mostCell)
			if text, ok := v.(string); ok && cut != text {
				values[i][k] = cut
			}
			widths[r.columns[k]] = max(widths[r.columns[k]], utf8.RuneCountInString(cut))
		}
	}
	total := -1 // a border between columns, none around them
	for _, name := range r.columns {
		widths[name] = max(widths[name], utf8.RuneCountInString(name)) + 3 // with a blank on both sides and a border
		total += widths[name]
	}
	droppable := slices.Clone(r.first)
	for _, name := range slices.Backward(r.columns[min(1, len(r.columns)):]) {
		if !slices.Contains(droppable, name) {
			droppable = append(droppable, name)
		}
	}
	for _, name := range droppable {
		if total <= width {
			break
		}
		total -= widths[name]
		hidden = append(hidden, name)
	}
	r.values = values
	return r.without(hidden), hidden
}

// without leaves out columns.
func (r rows) without(names []string) rows {
	out := rows{right: r.right, values: make([][]any, len(r.values))}
	for k, name := range r.columns {
		if slices.Contains(names, name) {
			continue
		}
		out.columns = append(out.columns, name)
		for i := range r.values {
			out.values[i] = append(out.values[i], r.values[i][k])
		}
	}
	return out
}

// shortened cuts a text to so many characters, the last of them an ellipsis.
func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func (r rows) markdown(out io.Writer) error {
	_, err := fmt.Fprintln(out, r.writer().RenderMarkdown())
	return err
}

func (r rows) writer() table.Writer {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options.DrawBorder = false
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
		if magnitude := math.Abs(v); magnitude >= 1e-4 && magnitude < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64) // 1234567, not 1.234567e+06
		}
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
