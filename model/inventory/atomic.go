package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// atomicFile is a file that appears under its name whole or not at all: it is written beside it, synced,
// renamed, and the rename is synced with the folder.
type atomicFile struct {
	file *os.File
	path string
	done bool
}

func createAtomic(path string) (*atomicFile, error) {
	dir, base := filepath.Split(path)
	if base == "" {
		return nil, fmt.Errorf("%q names no file", path)
	}
	file, err := os.CreateTemp(filepath.Clean(dir+"."), "."+base+".*.tmp")
	if err != nil {
		return nil, err
	}
	if err := file.Chmod(0o644); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return &atomicFile{file: file, path: path}, nil
}

// commit makes the file appear, replacing one that was there.
func (a *atomicFile) commit() error {
	if a.done {
		return nil
	}
	a.done = true
	err := a.file.Sync()
	if err = errors.Join(err, a.file.Close()); err == nil {
		err = os.Rename(a.file.Name(), a.path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", a.path, errors.Join(err, os.Remove(a.file.Name())))
	}
	return syncFolder(filepath.Dir(a.path))
}

// abort removes what has been written. It does nothing after commit.
func (a *atomicFile) abort() error {
	if a.done {
		return nil
	}
	a.done = true
	return errors.Join(a.file.Close(), os.Remove(a.file.Name()))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
