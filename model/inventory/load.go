package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// Load reads a snapshot from its files. Their slots are one set: the order of files and rows has no influence,
// a slot_id may occur only once in all of them, and a dimension that a file lacks is missing in its slots.
// An error names the file, and the row and column where there is one.
//
// Columns are read one after the other, a page at a time; dictionary codes are translated through a
// table per dictionary, so that a text is hashed once per dictionary and not once per slot.
func Load(ctx context.Context, files []string, o Options) (s *Snapshot, err error) {
	if len(files) == 0 {
		return nil, errors.New("no snapshot file is given")
	}
	l := loader{options: o}
	for _, path := range files {
		if err := l.file(ctx, path); err != nil {
			return nil, err
		}
	}
	if s, err = l.builder.finish(o); err != nil {
		return nil, fmt.Errorf("%s: %w", nameFiles(files), err)
	}
	return s, nil
}

// nameFiles names the first file and how many more there are.
func nameFiles(files []string) string {
	if len(files) == 1 {
		return files[0]
	}
	return fmt.Sprintf("%s and %d more", files[0], len(files)-1)
}

// loader fills a builder from files.
type loader struct {
	builder builder
	options Options
	parts   []part
	scratch []byte
}

// part is a file and the number of rows before it.
type part struct {
	path  string
	start int
}

// place names the file and row of a row of the whole.
func (l *loader) place(row int) string {
	i := sort.Search(len(l.parts), func(i int) bool { return l.parts[i].start > row }) - 1
	return fmt.Sprintf("%s: row %d", l.parts[i].path, row-l.parts[i].start+1)
}

// file loads one file, row group by row group.
func (l *loader) file(ctx context.Context, path string) (err error) {
	f, layout, err := openSnapshot(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	l.parts = append(l.parts, part{path, len(l.builder.times)})
	clock := layout.clock(l.options)
	l.reserve(int(min(f.Rows(), f.Size()))) // the rows are only claimed; the bytes are there
	for group := range f.Groups() {
		rows := f.GroupRows(group)
		if rows > int64(maxSlots-len(l.builder.times)) {
			return fmt.Errorf("%s: more than the %d slots a snapshot can hold", path, int64(maxSlots))
		}
		if err := l.group(ctx, layout, clock, group, int(rows)); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for more rows.
func (l *loader) reserve(rows int) {
	b := &l.builder
	b.ids.reserve(len(b.times) + rows)
	b.times = slices.Grow(b.times, rows)
	for _, codes := range []*[]uint32{&b.users.codes, &b.requests.codes, &b.floors.codes} {
		*codes = slices.Grow(*codes, rows)
	}
}

// group loads one row group. The ids come first: that they are all different shows that the group has
// as many rows as it says, before the other columns are read for that many.
func (l *loader) group(ctx context.Context, layout *layout, clock *clock, group, rows int) error {
	b := &l.builder
	start := len(b.times)
	r := columnReader{ctx: ctx, loader: l, group: group, start: start, rows: rows}
	if err := r.each(layout.id, l.id); err != nil {
		return err
	}
	err := r.each(layout.time, func(v *columns.Vector, i int) error {
		if v == nil {
			return errors.New("time is missing: every slot needs one")
		}
		t, err := clock.instant(v, i)
		b.times = append(b.times, t)
		return err
	})
	if err != nil {
		return err
	}
	if b.users.codes, err = r.codes(layout.user, b.users.codes, l.textCode(&b.users)); err != nil {
		return err
	}
	if b.requests.codes, err = r.codes(layout.request, b.requests.codes, l.textCode(&b.requests)); err != nil {
		return err
	}
	if b.floors.codes, err = r.codes(layout.floor, b.floors.codes, l.floorCode); err != nil {
		return err
	}
	return r.dimensions(layout.dimensions)
}

// id enters a slot's id.
func (l *loader) id(v *columns.Vector, i int) error {
	if v == nil {
		return errors.New("slot_id is missing: every slot needs an id")
	}
	var err error
	if l.scratch, err = v.AppendText(l.scratch[:0], i); err != nil {
		return err
	}
	return l.builder.addID(l.scratch)
}

// coder makes the code of a value; without a vector, of a missing one.
type coder func(v *columns.Vector, i int) (uint32, error)

func (l *loader) textCode(column *textColumn) coder {
	return func(v *columns.Vector, i int) (uint32, error) {
		if v == nil {
			return 0, nil
		}
		var err error
		if l.scratch, err = v.AppendText(l.scratch[:0], i); err != nil {
			return 0, err
		}
		return column.code(l.scratch)
	}
}

func (l *loader) floorCode(v *columns.Vector, i int) (uint32, error) {
	if v == nil {
		return l.builder.floors.code(0)
	}
	price, err := cpm(v, i, l.scratch[:0])
	if err != nil {
		return 0, err
	}
	return l.builder.floors.code(price)
}

// valueNumber is 0 for a missing value of a dimension, else 1 + its number.
func (l *loader) valueNumber(d *dimColumn) coder {
	return func(v *columns.Vector, i int) (uint32, error) {
		if v == nil {
			return 0, nil
		}
		var err error
		l.scratch, err = v.AppendText(l.scratch[:0], i)
		if errors.Is(err, columns.ErrNotANumber) {
			return 0, nil // pandas writes NaN for missing numbers
		}
		if err != nil {
			return 0, err
		}
		number, err := d.text(l.scratch)
		return number + 1, err
	}
}

// columnReader reads the columns of one row group.
type columnReader struct {
	ctx    context.Context
	loader *loader
	group  int
	start  int // rows before the group
	rows   int // of the group
}

// pages calls do for every page of a column; entries of scalar columns are counted.
func (r *columnReader) pages(c *columns.Column, do func(p *columns.Page, row int) error) error {
	path := r.loader.parts[len(r.loader.parts)-1].path
	pages, err := c.Pages(r.group)
	if err != nil {
		return fmt.Errorf("%s: column %q: %w", path, c.Name, err)
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
			return fmt.Errorf("%s: column %q, row group %d: %w", path, c.Name, r.group, err)
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

// each calls do for every row of a scalar column, without a vector where the value is missing.
func (r *columnReader) each(c *columns.Column, do func(v *columns.Vector, i int) error) error {
	return r.pages(c, func(p *columns.Page, row int) error {
		value := 0
		for entry := range p.Len {
			v, i := p.Values, value
			if p.Def != nil && p.Def[entry] != p.MaxDef {
				v = nil
			} else {
				if p.Codes != nil {
					i = int(p.Codes[value])
				}
				value++
			}
			if err := do(v, i); err != nil {
				return r.at(row+entry, c, err)
			}
		}
		return nil
	})
}

// codes appends the codes of a scalar column to dst. A column that the file lacks is missing everywhere.
func (r *columnReader) codes(c *columns.Column, dst []uint32, code coder) ([]uint32, error) {
	if c == nil {
		missing, err := code(nil, 0)
		for range r.rows {
			dst = append(dst, missing)
		}
		return dst, err
	}
	known := translation{code: code}
	err := r.pages(c, func(p *columns.Page, row int) error {
		value := 0
		for entry := range p.Len {
			var number uint32
			var err error
			if p.Def != nil && p.Def[entry] != p.MaxDef {
				number, err = code(nil, 0)
			} else {
				number, err = known.of(p, value)
				value++
			}
			if err != nil {
				return r.at(row+entry, c, err)
			}
			dst = append(dst, number)
		}
		return nil
	})
	return dst, err
}

// translation remembers the code of every dictionary entry that was met.
type translation struct {
	code       coder
	dictionary *columns.Vector
	codes      []uint32
	known      []bool
}

// of is the code of a value of a page.
func (t *translation) of(p *columns.Page, value int) (uint32, error) {
	if p.Codes == nil {
		return t.code(p.Values, value)
	}
	if t.dictionary != p.Values {
		t.dictionary, t.codes, t.known = p.Values, make([]uint32, p.Values.Len()), make([]bool, p.Values.Len())
	}
	i := p.Codes[value]
	if t.known[i] {
		return t.codes[i], nil
	}
	code, err := t.code(p.Values, int(i))
	t.codes[i], t.known[i] = code, err == nil
	return code, err
}

// dimensions loads the dimensions that the file has.
func (r *columnReader) dimensions(all []*columns.Column) error {
	for _, c := range all {
		d, err := r.loader.builder.dimension(c.Name, c.List)
		if err != nil {
			return fmt.Errorf("%s: %w", r.loader.place(r.start), err)
		}
		d.codes = pad(d.codes, r.start)
		if c.List {
			err = r.sets(c, d)
		} else {
			d.codes, err = r.codes(c, d.codes, r.loader.valueNumber(d))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sets appends the codes of a multi-valued dimension. A row may go on in the next page.
func (r *columnReader) sets(c *columns.Column, d *dimColumn) error {
	known := translation{code: r.loader.valueNumber(d)}
	row := r.start - 1 // the row being collected
	flush := func() error {
		code, err := d.set(d.numbers)
		d.codes = append(d.codes, code)
		d.numbers = d.numbers[:0]
		return err
	}
	d.numbers = d.numbers[:0]
	err := r.pages(c, func(p *columns.Page, _ int) error {
		value := 0
		for entry := range p.Len {
			if p.Rep[entry] == 0 {
				if row >= r.start {
					if err := flush(); err != nil {
						return r.at(row, c, err)
					}
				}
				row++
			}
			if p.Def[entry] != p.MaxDef {
				continue
			}
			number, err := known.of(p, value)
			value++
			if err == nil && len(d.numbers) > 16*maxSetValues {
				err = fmt.Errorf("more than the %d values allowed", maxSetValues)
			}
			if err != nil || row < r.start || row >= r.start+r.rows {
				return r.at(max(row, r.start), c, errors.Join(err, errRows(row, r)))
			}
			if number > 0 {
				d.numbers = append(d.numbers, number-1)
			}
		}
		return nil
	})
	if err == nil && row >= r.start {
		err = flush()
	}
	if err == nil && row != r.start+r.rows-1 {
		err = r.at(max(row, r.start), c, fmt.Errorf("the list column has %d rows in a row group of %d", row-r.start+1, r.rows))
	}
	return err
}

// errRows is the error of values outside of the row group's rows, nil if row is one of them.
func errRows(row int, r *columnReader) error {
	if row < r.start || row >= r.start+r.rows {
		return fmt.Errorf("the list column has values outside of the row group's %d rows", r.rows)
	}
	return nil
}
