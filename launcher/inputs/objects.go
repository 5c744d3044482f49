package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// patience is how long somebody waits for an answer.
type patience struct {
	look  time.Duration // for the names and generations of one input
	fetch time.Duration // for bytes that are not here yet; their download goes on
}

var usualPatience = patience{look: 10 * time.Second, fetch: 20 * time.Second}

// Bounds on what is brought here.
const (
	fetchTime     = time.Hour // for one object, whoever waits
	fetchesAtOnce = 4
	maxSnapshot   = 256 << 30 // bytes of a snapshot's objects together
)

// notNow says that an input root in a bucket could not answer, or not yet. Like the end of any wait it is a
// context.DeadlineExceeded: the same request may be made again.
type notNow struct{ message string }

func (n notNow) Error() string { return n.message }
func (n notNow) Unwrap() error { return context.DeadlineExceeded }
func (n notNow) Busy() bool    { return true }

// reached turns trouble with a bucket into what its root's users may know: that it is nobody's mistake in a
// configuration. The operator finds the cause in the log.
func (in *Inputs) reached(ctx context.Context, c candidate, err error) error {
	_, said := errors.AsType[notNow](err)
	switch {
	case err == nil || said:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return errAbsent
	case objects.Unreachable(err) || errors.Is(err, context.DeadlineExceeded):
		in.log.Warn("an input root can't be read", "root", c.root.path, "error", err)
		return notNow{fmt.Sprintf("%s is looked for in an input root that the launcher can't read at the moment; submit again in a moment", shown(c.rel))}
	case errors.Is(err, objects.ErrTooLarge):
		return fmt.Errorf("has more than %d bytes, too many for campaigns", model.MaxDocumentBytes)
	}
	return err
}

// pinnedObjects are the objects of one place as they are now; none if nothing is there.
func (in *Inputs) pinnedObjects(ctx context.Context, c candidate) ([]model.PinnedInput, error) {
	found, err := in.findObjects(ctx, c)
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	total := int64(0)
	for _, o := range found {
		if total += o.Size; total > maxSnapshot {
			return nil, fmt.Errorf("has more than %d GiB; name fewer files", maxSnapshot>>30)
		}
	}
	// All downloads are begun before one is waited for.
	under := make([]*fetch, len(found))
	for i, o := range found {
		under[i] = in.fetches.start(in.objectKey(c, o), func(ctx context.Context) (model.PinnedInput, error) { return in.store.Pin(ctx, c.root.bucket, o) })
	}
	over := time.NewTimer(in.patience.fetch)
	defer over.Stop()
	pins := make([]model.PinnedInput, len(found))
	for i, f := range under {
		if err := f.wait(ctx, over.C); err != nil {
			return nil, in.reached(ctx, c, err)
		}
		pins[i] = f.pin
	}
	slices.SortFunc(pins, func(a, b model.PinnedInput) int { return strings.Compare(a.URI, b.URI) })
	return pins, nil
}

// findObjects looks a name or pattern up below a prefix. The rules are those of files (folder.find).
func (in *Inputs) findObjects(ctx context.Context, c candidate) ([]objects.Object, error) {
	if c.rel == "." || c.root.isClosed(c.root.path+"/"+c.rel) {
		return nil, errAbsent
	}
	if _, err := path.Match(c.rel, ""); err != nil {
		return nil, fmt.Errorf("%s is not a pattern: %w", shown(c.rel), err)
	}
	within, end := context.WithTimeout(ctx, in.patience.look)
	defer end()
	found, err := objects.Find(within, c.root.bucket, c.rel, maxInventoryFiles)
	if errors.Is(err, objects.ErrTooMany) {
		return nil, fmt.Errorf("%s is a pattern for too many files; it may find %d, and look at %d names", shown(c.rel), maxInventoryFiles, maxNames)
	}
	if err != nil {
		return nil, in.reached(ctx, c, err)
	}
	return slices.DeleteFunc(found, func(o objects.Object) bool {
		return c.root.isClosed(c.root.path+"/"+o.Name) || o.Name != c.rel && strings.HasSuffix(o.Name, inventory.RejectedSuffix)
	}), nil
}

// documentObject is the text of a campaigns file in a bucket.
func (in *Inputs) documentObject(ctx context.Context, c candidate) (model.Document, error) {
	if c.rel == "." || c.root.isClosed(c.root.path+"/"+c.rel) {
		return model.Document{}, errAbsent
	}
	within, end := context.WithTimeout(ctx, in.patience.look)
	defer end()
	o, err := c.root.bucket.Stat(within, c.rel)
	if err != nil {
		return model.Document{}, in.reached(ctx, c, err)
	}
	d, err := in.documents.get(within, in.objectKey(c, o), func(ctx context.Context) (model.Document, bool, error) {
		text, err := c.root.bucket.ReadAt(ctx, o, model.MaxDocumentBytes)
		return documentOf(text), err == nil, err
	})
	return d, in.reached(ctx, c, err)
}

// objectKey is an object at a generation, which stands for its bytes for ever.
func (in *Inputs) objectKey(c candidate, o objects.Object) fileKey {
	return fileKey{c.root.path, o.Name, identity{inode: uint64(o.Generation), device: uint64(o.CRC32C), size: o.Size}}
}
