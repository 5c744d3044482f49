package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	"github.com/whatif-machine/whatif/model"
)

// entry is one setting of a file.
type entry struct {
	values []string
	at     model.Position
}

// maxSettingsBytes bounds a file of settings.
const maxSettingsBytes = 1 << 20

// readFile reads settings from a YAML file: a map of flags' names to a value or a list of values. All
// mistakes come at once, as model.Problems.
func (s *settings) readFile(path string) (entries map[string]entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("--config: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxSettingsBytes+1))
	if err != nil {
		return nil, usage("--config: %w", err)
	}
	if len(text) > maxSettingsBytes {
		return nil, usage("--config: %s has more than %d bytes", path, maxSettingsBytes)
	}
	return s.parseFile(path, text)
}

func (s *settings) parseFile(path string, text []byte) (map[string]entry, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		at := model.Position{File: path}
		message := strings.TrimPrefix(err.Error(), "yaml: ")
		if broken, ok := errors.AsType[*yaml.ParserError](err); ok {
			at.Line, at.Column, message = model.YAMLErrorLine(text, broken), 1, broken.Message
		}
		return nil, model.Problems{{Position: at, Message: "invalid YAML: " + message}}
	}
	entries := map[string]entry{}
	if len(document.Content) == 0 {
		return entries, nil // nothing but comments
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, model.Problems{{Position: placeOf(path, "", root), Message: "the settings are a map of names to values", Suggestion: "such as `listen: 127.0.0.1:9000`"}}
	}
	var problems model.Problems
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		problem := model.Problem{Position: placeOf(path, key.Value, key)}
		_, twice := entries[key.Value]
		values, err := plainValues(value)
		switch {
		case s.all.Lookup(key.Value) == nil || key.Value == "config":
			problem.Message, problem.Suggestion = fmt.Sprintf("unknown key `%s`", key.Value), model.DidYouMean(key.Value, s.names())
		case twice:
			problem.Message = fmt.Sprintf("`%s` stands here twice", key.Value)
		case err != nil:
			problem.Position, problem.Message = placeOf(path, key.Value, value), err.Error()
		default:
			entries[key.Value] = entry{values, placeOf(path, key.Value, value)}
			continue
		}
		problems = append(problems, problem)
	}
	return entries, problems.Err()
}

func placeOf(path, key string, n *yaml.Node) model.Position {
	return model.Position{File: path, Line: n.Line, Column: n.Column, Path: key}
}

// names are all settings that a file may have.
func (s *settings) names() (names []string) {
	s.all.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" {
			names = append(names, f.Name)
		}
	})
	return names
}

// plainValues is a scalar, or a list of scalars.
func plainValues(n *yaml.Node) (values []string, err error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, errors.New("expected a value, or a list of values")
		}
		values = append(values, item.Value)
	}
	return values, nil
}
