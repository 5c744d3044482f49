package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const (
	lockSuffix = ".lock"
	newSuffix  = ".new"
	lockWait   = 50 * time.Millisecond // between two looks whether a lock is free
)

// enter takes the lock of a key for this caller, alone in all processes, and waits for it as long as ctx lets
// it. The lock's file goes with the lock.
func (c *Cache) enter(ctx context.Context, key string) (leave func() error, err error) {
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return nil, fmt.Errorf("objects: the cache: %w; name a folder that can be written in WHATIF_CACHE", err)
	}
	ticker := time.NewTicker(lockWait)
	defer ticker.Stop()
	for {
		file, err := c.tryEnter(key)
		if err != nil {
			return nil, fmt.Errorf("objects: the cache: %w; name a folder that can be written in WHATIF_CACHE", err)
		}
		if file != nil {
			return func() error { return errors.Join(remove(file.Name()), file.Close()) }, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryEnter takes the lock of a key if it is free; nil: it is not. A lock whose file was removed between its
// opening and its locking was another's, who has left.
func (c *Cache) tryEnter(key string) (*os.File, error) {
	file, err := os.OpenFile(c.path(key+lockSuffix), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	held, err := lockFile(file, true)
	if err == nil && held && isFile(file, file.Name()) {
		return file, nil
	}
	return nil, errors.Join(err, file.Close())
}

// discard removes what has come of a download so far.
func (c *Cache) discard(key string) error {
	if err := os.RemoveAll(c.path(key + newSuffix)); err != nil {
		return fmt.Errorf("objects: the cache: %w", err)
	}
	return nil
}

// isFile tells whether an open file is the one at a path.
func isFile(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(opened, there)
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
