package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	views "github.com/whatif-machine/whatif/sql"
)

var (
	// ErrDamaged is in the chain of every error about a result file that can't be read.
	ErrDamaged = errors.New("damaged result file")
	// ErrNotFound is in the chain of the error about a folder or a simulation that is not there.
	ErrNotFound = errors.New("not found")
	// ErrRemoved is in the chain of the error about results that were there at the opening and are not now.
	ErrRemoved = errors.New("the results were removed while they were read")
	// ErrMemory is in the chain of the error about a query that needs more memory than it may have.
	ErrMemory = errors.New("the query needs more memory than it may have")
)

// missing is ErrNotFound in words of its own.
type missing struct{ message string }

func (m missing) Error() string        { return m.message }
func (m missing) Is(target error) bool { return target == ErrNotFound }

// notFound is an error about a folder: that it is not there, or what else came of looking at it.
func notFound(message string, cause error) error {
	if cause != nil && !errors.Is(cause, fs.ErrNotExist) {
		return errors.New(message)
	}
	return missing{message}
}

// blame finds the file behind an error of reading, because DuckDB does not always name it: every
// result file is read by itself. An error that no file is behind comes back as it is.
func (w *Warehouse) blame(ctx context.Context, cause error) error {
	if w.files == "" || ctx.Err() != nil || !ofReading(cause) {
		return cause
	}
	if w.copy != "" {
		return fmt.Errorf("%w: the compacted copy %s can't be read any more; ask again: %w", ErrRemoved, w.copy, cause)
	}
	found, err := filepath.Glob(w.files)
	if err != nil {
		return errors.Join(cause, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: no file matches %s any more", ErrRemoved, w.files)
	}
	for _, path := range found {
		if err := w.readWhole(ctx, path); err != nil && ctx.Err() == nil && ofReading(err) {
			// The first line is the reason; what follows points into a statement that nobody wrote.
			reason, _, _ := strings.Cut(err.Error(), "\n")
			return fmt.Errorf("%w: %s: %s; no result is ever written in part, so the disk or another program changed it: "+
				"move it out of the results folder, and `whatif run --resume` runs the variant again if it then has no row", ErrDamaged, path, reason)
		}
	}
	return cause
}

// ofReading tells errors that a file may be behind from those of a statement.
func ofReading(err error) bool {
	d, ok := errors.AsType[*duckdb.Error](err)
	if !ok {
		return false
	}
	switch d.Type {
	case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax, duckdb.ErrorTypeCatalog, duckdb.ErrorTypeBinder,
		duckdb.ErrorTypePermission, duckdb.ErrorTypeInterrupt, duckdb.ErrorTypeOutOfMemory:
		return false
	}
	return true
}

// readWhole reads every value of a file: the hash of its rows needs them all.
func (w *Warehouse) readWhole(ctx context.Context, path string) error {
	rows, err := w.db.QueryContext(ctx, "SELECT BIT_XOR(HASH(r)) FROM READ_PARQUET("+views.Quote(escapeGlob(path))+") AS r")
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}
