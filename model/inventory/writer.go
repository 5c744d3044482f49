package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/whatif-machine/whatif/model"
)

const (
	rowsPerGroup = 1 << 17
	batchRows    = 512 // handed to the library at a time
)

// Column is a dimension of a snapshot file.
type Column struct {
	Name  string
	Multi bool
}

// Writer writes slots to a snapshot file. The same slots in the same order give the same bytes. The file appears
// under its name when Close succeeds, whole; before that, and after Abort, there is nothing.
type Writer struct {
	out     *atomicFile
	parquet *parquet.Writer
	columns []Column       // by name
	places  map[string]int // of a dimension in columns
	order   []leaf         // of the values of a row
	rows    []parquet.Row
	filled  int
	written int64
	err     error // the first error of writing; all later ones are it
}

// leaf is a column of a row: one of semantics 2 by name, or a dimension.
type leaf struct {
	name      string
	dimension bool
	multi     bool
}

// NewWriter begins a snapshot file with the given dimensions, in any order. Close or Abort it.
func NewWriter(path string, dims []Column) (*Writer, error) {
	w := &Writer{columns: slices.Clone(dims), places: map[string]int{}}
	slices.SortFunc(w.columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	for i, c := range w.columns {
		if err := checkDimensionName(c.Name); err != nil {
			return nil, err
		}
		if _, twice := w.places[c.Name]; twice {
			return nil, fmt.Errorf("dimension %q is given twice", c.Name)
		}
		w.places[c.Name] = i
	}
	if len(dims) > maxColumns {
		return nil, fmt.Errorf("%d dimensions are more than the %d allowed", len(dims), maxColumns)
	}
	out, err := createAtomic(path)
	if err != nil {
		return nil, fmt.Errorf("creating the snapshot: %w", err)
	}
	w.out = out
	w.open()
	return w, nil
}

// open makes the schema and the library's writer. The library sorts columns by name.
func (w *Writer) open() {
	text := func() parquet.Node { return parquet.Encoded(parquet.String(), &parquet.RLEDictionary) }
	group := parquet.Group{
		slotIDColumn:    parquet.Encoded(parquet.String(), &parquet.DeltaLengthByteArray),
		timeColumn:      parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked),
		userIDColumn:    parquet.Optional(text()),
		requestIDColumn: parquet.Optional(text()),
		floorColumnName: parquet.Encoded(parquet.Decimal(6, 18, parquet.Int64Type), &parquet.RLEDictionary),
	}
	for _, c := range w.columns {
		if c.Multi {
			group[c.Name] = parquet.Optional(parquet.List(text()))
		} else {
			group[c.Name] = parquet.Optional(text())
		}
	}
	schema := parquet.NewSchema("snapshot", group)
	for _, path := range schema.Columns() {
		place, isDimension := w.places[path[0]]
		w.order = append(w.order, leaf{path[0], isDimension, isDimension && w.columns[place].Multi})
	}
	w.parquet = parquet.NewWriter(w.out.file, schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.CreatedBy("whatif", model.EngineVersion, ""), parquet.MaxRowsPerRowGroup(rowsPerGroup))
	w.rows = make([]parquet.Row, batchRows)
}

// Write appends a slot. A slot that could not be loaded again is refused and the file stays as it was. Whether its id is
// unique is not looked at.
func (w *Writer) Write(s model.Slot) error {
	if w.err != nil {
		return w.err
	}
	if err := w.check(&s); err != nil {
		return fmt.Errorf("slot %.80q: %w", s.ID, err)
	}
	w.fill(&s)
	w.filled++
	w.written++
	if w.filled == len(w.rows) {
		return w.flush()
	}
	return nil
}

// flush hands the collected rows to the library.
func (w *Writer) flush() error {
	if _, err := w.parquet.WriteRows(w.rows[:w.filled]); err != nil {
		w.err = fmt.Errorf("writing %s: %w", w.out.path, err)
	}
	w.filled = 0
	return w.err
}

// check refuses what Load would.
func (w *Writer) check(s *model.Slot) error {
	if s.ID == "" {
		return errors.New("slot_id is empty: every slot needs an id")
	}
	if s.Time < minInstant || s.Time > maxInstant {
		return fmt.Errorf("its time, %d us since 1970, is outside of the years 1 to 9999", s.Time)
	}
	if _, err := checkCPM(int64(s.FloorCPM)); err != nil {
		return err
	}
	for _, text := range []string{s.ID, s.UserID, s.RequestID} {
		if err := checkText(unsafeBytes(text)); err != nil {
			return err
		}
	}
	for name, value := range s.Scalars {
		if err := w.checkDimension(name, false, value); err != nil {
			return err
		}
	}
	for name, values := range s.Sets {
		if err := w.checkDimension(name, true, values...); err != nil {
			return err
		}
		if len(values) > maxSetValues {
			return fmt.Errorf("dimension %q has %d values, more than the %d allowed", name, len(values), maxSetValues)
		}
	}
	return nil
}

func (w *Writer) checkDimension(name string, multi bool, values ...string) error {
	place, ok := w.places[name]
	if !ok || w.columns[place].Multi != multi {
		return fmt.Errorf("the file has no such dimension %q (multi-valued: %t)", name, multi)
	}
	for _, v := range values {
		if err := checkText(unsafeBytes(v)); err != nil {
			return fmt.Errorf("dimension %q: %w", name, err)
		}
	}
	return nil
}

// fill makes the library's row of a slot: a value per leaf, in their order, with its levels.
func (w *Writer) fill(s *model.Slot) {
	row := w.rows[w.filled][:0]
	for i, l := range w.order {
		switch {
		case l.multi:
			row = appendSet(row, s.Sets[l.name], i)
		case l.dimension:
			value, ok := s.Scalars[l.name]
			row = append(row, optional(value, ok, i))
		case l.name == slotIDColumn:
			row = append(row, parquet.ByteArrayValue(unsafeBytes(s.ID)).Level(0, 0, i))
		case l.name == timeColumn:
			row = append(row, parquet.Int64Value(int64(s.Time)).Level(0, 0, i))
		case l.name == userIDColumn:
			row = append(row, optional(s.UserID, s.UserID != "", i))
		case l.name == requestIDColumn:
			row = append(row, optional(s.RequestID, s.RequestID != "", i))
		case l.name == floorColumnName:
			row = append(row, parquet.Int64Value(int64(s.FloorCPM)).Level(0, 0, i))
		}
	}
	w.rows[w.filled] = row
}

// optional is the value of an optional text column.
func optional(text string, present bool, leaf int) parquet.Value {
	if !present {
		return parquet.NullValue().Level(0, 0, leaf)
	}
	return parquet.ByteArrayValue(unsafeBytes(text)).Level(0, 1, leaf)
}

// appendSet appends the values of an optional list column, sorted and without repetitions.
func appendSet(row parquet.Row, values []string, leaf int) parquet.Row {
	if len(values) == 0 {
		return append(row, parquet.NullValue().Level(0, 0, leaf))
	}
	if len(values) > 1 {
		values = slices.Compact(slices.Sorted(slices.Values(values)))
	}
	for i, v := range values {
		row = append(row, parquet.ByteArrayValue(unsafeBytes(v)).Level(min(i, 1), 2, leaf))
	}
	return row
}

// unsafeBytes is a text's bytes without a copy; the library only reads them, and the row keeps them alive.
func unsafeBytes(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// Close completes the file: after it the file is there, durably. A file without slots is refused with ErrEmpty
// and leaves nothing.
func (w *Writer) Close() error {
	if w.err == nil && w.filled > 0 {
		w.err = w.flush()
	}
	if w.err == nil && w.written == 0 {
		w.err = ErrEmpty
	}
	if w.err == nil {
		w.err = w.parquet.Close()
	}
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	return w.out.commit()
}

// Abort drops what has been written. It does nothing after a Close that succeeded.
func (w *Writer) Abort() error {
	if w.err == nil {
		w.err = errors.New("the writer is closed")
	}
	return w.out.abort()
}
