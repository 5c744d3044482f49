package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parseYAML reads one YAML document into nodes. The library only finds the structure: its time and
// memory grow linearly with the text and its nesting is bounded, whatever the text (measured on
// repeated patterns of all marks of the syntax). What a scalar means is decided by scalar.go from
// its source text.
func parseYAML(text []byte) (*node, *syntaxError) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &syntaxError{1, 1, "the document is empty"}
		}
		return nil, yamlFailure(text, err)
	}
	r := &yamlReader{made: map[*yaml.Node]*node{}}
	root, failure := r.node(&document, 0)
	if failure != nil {
		return nil, failure
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, &syntaxError{max(second.Line, 1), max(second.Column, 1), "a second document begins; only one is allowed"}
	case !errors.Is(err, io.EOF):
		return nil, yamlFailure(text, err)
	}
	return root, nil
}

// yamlFailure takes the line from the library's error; it knows no column, so that is the first
// character of the line. Of an alias without anchor it tells only the name, which is looked up.
func yamlFailure(text []byte, err error) *syntaxError {
	if at, ok := errors.AsType[*yaml.ParserError](err); ok {
		line := YAMLErrorLine(text, at)
		return &syntaxError{line, firstColumn(text, line), "invalid YAML: " + at.Message}
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line, column := 1, 1
	if _, rest, ok := strings.Cut(message, "unknown anchor '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		if before, _, found := bytes.Cut(text, []byte("*"+name)); found {
			line += bytes.Count(before, []byte("\n"))
			column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		}
	}
	return &syntaxError{line, column, "invalid YAML: " + message}
}

// parserComplaints begin the messages of the library's parser, as opposed to its scanner.
var parserComplaints = []string{"did not find expected node content", "did not find expected <", "did not find expected '-'",
	"did not find expected key", "did not find expected ','", "found duplicate %", "found undefined tag handle", "found incompatible YAML document"}

// YAMLErrorLine is the line of a syntax error, from 1. The library counts the lines of its parser's complaints from 0 and
// those of its scanner from 1, and the end of the text as a line of its own.
func YAMLErrorLine(text []byte, at *yaml.ParserError) int {
	line := at.Line
	for _, c := range parserComplaints {
		if strings.HasPrefix(at.Message, c) {
			line++
			break
		}
	}
	last := 1 + bytes.Count(bytes.TrimRight(text, " \t\r\n"), []byte("\n"))
	return min(max(line, 1), last)
}

// firstColumn is the column of the first character of a line that is no white space.
func firstColumn(text []byte, line int) int {
	for ; line > 1; line-- {
		_, rest, found := bytes.Cut(text, []byte("\n"))
		if !found {
			return 1
		}
		text = rest
	}
	return 1 + len(text) - len(bytes.TrimLeft(text, " \t"))
}

// yamlReader turns the library's tree into nodes. A node is made once, however many aliases stand
// for it.
type yamlReader struct {
	made  map[*yaml.Node]*node // anchored ones; nil while one is being made
	count int
}

func (r *yamlReader) node(n *yaml.Node, depth int) (*node, *syntaxError) {
	line, column := max(n.Line, 1), max(n.Column, 1)
	fail := func(format string, args ...any) (*node, *syntaxError) {
		return nil, &syntaxError{line, column, fmt.Sprintf(format, args...)}
	}
	if r.count++; r.count > maxDocumentNodes {
		return fail("the document holds more than %d values", maxDocumentNodes)
	}
	if depth > maxDocumentDepth {
		return fail("nested deeper than %d", maxDocumentDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return r.node(n.Content[0], depth)
		}
	case yaml.AliasNode:
		target, known := r.made[n.Alias]
		if known && target == nil {
			return fail("the value of %s contains itself", quote("&"+n.Value))
		}
		if known {
			return target, nil
		}
	case yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode:
		return r.anchored(n, depth)
	}
	return fail("this YAML syntax is not supported")
}

// anchored makes a node and remembers it for its aliases.
func (r *yamlReader) anchored(n *yaml.Node, depth int) (*node, *syntaxError) {
	if n.Anchor != "" {
		r.made[n] = nil
	}
	out := &node{kind: scalarNode, line: max(n.Line, 1), column: max(n.Column, 1), size: 1}
	err := r.checkTag(n)
	if err == nil {
		switch n.Kind {
		case yaml.SequenceNode:
			err = r.sequence(out, n, depth)
		case yaml.MappingNode:
			err = r.mapping(out, n, depth)
		default:
			out.text, out.quoted = n.Value, isText(n)
			err = noZero(out.line, out.column, n.Value)
		}
	}
	if n.Anchor != "" {
		r.made[n] = out
	}
	return out, err
}

// isText reports whether a scalar is text by its quotes, its block style or an explicit !!str.
func isText(n *yaml.Node) bool {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Style&quotes != 0 || n.Style&yaml.TaggedStyle != 0 && n.ShortTag() == "!!str"
}

// checkTag lets the core schema's tags pass; whether the value is of that type is for the field
// that reads it.
func (r *yamlReader) checkTag(n *yaml.Node) *syntaxError {
	if n.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	switch n.ShortTag() {
	case "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		return nil
	}
	return &syntaxError{max(n.Line, 1), max(n.Column, 1), "the tag " + quote(n.Tag) + " is not known"}
}

func (r *yamlReader) sequence(out *node, n *yaml.Node, depth int) *syntaxError {
	out.kind, out.items = listNode, make([]*node, 0, len(n.Content))
	for _, content := range n.Content {
		item, err := r.node(content, depth+1)
		if err != nil {
			return err
		}
		out.items = append(out.items, item)
	}
	out.finish()
	return nil
}

func (r *yamlReader) mapping(out *node, n *yaml.Node, depth int) *syntaxError {
	out.kind, out.fields = mapNode, make([]field, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		line, column := max(n.Content[i].Line, 1), max(n.Content[i].Column, 1)
		key, err := r.node(n.Content[i], depth+1)
		if err != nil {
			return err
		}
		if key.kind != scalarNode || len(key.text) > maxKeyBytes {
			return &syntaxError{line, column, fmt.Sprintf("a key must be text of at most %d bytes", maxKeyBytes)}
		}
		if key.text == "<<" && !key.quoted {
			return &syntaxError{line, column, "merge keys (<<) are not part of YAML 1.2; write the fields out or use an alias"}
		}
		value, err := r.node(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		out.fields = append(out.fields, field{key: key.text, line: line, column: column, value: value})
	}
	out.finish()
	return nil
}
