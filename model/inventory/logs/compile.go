package logs

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Options are what a map needs to know of the study.
type Options struct {
	Location *time.Location             // of times without offset; nil: UTC
	Currency string                     // of the floors of the slots; empty: USD
	Rates    map[string]decimal.Decimal // units of Currency for one unit of the currency named
}

// Map turns records into slots.
type Map struct {
	root, explode *path
	rest          bool
	used          map[string]bool // top-level keys of the root that columns use
	columns       []*column
	separator     string   // of CSV
	header        []string // of CSV without a header line; nil: it has one
	plain         bool     // of CSV: quotes mean nothing
}

//go:embed openrtb.yaml ipinyou.yaml plain.yaml
var builtIn embed.FS

// baseMaps are the maps that formats come with.
var baseMaps = map[string]string{"openrtb": "openrtb.yaml", "ipinyou": "ipinyou.yaml", "jsonl": "plain.yaml", "csv": "plain.yaml", "parquet": "plain.yaml"}

// The columns of a slot that are no dimensions.
const (
	slotID    = "slot_id"
	slotTime  = "time"
	userID    = "user_id"
	requestID = "request_id"
	floorCPM  = "floor_cpm"
)

// Formats are the formats that can be imported.
func Formats() []string { return []string{"openrtb", "ipinyou", "jsonl", "csv", "parquet"} }

// NewMap is a format's map, with columns replaced by those of a map file, whose name serves messages; without text
// it is the format's own. For JSON lines, CSV and Parquet a map file is the whole map.
func NewMap(format, name string, text []byte, o Options) (*Map, error) {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Currency == "" {
		o.Currency = "USD"
	}
	file, ok := baseMaps[format]
	if !ok {
		return nil, fmt.Errorf("format %q is none of %s", format, strings.Join(Formats(), ", "))
	}
	base, err := builtIn.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(file, base)
	if err != nil {
		return nil, err
	}
	if text != nil {
		own, err := parseDocument(name, text)
		if err != nil {
			return nil, err
		}
		if file == "plain.yaml" {
			doc = own
		} else if doc, err = overlay(doc, own); err != nil {
			return nil, err
		}
	}
	return compile(doc, o)
}

// overlay replaces columns and settings of a base map by those of another.
func overlay(base, own *node) (*node, error) {
	if err := checkTop(own); err != nil {
		return nil, err
	}
	merged := &node{file: own.file, line: own.line, column: own.column, values: map[string]*node{}, places: map[string]*node{}}
	merged.take(base)
	merged.take(own)
	columns := &node{file: own.file, line: own.line, column: own.column, values: map[string]*node{}, places: map[string]*node{}}
	columns.take(base.values["columns"])
	if c := own.values["columns"]; c != nil {
		columns.take(c)
	}
	if merged.values["columns"] == nil {
		merged.keys = append(merged.keys, "columns")
	}
	merged.values["columns"] = columns
	return merged, nil
}

// take adds the pairs of another mapping, replacing those of the same key.
func (n *node) take(other *node) {
	for _, key := range other.keys {
		if n.values[key] == nil {
			n.keys = append(n.keys, key)
		}
		n.values[key], n.places[key] = other.values[key], other.places[key]
	}
}

func checkTop(doc *node) error {
	if err := doc.only("a map", "root", "explode", "rest", "csv", "columns"); err != nil {
		return err
	}
	if c := doc.values["columns"]; c != nil && c.values == nil {
		return c.errorf("columns is a mapping of the slots' columns to where they come from")
	}
	return nil
}

// compile checks a map document and makes the map. What is wrong with its columns is said of all of them at once.
func compile(doc *node, o Options) (*Map, error) {
	err := checkTop(doc)
	if err != nil {
		return nil, err
	}
	m := &Map{used: map[string]bool{}, separator: ","}
	if m.root, err = doc.path("root"); err != nil {
		return nil, err
	}
	if m.explode, err = doc.path("explode"); err != nil {
		return nil, err
	}
	if m.rest, err = doc.bool("rest"); err != nil {
		return nil, err
	}
	if m.root != nil && m.root.from != fromRoot || m.explode != nil && m.explode.from != fromRoot {
		return nil, doc.errorf("root and explode are paths from the record's beginning: without $, @ or a leading dot")
	}
	if err := m.compileCSV(doc.values["csv"]); err != nil {
		return nil, err
	}
	columns := doc.values["columns"]
	if columns == nil {
		return nil, doc.errorf("a map needs columns")
	}
	var wrong []error
	for _, name := range slices.Sorted(slices.Values(columns.keys)) {
		n := columns.values[name]
		if n.text != nil && *n.text == "none" {
			continue
		}
		c, err := compileColumn(name, n, o)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		m.columns = append(m.columns, c)
		m.use(c)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return m, m.checkColumns(columns)
}

func (m *Map) compileCSV(n *node) (err error) {
	if n == nil {
		return nil
	}
	if err := n.only("csv", "separator", "columns", "quotes"); err != nil {
		return err
	}
	if s, ok, err := n.string("separator"); err != nil {
		return err
	} else if ok {
		m.separator = s
	}
	if len(m.separator) != 1 || strings.ContainsAny(m.separator, "\"\r\n") {
		return n.errorf("the separator is one character, `,` or `;` or a tab in double quotes: \"\\t\"")
	}
	if q, ok, err := n.string("quotes"); err != nil {
		return err
	} else if ok {
		m.plain = q == "none"
		if q != "none" && q != "double" {
			return n.values["quotes"].errorf("quotes is double or none")
		}
	}
	m.header, err = n.strings("columns")
	return err
}

// checkColumns refuses a map that could give no slot.
func (m *Map) checkColumns(n *node) error {
	for _, name := range []string{slotID, slotTime} {
		if !slices.ContainsFunc(m.columns, func(c *column) bool { return c.name == name }) {
			hint := ""
			if name == slotTime {
				hint = "; OpenRTB requests have none of their own: name it in --map, e.g. `time: {path: ext.timestamp, unit: ms}`, or give a constant, `time: {value: \"2026-07-01T00:00:00Z\"}`"
			}
			return n.errorf("the map has no column %s, and every slot needs one%s", name, hint)
		}
	}
	for _, c := range m.columns {
		if m.explode == nil && c.begins(fromSlot) {
			return n.errorf("column %s has a path with @, but the map has no explode", c.name)
		}
	}
	return nil
}

// use notes the top-level keys that a column takes.
func (m *Map) use(c *column) {
	c.eachPath(func(p *path) {
		if p.from == fromRoot && len(p.steps) > 0 {
			m.used[p.steps[0].key] = true
		}
	})
}
