package model

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads one YAML document. The library's parser recurses and is slow on deep nesting, so
// the tokens are checked before it sees them.
func parseYAML(text []byte) (*node, *syntaxError) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(string(text))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlFailure(err)
	}
	r := &yamlReader{anchors: map[string]*node{}}
	return r.file(file)
}

// yamlFailure takes the message and the place from the library's error, without its excerpt.
func yamlFailure(err error) *syntaxError {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		p := at.GetToken().Position
		return &syntaxError{p.Line, p.Column, "invalid YAML: " + at.GetMessage()}
	}
	return &syntaxError{1, 1, "invalid YAML: " + err.Error()}
}

// checkText counts, before any of them is made, the characters that may begin a token.
func checkText(text []byte) *syntaxError {
	marks, lines := 0, 1
	for _, c := range text {
		switch c {
		case '[', ']', '{', '}', ',', ':', '?', '!', '&', '*', '-', '#', '|', '>', '%':
			marks++
		case '\n':
			marks++
			lines++
		}
	}
	if marks > maxDocumentTokens {
		return &syntaxError{1, 1, fmt.Sprintf("the document has too many marks of YAML syntax (%d in %d lines; the limit is %d); write it as JSON or split it", marks, lines, maxDocumentTokens)}
	}
	return nil
}

// checkTokens bounds nesting, flow and block, and the number of tags, anchors and aliases.
func checkTokens(tokens token.Tokens) *syntaxError {
	var blocks []int // columns of the open block lists and maps
	flow, marks := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingValueType, token.MappingKeyType:
			if flow > 0 || t.Position == nil {
				continue
			}
			column := t.Position.Column
			if t.Type == token.MappingValueType && t.Prev != nil && t.Prev.Position != nil {
				column = t.Prev.Position.Column
			}
			for len(blocks) > 0 && blocks[len(blocks)-1] >= column {
				blocks = blocks[:len(blocks)-1]
			}
			blocks = append(blocks, column)
		case token.TagType, token.AnchorType, token.AliasType:
			marks++
		}
		if flow+len(blocks) > maxDocumentDepth {
			return &syntaxError{t.Position.Line, t.Position.Column, fmt.Sprintf("nested deeper than %d", maxDocumentDepth)}
		}
		if marks > maxDocumentMarks {
			return &syntaxError{t.Position.Line, t.Position.Column, fmt.Sprintf("more than %d tags, anchors and aliases", maxDocumentMarks)}
		}
	}
	return nil
}

// yamlReader turns the library's tree into nodes. An anchor is known only after its value, so no
// node can hold itself.
type yamlReader struct {
	anchors map[string]*node
}

func (r *yamlReader) file(file *ast.File) (*node, *syntaxError) {
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if _, ok := doc.Body.(*ast.DirectiveNode); ok {
			continue
		}
		n, err := r.node(doc.Body)
		if err != nil {
			return nil, err
		}
		if root != nil {
			return nil, &syntaxError{n.line, n.column, "a second document; only one is allowed"}
		}
		root = n
	}
	if root == nil {
		return nil, &syntaxError{1, 1, "the document is empty"}
	}
	return root, nil
}

func (r *yamlReader) node(n ast.Node) (*node, *syntaxError) {
	line, column := place(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(line, column, n.Values)
	case *ast.MappingValueNode:
		return r.mapping(line, column, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return r.sequence(line, column, n)
	case *ast.AnchorNode:
		return r.anchor(n)
	case *ast.AliasNode:
		return r.alias(line, column, n)
	case *ast.TagNode:
		return r.tag(line, column, n)
	case *ast.LiteralNode:
		return scalar(line, column, n.Value.Value, true), nil
	case *ast.StringNode:
		return scalar(line, column, n.Value, n.Token.Type != token.StringType), nil
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		t := n.GetToken()
		if t.Type == token.ImplicitNullType {
			return scalar(line, column, "null", false), nil
		}
		return scalar(line, column, t.Value, false), nil
	case nil:
		return scalar(1, 1, "null", false), nil
	}
	return nil, &syntaxError{line, column, "this YAML syntax is not supported (" + n.Type().String() + ")"}
}

// place is where a node begins; a map begins at its first key.
func place(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return place(m.Values[0])
	}
	if v, ok := n.(*ast.MappingValueNode); ok && v.Key != nil {
		return place(v.Key)
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	p := n.GetToken().Position
	return p.Line, p.Column
}

func (r *yamlReader) mapping(line, column int, values []*ast.MappingValueNode) (*node, *syntaxError) {
	out := &node{kind: mapNode, line: line, column: column, fields: make([]field, 0, len(values))}
	for _, v := range values {
		kl, kc := place(v.Key)
		if v.Key.IsMergeKey() {
			return nil, &syntaxError{kl, kc, "merge keys (<<) are not part of YAML 1.2; write the fields out or use an alias"}
		}
		key, err := r.node(v.Key)
		if err != nil {
			return nil, err
		}
		if key.kind != scalarNode || len(key.text) > maxKeyBytes {
			return nil, &syntaxError{kl, kc, fmt.Sprintf("a key must be text of at most %d bytes", maxKeyBytes)}
		}
		value, err := r.node(v.Value)
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, field{key: key.text, line: kl, column: kc, value: value})
	}
	return out.finish(), nil
}

func (r *yamlReader) sequence(line, column int, n *ast.SequenceNode) (*node, *syntaxError) {
	out := &node{kind: listNode, line: line, column: column, items: make([]*node, 0, len(n.Values))}
	for _, v := range n.Values {
		item, err := r.node(v)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, item)
	}
	return out.finish(), nil
}

func (r *yamlReader) anchor(n *ast.AnchorNode) (*node, *syntaxError) {
	value, err := r.node(n.Value)
	if err != nil {
		return nil, err
	}
	r.anchors[n.Name.GetToken().Value] = value
	return value, nil
}

func (r *yamlReader) alias(line, column int, n *ast.AliasNode) (*node, *syntaxError) {
	name := n.Value.GetToken().Value
	value, ok := r.anchors[name]
	if !ok {
		return nil, &syntaxError{line, column, "unknown anchor " + quote(name)}
	}
	return value, nil
}

// tag applies the core schema's tags to a scalar: !!str makes it text, the others leave it to the
// reader, which checks the type it needs.
func (r *yamlReader) tag(line, column int, n *ast.TagNode) (*node, *syntaxError) {
	name := n.Start.Value
	switch name {
	case "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
	default:
		return nil, &syntaxError{line, column, "unknown tag " + quote(name)}
	}
	if n.Value == nil {
		return scalar(line, column, "", name == "!!str" || name == "!"), nil
	}
	value, err := r.node(n.Value)
	if err != nil || value.kind != scalarNode || (name != "!!str" && name != "!") {
		return value, err
	}
	return scalar(value.line, value.column, value.text, true), nil
}
