package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// Load reads a snapshot from its files. Their slots are one set: the order of files and rows has no influence,
// a slot_id may occur only once in all of them, and a dimension that a file lacks is missing in its slots.
// An error names the file, and the row and column where there is one.
//
// Columns are read one after the other, a page at a time, into codes of one, two or four bytes. Values that a page
// gives by their place in a dictionary are translated through a table of the dictionary, so that a text is
// hashed once per dictionary and not once per slot.
func Load(ctx context.Context, files []string, o Options) (s *Snapshot, err error) {
	if len(files) == 0 {
		return nil, errors.New("no snapshot file is given")
	}
	l := loader{options: o, texts: new(textReader)}
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
	rows    int // that are expected
	room    int // those for which every dimension makes room at once

	pages       columns.Pages // memory for the pages of one column after another
	texts       *textReader
	translation translation
	entries     []uint32 // scratch: a code for every entry of a page
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
	l.reserve(f, len(layout.dimensions))
	for group := range f.Groups() {
		rows := f.GroupRows(group)
		if rows > int64(maxSlots-len(l.builder.times)) {
			return fmt.Errorf("%s: more than the %d slots a snapshot can hold", path, int64(maxSlots))
		}
		r := columnReader{ctx: ctx, loader: l, path: path, group: group, start: len(l.builder.times), rows: int(rows)}
		if err := r.read(layout, clock); err != nil {
			return err
		}
		l.expectRequests()
	}
	return nil
}

// reserve makes room for the rows of a file. The rows are only claimed, the bytes are there: no column of a fixed width takes more
// than a few of them, all dimensions together no more than sixteen.
func (l *loader) reserve(f *columns.File, dimensions int) {
	b := &l.builder
	rows := int(min(f.Rows(), f.Size()))
	l.rows = len(b.times) + rows
	l.room = len(b.times) + int(min(f.Rows(), 16*f.Size()/int64(max(1, dimensions))))
	b.ids.reserve(l.rows)
	b.times = slices.Grow(b.times, rows)
	for _, codes := range []*[]uint32{&b.users.codes, &b.requests.codes, &b.floors.codes} {
		*codes = slices.Grow(*codes, rows)
	}
}

// expectRequests makes room for the requests of the rows to come, as many for a row as there were: a page's slots
// are logged together, so that a request seldom comes again.
func (l *loader) expectRequests() {
	requests, rows := &l.builder.requests.texts, len(l.builder.times)
	if rows > 0 {
		requests.reserve(int(float64(requests.len()) * float64(l.rows) / float64(rows)))
	}
}
