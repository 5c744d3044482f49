package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// columnReader reads the columns of one row group.
type columnReader struct {
	ctx    context.Context
	loader *loader
	path   string
	group  int
	start  int // rows before the group
	rows   int // of the group
}

// read loads the group. The ids come first: that they are all different shows that the group has
// as many rows as it says, before the other columns are read for that many.
func (r *columnReader) read(layout *layout, clock *clock) (err error) {
	l, b := r.loader, &r.loader.builder
	if err := r.ids(layout.id); err != nil {
		return err
	}
	if err := r.times(layout.time, clock); err != nil {
		return err
	}
	if b.users.codes, err = r.plainCodes(layout.user, b.users.codes, l.idCoder(&b.users)); err != nil {
		return err
	}
	if b.requests.codes, err = r.plainCodes(layout.request, b.requests.codes, l.idCoder(&b.requests)); err != nil {
		return err
	}
	if b.floors.codes, err = r.plainCodes(layout.floor, b.floors.codes, &b.floors); err != nil {
		return err
	}
	for _, c := range layout.dimensions {
		if err := r.dimension(c); err != nil {
			return err
		}
	}
	return nil
}

// pages calls do for every page of a column, with the row of its first entry if entries are rows.
func (r *columnReader) pages(c *columns.Column, do func(p *columns.Page, row int) error) error {
	pages := &r.loader.pages
	if err := pages.Open(c, r.group); err != nil {
		return fmt.Errorf("%s: column %q: %w", r.path, c.Name, err)
	}
	for row := r.start; ; {
		if err := cancelled(r.ctx); err != nil {
			return err
		}
		page, err := pages.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: column %q, row group %d: %w", r.path, c.Name, r.group, err)
		}
		if err := do(page, row); err != nil {
			return err
		}
		row += page.Len
	}
}

// at says where a row's error is, and of a repeated id where it was first.
func (r *columnReader) at(row int, c *columns.Column, err error) error {
	if d, ok := errors.AsType[*duplicateID](err); ok {
		return fmt.Errorf("%s: slot_id %q is not unique: it is also in %s; remove one of them, or let `whatif import` do it",
			r.loader.place(row), d.id, r.loader.place(int(d.first)))
	}
	return fmt.Errorf("%s: column %q: %w", r.loader.place(row), c.Name, err)
}

// ids enters the ids, a batch at a time.
func (r *columnReader) ids(c *columns.Column) error {
	return r.pages(c, func(p *columns.Page, row int) error {
		given := p.Len
		if p.Present() < p.Len {
			given = slices.IndexFunc(p.Def, func(level uint8) bool { return level != p.MaxDef })
		}
		places := r.loader.translation.places(p, given)
		for start := 0; start < given; start += textBatch {
			if at, err := r.loader.addIDs(p.Values, places[start:min(start+textBatch, given)]); err != nil {
				return r.at(row+start+at, c, err)
			}
		}
		if given < p.Len {
			return r.at(row+given, c, errors.New("slot_id is missing: every slot needs an id"))
		}
		return nil
	})
}

// addIDs enters a batch of ids. It says which one an error is of.
func (l *loader) addIDs(v *columns.Vector, places []uint32) (int, error) {
	n, fault := l.texts.read(v, places)
	l.builder.ids.fetch(l.texts.hashes[:n])
	for i, id := range l.texts.list[:n] {
		if err := l.builder.addHashedID(id, l.texts.hashes[i], l.texts.isUTF8); err != nil {
			return i, err
		}
	}
	return n, fault
}

// times appends the times.
func (r *columnReader) times(c *columns.Column, clock *clock) error {
	b := &r.loader.builder
	return r.pages(c, func(p *columns.Page, row int) error {
		value := 0
		for entry := range p.Len {
			if p.Def != nil && p.Def[entry] != p.MaxDef {
				return r.at(row+entry, c, errors.New("time is missing: every slot needs one"))
			}
			i := value
			if p.Codes != nil {
				i = int(p.Codes[value])
			}
			value++
			t, err := clock.instant(p.Values, i)
			if err != nil {
				return r.at(row+entry, c, err)
			}
			b.times = append(b.times, t)
		}
		return nil
	})
}

// plainCodes appends the codes of a scalar column to dst. A column that the file lacks is missing everywhere.
func (r *columnReader) plainCodes(c *columns.Column, dst []uint32, code coder) ([]uint32, error) {
	if c == nil {
		missing, err := code.missing()
		return appendRun(dst, missing, r.rows, 0), err
	}
	err := r.scalar(c, code, func(all []uint32) { dst = append(dst, all...) })
	return dst, err
}

// scalar reads the codes of a scalar column, a page at a time.
func (r *columnReader) scalar(c *columns.Column, code coder, take func(all []uint32)) error {
	l := r.loader
	l.translation.begin(code)
	return r.pages(c, func(p *columns.Page, row int) error {
		values, err := l.translation.page(p)
		if err != nil {
			return r.at(row+entryOf(p, len(values)), c, err)
		}
		if len(values) == p.Len {
			take(values)
			return nil
		}
		missing, err := code.missing()
		if err != nil {
			return r.at(row, c, err)
		}
		l.entries = spread(l.entries, p, values, missing)
		take(l.entries)
		return nil
	})
}

// entryOf is the entry of a page that has a value.
func entryOf(p *columns.Page, value int) int {
	if p.Def == nil {
		return value
	}
	for entry, level := range p.Def {
		if level != p.MaxDef {
			continue
		}
		if value == 0 {
			return entry
		}
		value--
	}
	return p.Len
}

// spread gives every entry of a page its value's code, and missing to those that have none.
func spread(dst []uint32, p *columns.Page, values []uint32, missing uint32) []uint32 {
	dst = slices.Grow(dst[:0], p.Len)[:p.Len]
	next := 0
	for entry, level := range p.Def {
		code := missing
		if level == p.MaxDef {
			code = values[next]
			next++
		}
		dst[entry] = code
	}
	return dst
}

// dimension loads a dimension.
func (r *columnReader) dimension(c *columns.Column) error {
	d, err := r.loader.builder.dimension(c.Name, c.List)
	if err != nil {
		return fmt.Errorf("%s: %w", r.loader.place(r.start), err)
	}
	d.codes.room = r.loader.room
	d.codes.pad(r.start)
	code := r.loader.valueCoder(d)
	if c.List {
		return r.sets(c, d, code)
	}
	return r.scalar(c, code, d.codes.addAll)
}
