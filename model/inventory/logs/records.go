package logs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whatif-machine/whatif/model"
)

// maxLine is the longest line of a log; a longer one is rejected, and read over without being held.
const maxLine = 16 << 20

// Record is one record of a log.
type Record struct {
	Line  int64  // of the file, from 1; of Parquet, the row
	Raw   []byte // its text, valid until the next record; nil for Parquet
	Value any    // map[string]any, []any, string, json.Number, bool or nil, as encoding/json has them
	Err   error  // why it could not be read; the next one can be
}

// lines splits a log into lines.
type lines struct {
	r      *bufio.Reader
	number int64
	buffer []byte
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, readBuffer)} }

// next is the next line without its end, its number, and io.EOF after the last; long tells that it was cut.
func (l *lines) next() (line []byte, long bool, err error) {
	l.buffer = l.buffer[:0]
	for {
		piece, err := l.r.ReadSlice('\n')
		if len(l.buffer)+len(piece) > maxLine {
			long = true
		} else {
			l.buffer = append(l.buffer, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(l.buffer) == 0 && !long) {
			return nil, false, err
		}
		l.number++
		return bytes.TrimSuffix(bytes.TrimSuffix(l.buffer, []byte("\n")), []byte("\r")), long, nil
	}
}

// errLongLine is the reason of lines over maxLine.
var errLongLine = fmt.Errorf("the line is longer than the %d bytes allowed", maxLine)

// JSONLines calls do with every line of JSON until it returns an error. Empty lines are no records.
func JSONLines(r io.Reader, do func(*Record) error) error {
	l := newLines(r)
	for {
		line, long, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return brokenOff(l.number, err)
		}
		record := &Record{Line: l.number, Raw: line}
		if l.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		switch {
		case long:
			record.Err = errLongLine
		case len(bytes.TrimSpace(line)) == 0:
			continue
		case !utf8.Valid(line):
			record.Err = errors.New("the line is not UTF-8")
		default:
			record.Value, record.Err = parseJSON(line)
		}
		if err := do(record); err != nil {
			return err
		}
	}
}

// parseJSON reads one JSON document and nothing behind it.
func parseJSON(line []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("no JSON line: %.20q follows the document", rest)
	}
	return v, nil
}

// maxFields of a CSV record.
const maxFields = 4096

// CSV calls do with every record of a separated-values file until it returns an error. A record may span
// lines within quotes.
func (m *Map) CSV(r io.Reader, do func(*Record) error) error {
	l := newLines(r)
	header := m.header
	for {
		start := l.number + 1
		raw, fields, err := m.csvRecord(l)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if readErr, ok := errors.AsType[*readError](err); ok {
			return brokenOff(l.number, readErr.err)
		}
		if err == nil && len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		if header == nil {
			if header, err = checkHeader(fields, err); err != nil {
				return model.Invalid("line %d: %w", start, err)
			}
			if err := m.CheckHeader(header); err != nil {
				return err
			}
			continue
		}
		record := &Record{Line: start, Raw: raw, Err: err}
		if err == nil && len(fields) != len(header) {
			record.Err = fmt.Errorf("it has %d fields, not %d", len(fields), len(header))
		}
		if record.Err == nil {
			object := make(map[string]any, len(fields))
			for i, name := range header {
				object[name] = fields[i]
			}
			record.Value = object
		}
		if err := do(record); err != nil {
			return err
		}
	}
}

// brokenOff is an error of reading on after a line.
func brokenOff(line int64, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return model.Invalid("the file breaks off after line %d: it is cut off or damaged", line)
	}
	return fmt.Errorf("after line %d: %w", line, err)
}

// CheckHeader refuses a file whose columns can't give the id or the time of any slot, before each of its rows is rejected
// for it.
func (m *Map) CheckHeader(header []string) error {
	if m.root != nil || m.explode != nil {
		return nil
	}
	var lacks []string
	for _, c := range m.columns {
		if (c.name == slotID || c.name == slotTime) && c.fallback == nil {
			if path := c.lacks(header); path == c.name {
				lacks = append(lacks, path)
			} else if path != "" {
				lacks = append(lacks, fmt.Sprintf("%s (for %s)", path, c.name))
			}
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return model.Invalid("there is no column %s; the columns are %.500s: name those to take in a map (--map)", strings.Join(lacks, ", nor "), strings.Join(header, ", "))
}

// lacks is the first path of a column whose sources all need what is not in a header; empty: one of them does not.
func (c *column) lacks(header []string) string {
	first := ""
	for _, s := range c.sources {
		needs := s.join
		if s.path != nil {
			needs = []*path{s.path}
		}
		at := slices.IndexFunc(needs, func(p *path) bool {
			return p.from == fromRoot && len(p.steps) > 0 && !slices.Contains(header, p.steps[0].key)
		})
		if at < 0 {
			return ""
		}
		if first == "" {
			first = needs[at].text
		}
	}
	return first
}

// checkHeader takes the first record as names.
func checkHeader(fields []string, err error) ([]string, error) {
	if err != nil {
		return nil, fmt.Errorf("the header: %w", err)
	}
	fields[0] = strings.TrimPrefix(fields[0], "\ufeff")
	seen := map[string]bool{}
	for _, name := range fields {
		if name == "" || seen[name] {
			return nil, fmt.Errorf("the header has the column %q twice or without a name; a file without header needs csv.columns in a map", name)
		}
		seen[name] = true
	}
	return fields, nil
}

// readError is an error of reading, after which there are no more records.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// csvRecord reads one record: a line, or several while a quote is open.
func (m *Map) csvRecord(l *lines) (raw []byte, fields []string, err error) {
	line, long, err := l.next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, io.EOF
		}
		return nil, nil, &readError{err}
	}
	switch {
	case long:
		return line, nil, errLongLine
	case !utf8.Valid(line):
		return line, nil, errors.New("the line is not UTF-8")
	case m.plain || bytes.IndexByte(line, '"') < 0:
		if n := bytes.Count(line, []byte(m.separator)); n >= maxFields {
			return line, nil, fmt.Errorf("it has more than %d fields", maxFields)
		}
		return line, strings.Split(string(line), m.separator), nil
	}
	raw = bytes.Clone(line)
	for bytes.Count(raw, []byte{'"'})%2 == 1 {
		line, long, err := l.next()
		if errors.Is(err, io.EOF) {
			return raw, nil, errors.New("a quote is not closed")
		}
		if err != nil {
			return nil, nil, &readError{err}
		}
		if long || len(raw)+len(line) > maxLine {
			return raw, nil, errLongLine
		}
		raw = append(append(raw, '\n'), line...)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.FieldsPerRecord = rune(m.separator[0]), -1
	fields, err = r.Read()
	if err == nil && !utf8.Valid(raw) {
		err = errors.New("the record is not UTF-8")
	}
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		err = fmt.Errorf("no CSV: %w", parse.Err)
	}
	return raw, fields, err
}
