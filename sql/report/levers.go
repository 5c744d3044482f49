package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// levers gathers the distinct values of each parameter while variants are read.
type levers struct {
	parameters []parameter
	place      map[string]int   // of a parameter, by name
	value      []map[string]int // of a value, by text
}

// given is one parameter that a variant set.
type given struct {
	Name string
	parameterValue
}

// parseSettings reads the column `parameters`: a JSON object by parameter in the configuration's
// order, a number as it was written or a text. The order is kept, so a map won't do.
func parseSettings(text string) ([]given, error) {
	if text == "" { // null: a row without any
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%q is not a JSON object: %w", shortened(text, maxText), errors.Join(errNoSettings, err))
	}
	var out []given
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("name of parameter %d: %w", len(out)+1, err)
		}
		value, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("value of parameter %v: %w", name, err)
		}
		g := given{Name: name.(string)} // names of an object are strings, or Token fails
		switch v := value.(type) {
		case string:
			g.Text = v
		case json.Number:
			x, err := v.Float64()
			if err != nil {
				return nil, fmt.Errorf("value of parameter %s: %w", g.Name, err)
			}
			g.Text, g.Number = v.String(), known(x)
		default:
			return nil, fmt.Errorf("value of parameter %s is %v: %w", g.Name, value, errNoSettings)
		}
		out = append(out, g)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%q breaks off: %w", shortened(text, maxText), err)
	}
	return out, nil
}

var errNoSettings = errors.New("want one of numbers and texts by parameter")

// add takes a variant's parameters and returns its Set, parameters in order of appearance.
func (l *levers) add(parameters []given) []int {
	if l.place == nil {
		l.place = map[string]int{}
	}
	set := slices.Repeat([]int{asWritten}, len(l.parameters))
	for _, g := range parameters {
		p, ok := l.place[g.Name]
		if !ok {
			p = len(l.parameters)
			l.place[g.Name] = p
			l.parameters = append(l.parameters, parameter{Name: g.Name, Values: []parameterValue{}})
			l.value = append(l.value, map[string]int{})
			set = append(set, asWritten)
		}
		i, ok := l.value[p][g.Text]
		if !ok {
			i = len(l.parameters[p].Values)
			l.value[p][g.Text] = i
			l.parameters[p].Values = append(l.parameters[p].Values, g.parameterValue)
		}
		set[p] = i
	}
	return set
}

// settle sorts the values of every parameter and makes the variants' Sets refer to the sorted
// ones, each as long as the list of parameters.
func (l *levers) settle(variants []variant) []parameter {
	now := make([][]int, len(l.parameters)) // a value's new place, by its old one
	for p := range l.parameters {
		values := l.parameters[p].Values
		order := make([]int, len(values))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return compareValues(values[a], values[b]) })
		sorted := make([]parameterValue, len(values))
		now[p] = make([]int, len(values))
		for to, from := range order {
			sorted[to], now[p][from] = values[from], to
		}
		l.parameters[p].Values = sorted
	}
	for i := range variants {
		set := variants[i].Set
		for p := range set {
			if set[p] != asWritten {
				set[p] = now[p][set[p]]
			}
		}
		for len(set) < len(l.parameters) {
			set = append(set, asWritten)
		}
		variants[i].Set = set
	}
	return append([]parameter{}, l.parameters...)
}

// compareValues puts numbers before the rest, numbers by size, the rest by text.
func compareValues(a, b parameterValue) int {
	switch {
	case a.Number.Known && b.Number.Known:
		if c := cmp.Compare(a.Number.Value, b.Number.Value); c != 0 {
			return c
		}
	case a.Number.Known:
		return -1
	case b.Number.Known:
		return 1
	}
	return cmp.Compare(a.Text, b.Text)
}
