package model

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Bounds on the shape of a document. They are far above what a study needs and far below what
// costs memory or time: a document is hostile until it has been read.
const (
	maxDocumentDepth = 64        // nested lists and maps
	maxDocumentNodes = 1_000_000 // values, aliases expanded
	maxKeyBytes      = 1_024     // of a key, so that paths in messages stay short
)

// nodeKind tells the three shapes of a value in a document apart.
type nodeKind uint8

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

// node is a value of a document, whatever the document's syntax was. An alias shares the node it
// stands for, so a node must not be changed after it was made.
type node struct {
	kind         nodeKind
	line, column int

	text   string // of a scalar: the source text of a plain one, the content of a quoted one
	quoted bool   // a scalar that is text whatever it looks like

	items  []*node // of a list
	fields []field // of a map, duplicates included
	size   int     // values in it, aliases expanded
}

// field is one entry of a map.
type field struct {
	key          string
	line, column int
	value        *node
}

// parseDocument reads a YAML 1.2 or JSON document into nodes. It never panics and its cost is
// bounded; a syntax error is the one problem it returns, with a nil node.
func parseDocument(name string, text []byte) (root *node, problem *Problem) {
	defer func() {
		// A library that panics on hostile text is a bad document, not the end of the process.
		if r := recover(); r != nil {
			root, problem = nil, &Problem{Position: Position{File: name, Line: 1, Column: 1},
				Message: fmt.Sprintf("the document cannot be parsed (%v)", r), Suggestion: "simplify its syntax or write it as JSON"}
		}
	}()
	fail := func(line, column int, message string) (*node, *Problem) {
		return nil, &Problem{Position: Position{File: name, Line: line, Column: column}, Message: message}
	}
	if len(text) > MaxDocumentBytes {
		return fail(1, 1, fmt.Sprintf("the document has %d bytes; the limit is %d (4 MiB)", len(text), MaxDocumentBytes))
	}
	if line, column, ok := badByte(text); ok {
		return fail(line, column, "the document is not UTF-8 text here")
	}
	var err *syntaxError
	if looksLikeJSON(name, text) {
		root, err = parseJSON(text)
	} else {
		root, err = parseYAML(text)
		if err != nil && meantAsJSON(text) {
			if _, asJSON := parseJSON(text); asJSON != nil {
				err = asJSON // its place is exact
			}
		}
	}
	if err != nil {
		return fail(err.line, err.column, err.message)
	}
	if root.size > maxDocumentNodes {
		return fail(root.line, root.column, fmt.Sprintf("the document holds more than %d values once its aliases are expanded", maxDocumentNodes))
	}
	return root, nil
}

// syntaxError is where and why a document cannot be read at all.
type syntaxError struct {
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.line, e.column, e.message) }

// badByte finds the first byte that is no UTF-8, or a NUL, which no document may hold.
func badByte(text []byte) (line, column int, found bool) {
	line, column = 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return line, column, true
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return 0, 0, false
}

// noZero refuses a value or key with a zero character that was written as an escape. Files, terminals and databases end texts
// there, or refuse them long after the document was taken.
func noZero(line, column int, text string) *syntaxError {
	if strings.IndexByte(text, 0) < 0 {
		return nil
	}
	return &syntaxError{line, column, `the text holds the character NUL (\0), which can't be kept; leave it out`}
}

// finish counts what a list or map holds; the sum saturates, since aliases can make it exponential.
func (n *node) finish() *node {
	total := 1
	add := func(child *node) {
		if total > math.MaxInt32 {
			return
		}
		total += child.size
	}
	for _, item := range n.items {
		add(item)
	}
	for _, f := range n.fields {
		add(f.value)
	}
	n.size = total
	return n
}

func scalar(line, column int, text string, quoted bool) *node {
	return &node{kind: scalarNode, line: line, column: column, text: text, quoted: quoted, size: 1}
}

// isNull reports whether the scalar is null in YAML's core schema.
func (n *node) isNull() bool {
	if n.kind != scalarNode || n.quoted {
		return false
	}
	switch n.text {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// describe says what the node is, for "expected X, found Y".
func (n *node) describe() string {
	switch {
	case n.kind == listNode:
		return "a list"
	case n.kind == mapNode:
		return "a map"
	case n.isNull():
		return "null"
	case n.quoted:
		return "the text " + quote(n.text)
	}
	if _, ok := n.boolean(); ok {
		return n.text
	}
	return quote(n.text)
}

// quote shows a text of the document in a message: one line, not too long, in backquotes.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + ".."
	}
	return "`" + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '`' {
			return ' '
		}
		return r
	}, s) + "`"
}
