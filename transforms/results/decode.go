package results

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/whatif-machine/whatif/model"
)

// Bounds on what a file may claim before anything is allocated for it. The Parquet library trusts
// the lengths it finds.
const (
	maxRowFileBytes = 64 << 20
	maxColumnBytes  = 64 << 20
	maxValues       = 16 << 20
)

// openRow checks that r holds a Parquet file of one row that can be read within bounds.
func openRow(r io.ReaderAt, size int64) (f *parquet.File, err error) {
	if size > maxRowFileBytes {
		return nil, errTooLarge
	}
	f, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	m := f.Metadata()
	if m.NumRows != 1 || len(m.RowGroups) != 1 || m.RowGroups[0].NumRows != 1 {
		return nil, fmt.Errorf("has %d rows in %d groups, not one", m.NumRows, len(m.RowGroups))
	}
	for i := range m.RowGroups[0].Columns {
		if err := checkColumn(&m.RowGroups[0].Columns[i].MetaData, size); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func checkColumn(c *format.ColumnMetaData, size int64) error {
	switch {
	case c.TotalCompressedSize < 0 || c.TotalCompressedSize > size,
		c.TotalUncompressedSize < 0 || c.TotalUncompressedSize > maxColumnBytes,
		c.NumValues < 0 || c.NumValues > maxValues:
		return fmt.Errorf("column %v claims %d values in %d bytes", c.PathInSchema, c.NumValues, c.TotalUncompressedSize)
	case c.Codec != format.Zstd && c.Codec != format.Uncompressed:
		return fmt.Errorf("column %v is compressed with %v, which this store never does", c.PathInSchema, c.Codec)
	}
	return nil
}

// outcome reads just the columns that say whose row this is and how it ended. The library panics
// on some damaged files; that is an error here.
func outcome(r io.ReaderAt, size int64) (row Row, err error) {
	defer recoverDamage(&err)
	f, err := openRow(r, size)
	if err != nil {
		return Row{}, err
	}
	chunks := f.RowGroups()[0].ColumnChunks()
	text := func(path ...string) string {
		if err != nil {
			return ""
		}
		leaf, ok := f.Schema().Lookup(path...)
		if !ok || leaf.ColumnIndex >= len(chunks) {
			err = fmt.Errorf("has no column %v", path)
			return ""
		}
		var v parquet.Value
		if v, err = firstValue(chunks[leaf.ColumnIndex]); err != nil {
			err = fmt.Errorf("column %v: %w", path, err)
		}
		if v.IsNull() {
			return ""
		}
		return v.String()
	}
	row.simulation = text("simulation_id")
	row.VariantID = text("variant_id")
	attempt := text("attempt")
	row.Status = text("status")
	row.Reason = model.Reason(text("error", "reason"))
	if err == nil {
		_, err = fmt.Sscanf(attempt, "%d", &row.Attempt)
	}
	return row, err
}

func firstValue(c parquet.ColumnChunk) (v parquet.Value, err error) {
	pages := c.Pages()
	defer func() {
		if cerr := pages.Close(); err == nil {
			err = cerr
		}
	}()
	page, err := pages.ReadPage()
	if err != nil {
		return v, err
	}
	defer parquet.Release(page)
	var one [1]parquet.Value
	if n, err := page.Values().ReadValues(one[:]); n == 0 {
		return v, fmt.Errorf("no value: %w", err)
	}
	return one[0].Clone(), nil
}

// Decode reads a whole row and checks that its figures are those it was sealed with.
func Decode(data []byte) (row *model.VariantResult, err error) {
	defer recoverDamage(&err)
	f, err := openRow(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r := parquet.NewGenericReader[model.VariantResult](f)
	rows := make([]model.VariantResult, 1)
	n, err := r.Read(rows)
	if cerr := r.Close(); n != 1 || cerr != nil {
		return nil, fmt.Errorf("%w: read %d rows: %w", ErrDamaged, n, firstError(err, cerr))
	}
	if err := restoreNulls(f, &rows[0].Metrics); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := checkSeal(&rows[0]); err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// restoreNulls makes the nulls among a row's ratios nil again: parquet-go v0.32.0 reads a null that
// belongs to an embedded struct as a pointer to zero. (It writes it well.)
func restoreNulls(f *parquet.File, m *model.Metrics) error {
	chunks := f.RowGroups()[0].ColumnChunks()
	fields := reflect.ValueOf(m).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).Kind() != reflect.Pointer {
			continue
		}
		name, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("parquet"), ",")
		leaf, ok := f.Schema().Lookup(name)
		if !ok {
			continue // a column added after this file was written: null
		}
		v, err := firstValue(chunks[leaf.ColumnIndex])
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		if v.IsNull() {
			fields.Field(i).SetZero()
		}
	}
	return nil
}

// checkSeal recomputes the digest of a succeeded row.
func checkSeal(row *model.VariantResult) error {
	if row.Status != model.StatusSucceeded {
		return nil
	}
	again := *row
	again.Seal()
	if again.ResultSHA256 != row.ResultSHA256 {
		return fmt.Errorf("%w: figures have digest %s, were committed with %s", ErrDamaged, again.ResultSHA256, row.ResultSHA256)
	}
	return nil
}

func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: reading it panicked: %v", ErrDamaged, p)
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
