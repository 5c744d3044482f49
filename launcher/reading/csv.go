package reading

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// csvBatch is how many rows of a CSV are read at a time.
const csvBatch = 4096

// CSV writes all rows of an answer as RFC 4180 has them: a header, lines that end in CRLF, texts quoted
// where they need it. Nothing is written before the first rows are there, so that an error at the
// beginning can still be told in another way.
//
// Null is an empty field, the empty text a quoted one (""). Lists are JSON. A text that a spreadsheet
// would take for a formula, because it begins with = + - @, a tab or a line break, and is no number, has
// an apostrophe before it; JSON answers have texts as they are.
func (r *Reader) CSV(ctx context.Context, req Request, out io.Writer) error {
	if req.PageToken != "" {
		return bad("page_token", "a CSV has all rows: a page token does not go with it")
	}
	q, err := r.prepare(ctx, req)
	if err != nil {
		return err
	}
	lines := &csvLines{out: bufio.NewWriterSize(out, 64<<10)}
	for begun := false; ; begun = true {
		rows, next, err := r.batch(ctx, q, csvBatch, begun)
		if err != nil {
			return err
		}
		if !begun {
			lines.header(q.answered())
		}
		for _, row := range rows {
			lines.row(row)
		}
		if lines.err != nil {
			return fmt.Errorf("reading: write CSV: %w", lines.err)
		}
		if next == nil {
			break
		}
		q.at = *next
	}
	if err := lines.out.Flush(); err != nil {
		return fmt.Errorf("reading: write CSV: %w", err)
	}
	return nil
}

// csvLines writes lines, and keeps the first error.
type csvLines struct {
	out *bufio.Writer
	err error
}

func (c *csvLines) header(columns []Column) {
	row := make([]any, len(columns))
	for i, column := range columns {
		row[i] = column.Name
	}
	c.row(row)
}

func (c *csvLines) row(values []any) {
	for i, v := range values {
		if i > 0 {
			c.write(",")
		}
		c.field(v)
	}
	c.write("\r\n")
}

func (c *csvLines) field(v any) {
	switch v := v.(type) {
	case nil:
	case string:
		c.write(quoted(harmless(v)))
	case time.Time:
		c.write(v.UTC().Format(time.RFC3339Nano))
	case []any, map[string]any:
		c.write(quoted(c.json(v)))
	default:
		c.write(c.json(v))
	}
}

// json writes numbers and booleans, which need no quotes, and what is made of values.
func (c *csvLines) json(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil && c.err == nil {
		c.err = err
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (c *csvLines) write(text string) {
	if _, err := c.out.WriteString(text); err != nil && c.err == nil {
		c.err = err
	}
}

// quoted quotes a text that is empty or has a comma, a quote, a line break, or space at an end.
func quoted(s string) string {
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") && s == strings.TrimSpace(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// harmless keeps a spreadsheet from running a text.
func harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return s
	}
	if _, err := parseFinite(s); err == nil {
		return s
	}
	return "'" + s
}
