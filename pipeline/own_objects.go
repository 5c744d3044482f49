package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// pinsAtOnce is how many objects are downloaded at a time to know their digests.
const pinsAtOnce = 4

// pinObjects pins the object of an address, or those that a pattern finds, by name.
func pinObjects(ctx context.Context, cache *objects.Cache, uri string) ([]model.PinnedInput, error) {
	bucket, name, err := openObject(ctx, uri)
	if err != nil {
		return nil, err
	}
	found, err := objects.Find(ctx, bucket, name, maxInventoryFiles)
	if err != nil {
		return nil, err
	}
	// What an import rejected lies beside the snapshot that it made, where a pattern finds it too.
	found = slices.DeleteFunc(found, func(o objects.Object) bool {
		return strings.HasSuffix(o.Name, inventory.RejectedSuffix) && o.Name != name
	})
	if len(found) == 0 {
		return nil, noFile(uri)
	}
	pins := make([]model.PinnedInput, len(found))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(pinsAtOnce)
	for i, o := range found {
		group.Go(func() (err error) {
			pins[i], err = cache.Pin(within, bucket, o)
			return err
		})
	}
	return pins, group.Wait()
}

// readObject reads a text of bounded size.
func readObject(ctx context.Context, uri string) ([]byte, error) {
	bucket, name, err := openObject(ctx, uri)
	if err != nil {
		return nil, err
	}
	text, _, err := bucket.Read(ctx, name, model.MaxDocumentBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", uri)
	}
	return text, err
}

// openObject is the bucket and the name of an object's address or pattern.
func openObject(ctx context.Context, uri string) (*objects.Bucket, string, error) {
	bucket, name, err := objects.Split(uri)
	if err != nil {
		return nil, "", err
	}
	if name == "" {
		return nil, "", fmt.Errorf("%s names a bucket and no file in it", uri)
	}
	b, err := objects.Open(ctx, "gs://"+bucket)
	return b, name, err
}

// objectBeside is the address of a path relative to gs://bucket[/prefix]. It does not leave the bucket.
func objectBeside(folder, rel string) (string, error) {
	bucket, prefix, err := objects.Split(folder)
	if err != nil {
		return "", err
	}
	name := path.Join("/", prefix, rel)
	if climbs := path.Join(prefix, rel); climbs == ".." || strings.HasPrefix(climbs, "../") {
		return "", fmt.Errorf("%s leaves the bucket of %s; write an address with gs://", rel, folder)
	}
	return "gs://" + bucket + name, nil
}
