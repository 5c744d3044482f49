package objects

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/storage"
)

// Bucket is a bucket, or what is under a prefix of one. It is safe for concurrent use.
type Bucket struct {
	name   string
	prefix string // empty, or ends in /
	handle *storage.BucketHandle
	pace   pace
	part   int64
	page   int // names in an answer
}

// pageNames is the most names that are to be had in one answer.
const pageNames = 1000

// partBytes is the part of a large object that is sent or fetched, and again if it fails, at a time.
const partBytes = 16 << 20

// Object is an object at one generation. What is at that generation never changes.
type Object struct {
	Name       string // relative to the bucket's prefix
	Size       int64
	Generation int64
	Updated    time.Time // by the service's clock; zero of an object that was only read
	CRC32C     uint32
}

// Open is the bucket, or the part of it under a prefix, at gs://bucket[/prefix]. No request goes out yet, so
// the bucket need not exist; credentials are looked up, as Google's other programs look them up (Application
// Default Credentials). STORAGE_EMULATOR_HOST names another server, which gets none.
func Open(ctx context.Context, uri string) (*Bucket, error) {
	bucket, prefix, err := Split(uri)
	if err != nil {
		return nil, err
	}
	c, err := client(ctx)
	if err != nil {
		return nil, failed("open", uri, err)
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	handle := c.Bucket(bucket).Retryer(storage.WithPolicy(storage.RetryNever)) // we know better when
	return &Bucket{name: bucket, prefix: prefix, handle: handle, pace: usualPace(), part: partBytes, page: pageNames}, nil
}

// clients are the process's, one for each server it has been told to use: there is more than one in tests only.
var clients struct {
	sync.Mutex
	of map[string]*storage.Client
}

// client is the process's. It outlives the context that it was first asked for with.
func client(ctx context.Context) (*storage.Client, error) {
	clients.Lock()
	defer clients.Unlock()
	server := os.Getenv("STORAGE_EMULATOR_HOST")
	if c := clients.of[server]; c != nil {
		return c, nil
	}
	c, err := storage.NewClient(context.WithoutCancel(ctx), storage.WithJSONReads(), storage.WithDisabledClientMetrics())
	if err != nil {
		return nil, err
	}
	if clients.of == nil {
		clients.of = map[string]*storage.Client{}
	}
	clients.of[server] = c
	return c, nil
}

// URI is the address of a name: gs://bucket/prefix/name; of the bucket and its prefix for the empty name.
func (b *Bucket) URI(name string) string {
	return strings.TrimSuffix(scheme+b.name+"/"+b.prefix+name, "/")
}

// object is the handle of a name.
func (b *Bucket) object(name string) (*storage.ObjectHandle, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("objects: %s: %w", b.URI(""), err)
	}
	return b.handle.Object(b.prefix + name), nil
}

// seen is an object as the service describes it.
func (b *Bucket) seen(a *storage.ObjectAttrs) Object {
	return Object{strings.TrimPrefix(a.Name, b.prefix), a.Size, a.Generation, a.Updated, a.CRC32C}
}
