package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// ownFiles is the Source of whoever may read all that this user may: files of this machine and objects of
// gs://. Paths are relative to the configuration, wherever that is.
type ownFiles struct {
	folder string // of this machine, or gs://bucket[/prefix]
	cache  *objects.Cache
	snap   *inventory.Snapshot // the last one whose catalog was asked for
}

// beside is the Source of a configuration's own inputs.
func beside(configuration string) *ownFiles {
	folder := filepath.Dir(configuration)
	if objects.IsURI(configuration) {
		folder = configuration[:strings.LastIndexByte(configuration, '/')]
	}
	return &ownFiles{folder: folder, cache: objects.UserCache()}
}

// Campaigns reads a file or an object.
func (o *ownFiles) Campaigns(ctx context.Context, uri string) (model.Document, error) {
	at, err := o.locate(uri)
	if err != nil {
		return model.Document{}, err
	}
	text, err := ReadText(ctx, at)
	return document(at, text), err
}

// Inventory pins the files of a path or glob, or the objects of an address or pattern.
func (o *ownFiles) Inventory(ctx context.Context, uri string) ([]model.PinnedInput, error) {
	at, err := o.locate(uri)
	if err != nil {
		return nil, err
	}
	if objects.IsURI(at) {
		return pinObjects(ctx, o.cache, at)
	}
	files, err := o.find(at)
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
func (o *ownFiles) Catalog(ctx context.Context, files []model.PinnedInput, with inventory.Options) (c model.Catalog, err error) {
	local, err := transforms.Localize(ctx, o.cache, files)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, local.Release()) }()
	snap, err := inventory.Load(ctx, local.Paths, with)
	if err != nil {
		return c, local.Rename(err)
	}
	o.snap = snap
	return snap.Catalog(), nil
}

// letGo gives the memory of a snapshot back. The engine's pool outlives one collection and holds on to
// the engine and its snapshot; FreeOSMemory makes the second.
func (o *ownFiles) letGo() {
	if o.snap == nil {
		return
	}
	o.snap = nil
	runtime.GC()
	debug.FreeOSMemory()
}

// ReadText reads a text of at most model.MaxDocumentBytes from a file of this machine or an object.
func ReadText(ctx context.Context, at string) (text []byte, err error) {
	if objects.IsURI(at) {
		return readObject(ctx, at)
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, model.MaxDocumentBytes+1))
	if err == nil && len(text) > model.MaxDocumentBytes {
		err = fmt.Errorf("%s has more than %d bytes", at, model.MaxDocumentBytes)
	}
	return text, err
}

// maxInventoryFiles bounds what a glob may find.
const maxInventoryFiles = 10_000

// find resolves the inventory's path or glob to files, by name.
func (o *ownFiles) find(pattern string) (files []string, err error) {
	if _, err = os.Stat(pattern); err == nil {
		files = []string{pattern} // there is a file of that very name
	} else if files, err = filepath.Glob(o.glob(pattern)); err != nil {
		return nil, fmt.Errorf("%s is not a pattern: %w", pattern, err)
	}
	// What an import rejected lies beside the snapshot that it made, where `*.parquet` finds it too.
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, inventory.RejectedSuffix) && f != pattern })
	switch {
	case len(files) == 0:
		return nil, noFile(pattern)
	case len(files) > maxInventoryFiles:
		return nil, fmt.Errorf("%s are %d files, more than %d", pattern, len(files), maxInventoryFiles)
	}
	slices.Sort(files)
	return files, nil
}

func noFile(pattern string) error {
	return fmt.Errorf("there is no file %s; `whatif import` makes snapshots from logs, `whatif generate` synthetic ones", pattern)
}

// glob is a pattern in which the configuration's own folder means itself, whatever it is called.
func (o *ownFiles) glob(pattern string) string {
	folder, err := filepath.Abs(o.folder)
	rest, within := strings.CutPrefix(pattern, folder)
	if err != nil || !within {
		return pattern
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder) + rest
}

// locate is the absolute path or the address of a path or URI of the configuration.
func (o *ownFiles) locate(uri string) (string, error) {
	if objects.IsURI(uri) {
		return uri, nil
	}
	scheme, rest, found := strings.Cut(uri, ":")
	local := found && scheme == "file"
	if found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`) {
		if !local {
			return "", fmt.Errorf("%s: this version reads local files and gs:// only, not %s: addresses", uri, scheme)
		}
		uri = strings.TrimPrefix(rest, "//")
	}
	if filepath.IsAbs(uri) {
		return filepath.Clean(uri), nil
	}
	if objects.IsURI(o.folder) {
		if local {
			return "", fmt.Errorf("file:%s: a relative path beside a configuration at %s is no file of this machine; write an absolute one", rest, o.folder)
		}
		return objectBeside(o.folder, uri)
	}
	return filepath.Abs(filepath.Join(o.folder, uri))
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
