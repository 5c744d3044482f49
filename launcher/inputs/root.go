package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// granularity is how close to a change of a file its bytes must be read again: file systems tell times to
// between a nanosecond and two seconds.
const granularity = 2 * time.Second

var (
	errAbsent  = errors.New("there is no such file")
	errEscapes = errors.New("is a symbolic link that leaves its input root, or an absolute one")
	errChanged = errors.New("is being changed; wait until it is finished")
	errSpecial = errors.New("is not a regular file")
	errClosed  = fmt.Errorf("%w", errAbsent) // in the results folder: to the user, nothing is there
)

// root is a folder below which files may be opened, or a prefix of a bucket below which objects may be read.
type root struct {
	path   string // absolute, as configured; gs://bucket[/prefix] of a bucket
	real   string // the same without symbolic links, when the launcher started
	closed string // real path of a folder within that is never an input; empty: none

	optional bool            // it may be absent, as the folder of a tenant without uploads
	bucket   *objects.Bucket // of a prefix; nil: a folder
}

// folder is a root that is open. It is opened for each request, so that a root may be replaced or mounted anew
// while the launcher runs.
type folder struct {
	root
	*os.Root
}

func (r root) open() (folder, error) {
	opened, err := os.OpenRoot(r.path)
	if err != nil {
		return folder{}, fmt.Errorf("an input root can't be opened: %w", reason(err))
	}
	return folder{r, opened}, nil
}

// within is a path relative to the root, if it lies below it by name.
func (r root) within(path string) (string, bool) {
	for _, base := range []string{r.path, r.real} {
		if rel, ok := below(base, path); ok {
			return rel, true
		}
	}
	return "", false
}

// below is a cleaned path relative to a cleaned folder that it lies in.
func below(folder, path string) (string, bool) {
	if path == folder {
		return ".", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// isClosed reports whether a real path lies in the folder that is never an input.
func (r root) isClosed(real string) bool {
	if r.closed == "" {
		return false
	}
	_, inside := below(r.closed, real)
	return inside
}

// stat looks a file up; errAbsent if there is none by that name.
func (f folder) stat(rel string) (fs.FileInfo, error) {
	if f.isClosed(filepath.Join(f.real, rel)) {
		return nil, errClosed
	}
	info, err := f.Stat(rel)
	if err != nil {
		return nil, meaning(err)
	}
	// A link may lead into the results. Of a regular file that is found out when it is opened; of a folder,
	// neither that it is there may be told nor what is in it.
	if f.closed != "" && !info.Mode().IsRegular() {
		real, err := filepath.EvalSymlinks(filepath.Join(f.path, rel))
		if err != nil || f.isClosed(real) {
			return nil, errClosed
		}
	}
	return info, nil
}

// open opens a regular file that was looked up, and tells its real path. Opening never waits, as it would
// for the writer of a pipe.
func (f folder) open(rel string, looked fs.FileInfo) (file *os.File, real string, err error) {
	if !looked.Mode().IsRegular() {
		return nil, "", errSpecial // a device may act on being opened
	}
	if file, err = f.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return nil, "", meaning(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, reason(file.Close()))
		}
	}()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, "", reason(err)
	case !info.Mode().IsRegular():
		return nil, "", errSpecial
	case !os.SameFile(info, looked):
		return nil, "", errChanged // replaced between the look and the opening
	}
	real, err = f.realPath(rel, info)
	return file, real, err
}

// realPath is the path without symbolic links of a file that is open. That it lies in the root and is that
// very file is checked on the path found, so a link changed meanwhile makes an error and nothing else.
func (f folder) realPath(rel string, opened fs.FileInfo) (string, error) {
	base, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return "", errChanged
	}
	real, err := filepath.EvalSymlinks(filepath.Join(f.path, rel))
	if err != nil {
		return "", errChanged
	}
	if _, inside := below(base, real); !inside {
		return "", errChanged
	}
	if f.isClosed(real) {
		return "", errClosed
	}
	info, err := os.Lstat(real)
	if err != nil || !os.SameFile(info, opened) {
		return "", errChanged
	}
	return real, nil
}

// meaning says what an error of a root is to the user. What it was says nothing of the world outside: os.Root
// stops at the link that leaves, whatever that leads to.
func meaning(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return errAbsent
	case errors.Is(err, fs.ErrPermission):
		return errors.New("may not be read by the launcher")
	case strings.Contains(err.Error(), "path escapes from parent"): // os has no sentinel for it
		return errEscapes
	case errors.Is(err, syscall.ELOOP):
		return errors.New("is a symbolic link that leads to itself")
	}
	return reason(err)
}

// reason is an error without the path in it: messages name files as the user did, and where roots are is the
// operator's.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// identity is a file's state. While it stays, so do its bytes.
type identity struct {
	device, inode           uint64
	size, modified, changed int64 // times in nanoseconds
}

// fileKey is where a file was looked up, and its state.
type fileKey struct {
	root, rel string
	identity
}

// settled reports whether a file's state was old enough when its bytes began to be read: had they been
// changed since, the state would be another.
func (id identity) settled(at time.Time) bool {
	return at.UnixNano()-id.changed > granularity.Nanoseconds()
}

// read opens a file, has it read whole, and tells if its state may stand for its bytes.
func (in *Inputs) read(ctx context.Context, f folder, rel string, looked fs.FileInfo, use func(file *os.File, real string) error) (settled bool, err error) {
	select { // disks and digests have little to gain from more at a time
	case in.reading <- struct{}{}:
		defer func() { <-in.reading }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	began := in.now()
	file, real, err := f.open(rel, looked)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, reason(file.Close())) }()
	if err := use(file, real); err != nil {
		return false, err
	}
	after, err := file.Stat()
	if err != nil {
		return false, reason(err)
	}
	if after.Size() != looked.Size() || !after.ModTime().Equal(looked.ModTime()) {
		return false, errChanged
	}
	return identityOf(after) == identityOf(looked) && identityOf(after).settled(began), nil
}
