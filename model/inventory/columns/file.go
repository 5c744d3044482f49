package columns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxFooter      = 64 << 20
	maxRowGroups   = 1 << 15
	maxColumns     = 2000
	maxSchemaNodes = 4 * maxColumns
	maxRows        = 1 << 40
)

// File is an open Parquet file.
type File struct {
	file    io.ReaderAt
	closer  io.Closer
	size    int64
	meta    format.FileMetaData
	columns []*Column
}

// Open opens a file and reads its footer. Close it after use.
func Open(path string) (f *File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		f, err = New(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	f.closer = file
	return f, nil
}

// New reads the footer of a file of the given size.
func New(r io.ReaderAt, size int64) (f *File, err error) {
	defer Guard(&err)
	f = &File{file: r, size: size}
	footer, err := f.footer()
	if err != nil {
		return nil, err
	}
	if n, err := thriftLength(footer); err != nil {
		return nil, fmt.Errorf("damaged Parquet footer: %w", err)
	} else if n != len(footer) {
		return nil, errors.New("damaged or signed Parquet footer: bytes follow its metadata")
	}
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), footer, &f.meta); err != nil {
		return nil, fmt.Errorf("damaged Parquet footer: %w", err)
	}
	if err := f.readSchema(); err != nil {
		return nil, err
	}
	return f, f.checkRowGroups()
}

// Guard turns a panic of the Parquet library into an error: use it deferred where a file is read.
func Guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("damaged Parquet file: %v", p)
	}
}

// footer reads the metadata at the end of the file: metadata, its length in 4 bytes, "PAR1".
func (f *File) footer() ([]byte, error) {
	if f.size < 12 {
		return nil, fmt.Errorf("not a Parquet file: it has only %d bytes", f.size)
	}
	var head [4]byte
	var tail [8]byte
	if _, err := f.file.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := f.file.ReadAt(tail[:], f.size-8); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case string(head[:]) == "PARE" || string(tail[4:]) == "PARE":
		return nil, errors.New("the Parquet file is encrypted: decrypt it first")
	case string(head[:]) != "PAR1":
		return nil, errors.New("not a Parquet file: it doesn't begin with PAR1")
	case string(tail[4:]) != "PAR1":
		return nil, errors.New("truncated Parquet file: it doesn't end with PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > maxFooter || n > f.size-12 {
		return nil, fmt.Errorf("damaged Parquet file: a footer of %d bytes in a file of %d", n, f.size)
	}
	footer := make([]byte, n)
	if _, err := f.file.ReadAt(footer, f.size-8-n); err != nil {
		return nil, fmt.Errorf("reading the Parquet footer: %w", err)
	}
	return footer, nil
}

// checkRowGroups compares what the footer says with itself and the file's size.
func (f *File) checkRowGroups() error {
	if len(f.meta.RowGroups) > maxRowGroups {
		return fmt.Errorf("%d row groups are more than the %d allowed", len(f.meta.RowGroups), maxRowGroups)
	}
	leaves := 0
	for _, c := range f.columns {
		leaves += c.leaves
	}
	total := int64(0)
	for g := range f.meta.RowGroups {
		group := &f.meta.RowGroups[g]
		if group.NumRows < 0 || group.NumRows > maxRows {
			return fmt.Errorf("damaged Parquet footer: row group %d has %d rows", g, group.NumRows)
		}
		total += group.NumRows
		if len(group.Columns) != leaves {
			return fmt.Errorf("damaged Parquet footer: row group %d has %d columns, the schema %d", g, len(group.Columns), leaves)
		}
	}
	if total != f.meta.NumRows {
		return fmt.Errorf("damaged Parquet footer: row groups have %d rows together, the file says %d", total, f.meta.NumRows)
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Rows is the number of rows that the footer claims.
func (f *File) Rows() int64 { return f.meta.NumRows }

// Size is the file's size in bytes.
func (f *File) Size() int64 { return f.size }

// Columns are the top-level columns in the file's order, those that can't be read included.
func (f *File) Columns() []*Column { return f.columns }

// Groups is the number of row groups.
func (f *File) Groups() int { return len(f.meta.RowGroups) }

// GroupRows is the number of rows that the footer claims of a row group.
func (f *File) GroupRows(group int) int64 { return f.meta.RowGroups[group].NumRows }
