package model

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// sealed is what result_sha256 covers: the parameters and every figure.
type sealed struct {
	Parameters []ParameterValue `json:"parameters"`
	Metrics
}

// Seal sets ResultSHA256 from the parameters and all metrics. Two attempts have "identical
// results" if and only if their digests are equal.
//
// The canonical bytes are JSON without white space: the row's columns from `parameters` and `slots`
// to `breakdowns` by name in byte order (not in the order of the struct), nested records likewise.
// Nulls and empty lists are left out, so that a column added later, null in old rows, changes no
// digest. Integers are decimal; floats are the shortest text that reads back (strconv 'g'); in
// strings only the quote, the backslash and bytes below 0x20 (\u00xx) are escaped.
func (r *VariantResult) Seal() {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<14)
	value := reflect.ValueOf(sealed{r.Parameters, r.Metrics})
	sealPlan.write(w, value)
	if err := w.Flush(); err != nil {
		panic(err) // a hash does not fail
	}
	r.ResultSHA256 = hex.EncodeToString(h.Sum(nil))
}

// canonical is the text that Seal digests, for tests and tools.
func (r *VariantResult) canonical(w io.Writer) error {
	b := bufio.NewWriter(w)
	sealPlan.write(b, reflect.ValueOf(sealed{r.Parameters, r.Metrics}))
	return b.Flush()
}

// recordPlan is how a struct is written: its columns by name.
type recordPlan struct {
	columns []columnPlan
}

type columnPlan struct {
	name   string
	index  []int
	nested *recordPlan // of a list of records
}

var sealPlan = planRecord(reflect.TypeFor[sealed]())

// planRecord finds the columns of a struct, embedded structs inlined; a field tagged "-" is none.
func planRecord(t reflect.Type) *recordPlan {
	p := &recordPlan{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" || !f.IsExported() {
			continue
		}
		c := columnPlan{name: name, index: f.Index}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			c.nested = planRecord(f.Type.Elem())
		}
		p.columns = append(p.columns, c)
	}
	slices.SortFunc(p.columns, func(a, b columnPlan) int { return strings.Compare(a.name, b.name) })
	return p
}

// write appends a record. A bufio.Writer remembers the first error, which Flush tells.
func (p *recordPlan) write(w *bufio.Writer, record reflect.Value) {
	separator := byte('{')
	for _, c := range p.columns {
		v := record.FieldByIndex(c.index)
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				continue
			}
			v = v.Elem()
		}
		if v.Kind() == reflect.Slice && v.Len() == 0 {
			continue
		}
		w.WriteByte(separator)
		separator = ','
		w.WriteByte('"')
		w.WriteString(c.name)
		w.WriteString(`":`)
		if c.nested != nil {
			c.nested.writeList(w, v)
			continue
		}
		writeScalar(w, v)
	}
	if separator == '{' {
		w.WriteByte('{')
	}
	w.WriteByte('}')
}

func (p *recordPlan) writeList(w *bufio.Writer, list reflect.Value) {
	separator := byte('[')
	for i := range list.Len() {
		w.WriteByte(separator)
		separator = ','
		p.write(w, list.Index(i))
	}
	w.WriteByte(']')
}

func writeScalar(w *bufio.Writer, v reflect.Value) {
	var buffer [32]byte
	switch v.Kind() {
	case reflect.Int64:
		w.Write(strconv.AppendInt(buffer[:0], v.Int(), 10))
	case reflect.Float64:
		w.Write(strconv.AppendFloat(buffer[:0], v.Float(), 'g', -1, 64))
	case reflect.String:
		writeText(w, v.String())
	default:
		panic(fmt.Sprintf("a result column of kind %s has no canonical form", v.Kind())) // a column added without one; the tests write every column
	}
}

func writeText(w *bufio.Writer, s string) {
	w.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.WriteByte('\\')
			w.WriteByte(c)
		case c < 0x20:
			fmt.Fprintf(w, `\u%04x`, c)
		default:
			w.WriteByte(c)
		}
	}
	w.WriteByte('"')
}
