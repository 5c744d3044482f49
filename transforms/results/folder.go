package results

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// folder is a place on a local disk.
type folder struct {
	root string
	disk disk

	durable sync.Map // folders whose names are known to survive a power cut
}

func (f *folder) at(path string) string { return filepath.Join(f.root, filepath.FromSlash(path)) }

func (f *folder) ready(context.Context) error {
	if err := f.makeFolder(f.root); err != nil {
		return err
	}
	w, temp, err := createBeside(f.disk, filepath.Join(f.root, "ready"))
	if err != nil {
		return err
	}
	_, err = w.Write([]byte{0})
	return errors.Join(err, w.Close(), f.disk.Remove(temp))
}

func (f *folder) create(_ context.Context, path string, data []byte) error {
	return f.commit(f.at(path), data)
}

func (f *folder) claim(_ context.Context, path string, data []byte) error {
	name := f.at(path)
	dir := filepath.Dir(name)
	if err := f.makeFolder(dir); err != nil {
		return err
	}
	w, err := f.disk.Create(name)
	if err != nil {
		return failed("create", name, err)
	}
	// The name is the claim; what is in the file is for people, so a torn one does no harm.
	_, err = w.Write(data)
	if err = errors.Join(err, w.Close()); err != nil {
		return failed("write", name, err)
	}
	if err := f.disk.SyncDir(dir); err != nil {
		return failed("make durable the folder", dir, err)
	}
	return nil
}

func (f *folder) mark(_ context.Context, path string) error {
	name := f.at(path)
	if err := f.makeFolder(filepath.Dir(name)); err != nil {
		return err
	}
	w, err := f.disk.Create(name)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return failed("create", name, err)
	}
	return nil
}

func (f *folder) unmark(_ context.Context, path string) error {
	if err := ignoreMissing(f.disk.Remove(f.at(path))); err != nil {
		return failed("remove", f.at(path), err)
	}
	return nil
}

func (f *folder) read(_ context.Context, path string) ([]byte, error) {
	return f.disk.ReadFile(f.at(path), maxFileBytes)
}

func (f *folder) open(_ context.Context, path string) (source, int64, error) {
	r, err := f.disk.Open(f.at(path))
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, r.Close())
	}
	return r, info.Size(), nil
}

func (f *folder) exists(_ context.Context, path string) (bool, error) {
	_, err := f.disk.Stat(f.at(path))
	return err == nil, ignoreMissing(err)
}

func (f *folder) head(ctx context.Context, path string, n int) ([]byte, error) {
	r, size, err := f.open(ctx, path)
	if err != nil {
		return nil, err
	}
	data := make([]byte, min(int64(n), size))
	_, err = io.ReadFull(r, data)
	return data, errors.Join(err, r.Close())
}

// readers: more than a disk's worth of waiting is not hidden by more of them.
func (f *folder) readers() int { return 4 }

func (f *folder) rows(ctx context.Context, dir string) (found []entry, err error) {
	folders, err := f.list(ctx, dir)
	if err != nil {
		return nil, failed("list", f.at(dir), err)
	}
	for _, name := range folders {
		if !strings.HasPrefix(name, variantFolder) {
			continue
		}
		files, err := f.list(ctx, dir+"/"+name)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, failed("list", f.at(dir+"/"+name), err)
		}
		for _, file := range files {
			found = append(found, entry{path: dir + "/" + name + "/" + file})
		}
	}
	return found, nil
}

func (f *folder) list(_ context.Context, dir string) ([]string, error) {
	entries, err := f.disk.ReadDir(f.at(dir))
	if err = ignoreMissing(err); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (f *folder) lock(_ context.Context, path string, shared bool) (*Held, error) {
	release, err := f.disk.Lock(f.at(path), shared)
	if err != nil {
		return nil, err
	}
	return &Held{release: release}, nil
}

func (f *folder) sweep(ctx context.Context, dir string, before time.Time) error {
	entries, err := f.disk.ReadDir(f.at(dir))
	if err != nil {
		return failed("list", f.at(dir), err)
	}
	for _, e := range entries {
		below := dir + "/" + e.Name()
		switch {
		case e.IsDir():
			err = f.sweep(ctx, below, before)
		case isTemporary(e.Name()):
			err = f.sweepFile(ctx, below, before)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepFile removes a file, unless somebody may still be at it. One that is gone was somebody's who ended it first.
func (f *folder) sweepFile(ctx context.Context, path string, before time.Time) error {
	if before.IsZero() {
		return f.unmark(ctx, path)
	}
	info, err := f.disk.Stat(f.at(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return failed("look at", f.at(path), err)
	}
	if info.ModTime().After(before) {
		return nil
	}
	return f.unmark(ctx, path)
}

// remove first moves the folder to a name no reader looks at, so that a half removed simulation is
// never seen, then removes it. What an interrupted removal left is removed by finishRemovals.
func (f *folder) remove(_ context.Context, dir string) error {
	gone := f.at(fmt.Sprintf("%s%s", removedPrefix, dir))
	if err := f.disk.RemoveAll(gone); err != nil {
		return failed("remove", gone, err)
	}
	if err := f.disk.Rename(f.at(dir), gone); err != nil {
		return failed("move away", f.at(dir), err)
	}
	if err := f.disk.SyncDir(f.root); err != nil {
		return failed("make durable the folder", f.root, err)
	}
	if err := f.disk.RemoveAll(gone); err != nil {
		return failed("remove", gone, err)
	}
	return nil
}

func (f *folder) finishRemovals(ctx context.Context) error {
	names, err := f.list(ctx, ".")
	if err != nil {
		return failed("list", f.root, err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, removedPrefix) {
			continue
		}
		if err := f.disk.RemoveAll(f.at(name)); err != nil {
			return failed("remove", f.at(name), err)
		}
	}
	return nil
}

// Names of the store that its places know.
const (
	removedPrefix = ".removed-"
	variantFolder = "variant_id="
)
