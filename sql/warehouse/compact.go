package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// fewestToCompact is how many result files a simulation has that gains by a copy.
const fewestToCompact = 2

// Bounds of a result file that is copied: the Parquet library trusts the lengths it finds.
const (
	mostFileBytes   = 64 << 20
	mostColumnBytes = 64 << 20
	mostValues      = 16 << 20
)

// groupValues is how many values a row group of a copy may have before the next one begins. DuckDB reads
// a group's rows at once, so this bounds what a reading of nested results holds, and what of the file a
// question about a few variants has to read.
const groupValues = 400_000

// Compact writes the compacted copy of a simulation, which OpenDuckDB then reads instead of its result
// files, and removes older ones. A copy that is there already is left as it is, and a simulation of a
// file or none has no use for one.
//
// Files of different versions of the schema are not copied together: they are read as they are.
func Compact(ctx context.Context, results, simulation string) error {
	root, err := locate(results, simulation)
	if err != nil {
		return err
	}
	files, err := resultFiles(root)
	if err != nil {
		return err
	}
	if len(files) < fewestToCompact {
		return nil
	}
	ofFiles, folder := digestOf(simulation, files), filepath.Join(root, copiesFolder)
	if path := findCopy(root, ofFiles); path != "" {
		return removeOtherCopies(folder, filepath.Base(path))
	}
	// Its folder alone: a simulation that is being removed must not come back.
	if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("compact simulation %s: %w", simulation, err)
	}
	name, err := writeCopy(ctx, root, folder, ofFiles, files)
	if errors.Is(err, errMixed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("compact simulation %s: %w", simulation, err)
	}
	return removeOtherCopies(folder, name)
}

// errMixed tells that the files are not of one schema.
var errMixed = errors.New("files of different schemas")

// writeCopy writes the copy beside its place, makes it durable, and gives it its name.
func writeCopy(ctx context.Context, root, folder, ofFiles string, files []resultFile) (name string, err error) {
	temp, err := createTemporary(folder)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	digest := sha256.New()
	err = copyRows(ctx, root, files, io.MultiWriter(temp, digest))
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return "", err
	}
	name = ofFiles + "-" + hex.EncodeToString(digest.Sum(nil)[:digestBytes]) + ".parquet"
	if err := os.Rename(temp.Name(), filepath.Join(folder, name)); err != nil {
		return "", err
	}
	return name, syncFolder(folder)
}

// copies counts the copies that this process has begun, to name them apart.
var copies atomic.Uint64

// createTemporary opens a file whose name says to readers and to the result store that it is being written.
func createTemporary(folder string) (*os.File, error) {
	for {
		path := filepath.Join(folder, fmt.Sprintf(".copy.%d-%d.tmp", os.Getpid(), copies.Add(1)))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// copyRows writes the rows of the files, in their order, to one Parquet file. The library panics on
// some damaged files; that is an error here.
func copyRows(ctx context.Context, root string, files []resultFile, out io.Writer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: reading it panicked: %v", ErrDamaged, p)
		}
	}()
	c := &copying{out: out}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.add(filepath.Join(root, f.path)); err != nil {
			return fmt.Errorf("copy %s: %w", f.path, err)
		}
	}
	return c.writer.Close()
}

// copying is a copy being written.
type copying struct {
	out    io.Writer
	writer *parquet.Writer // of the first file's schema
	schema string
	values int // of the row group so far
}

// add copies the row of one file.
func (c *copying) add(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	file, err := openResult(f)
	if err != nil {
		return err
	}
	if schema := file.Schema().String(); c.writer == nil {
		c.writer, c.schema = newCopyWriter(c.out, file.Schema()), schema
	} else if schema != c.schema {
		return errMixed
	}
	rows := file.RowGroups()[0].Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		var row [1]parquet.Row
		n, err := rows.ReadRows(row[:])
		if n == 1 {
			if err := c.write(row[0]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write adds a row, in a new group where the last one is full.
func (c *copying) write(row parquet.Row) error {
	if c.values > 0 && c.values+len(row) > groupValues {
		if err := c.writer.Flush(); err != nil {
			return err
		}
		c.values = 0
	}
	c.values += len(row)
	_, err := c.writer.WriteRows([]parquet.Row{row})
	return err
}

func newCopyWriter(out io.Writer, schema *parquet.Schema) *parquet.Writer {
	return parquet.NewWriter(out, schema,
		parquet.CreatedBy("whatif", "1", "compacted"),
		parquet.Compression(&parquet.Snappy),
		parquet.DataPageVersion(2),
		parquet.DataPageStatistics(false),
		parquet.ColumnIndexSizeLimit(func([]string) int { return 16 }),
	)
}

// openResult opens a result file that can be read within bounds.
func openResult(f *os.File) (*parquet.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > mostFileBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, more than any result", ErrDamaged, info.Size())
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	groups := file.Metadata().RowGroups
	if len(groups) != 1 || groups[0].NumRows != 1 {
		return nil, fmt.Errorf("%w: it has %d rows, not one", ErrDamaged, file.NumRows())
	}
	for i := range groups[0].Columns {
		if err := checkColumn(&groups[0].Columns[i].MetaData, info.Size()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return file, nil
}

func checkColumn(c *format.ColumnMetaData, size int64) error {
	if c.TotalCompressedSize < 0 || c.TotalCompressedSize > size || c.TotalUncompressedSize < 0 ||
		c.TotalUncompressedSize > mostColumnBytes || c.NumValues < 0 || c.NumValues > mostValues {
		return fmt.Errorf("column %v claims %d values in %d bytes", c.PathInSchema, c.NumValues, c.TotalUncompressedSize)
	}
	return nil
}
