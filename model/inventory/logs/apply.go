package logs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// Slots calls yield with every slot that a record makes, or with the reason why it makes none, until yield
// returns false. A slot's dimensions are not checked against the rules of a snapshot.
func (m *Map) Slots(record any, yield func(model.Slot, error) bool) {
	s := &scope{line: record, root: record}
	if m.root != nil {
		if s.root = m.root.first(s); s.root == nil {
			yield(model.Slot{}, fmt.Errorf("there is nothing at %s", m.root.text))
			return
		}
	}
	if _, ok := s.root.(map[string]any); !ok {
		yield(model.Slot{}, errors.New("the record is no object"))
		return
	}
	if m.explode == nil {
		yield(m.slot(s))
		return
	}
	none := true
	m.explode.visit(s, func(v any) bool {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, s.slot = range list {
			none = false
			if !yield(m.slot(s)) {
				return false
			}
		}
		return true
	})
	if none {
		yield(model.Slot{}, fmt.Errorf("there is no element in %s", m.explode.text))
	}
}

// slot makes one slot.
func (m *Map) slot(s *scope) (slot model.Slot, err error) {
	if m.explode != nil {
		if _, ok := s.slot.(map[string]any); !ok && s.slot == nil {
			return slot, fmt.Errorf("an element of %s is null", m.explode.text)
		}
	}
	for _, c := range m.columns {
		if err := c.set(&slot, s); err != nil {
			return slot, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if m.rest {
		err = m.addRest(&slot, s.root)
	}
	return slot, err
}

// set fills in one column of a slot.
func (c *column) set(slot *model.Slot, s *scope) error {
	if c.multi {
		values, err := c.all(s)
		if err != nil {
			return err
		}
		if c.required && len(values) == 0 {
			return errors.New("is missing")
		}
		setMulti(slot, c.name, values)
		return nil
	}
	value, ok, err := c.one(s)
	if err != nil {
		return err
	}
	if !ok && (c.required || c.name == slotID || c.name == slotTime) {
		return errors.New("is missing")
	}
	switch c.name {
	case slotID:
		slot.ID = value
	case userID:
		slot.UserID = value
	case requestID:
		slot.RequestID = value
	case slotTime:
		slot.Time, err = c.instants.parse(value)
	case floorCPM:
		if ok {
			slot.FloorCPM, err = c.prices.parse(value, s)
		}
	default:
		if ok {
			setScalar(slot, c.name, value)
		}
	}
	return err
}

func setScalar(slot *model.Slot, name, value string) {
	if slot.Scalars == nil {
		slot.Scalars = map[string]string{}
	}
	slot.Scalars[name] = value
}

func setMulti(slot *model.Slot, name string, values []string) {
	if len(values) == 0 {
		return
	}
	if slot.Sets == nil {
		slot.Sets = map[string][]string{}
	}
	slot.Sets[name] = values
}

// errEnough ends a walk over values.
var errEnough = errors.New("enough")

// one is the first value of a scalar column.
func (c *column) one(s *scope) (value string, ok bool, err error) {
	if c.excluded(s) {
		return "", false, nil
	}
	err = c.visit(s, func(v string) error {
		value, ok = v, true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if !ok && err == nil && c.fallback != nil {
		return *c.fallback, true, nil
	}
	return value, ok, err
}

// all are the values of a multi-valued column.
func (c *column) all(s *scope) (values []string, err error) {
	if c.excluded(s) {
		return nil, nil
	}
	err = c.visit(s, func(v string) error {
		values = append(values, v)
		return nil
	})
	if len(values) == 0 && c.fallback != nil {
		values = []string{*c.fallback}
	}
	return values, err
}

// excluded reports whether a condition of unless holds.
func (c *column) excluded(s *scope) (found bool) {
	for _, u := range c.unless {
		u.path.visit(s, func(v any) bool {
			value, ok, err := text(v)
			for _, u := range u.values {
				found = found || err == nil && ok && value == u
			}
			return !found
		})
	}
	return found
}

// visit calls do with every value of the column, split, renamed and without the missing ones.
func (c *column) visit(s *scope, do func(string) error) error {
	emit := func(v string) error {
		if c.split == "" {
			return c.emit(v, do)
		}
		for part := range strings.SplitSeq(v, c.split) {
			if err := c.emit(part, do); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range c.sources {
		if err := c.sources[i].visit(s, c.multi, emit); err != nil {
			return err
		}
	}
	return nil
}

func (c *column) emit(v string, do func(string) error) error {
	if c.split != "" {
		v = strings.TrimSpace(v)
	}
	if v == "" || c.missing[v] {
		return nil
	}
	if c.rename != nil {
		if to, ok := c.rename[v]; ok {
			v = to
		} else if c.other != nil {
			v = *c.other
		}
	}
	if c.letters != nil {
		v = c.letters(v)
	}
	if v == "" || c.missing[v] {
		return nil
	}
	return do(v)
}

// visit calls emit with every text of the source.
func (src *source) visit(s *scope, multi bool, emit func(string) error) (err error) {
	if src.each == nil {
		return src.here(s, multi, emit)
	}
	outer := s.element
	src.each.visit(s, func(v any) bool {
		s.element = v
		err = src.here(s, multi, emit)
		return err == nil
	})
	s.element = outer
	return err
}

// here is visit at one element.
func (src *source) here(s *scope, multi bool, emit func(string) error) (err error) {
	switch {
	case src.value != nil:
		return emit(*src.value)
	case src.join != nil:
		return src.joined(s, emit)
	case src.present != nil:
		for i, p := range src.present {
			if p.first(s) != nil {
				if err := emit(src.names[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	src.path.visit(s, func(v any) bool {
		list, isList := v.([]any)
		if !isList || !multi {
			list = []any{v}
		}
		for _, element := range list {
			var value string
			var ok bool
			if value, ok, err = text(element); err == nil && ok {
				err = emit(value)
			}
			if err != nil {
				if !errors.Is(err, errEnough) {
					err = fmt.Errorf("what is at %s %w", src.path.text, err)
				}
				return false
			}
		}
		return true
	})
	return err
}

// joined emits the texts of all paths of join, if each has one.
func (src *source) joined(s *scope, emit func(string) error) error {
	parts := make([]string, len(src.join))
	for i, p := range src.join {
		value, ok, err := text(p.first(s))
		if err != nil {
			return fmt.Errorf("what is at %s %w", p.text, err)
		}
		if !ok {
			return nil
		}
		parts[i] = value
	}
	return emit(strings.Join(parts, src.separator))
}

// addRest makes a dimension of every top-level key that no column uses. Of several errors it gives that of
// the first key, so that it doesn't depend on the order of a map.
func (m *Map) addRest(slot *model.Slot, root any) error {
	var firstKey string
	var first error
	for key, v := range root.(map[string]any) {
		if m.used[key] {
			continue
		}
		if err := addDimension(slot, key, v); err != nil && (first == nil || key < firstKey) {
			firstKey, first = key, fmt.Errorf("%s: %w", key, err)
		}
	}
	return first
}

func addDimension(slot *model.Slot, key string, v any) error {
	list, isList := v.([]any)
	if !isList {
		value, ok, err := text(v)
		if ok {
			setScalar(slot, key, value)
		}
		return err
	}
	var values []string
	for _, element := range list {
		value, ok, err := text(element)
		if err != nil {
			return fmt.Errorf("an element %w", err)
		}
		if ok {
			values = append(values, value)
		}
	}
	setMulti(slot, key, values)
	return nil
}

// Rest reports whether every key that no column uses becomes a dimension.
func (m *Map) Rest() bool { return m.rest }
