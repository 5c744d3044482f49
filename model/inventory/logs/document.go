package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/whatif-machine/whatif/model"
)

const (
	maxMapBytes = 64 << 10
	maxMapDepth = 12
)

// node is a value of a map document: a text (every scalar), a list or a mapping.
type node struct {
	file         string
	line, column int
	text         *string
	list         []*node
	keys         []string
	values       map[string]*node
	places       map[string]*node // of the keys
}

// errorf is an error at the node's place.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", n.file, n.line, n.column, fmt.Errorf(format, args...))
}

// parseDocument reads a YAML document into nodes.
func parseDocument(file string, data []byte) (*node, error) {
	if len(data) > maxMapBytes {
		return nil, fmt.Errorf("%s: a map of %d bytes is larger than the %d allowed", file, len(data), maxMapBytes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, notYAML(file, data, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a map is one YAML document", file)
	}
	return convert(file, document.Content[0], 0)
}

// notYAML says at which line a text stops being YAML.
func notYAML(file string, data []byte, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a map is one YAML document, and this is empty", file)
	}
	if at, ok := errors.AsType[*yaml.ParserError](err); ok {
		return fmt.Errorf("%s:%d: invalid YAML: %s", file, model.YAMLErrorLine(data, at), at.Message)
	}
	return fmt.Errorf("%s: invalid YAML: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
}

// convert turns the parser's tree into nodes. Anchors, aliases, merge keys and tags are refused.
func convert(file string, from *yaml.Node, depth int) (*node, error) {
	n := &node{file: file, line: from.Line, column: from.Column}
	if from.Kind == yaml.MappingNode && len(from.Content) > 0 { // it begins at its first key, braces or not
		n.line, n.column = from.Content[0].Line, from.Content[0].Column
	}
	if depth > maxMapDepth {
		return nil, n.errorf("nested more than %d levels deep", maxMapDepth)
	}
	if from.Anchor != "" || from.Kind == yaml.AliasNode || from.Style&yaml.TaggedStyle != 0 {
		return nil, n.errorf("an anchor, alias or tag is not used in maps: write values out")
	}
	switch from.Kind {
	case yaml.MappingNode:
		return n, n.mapping(from.Content, depth)
	case yaml.SequenceNode:
		n.list = []*node{}
		for _, v := range from.Content {
			element, err := convert(file, v, depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, element)
		}
	default:
		n.text = &from.Value
	}
	return n, nil
}

// mapping takes the keys and values of a mapping, which alternate.
func (n *node) mapping(pairs []*yaml.Node, depth int) error {
	n.values, n.places = map[string]*node{}, map[string]*node{}
	for i := 0; i < len(pairs); i += 2 {
		key, err := convert(n.file, pairs[i], depth+1)
		if err != nil {
			return err
		}
		if key.text == nil {
			return key.errorf("a key must be a text")
		}
		if n.values[*key.text] != nil {
			return key.errorf("key %q is given twice", *key.text)
		}
		value, err := convert(n.file, pairs[i+1], depth+1)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, *key.text)
		n.values[*key.text], n.places[*key.text] = value, key
	}
	return nil
}

// only refuses keys other than those allowed, each at its place.
func (n *node) only(what string, allowed ...string) error {
	if n.values == nil {
		return n.errorf("%s is a mapping of %s", what, strings.Join(allowed, ", "))
	}
	var wrong []error
	for _, key := range n.keys {
		if !slices.Contains(allowed, key) {
			wrong = append(wrong, n.places[key].errorf("%s has no key %q; it has %s", what, key, strings.Join(allowed, ", ")))
		}
	}
	return errors.Join(wrong...)
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
