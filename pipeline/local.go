package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// localFolder is the Source of whoever may read all that this user may: paths are relative to a folder.
type localFolder struct {
	folder string
	snap   *inventory.Snapshot // the last one whose catalog was asked for
}

// Campaigns reads a file of this machine.
func (l *localFolder) Campaigns(_ context.Context, uri string) (model.Document, error) {
	path, err := l.local(uri)
	if err != nil {
		return model.Document{}, err
	}
	text, err := readDocument(path)
	return document(path, text), err
}

// Inventory pins the files of a path or glob.
func (l *localFolder) Inventory(_ context.Context, uri string) ([]model.PinnedInput, error) {
	files, err := l.find(uri)
	if err != nil {
		return nil, err
	}
	pins := make([]model.PinnedInput, len(files))
	var faults several
	for i, file := range files {
		if pins[i], err = pinned(file); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return pins, nil
}

// Catalog loads the snapshot and keeps it.
func (l *localFolder) Catalog(ctx context.Context, files []model.PinnedInput, o inventory.Options) (model.Catalog, error) {
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = file.URI
	}
	snap, err := inventory.Load(ctx, paths, o)
	if err != nil {
		return model.Catalog{}, err
	}
	l.snap = snap
	return snap.Catalog(), nil
}

// maxInventoryFiles bounds what a glob may find.
const maxInventoryFiles = 10_000

// find resolves the inventory's path or glob to files, by name.
func (l *localFolder) find(uri string) ([]string, error) {
	pattern, err := l.local(uri)
	if err != nil {
		return nil, err
	}
	var files []string
	if _, err = os.Stat(pattern); err == nil {
		files = []string{pattern} // there is a file of that very name
	} else if files, err = filepath.Glob(l.glob(pattern)); err != nil {
		return nil, fmt.Errorf("%s is not a pattern: %w", pattern, err)
	}
	// What an import rejected lies beside the snapshot that it made, where `*.parquet` finds it too.
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, inventory.RejectedSuffix) && f != pattern })
	switch {
	case len(files) == 0:
		return nil, fmt.Errorf("there is no file %s; `whatif import` makes snapshots from logs, `whatif generate` synthetic ones", pattern)
	case len(files) > maxInventoryFiles:
		return nil, fmt.Errorf("%s are %d files, more than %d", pattern, len(files), maxInventoryFiles)
	}
	slices.Sort(files)
	return files, nil
}

// glob is a pattern in which the configuration's own folder means itself, whatever it is called.
func (l *localFolder) glob(pattern string) string {
	folder, err := filepath.Abs(l.folder)
	rest, within := strings.CutPrefix(pattern, folder)
	if err != nil || !within {
		return pattern
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder) + rest
}

// local is the absolute path of a path or URI of the configuration.
func (l *localFolder) local(uri string) (string, error) {
	scheme, rest, found := strings.Cut(uri, ":")
	if found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`) {
		if scheme != "file" {
			return "", fmt.Errorf("%s: this version reads local files only, not %s: addresses", uri, scheme)
		}
		uri = strings.TrimPrefix(rest, "//")
	}
	if !filepath.IsAbs(uri) {
		uri = filepath.Join(l.folder, uri)
	}
	return filepath.Abs(uri)
}

// pinned is a file as it is now. One that changes while it is read is refused.
func pinned(file string) (model.PinnedInput, error) {
	before, err := os.Stat(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	digest, err := inventory.FileSHA256(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	after, err := os.Stat(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	if before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return model.PinnedInput{}, beingWritten(file)
	}
	return model.PinnedInput{URI: file, Size: after.Size(), Modified: model.Instant(after.ModTime().UnixMicro()), SHA256: digest}, nil
}

func beingWritten(file string) error {
	return fmt.Errorf("%s is being written; wait until it is finished", file)
}
