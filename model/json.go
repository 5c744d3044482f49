package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"
)

// looksLikeJSON decides the syntax: a document named .json, or one that begins with a bracket and
// is valid JSON. Anything else is YAML, which may begin with a bracket too.
func looksLikeJSON(name string, text []byte) bool {
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		return true
	}
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(text)
}

// meantAsJSON reports whether a document begins as JSON does: a bracket and then a quote or another.
func meantAsJSON(text []byte) bool {
	first := bytes.TrimLeft(text, " \t\r\n")
	if len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return false
	}
	second := bytes.TrimLeft(first[1:], " \t\r\n")
	return len(second) > 0 && strings.IndexByte(`"{[`, second[0]) >= 0
}

// jsonReader turns JSON tokens into nodes; a number keeps its source text.
type jsonReader struct {
	text  []byte
	lines []int // offsets at which lines begin
	dec   *json.Decoder
	depth int
	nodes int
}

func parseJSON(text []byte) (*node, *syntaxError) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := &jsonReader{text: text, lines: []int{0}, dec: json.NewDecoder(bytes.NewReader(text))}
	for i, c := range text {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	r.dec.UseNumber()
	root, err := r.value()
	if err != nil {
		return nil, r.failure(err)
	}
	at := r.start()
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		line, column := r.position(at)
		return nil, &syntaxError{line, column, "the document goes on after its end"}
	}
	return root, nil
}

// failure places an error of the decoder; our own already know their place.
func (r *jsonReader) failure(err error) *syntaxError {
	if own, ok := errors.AsType[*syntaxError](err); ok {
		return own
	}
	at := min(int(r.dec.InputOffset()), len(r.text))
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		// The decoder counts the offending character in or not, depending on who found it.
		at = min(int(s.Offset), len(r.text))
		if names := func(i int) bool {
			return i >= 0 && i < len(r.text) && strings.Contains(s.Error(), fmt.Sprintf("'%c'", r.text[i]))
		}; !names(at) && names(at-1) {
			at--
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at, err = len(r.text), errors.New("unexpected end of the document")
	}
	line, column := r.position(at)
	return &syntaxError{line, column, "invalid JSON: " + err.Error()}
}

// position is the line and column, in characters, of an offset.
func (r *jsonReader) position(at int) (line, column int) {
	line = sort.SearchInts(r.lines, at+1)
	return line, 1 + utf8.RuneCount(r.text[r.lines[line-1]:at])
}

// start is where the next token begins: the decoder stands behind the last one, before white
// space, commas and colons.
func (r *jsonReader) start() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) value() (*node, error) {
	line, column := r.position(r.start())
	token, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	if r.nodes++; r.nodes > maxDocumentNodes {
		return nil, &syntaxError{line, column, fmt.Sprintf("the document holds more than %d values", maxDocumentNodes)}
	}
	switch t := token.(type) {
	case json.Delim:
		return r.container(t, line, column)
	case string:
		if err := noZero(line, column, t); err != nil {
			return nil, err
		}
		return scalar(line, column, t, true), nil
	case json.Number:
		return scalar(line, column, t.String(), false), nil
	case bool:
		return scalar(line, column, fmt.Sprint(t), false), nil
	}
	return scalar(line, column, "null", false), nil
}

func (r *jsonReader) container(open json.Delim, line, column int) (*node, error) {
	if r.depth++; r.depth > maxDocumentDepth {
		return nil, &syntaxError{line, column, fmt.Sprintf("nested deeper than %d", maxDocumentDepth)}
	}
	defer func() { r.depth-- }()
	n := &node{kind: listNode, line: line, column: column}
	if open == '{' {
		n.kind = mapNode
	}
	for r.dec.More() {
		if n.kind == listNode {
			item, err := r.value()
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
			continue
		}
		f, err := r.field()
		if err != nil {
			return nil, err
		}
		n.fields = append(n.fields, f)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, err
	}
	return n.finish(), nil
}

func (r *jsonReader) field() (field, error) {
	line, column := r.position(r.start())
	token, err := r.dec.Token()
	if err != nil {
		return field{}, err
	}
	key, ok := token.(string)
	if !ok || len(key) > maxKeyBytes {
		return field{}, &syntaxError{line, column, fmt.Sprintf("a key must be text of at most %d bytes", maxKeyBytes)}
	}
	if err := noZero(line, column, key); err != nil {
		return field{}, err
	}
	value, err := r.value()
	return field{key: key, line: line, column: column, value: value}, err
}
