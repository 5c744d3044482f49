package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// ReadSlots reads the slots of snapshot files in the order of the files, in their plain form: for the
// reference, for tools and tests. Times without UTC adjustment are read as UTC, none is shifted. It holds
// a page of each column at a time. An error ends the sequence. It doesn't look for repeated ids; Load does.
func ReadSlots(ctx context.Context, files []string) iter.Seq2[model.Slot, error] {
	return func(yield func(model.Slot, error) bool) {
		for _, path := range files {
			if more, err := readFile(ctx, path, yield); err != nil {
				yield(model.Slot{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// readFile yields the slots of one file and reports whether more are wanted.
func readFile(ctx context.Context, path string, yield func(model.Slot, error) bool) (more bool, err error) {
	f, l, err := openSnapshot(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	row := int64(0)
	for group := range f.Groups() {
		r, err := newRowReader(l, group)
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		for range f.GroupRows(group) {
			if row%4096 == 0 {
				if err := cancelled(ctx); err != nil {
					return false, err
				}
			}
			slot, err := r.next()
			if err != nil {
				return false, fmt.Errorf("%s: row %d: %w", path, row+1, err)
			}
			if !yield(slot, nil) {
				return false, nil
			}
			row++
		}
	}
	return true, nil
}

// cursor steps through the rows of one column.
type cursor struct {
	pages  *columns.Pages
	column *columns.Column
	page   *columns.Page
	at     int // next entry of the page
	value  int // next value of the page
}

// fill makes sure that there is a next entry; false at the end.
func (c *cursor) fill() (bool, error) {
	for c.page == nil || c.at >= c.page.Len {
		page, err := c.pages.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("column %q: %w", c.column.Name, err)
		}
		c.page, c.at, c.value = page, 0, 0
	}
	return true, nil
}

// entry takes the next entry: the vector and index of its value, or no vector for a missing one.
func (c *cursor) entry() (*columns.Vector, int) {
	missing := c.page.Def != nil && c.page.Def[c.at] != c.page.MaxDef
	c.at++
	if missing {
		return nil, 0
	}
	c.value++
	if c.page.Codes != nil {
		return c.page.Values, int(c.page.Codes[c.value-1])
	}
	return c.page.Values, c.value - 1
}

// scalar is the value of the next row.
func (c *cursor) scalar() (*columns.Vector, int, error) {
	ok, err := c.fill()
	if err == nil && !ok {
		err = fmt.Errorf("column %q ends early", c.column.Name)
	}
	if err != nil {
		return nil, 0, err
	}
	v, i := c.entry()
	return v, i, nil
}

// text is the text of the next row, empty and false if it is missing.
func (c *cursor) text() (string, bool, error) {
	v, i, err := c.scalar()
	if v == nil || err != nil {
		return "", false, err
	}
	return textOf(c.column, v, i)
}

// textOf is a value as text; NaN, which pandas writes for missing numbers, is missing.
func textOf(column *columns.Column, v *columns.Vector, i int) (string, bool, error) {
	b, err := v.AppendText(nil, i)
	if errors.Is(err, columns.ErrNotANumber) {
		return "", false, nil
	}
	if err == nil {
		err = checkText(b)
	}
	if err != nil {
		return "", false, fmt.Errorf("column %q: %w", column.Name, err)
	}
	return string(b), true, nil
}

// list is the values of the next row of a list column.
func (c *cursor) list() ([]string, error) {
	var out []string
	for first := true; ; first = false {
		ok, err := c.fill()
		if err != nil {
			return nil, err
		}
		if !ok && first {
			return nil, fmt.Errorf("column %q ends early", c.column.Name)
		}
		if !ok || !first && c.page.Rep[c.at] == 0 {
			return out, nil
		}
		v, i := c.entry()
		if v == nil {
			continue
		}
		if len(out) == maxSetValues {
			return nil, fmt.Errorf("column %q: a row has more than the %d values allowed", c.column.Name, maxSetValues)
		}
		text, ok, err := textOf(c.column, v, i)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, text)
		}
	}
}

// rowReader reads a row group row by row.
type rowReader struct {
	id, time, user, request, floor *cursor // user, request and floor may be nil
	dimensions                     []*cursor
	clock                          *clock
	scratch                        [64]byte
}

func newRowReader(l *layout, group int) (*rowReader, error) {
	r := &rowReader{clock: l.clock(Options{})}
	var errs []error
	open := func(c *columns.Column) *cursor {
		if c == nil {
			return nil
		}
		pages, err := c.Pages(group)
		if err != nil {
			errs = append(errs, fmt.Errorf("column %q: %w", c.Name, err))
		}
		return &cursor{pages: pages, column: c}
	}
	r.id, r.time, r.user, r.request, r.floor = open(l.id), open(l.time), open(l.user), open(l.request), open(l.floor)
	for _, c := range l.dimensions {
		r.dimensions = append(r.dimensions, open(c))
	}
	return r, errors.Join(errs...)
}

// next reads one slot.
func (r *rowReader) next() (slot model.Slot, err error) {
	if slot.ID, _, err = r.id.text(); err != nil {
		return slot, err
	}
	if slot.ID == "" {
		return slot, errors.New("slot_id is missing: every slot needs an id")
	}
	v, i, err := r.time.scalar()
	if err != nil {
		return slot, err
	}
	if v == nil {
		return slot, errors.New("time is missing: every slot needs one")
	}
	if slot.Time, err = r.clock.instant(v, i); err != nil {
		return slot, err
	}
	if r.user != nil {
		if slot.UserID, _, err = r.user.text(); err != nil {
			return slot, err
		}
	}
	if r.request != nil {
		if slot.RequestID, _, err = r.request.text(); err != nil {
			return slot, err
		}
	}
	if slot.FloorCPM, err = r.nextFloor(); err != nil {
		return slot, err
	}
	return slot, r.nextDimensions(&slot)
}

func (r *rowReader) nextFloor() (model.CPM, error) {
	if r.floor == nil {
		return 0, nil
	}
	v, i, err := r.floor.scalar()
	if v == nil || err != nil {
		return 0, err
	}
	return cpm(v, i, r.scratch[:])
}

func (r *rowReader) nextDimensions(slot *model.Slot) error {
	for _, c := range r.dimensions {
		if c.column.List {
			values, err := c.list()
			if err != nil {
				return err
			}
			if len(values) > 0 {
				if slot.Sets == nil {
					slot.Sets = map[string][]string{}
				}
				slot.Sets[c.column.Name] = values
			}
			continue
		}
		text, ok, err := c.text()
		if err != nil {
			return err
		}
		if ok {
			if slot.Scalars == nil {
				slot.Scalars = map[string]string{}
			}
			slot.Scalars[c.column.Name] = text
		}
	}
	return nil
}
