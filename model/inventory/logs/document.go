package logs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxMapBytes = 64 << 10 // the YAML parser recurses: this keeps its stack small
	maxMapDepth = 12
	maxBrackets = 100
)

// node is a value of a map document: a text (every scalar), a list or a mapping.
type node struct {
	file         string
	line, column int
	text         *string
	list         []*node
	keys         []string
	values       map[string]*node
}

// errorf is an error at the node's place.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", n.file, n.line, n.column, fmt.Errorf(format, args...))
}

// parseDocument reads a YAML document into nodes.
func parseDocument(file string, data []byte) (n *node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not a YAML document: %v", file, p)
		}
	}()
	if len(data) > maxMapBytes {
		return nil, fmt.Errorf("%s: a map of %d bytes is larger than the %d allowed", file, len(data), maxMapBytes)
	}
	if open := brackets(data); open > maxBrackets {
		return nil, fmt.Errorf("%s: brackets are nested more than %d levels deep", file, maxBrackets)
	}
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s: a map is one YAML document", file)
	}
	return convert(file, parsed.Docs[0].Body, 0)
}

// brackets is how deep flow mappings and lists are nested, texts not told apart: the parser's time grows with the
// square of it.
func brackets(data []byte) (deepest int) {
	depth := 0
	for _, b := range data {
		switch b {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return deepest
}

// convert turns the parser's tree into nodes. Anchors, aliases, merge keys and tags are refused.
func convert(file string, from ast.Node, depth int) (*node, error) {
	n := &node{file: file}
	if at := position(from); at != nil {
		n.line, n.column = at.Line, at.Column
	}
	if depth > maxMapDepth {
		return nil, n.errorf("nested more than %d levels deep", maxMapDepth)
	}
	switch from := from.(type) {
	case *ast.MappingNode:
		return n, n.mapping(from.Values, depth)
	case *ast.MappingValueNode:
		return n, n.mapping([]*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		n.list = []*node{}
		for _, v := range from.Values {
			element, err := convert(file, v, depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, element)
		}
		return n, nil
	case *ast.LiteralNode:
		n.text = &from.Value.Value
		return n, nil
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		text := from.GetToken().Value
		n.text = &text
		return n, nil
	}
	return nil, n.errorf("%s is not used in maps: write values out", from.Type())
}

// mapping takes the pairs of a mapping.
func (n *node) mapping(pairs []*ast.MappingValueNode, depth int) error {
	n.values = map[string]*node{}
	for _, pair := range pairs {
		key, err := convert(n.file, pair.Key, depth+1)
		if err != nil {
			return err
		}
		if key.text == nil {
			return key.errorf("a key must be a text")
		}
		if n.values[*key.text] != nil {
			return key.errorf("key %q is given twice", *key.text)
		}
		value, err := convert(n.file, pair.Value, depth+1)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, *key.text)
		n.values[*key.text] = value
	}
	return nil
}

// position is where a node begins; a mapping begins at its first key.
func position(n ast.Node) *token.Position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if t := n.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

// only refuses keys other than those allowed.
func (n *node) only(what string, allowed ...string) error {
	if n.values == nil {
		return n.errorf("%s is a mapping of %s", what, strings.Join(allowed, ", "))
	}
	for _, key := range n.keys {
		if !slices.Contains(allowed, key) {
			return n.values[key].errorf("%s has no key %q; it has %s", what, key, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// string is the text under a key; ok is false if the key is absent.
func (n *node) string(key string) (text string, ok bool, err error) {
	v := n.values[key]
	if v == nil {
		return "", false, nil
	}
	if v.text == nil {
		return "", false, v.errorf("%s is one text", key)
	}
	return *v.text, true, nil
}

// strings are the texts under a key: a list, or one alone.
func (n *node) strings(key string) ([]string, error) {
	v := n.values[key]
	if v == nil {
		return nil, nil
	}
	if v.text != nil {
		return []string{*v.text}, nil
	}
	if v.list == nil {
		return nil, v.errorf("%s is a list of texts", key)
	}
	out := []string{}
	for _, e := range v.list {
		if e.text == nil {
			return nil, e.errorf("%s is a list of texts", key)
		}
		out = append(out, *e.text)
	}
	return out, nil
}

// bool is the truth value under a key, false if it is absent.
func (n *node) bool(key string) (bool, error) {
	text, ok, err := n.string(key)
	if err != nil || !ok {
		return false, err
	}
	if text != "true" && text != "false" {
		return false, n.values[key].errorf("%s is true or false", key)
	}
	return text == "true", nil
}

// path is the path under a key, nil if it is absent.
func (n *node) path(key string) (*path, error) {
	text, ok, err := n.string(key)
	if err != nil || !ok {
		return nil, err
	}
	p, err := parsePath(text)
	if err != nil {
		return nil, n.values[key].errorf("%w", err)
	}
	return p, nil
}

// paths are the paths under a key: a list, or one alone.
func (n *node) paths(key string) ([]*path, error) {
	texts, err := n.strings(key)
	if err != nil {
		return nil, err
	}
	var out []*path
	for _, t := range texts {
		p, err := parsePath(t)
		if err != nil {
			return nil, n.values[key].errorf("%w", err)
		}
		out = append(out, p)
	}
	return out, nil
}
