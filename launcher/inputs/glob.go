package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/whatif-machine/whatif/model/inventory"
)

const (
	maxInventoryFiles = 10_000  // that a pattern may find, as on the command line
	maxNames          = 200_000 // that a pattern may have to look at
)

// find resolves a path or pattern in one root to names below it, in order; none if nothing is there. The rules
// are the command line's: a file of that very name comes before a pattern, and rejected rows
// of an import, which lie beside its snapshot, belong to no pattern.
func (f folder) find(ctx context.Context, pattern string) ([]string, error) {
	_, err := f.stat(pattern)
	if err == nil {
		return []string{pattern}, nil
	}
	if !errors.Is(err, errAbsent) || !strings.ContainsAny(pattern, "*?[") {
		return nil, ignoreAbsent(err)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%s is not a pattern: %w", shown(pattern), err) // whether or not a folder matches so far
	}
	w := walk{ctx: ctx, folder: f}
	if err := w.match(".", strings.Split(pattern, "/")); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(w.found, func(name string) bool { return strings.HasSuffix(name, inventory.RejectedSuffix) })
	if len(found) > maxInventoryFiles {
		return nil, fmt.Errorf("%s are %d files, more than %d", shown(pattern), len(found), maxInventoryFiles)
	}
	slices.Sort(found)
	return found, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// walk matches a pattern, element by element, as filepath.Glob does: within one folder `*` matches any name,
// hidden ones too, and a folder that can't be read has none.
type walk struct {
	ctx    context.Context
	folder folder
	looked int // names so far
	found  []string
}

func (w *walk) match(dir string, pattern []string) error {
	element, rest := pattern[0], pattern[1:]
	if !strings.ContainsAny(element, "*?[") {
		return w.descend(path.Join(dir, element), rest)
	}
	names, err := w.names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		matches, err := path.Match(element, name)
		if err != nil {
			return fmt.Errorf("%s is not a pattern: %w", shown(element), err)
		}
		if !matches {
			continue
		}
		if err := w.descend(path.Join(dir, name), rest); err != nil {
			return err
		}
	}
	return nil
}

// descend goes on below a name, or takes it at the pattern's end.
func (w *walk) descend(name string, rest []string) error {
	if len(rest) > 0 {
		return w.match(name, rest)
	}
	if _, err := w.folder.Lstat(name); err == nil {
		w.found = append(w.found, name)
	}
	return nil
}

// names are those in a folder, in order. Their number is bounded over the whole walk.
func (w *walk) names(dir string) (names []string, err error) {
	if info, err := w.folder.stat(dir); err != nil || !info.IsDir() {
		return nil, w.ctx.Err()
	}
	opened, err := w.folder.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, w.ctx.Err()
	}
	defer func() { err = errors.Join(err, reason(opened.Close())) }()
	for {
		some, err := opened.Readdirnames(1000)
		names = append(names, some...)
		if w.looked += len(some); w.looked > maxNames {
			return nil, fmt.Errorf("the pattern looks at more than %d names; begin it with the folders that the files are in", maxNames)
		}
		if w.ctx.Err() != nil {
			return nil, w.ctx.Err()
		}
		if errors.Is(err, io.EOF) || err != nil { // one that can't be read has what was read of it
			slices.Sort(names)
			return names, nil
		}
	}
}
