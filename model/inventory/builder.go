package inventory

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/whatif-machine/whatif/model"
)

// Bounds of a snapshot. They are far above what one machine simulates and keep codes within 32 bits.
const (
	maxSlots     = 1 << 30
	maxText      = 1 << 16 // bytes of one id or value
	maxSetValues = 4096    // values of one slot in a multi-valued dimension
	maxColumns   = 1000
)

// builder collects slots column by column, in order of arrival, and finish turns them into a
// snapshot. The columns of a row must be added before the next row's are.
type builder struct {
	ids      interner // value i is the id of row i, so a second sight of an id is a duplicate
	times    []model.Instant
	users    textColumn
	requests textColumn
	floors   floorColumn
	dims     map[string]*dimColumn
}

// textColumn has 0 for an empty or missing text, else 1 + its number.
type textColumn struct {
	texts interner
	codes []uint32
}

// floorColumn has for every row the place of its floor in values.
type floorColumn struct {
	numbers map[model.CPM]uint32
	values  []model.CPM
	codes   []uint32
}

// dimColumn is a dimension while it is collected: codes are 0 for missing, else 1 + a number of texts,
// or of sets, whose bytes are the ascending numbers of its texts, 4 bytes each.
type dimColumn struct {
	name  string
	multi bool
	texts interner
	sets  interner
	codes codes

	numbers []uint32 // scratch: the set being added
	key     []byte   // scratch: its bytes
}

// The columns of a snapshot file that are no dimensions.
const (
	slotIDColumn    = "slot_id"
	timeColumn      = "time"
	userIDColumn    = "user_id"
	requestIDColumn = "request_id"
	floorColumnName = "floor_cpm"
)

// reserved names cannot be dimensions (semantics 2).
var reserved = map[string]bool{
	model.HourOfDay: true, model.DayOfWeek: true, model.Day: true, "all": true, "any": true, "not": true,
	slotIDColumn: true, timeColumn: true, userIDColumn: true, requestIDColumn: true, floorColumnName: true,
}

// checkDimensionName refuses names that expressions could not tell apart.
func checkDimensionName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a dimension has an empty name: give it one")
	case reserved[name]:
		return fmt.Errorf("dimension %q: the name is reserved: rename the column", name)
	case len(name) > 300 || !utf8.ValidString(name):
		return fmt.Errorf("dimension %.40q: the name is not UTF-8 of at most 300 bytes: rename the column", name)
	}
	return nil
}

// checkText refuses what cannot be an id or a value.
func checkText(b []byte) error {
	if len(b) > maxText {
		return fmt.Errorf("a text of %d bytes is longer than the %d allowed", len(b), maxText)
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("text %.40q is not UTF-8", b)
	}
	return nil
}

// dimension finds or makes the column of a dimension; rows before it are missing.
func (b *builder) dimension(name string, multi bool) (*dimColumn, error) {
	if d, ok := b.dims[name]; ok {
		if d.multi != multi {
			return nil, fmt.Errorf("dimension %q is scalar in one place and multi-valued in another: make it one of the two", name)
		}
		return d, nil
	}
	if err := checkDimensionName(name); err != nil {
		return nil, err
	}
	if len(b.dims) >= maxColumns {
		return nil, fmt.Errorf("more than %d dimensions: drop columns that no study uses", maxColumns)
	}
	d := &dimColumn{name: name, multi: multi}
	if b.dims == nil {
		b.dims = map[string]*dimColumn{}
	}
	b.dims[name] = d
	return d, nil
}

// code is the code of a text, which is empty for no one; new texts are checked.
func (c *textColumn) code(b []byte) (uint32, error) {
	if len(b) == 0 {
		return 0, nil
	}
	number, isNew := c.texts.intern(b)
	if isNew {
		return number + 1, checkText(b)
	}
	return number + 1, nil
}

// code is the place of a floor.
func (c *floorColumn) code(v model.CPM) (uint32, error) {
	if code, ok := c.numbers[v]; ok {
		return code, nil
	}
	if v < 0 {
		return 0, fmt.Errorf("floor_cpm %d micros is negative", v)
	}
	if c.numbers == nil {
		c.numbers = map[model.CPM]uint32{}
	}
	code := uint32(len(c.values))
	c.numbers[v] = code
	c.values = append(c.values, v)
	return code, nil
}

// text is the number of a value of the dimension; new values are checked.
func (d *dimColumn) text(b []byte) (uint32, error) {
	number, isNew := d.texts.intern(b)
	if isNew {
		if err := checkText(b); err != nil {
			return 0, fmt.Errorf("dimension %q: %w", d.name, err)
		}
	}
	return number, nil
}

// set is the code of a set of values, given by number in any order and with repetitions. It sorts them.
func (d *dimColumn) set(numbers []uint32) (uint32, error) {
	if len(numbers) == 0 {
		return 0, nil
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) > maxSetValues {
		return 0, fmt.Errorf("dimension %q: a slot has %d values, more than the %d allowed", d.name, len(numbers), maxSetValues)
	}
	d.key = d.key[:0]
	for _, n := range numbers {
		d.key = binary.LittleEndian.AppendUint32(d.key, n)
	}
	code, _ := d.sets.intern(d.key)
	return code + 1, nil
}
