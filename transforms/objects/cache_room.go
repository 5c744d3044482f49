package objects

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/whatif-machine/whatif/model"
)

const (
	usualMost = 20 << 30 // bytes of a cache that nobody gave a bound
	spareDisk = 64 << 20 // bytes that a cache leaves of a disk to others
)

// kept is a file of the cache.
type kept struct {
	name string
	size int64
	used time.Time
}

// makeRoom removes files that are not in use, those first that were not asked for longest, until another one
// has room within the bound and on the disk; all of them if the disk was found full. That the bound can't be
// kept, because the rest is in use, is no error: the disk decides.
func (c *Cache) makeRoom(bytes int64, full bool) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, f := range files {
		total += f.size
	}
	free, err := c.free(c.dir)
	if err != nil {
		return fmt.Errorf("objects: the cache: what is free in %s: %w", c.dir, err)
	}
	most := c.most
	if most <= 0 {
		most = min(usualMost, (free+total)/2)
	}
	for _, f := range files {
		if !full && total+bytes <= most && free >= bytes+spareDisk {
			return nil
		}
		gone, err := c.evict(f.name)
		if err != nil {
			return err
		}
		if gone {
			total, free = total-f.size, free+f.size
		}
	}
	if free < bytes+spareDisk {
		return diskFull(fmt.Errorf("%d bytes are wanted and %d free: %w", bytes, free, syscall.ENOSPC), c.dir)
	}
	return nil
}

// files are those of the cache, the longest not asked for first. What was abandoned on its way here goes.
func (c *Cache) files() ([]kept, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, fmt.Errorf("objects: the cache: %w", err)
	}
	var list []kept
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), newSuffix); ok {
			if err := c.sweep(key); err != nil {
				return nil, err
			}
			continue
		}
		info, err := e.Info()
		if err != nil || !isDigest(e.Name()) || !info.Mode().IsRegular() {
			continue // another process has just removed it, or it is none of ours
		}
		list = append(list, kept{e.Name(), info.Size(), info.ModTime()})
	}
	slices.SortFunc(list, func(a, b kept) int { return a.used.Compare(b.used) })
	return list, nil
}

// sweep removes what a killed process had downloaded.
func (c *Cache) sweep(key string) error {
	file, err := c.tryEnter(key)
	if file == nil || err != nil {
		return err // its download goes on
	}
	return errors.Join(c.discard(key), remove(file.Name()), file.Close())
}

// evict removes a file unless somebody has it locked.
func (c *Cache) evict(digest string) (gone bool, err error) {
	file, err := os.Open(c.path(digest))
	if err != nil {
		return false, nil //nolint:nilerr // another process has removed it
	}
	held, err := lockFile(file, true)
	if err == nil && held && isFile(file, file.Name()) {
		gone, err = true, remove(file.Name())
	}
	return gone, errors.Join(err, file.Close())
}

// diskFull says of a full disk which one, and what to do; other errors stay as they are.
func diskFull(err error, dir string) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return &noRoom{dir, err}
}

// noRoom is a disk's that is full. Later it may not be.
type noRoom struct {
	dir   string
	cause error
}

func (n *noRoom) Error() string {
	return fmt.Sprintf("objects: no room for another input in %s: %v; free some, or name a folder on a larger disk in WHATIF_CACHE", n.dir, n.cause)
}
func (n *noRoom) Unwrap() []error { return []error{n.cause, model.NewFault(model.Storage, n.Error())} }
