package results

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// maxFileBytes bounds any file of the store: a row is at most 16 MiB by estimate, a plan holds a
// configuration and a campaigns file of at most 4 MiB each and 1,000 variants.
const maxFileBytes = 256 << 20

// temporary counts the files this process has begun, to name them apart.
var temporary atomic.Uint64

// commit makes data the content of the file at path, whole and durable, or leaves no file there:
// write beside it, fsync, link without replacing, fsync the folder. If the name is taken by the
// same bytes it had been committed before, and that is a success; by others, ErrTaken.
//
// When only the last step fails, the file is there and whole, but may be gone after a power cut;
// the error says so by naming the folder.
func (f *folder) commit(path string, data []byte) error {
	d, dir := f.disk, filepath.Dir(path)
	if err := f.makeFolder(dir); err != nil {
		return err
	}
	temp, err := writeBeside(d, path, data)
	if err != nil {
		return err
	}
	killpoint.Here("results.temp_written")
	if err := publish(d, temp, path, data); err != nil {
		return err
	}
	if err := d.SyncDir(dir); err != nil {
		return failed("make durable the folder", dir, err)
	}
	killpoint.Here("results.folder_synced")
	return nil
}

// makeFolder makes the folder and those above it that are missing, each durable in its parent. One that
// is there may have been made by a process that died before it was durable, or by one that is at it now.
func (f *folder) makeFolder(dir string) error {
	d := f.disk
	if _, err := d.Stat(dir); err == nil {
		return f.makeDurable(dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return failed("look at folder", dir, err)
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return failed("make folder", dir, fs.ErrNotExist)
	}
	if err := f.makeFolder(parent); err != nil {
		return err
	}
	if err := d.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return failed("make folder", dir, err)
	}
	if err := d.SyncDir(parent); err != nil {
		return failed("make durable the folder", parent, err)
	}
	f.durable.Store(dir, true)
	return nil
}

// makeDurable makes the names of a folder that is there, and of those above it in the store, survive a
// power cut, once in the life of the store. The store's own folder was somebody else's choice.
func (f *folder) makeDurable(dir string) error {
	if _, known := f.durable.Load(dir); known || !strings.HasPrefix(dir, f.root+string(filepath.Separator)) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := f.makeDurable(parent); err != nil {
		return err
	}
	if err := f.disk.SyncDir(parent); err != nil {
		return failed("make durable the folder", parent, err)
	}
	f.durable.Store(dir, true)
	return nil
}

// writeBeside writes data to a durable temporary file in the folder of path and returns its name.
// When it fails no such file is left, as far as the disk lets us remove it.
func writeBeside(d disk, path string, data []byte) (temp string, err error) {
	f, temp, err := createBeside(d, path)
	if err != nil {
		return "", failed("create", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// After a failed fsync the kernel may have dropped the pages: the file is of no use.
		return "", failed("write", path, errors.Join(err, ignoreMissing(d.Remove(temp))))
	}
	return temp, nil
}

// createBeside opens a file whose name begins with a dot and tells who writes it.
func createBeside(d disk, path string) (f file, temp string, err error) {
	for {
		name := fmt.Sprintf(".%s.%d-%d%s", filepath.Base(path), os.Getpid(), temporary.Add(1), temporarySuffix)
		temp = filepath.Join(filepath.Dir(path), name)
		f, err = d.Create(temp)
		if !errors.Is(err, fs.ErrExist) {
			return f, temp, err
		}
	}
}

const temporarySuffix = ".tmp"

// isTemporary tells whether a name in the store is that of a file still being written.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, temporarySuffix)
}

// publish gives the finished file its final name, which must be free or hold the same bytes.
func publish(d disk, temp, path string, data []byte) error {
	err := d.Link(temp, path)
	if noHardLinks(err) {
		if err = d.RenameNew(temp, path); err == nil {
			return nil
		}
	}
	if err == nil {
		killpoint.Here("results.linked")
	}
	if errors.Is(err, fs.ErrExist) {
		err = sameBytes(d, path, data)
	}
	// The link has made the file; its first name is left for the sweep if it can't be removed now,
	// which does not undo the commit.
	removed := ignoreMissing(d.Remove(temp))
	if err != nil {
		return failed("commit", path, errors.Join(err, removed))
	}
	return nil
}

// noHardLinks tells whether the file system can't link a file within one folder.
func noHardLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EMLINK) ||
		errors.Is(err, errors.ErrUnsupported)
}

// sameBytes is nil if the file at path holds data, else ErrTaken.
func sameBytes(d disk, path string, data []byte) error {
	there, err := d.ReadFile(path, maxFileBytes)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, data) {
		return ErrTaken
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
