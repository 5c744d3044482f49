package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Cache keeps objects on this machine as files that are named by the SHA-256 of their bytes. All processes
// of the machine share it: each object is downloaded once, by one of them, while the others wait.
//
//	<dir>/<sha256>           the bytes, read only; locked shared by who reads them, modified when last asked for
//	      <sha256>.lock      held by who downloads them, as the kernel keeps it: a killed process holds nothing
//	      <sha256>.new/      what has come so far, removed by the next who holds the lock
//	      known/<key>.json   the digest of an object at a generation, which never changes
//
// A file appears under its name when its bytes have been held against that name. When there is no room for
// another one, those go that were not asked for longest; one that is in use stays.
type Cache struct {
	dir  string
	most int64 // bytes of all files; 0: by what is free
	now  func() time.Time
	free func(dir string) (int64, error) // bytes of the disk
	open func(ctx context.Context, uri string) (*Bucket, error)
}

// NewCache is the cache in a folder, which need not be there yet. Its files take maxBytes at most, together
// with those of a single study that needs more; 0 is 20 GiB, or half of what the disk could hold if that is less.
func NewCache(dir string, maxBytes int64) *Cache {
	return &Cache{dir: dir, most: maxBytes, now: time.Now, free: freeDisk, open: Open} //nolint:forbidigo // the order of last use is between processes
}

// UserCache is the cache that all programs of this user share: in the folder WHATIF_CACHE, else `whatif/inputs`
// in the user's cache folder, else, as in a worker's container, in the folder of temporary files.
func UserCache() *Cache {
	dir := os.Getenv("WHATIF_CACHE")
	if dir == "" {
		home, err := os.UserCacheDir()
		if dir = filepath.Join(home, "whatif", "inputs"); err != nil || os.MkdirAll(dir, 0o777) != nil {
			dir = filepath.Join(os.TempDir(), "whatif", "inputs") // no user to speak of
		}
	}
	return NewCache(dir, 0)
}

// Cached is a file of a cache. It stays where it is until it is released, or this process ends.
type Cached struct {
	Path string
	file *os.File // locked shared
}

// Release lets go of the file, which may be removed then. It may be called twice.
func (c *Cached) Release() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close() // and with it the lock
	c.file = nil
	return err
}

// Fetch is the file with the bytes of an object that was pinned, downloaded at the generation of its pin
// unless it is here. Its bytes have just been held against the pin's digest.
//
// An error wraps fs.ErrNotExist if the generation is gone, ErrChanged if it has other bytes than the pin
// says, and holds a fault of the reason storage where trying later may help.
func (c *Cache) Fetch(ctx context.Context, pin model.PinnedInput) (*Cached, error) {
	if !isDigest(pin.SHA256) {
		return nil, fmt.Errorf("objects: %s is pinned without a SHA-256", pin.URI)
	}
	if f, err := c.find(ctx, pin.SHA256); f != nil || err != nil {
		return f, err
	}
	leave, err := c.enter(ctx, pin.SHA256)
	if err != nil {
		return nil, err
	}
	f, err := c.find(ctx, pin.SHA256) // somebody else has downloaded it meanwhile
	if f == nil && err == nil {
		f, err = c.fetch(ctx, pin)
	}
	return f, errors.Join(err, leave())
}

func (c *Cache) fetch(ctx context.Context, pin model.PinnedInput) (*Cached, error) {
	bucket, o, err := c.object(ctx, pin)
	if err != nil {
		return nil, err
	}
	path, digest, err := c.download(ctx, bucket, o, pin.SHA256)
	if err == nil && digest != pin.SHA256 {
		err = fmt.Errorf("objects: %s %w: generation %s has sha256 %s, was pinned with %s", pin.URI, ErrChanged, pin.Generation, digest, pin.SHA256)
	}
	if err != nil {
		return nil, errors.Join(err, c.discard(pin.SHA256))
	}
	f, err := c.publish(path, digest)
	return f, errors.Join(err, c.discard(pin.SHA256))
}

// object is the one that was pinned.
func (c *Cache) object(ctx context.Context, pin model.PinnedInput) (*Bucket, Object, error) {
	name, path, err := Split(pin.URI)
	if err != nil {
		return nil, Object{}, err
	}
	generation, err := strconv.ParseInt(pin.Generation, 10, 64)
	if err != nil || generation <= 0 || path == "" {
		return nil, Object{}, fmt.Errorf("objects: %s is pinned at generation %q, which is none", pin.URI, pin.Generation)
	}
	bucket, err := c.open(ctx, scheme+name)
	return bucket, Object{Name: path, Size: pin.Size, Generation: generation}, err
}

// Pin is an object as it was seen, with the digest of its bytes: it is downloaded unless that is known.
func (c *Cache) Pin(ctx context.Context, bucket *Bucket, o Object) (model.PinnedInput, error) {
	pin := model.PinnedInput{
		URI: bucket.URI(o.Name), Generation: strconv.FormatInt(o.Generation, 10), Size: o.Size, Modified: model.Instant(o.Updated.UnixMicro()),
	}
	key := knownKey(pin, o.CRC32C)
	var err error
	if pin.SHA256, err = c.known(key); pin.SHA256 != "" || err != nil {
		return pin, err
	}
	leave, err := c.enter(ctx, key)
	if err != nil {
		return pin, err
	}
	if pin.SHA256, err = c.known(key); pin.SHA256 == "" && err == nil {
		pin.SHA256, err = c.learn(ctx, bucket, o, key)
	}
	return pin, errors.Join(err, leave())
}

// learn downloads an object to know its digest, and keeps both.
func (c *Cache) learn(ctx context.Context, bucket *Bucket, o Object, key string) (digest string, err error) {
	path, digest, err := c.download(ctx, bucket, o, key)
	if err != nil {
		return "", errors.Join(err, c.discard(key))
	}
	f, err := c.publish(path, digest)
	if err == nil {
		err = errors.Join(f.Release(), c.remember(key, digest))
	}
	return digest, errors.Join(err, c.discard(key))
}

// download brings an object into the folder of a lock that is held, and takes its digest.
func (c *Cache) download(ctx context.Context, bucket *Bucket, o Object, key string) (path, digest string, err error) {
	folder := c.path(key + newSuffix)
	if err := c.discard(key); err != nil { // what a killed process left
		return "", "", err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", "", fmt.Errorf("objects: the cache: %w", err)
	}
	if err := c.makeRoom(o.Size, false); err != nil {
		return "", "", err
	}
	path = filepath.Join(folder, "bytes")
	err = c.bring(ctx, bucket, o, path)
	if errors.Is(err, syscall.ENOSPC) { // others have filled the disk meanwhile
		if err = c.makeRoom(o.Size, true); err == nil {
			err = c.bring(ctx, bucket, o, path)
		}
	}
	if err != nil {
		return "", "", diskFull(err, c.dir)
	}
	killpoint.Here("objects.cache_downloaded")
	digest, err = fileDigest(ctx, path)
	return path, digest, err
}

// bring downloads an object, checked against the CRC32C with which it was seen. A pin has none, but a digest.
func (c *Cache) bring(ctx context.Context, bucket *Bucket, o Object, path string) error {
	if o.CRC32C == 0 {
		seen, err := bucket.StatAt(ctx, o)
		if err != nil {
			return err
		}
		if seen.Size != o.Size {
			return fmt.Errorf("objects: %s %w: generation %d has %d bytes, was pinned with %d", bucket.URI(o.Name), ErrChanged, o.Generation, seen.Size, o.Size)
		}
		o = seen
	}
	return bucket.Download(ctx, o, path)
}

// publish gives a whole file its name, and holds it from before others can see it. A file of that name that
// is there already has the same bytes, and may be in use: it stays.
func (c *Cache) publish(path, digest string) (*Cached, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("objects: the cache: %w", err)
	}
	if _, err := lockFile(file, false); err != nil {
		return nil, errors.Join(fmt.Errorf("objects: the cache: %w", err), file.Close())
	}
	for {
		err := place(path, c.path(digest))
		if err == nil {
			killpoint.Here("objects.cache_published")
			return &Cached{c.path(digest), file}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(fmt.Errorf("objects: the cache: %w", err), file.Close())
		}
		if f, err := c.hold(digest); f != nil || err != nil {
			return f, errors.Join(err, file.Close())
		}
	}
}

// place links a file to a name that must be free. Where there are no hard links it is renamed.
func place(path, name string) error {
	err := os.Link(path, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(path, name)
}

// find is the file of a digest, held, if it is here and whole; nil: it is not. One that is damaged is removed.
func (c *Cache) find(ctx context.Context, digest string) (*Cached, error) {
	f, err := c.hold(digest)
	if f == nil || err != nil {
		return nil, err
	}
	found, err := fileDigest(ctx, f.Path)
	if err == nil && found == digest {
		at := c.now()
		// Where it can't be marked as used it may go early, and is downloaded again.
		_ = os.Chtimes(f.Path, at, at)
		return f, nil
	}
	if err == nil {
		err = remove(f.Path)
	}
	return nil, errors.Join(err, f.Release())
}

// hold locks the file of a digest, so that nobody removes it. Between its opening and its locking somebody
// may have: then what is locked is not what has the name.
func (c *Cache) hold(digest string) (*Cached, error) {
	for {
		file, err := os.Open(c.path(digest))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("objects: the cache: %w", err)
		}
		held, err := lockFile(file, false)
		if err == nil && held && isFile(file, c.path(digest)) {
			return &Cached{c.path(digest), file}, nil
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("objects: the cache: %w", err)
		}
	}
}

func (c *Cache) path(name string) string { return filepath.Join(c.dir, name) }

// fileDigest is the SHA-256 of a file.
func fileDigest(ctx context.Context, path string) (digest string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("objects: the cache: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, stoppable{ctx, file}); err != nil {
		return "", fmt.Errorf("objects: the cache: reading %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// stoppable is a reader that ends when its caller gives up.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// isDigest reports whether a text is a SHA-256 as this program writes it.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
