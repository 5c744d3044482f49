package loads

import "context"

// Store is where results lie and where rounds are written down. Names are slash paths relative to its root.
type Store interface {
	// Create makes a small file durable and whole. It is nil as well if the file holds these bytes already; the
	// error wraps fs.ErrExist if it holds others.
	Create(ctx context.Context, name string, data []byte) error
	// Read is a whole file; the error wraps fs.ErrNotExist if there is none.
	Read(ctx context.Context, name string) ([]byte, error)
	// List is the names in a folder; none if there is no such folder. What was created before is listed.
	List(ctx context.Context, folder string) ([]string, error)

	// Rows lists the rows of a simulation that are committed, in any order; none if there is no such simulation.
	Rows(ctx context.Context, simulation string) ([]Row, error)
	// Check reads a row's file: "" if it is there and whole, else what is wrong with it.
	Check(ctx context.Context, simulation string, row Row) (wrong string, err error)

	// Stage makes the files of these paths readable to the warehouse under the source's URI. It may be repeated.
	Stage(ctx context.Context, paths []string) error
}

// Row names one committed attempt at a variant: one file that holds one row.
type Row struct {
	Variant string
	Attempt int64
}
