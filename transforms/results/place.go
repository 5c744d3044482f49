package results

import (
	"context"
	"io"
	"time"
)

// place is where the files of a store are: a folder of this machine, or a bucket. Paths are relative to the
// store's root, with slashes.
type place interface {
	// ready is nil if files can be made and removed.
	ready(ctx context.Context) error
	// at is the full path or address of a path.
	at(path string) string
	// create makes a file whole and durable, without replacing; nil if it holds the same bytes already.
	create(ctx context.Context, path string, data []byte) error
	// claim makes a durable file if there is none of that name: fs.ErrExist if there is.
	claim(ctx context.Context, path string, data []byte) error
	// mark makes a file that may be lost with the power; nil if it is there.
	mark(ctx context.Context, path string) error
	unmark(ctx context.Context, path string) error
	// exists tells whether there is a file of that name.
	exists(ctx context.Context, path string) (bool, error)
	read(ctx context.Context, path string) ([]byte, error)
	// head is the first bytes of a file, at most n.
	head(ctx context.Context, path string, n int) ([]byte, error)
	open(ctx context.Context, path string) (source, int64, error)
	// list is the names in a folder, sorted; empty if there is no such folder.
	list(ctx context.Context, dir string) ([]string, error)
	// rows is what is in the folders of a simulation's variants.
	rows(ctx context.Context, dir string) ([]entry, error)
	// readers is how many files are worth reading at a time.
	readers() int
	// lock takes what is in the folder of path: errLocked if another has it, fs.ErrNotExist if there is none.
	lock(ctx context.Context, path string, shared bool) (*Held, error)
	// sweep removes what interrupted writers left in a folder and those below it: all, or what was last changed before a time.
	sweep(ctx context.Context, dir string, before time.Time) error
	// remove takes a folder away in one step for readers.
	remove(ctx context.Context, dir string) error
	// finishRemovals takes away what interrupted removals left.
	finishRemovals(ctx context.Context) error
}

// entry is a file that was listed. Its version is 0 where a place does not number them.
type entry struct {
	path    string
	version int64
}

// source is a file being read.
type source interface {
	io.Reader
	io.ReaderAt
	io.Closer
}
