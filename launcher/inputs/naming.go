package inputs

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// renamed is an error in which files have the names that users know.
type renamed struct {
	message string
	cause   error
}

func (r renamed) Error() string { return r.message }
func (r renamed) Unwrap() error { return r.cause }

// named words an error about pinned files anew: where on this machine's disks they are is the operator's.
func (in *Inputs) named(err error, files []model.PinnedInput) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	message := in.withoutPaths(text, files)
	if message == text {
		return err
	}
	return renamed{message, err}
}

// withoutPaths replaces the paths of files, the longest first: one may be the beginning of another.
func (in *Inputs) withoutPaths(text string, files []model.PinnedInput) string {
	var paths []string
	for _, f := range files {
		if f.URI != "" && strings.Contains(text, f.URI) {
			paths = append(paths, f.URI)
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return len(b) - len(a) })
	for _, path := range paths {
		text = strings.ReplaceAll(text, path, in.nameOf(path))
	}
	return text
}

// nameOf is what a user calls a file: an upload by its digest, any other relative to its root.
func (in *Inputs) nameOf(path string) string {
	if in.isUpload(path) {
		if digest := filepath.Base(path); isDigest(digest) {
			return "upload:" + digest
		}
		return "the upload" // not stored yet
	}
	for _, root := range in.roots {
		if rel, ok := root.within(path); ok {
			return rel
		}
	}
	return filepath.Base(path) // its root leads elsewhere by now
}

// isUpload reports whether a real path lies in the folder of uploads.
func (in *Inputs) isUpload(path string) bool {
	for _, folder := range []string{in.uploads.path, realOr(in.uploads.path), in.uploads.temps, realOr(in.uploads.temps)} {
		if _, inside := below(folder, path); inside && folder != "" {
			return true
		}
	}
	return false
}

// uploaded reports whether files are an upload.
func (in *Inputs) uploaded(files []model.PinnedInput) bool {
	return len(files) == 1 && in.isUpload(files[0].URI)
}

// realOr is a path without symbolic links, or as it is if it leads nowhere yet.
func realOr(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
