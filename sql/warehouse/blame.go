package warehouse

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	views "github.com/whatif-machine/whatif/sql"
)

// ErrDamaged is in the chain of every error about a result file that can't be read.
var ErrDamaged = errors.New("damaged result file")

// blame finds the file behind an error of reading, because DuckDB does not always name it: every
// result file is read by itself. An error that no file is behind comes back as it is.
func (w *Warehouse) blame(ctx context.Context, cause error) error {
	if w.files == "" || ctx.Err() != nil || !ofReading(cause) {
		return cause
	}
	found, err := filepath.Glob(w.files)
	if err != nil {
		return errors.Join(cause, err)
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
