package model

import (
	"encoding/json"
	"strings"
)

// Canonical is the expression's one text: what a person writes in a configuration, as JSON without white space, and it
// reads back as an equal expression. An AND is a map, or `{"all":[..]}` where a key would stand in it twice or alone. A
// nil expression matches everything, as `{}` does.
func (e *Expr) Canonical() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

// write appends the expression as a map.
func (e *Expr) write(b *strings.Builder) {
	entries := []*Expr{e}
	if e == nil {
		entries = nil
	} else if e.Op == OpAll && e.isMap() {
		entries = e.Args
	}
	b.WriteByte('{')
	for i, entry := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		entry.writeEntry(b)
	}
	b.WriteByte('}')
}

// isMap reports whether an AND can be a map: each key once, and not one alone, which would read back as just it.
func (e *Expr) isMap() bool {
	seen := make(map[string]bool, len(e.Args))
	for _, a := range e.Args {
		seen[a.key()] = true
	}
	return len(seen) == len(e.Args) && len(e.Args) != 1
}

// key is what the node is called in a map: its dimension or its connective.
func (e *Expr) key() string {
	if e.Op == OpIn {
		return e.Dimension
	}
	return string(e.Op)
}

// writeEntry appends the node as a key and its value.
func (e *Expr) writeEntry(b *strings.Builder) {
	b.WriteString(jsonText(e.key()))
	b.WriteByte(':')
	if e.Op == OpNot {
		e.Args[0].write(b)
		return
	}
	b.WriteByte('[')
	for i, v := range e.Values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsonText(v))
	}
	for i, a := range e.Args {
		if i > 0 {
			b.WriteByte(',')
		}
		a.write(b)
	}
	b.WriteByte(']')
}

// jsonText is a text as JSON; `<`, `>` and `&` stay as they are.
func jsonText(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""` // a text always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
