package reading

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whatif-machine/whatif/sql"
)

// Types of columns, as package sql documents them.
const (
	typeString    = "STRING"
	typeInt       = "INT64"
	typeFloat     = "FLOAT64"
	typeBool      = "BOOL"
	typeDate      = "DATE"
	typeTimestamp = "TIMESTAMP"
)

// mostValueBytes bounds a value that a column is compared with; ids and dimension values are shorter.
const mostValueBytes = 4096

// dayForm and timeForm are how days and times are written in answers, tokens and statements.
const (
	dayForm  = "2006-01-02"
	timeForm = "2006-01-02 15:04:05.999999+00:00"
)

// parseValue reads what a request compares a column with. Days and times become the text that a
// statement has them in.
func parseValue(c sql.Column, text string) (any, error) {
	switch {
	case len(text) > mostValueBytes:
		return nil, bad("where", "the value for column %s has %d bytes; it may have %d", c.Name, len(text), mostValueBytes)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, bad("where", "the value for column %s is no text in UTF-8", c.Name)
	}
	var value any
	var err error
	switch c.Type {
	case typeString:
		return text, nil
	case typeInt:
		value, err = strconv.ParseInt(text, 10, 64)
	case typeFloat:
		value, err = parseFinite(text)
	case typeBool:
		value, err = parseBool(text)
	case typeDate:
		value, err = parseTime(time.DateOnly, dayForm, text)
	case typeTimestamp:
		value, err = parseTime(time.RFC3339Nano, timeForm, text)
	default:
		return nil, bad("where", "column %s is a list and can't be compared with a value", c.Name)
	}
	if err != nil {
		return nil, bad("where", "%q is no value for column %s, which is %s", shortened(text), c.Name, described[c.Type])
	}
	return value, nil
}

// described says what a column of a type holds.
var described = map[string]string{
	typeInt: "a whole number", typeFloat: "a number", typeBool: "true or false",
	typeDate: "a day like 2026-07-01", typeTimestamp: "a time like 2026-07-01T12:00:00Z",
}

func parseFinite(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = strconv.ErrRange
	}
	return v, err
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, strconv.ErrSyntax
}

// parseTime reads a time in one form and writes it, in UTC, in another. Years of other than four digits
// are left to nobody.
func parseTime(from, to, text string) (string, error) {
	t, err := time.Parse(from, text)
	if err == nil && (t.UTC().Year() < 1 || t.UTC().Year() > 9999) {
		err = strconv.ErrRange
	}
	return t.UTC().Format(to), err
}

func shortened(text string) string {
	if len(text) <= mostQuoted {
		return text
	}
	return strings.ToValidUTF8(text[:mostQuoted], "") + ".."
}

// keyValue is a value of an answer as a token carries it and a statement compares with it.
func keyValue(c sql.Column, v any) any {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return v
	case c.Type == typeDate:
		return t.UTC().Format(dayForm)
	}
	return t.UTC().Format(timeForm)
}

// shown is a value of an answer as it is answered: a day without a time of day.
func shown(c sql.Column, v any) any {
	if t, ok := v.(time.Time); ok && c.Type == typeDate {
		return t.UTC().Format(dayForm)
	}
	return v
}
