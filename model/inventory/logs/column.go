package logs

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// column is what one column of the slots is made of.
type column struct {
	name     string
	sources  []source
	split    string
	missing  map[string]bool
	unless   []condition
	rename   map[string]string
	other    *string
	letters  func(string) string // of case; nil: as they are
	fallback *string
	required bool
	multi    bool
	instants *instants // of time
	prices   *prices   // of floor_cpm
}

// source is one place where a column's values come from: exactly one of path, value, join and present.
type source struct {
	path      *path
	value     *string
	join      []*path
	separator string
	each      *path
	names     []string // of present, with their paths
	present   []*path
}

// condition holds if a path has one of some values.
type condition struct {
	path   *path
	values []string
}

var (
	sourceKeys = []string{"path", "value", "join", "separator", "each", "present"}
	valueKeys  = []string{"from", "split", "missing", "unless", "values", "otherwise", "case", "default", "required", "multi"}
	timeKeys   = []string{"unit", "format", "timezone"}
	priceKeys  = []string{"amount", "per", "currency", "currency_path", "max"}
)

// compileColumn checks one column of a map document.
func compileColumn(name string, n *node, o Options) (*column, error) {
	c := &column{name: name}
	if n.text != nil {
		n = &node{file: n.file, line: n.line, column: n.column, keys: []string{"path"}, values: map[string]*node{"path": n}}
	}
	allowed := slices.Concat(sourceKeys, valueKeys)
	switch name {
	case slotTime:
		allowed = append(allowed, timeKeys...)
	case floorCPM:
		allowed = append(allowed, priceKeys...)
	}
	if err := n.only("column "+name, allowed...); err != nil {
		return nil, err
	}
	var err error
	for _, step := range []func(*node) error{c.compileSources, c.compileValues, c.compileCase, c.compileUnless} {
		err = errors.Join(err, step(n))
	}
	var own error
	switch name {
	case slotTime:
		c.instants, own = compileTime(n, o)
	case floorCPM:
		c.prices, own = compilePrice(n, o)
	}
	err = errors.Join(err, own)
	if err == nil && c.multi && slices.Contains([]string{slotID, slotTime, userID, requestID, floorCPM}, name) {
		err = n.errorf("column %s has one value: it can't be multi", name)
	}
	return c, err
}

// compileSources takes the sources: under from, or the column's own.
func (c *column) compileSources(n *node) error {
	list := []*node{n}
	if from := n.values["from"]; from != nil {
		for _, key := range sourceKeys {
			if n.values[key] != nil {
				return n.values[key].errorf("column %s has %s beside from: put it into from", c.name, key)
			}
		}
		if list = from.list; list == nil {
			list = []*node{from}
		}
	}
	for _, s := range list {
		if s.text != nil {
			s = &node{file: s.file, line: s.line, column: s.column, keys: []string{"path"}, values: map[string]*node{"path": s}}
		} else if s != n {
			if err := s.only("a source of column "+c.name, sourceKeys...); err != nil {
				return err
			}
		}
		compiled, err := compileSource(s)
		if err != nil {
			return err
		}
		c.sources = append(c.sources, *compiled)
	}
	if len(c.sources) == 0 {
		return n.errorf("column %s comes from nowhere", c.name)
	}
	return nil
}

func compileSource(n *node) (s *source, err error) {
	s = &source{}
	if s.path, err = n.path("path"); err != nil {
		return nil, err
	}
	if text, ok, err := n.string("value"); err != nil {
		return nil, err
	} else if ok {
		s.value = &text
	}
	if s.join, err = n.paths("join"); err != nil {
		return nil, err
	}
	if s.separator, _, err = n.string("separator"); err != nil {
		return nil, err
	}
	if s.each, err = n.path("each"); err != nil {
		return nil, err
	}
	if p := n.values["present"]; p != nil {
		if p.values == nil {
			return nil, p.errorf("present is a mapping of names to paths")
		}
		for _, name := range p.keys {
			at, err := p.path(name)
			if err != nil {
				return nil, err
			}
			s.names, s.present = append(s.names, name), append(s.present, at)
		}
	}
	given := 0
	for _, is := range []bool{s.path != nil, s.value != nil, len(s.join) > 0, len(s.present) > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, n.errorf("a source is one of path, value, join and present; here are %d of them", given)
	}
	if s.separator != "" && len(s.join) == 0 {
		return nil, n.values["separator"].errorf("separator belongs to join")
	}
	return s, nil
}

func (c *column) compileValues(n *node) (err error) {
	if c.split, _, err = n.string("split"); err != nil {
		return err
	}
	missing, err := n.strings("missing")
	if err != nil {
		return err
	}
	c.missing = map[string]bool{}
	for _, m := range missing {
		c.missing[m] = true
	}
	if v := n.values["values"]; v != nil {
		if v.values == nil {
			return v.errorf("values is a mapping of the log's values to those of the snapshot")
		}
		c.rename = map[string]string{}
		for _, key := range v.keys {
			if c.rename[key], _, err = v.string(key); err != nil {
				return err
			}
		}
	}
	for key, to := range map[string]**string{"otherwise": &c.other, "default": &c.fallback} {
		if text, ok, err := n.string(key); err != nil {
			return err
		} else if ok {
			*to = &text
		}
	}
	if c.other != nil && c.rename == nil {
		return n.values["otherwise"].errorf("otherwise belongs to values")
	}
	if c.required, err = n.bool("required"); err != nil {
		return err
	}
	c.multi, err = n.bool("multi")
	return err
}

func (c *column) compileCase(n *node) error {
	letters, ok, err := n.string("case")
	if err != nil || !ok {
		return err
	}
	switch letters {
	case "lower":
		c.letters = strings.ToLower
	case "upper":
		c.letters = strings.ToUpper
	default:
		return n.values["case"].errorf("case is lower or upper")
	}
	return nil
}

func (c *column) compileUnless(n *node) error {
	u := n.values["unless"]
	if u == nil {
		return nil
	}
	if u.values == nil {
		return u.errorf("unless is a mapping of paths to lists of values")
	}
	for _, key := range u.keys {
		p, err := parsePath(key)
		if err != nil {
			return u.values[key].errorf("%w", err)
		}
		values, err := u.strings(key)
		if err != nil {
			return err
		}
		c.unless = append(c.unless, condition{p, values})
	}
	return nil
}

func compileTime(n *node, o Options) (*instants, error) {
	t := &instants{location: o.Location}
	unit, hasUnit, err := n.string("unit")
	if err != nil {
		return nil, err
	}
	if hasUnit && unit != "rfc3339" {
		scale, ok := timeUnits[unit]
		if !ok {
			return nil, n.values["unit"].errorf("the unit of a time is s, ms, us, ns or rfc3339")
		}
		t.numeric, t.scale = true, scale
	}
	layout, ok, err := n.string("format")
	if err != nil {
		return nil, err
	}
	if ok {
		if hasUnit {
			return nil, n.values["format"].errorf("a time has a unit or a format, not both")
		}
		if err := checkLayout(layout); err != nil {
			return nil, n.values["format"].errorf("%w", err)
		}
		t.layout = layout
	}
	zone, ok, err := n.string("timezone")
	if err != nil {
		return nil, err
	}
	if ok {
		if t.location, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return nil, n.values["timezone"].errorf("%q is no IANA time zone", zone)
		}
	}
	return t, nil
}

func compilePrice(n *node, o Options) (*prices, error) {
	p := &prices{study: o.Currency, rates: o.Rates}
	for key, scales := range map[string]map[string]int32{"amount": amountScales, "per": perScales} {
		text, ok, err := n.string(key)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		shift, ok := scales[text]
		if !ok {
			return nil, n.values[key].errorf("%s is not %q", key, text)
		}
		p.shift += shift
	}
	var err error
	if p.currencyPath, err = n.path("currency_path"); err != nil {
		return nil, err
	}
	if p.currency, _, err = n.string("currency"); err != nil {
		return nil, err
	}
	if _, known := p.rates[p.currency]; p.currency != "" && p.currencyPath == nil && p.currency != p.study && !known {
		return nil, n.errorf("floors are in %s and the study's currency is %s: give a rate (--rate %s=..), or make the study in it (--currency %s)", p.currency, p.study, p.currency, p.currency)
	}
	if text, ok, err := n.string("max"); err != nil {
		return nil, err
	} else if ok {
		maximum, err := number(text)
		if err != nil {
			return nil, n.values["max"].errorf("%w", err)
		}
		p.maximum = &maximum
	}
	return p, nil
}

// eachPath calls do for every path of the column.
func (c *column) eachPath(do func(*path)) {
	for _, s := range c.sources {
		for _, p := range slices.Concat([]*path{s.path, s.each}, s.join, s.present) {
			if p != nil {
				do(p)
			}
		}
	}
	for _, u := range c.unless {
		do(u.path)
	}
	if c.prices != nil && c.prices.currencyPath != nil {
		do(c.prices.currencyPath)
	}
}

// begins reports whether a path of the column begins at an origin.
func (c *column) begins(at origin) (found bool) {
	c.eachPath(func(p *path) { found = found || p.from == at })
	return found
}
