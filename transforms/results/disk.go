package results

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// disk is what the store does to a file system. It is a seam: tests put one in that runs out of
// space, fails to make durable, or is read-only.
type disk interface {
	Mkdir(path string) error                                         // one level; fs.ErrExist if it is there
	Create(path string) (file, error)                                // for writing; fs.ErrExist if it is there
	Link(from, to string) error                                      // fs.ErrExist if `to` is there
	RenameNew(from, to string) error                                 // the same for file systems without hard links
	Rename(from, to string) error                                    // of a folder to a name that is not taken
	Remove(path string) error                                        // a file
	RemoveAll(path string) error                                     // a tree
	SyncDir(path string) error                                       // makes a folder's names durable
	ReadDir(path string) ([]fs.DirEntry, error)                      // sorted by name
	ReadFile(path string, limit int64) ([]byte, error)               // errTooLarge if it is longer
	Open(path string) (*os.File, error)                              // for reading parts of it
	Lock(path string, shared bool) (release func() error, err error) // errLocked if another holds it so that this can't be had
	Stat(path string) (fs.FileInfo, error)
}

// file is a file being written.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

var (
	errTooLarge = errors.New("larger than any file of this store can be")
	errLocked   = errors.New("another process")
)

// osDisk is the file system of the machine.
type osDisk struct{}

func (osDisk) Mkdir(path string) error { return os.Mkdir(path, 0o777) }

func (osDisk) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (osDisk) Link(from, to string) error                 { return os.Link(from, to) }
func (osDisk) RenameNew(from, to string) error            { return renameNew(from, to) }
func (osDisk) Rename(from, to string) error               { return os.Rename(from, to) }
func (osDisk) Remove(path string) error                   { return os.Remove(path) }
func (osDisk) RemoveAll(path string) error                { return os.RemoveAll(path) }
func (osDisk) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (osDisk) Open(path string) (*os.File, error)         { return os.Open(path) }
func (osDisk) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }

func (osDisk) Lock(path string, shared bool) (func() error, error) { return flock(path, shared) }

func (osDisk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadFile reads a whole file of at most limit bytes, so that a file which is not ours can't fill
// the memory.
func (osDisk) ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, errors.Join(err, f.Close())
}
