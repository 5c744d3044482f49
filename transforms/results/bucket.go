package results

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// bucket is a place in object storage. An object appears whole under its name or not at all, and a name is
// free for one only, so there is no writing beside and nothing left by interrupted writers.
type bucket struct {
	objects *objects.Bucket
	leases  leases
	clocks  time.Duration // how old a clock is that was left by one who died
	newID   func() string
}

func newBucket(b *objects.Bucket) *bucket { return &bucket{b, usualLeases, time.Hour, rand.Text} }

// requests is how many requests are worth having under way at a time: they wait, and cost little else.
const requests = 16

func (b *bucket) readers() int { return requests }

func (b *bucket) ready(ctx context.Context) error {
	_, err := b.serviceTime(ctx)
	return err
}

func (b *bucket) at(path string) string { return b.objects.URI(path) }

func (b *bucket) create(ctx context.Context, path string, data []byte) error {
	_, err := b.objects.Create(ctx, path, data)
	if errors.Is(err, fs.ErrExist) {
		err = ErrTaken
	}
	if err != nil {
		return failed("commit", b.at(path), err)
	}
	return nil
}

// claim adds to the bytes what only this call knows: a name that holds the same is ours by a lost answer.
func (b *bucket) claim(ctx context.Context, path string, data []byte) error {
	data = append(bytes.Clone(data), b.newID()+"\n"...)
	if _, err := b.objects.Create(ctx, path, data); err != nil {
		return failed("create", b.at(path), err)
	}
	return nil
}

func (b *bucket) mark(ctx context.Context, path string) error {
	if _, err := b.objects.Create(ctx, path, nil); err != nil {
		return failed("create", b.at(path), err)
	}
	return nil
}

func (b *bucket) unmark(ctx context.Context, path string) error {
	if err := b.objects.Delete(ctx, path, 0); err != nil {
		return failed("remove", b.at(path), err)
	}
	return nil
}

func (b *bucket) exists(ctx context.Context, path string) (bool, error) {
	_, err := b.objects.Stat(ctx, path)
	return err == nil, ignoreMissing(err)
}

func (b *bucket) read(ctx context.Context, path string) ([]byte, error) {
	data, _, err := b.objects.Read(ctx, path, maxFileBytes)
	return data, err
}

func (b *bucket) head(ctx context.Context, path string, n int) ([]byte, error) {
	return b.objects.Head(ctx, path, int64(n))
}

// open reads the whole object: one request for a row, whose columns would take several.
func (b *bucket) open(ctx context.Context, path string) (source, int64, error) {
	data, _, err := b.objects.Read(ctx, path, maxRowFileBytes)
	return inMemory{bytes.NewReader(data)}, int64(len(data)), err
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func (b *bucket) list(ctx context.Context, dir string) (names []string, err error) {
	folders, files, err := b.objects.Level(ctx, prefixOf(dir))
	for _, folder := range folders {
		names = append(names, path.Base(folder))
	}
	for _, file := range files {
		names = append(names, path.Base(file.Name))
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// prefixOf is what the names of all in a folder begin with.
func prefixOf(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}

// rows lists all variants' files at once: one request for a thousand.
func (b *bucket) rows(ctx context.Context, dir string) (found []entry, err error) {
	for o, err := range b.objects.List(ctx, prefixOf(dir)+variantFolder) {
		if err != nil {
			return nil, failed("list", b.at(dir), err)
		}
		found = append(found, entry{o.Name, o.Generation})
	}
	return found, nil
}

// sweep finds nothing: an interrupted upload leaves nothing under any name.
func (b *bucket) sweep(context.Context, string, time.Time) error { return nil }

// remove deletes the plan first, without which nobody takes a simulation for one, so that a half removed one is
// never seen. The note that it has begun lets others finish it; as long as the plan is there nothing is removed,
// and the note stands for nothing.
func (b *bucket) remove(ctx context.Context, dir string) error {
	note := removedPrefix + dir
	if _, err := b.objects.Create(ctx, note, nil); err != nil {
		return failed("remove", b.at(dir), err)
	}
	return b.finish(ctx, note)
}

// finish removes all of the simulation that a note names, then the note.
func (b *bucket) finish(ctx context.Context, note string) error {
	dir := strings.TrimPrefix(note, removedPrefix)
	if err := b.objects.Delete(ctx, dir+"/_plan.json", 0); err != nil {
		return failed("remove", b.at(dir), err)
	}
	if err := b.deleteAll(ctx, dir+"/"); err != nil {
		return failed("remove", b.at(dir), err)
	}
	if err := b.objects.Delete(ctx, note, 0); err != nil {
		return failed("remove", b.at(note), err)
	}
	return nil
}

func (b *bucket) deleteAll(ctx context.Context, prefix string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	var listed error
	for o, err := range b.objects.List(ctx, prefix) {
		if listed = err; err != nil {
			break
		}
		group.Go(func() error { return b.objects.Delete(ctx, o.Name, 0) })
	}
	return errors.Join(group.Wait(), listed)
}

func (b *bucket) finishRemovals(ctx context.Context) error {
	if err := b.sweepClocks(ctx); err != nil {
		return err
	}
	var notes []string
	for o, err := range b.objects.List(ctx, removedPrefix) {
		if err != nil {
			return failed("list", b.at(""), err)
		}
		notes = append(notes, o.Name)
	}
	for _, note := range notes {
		if id, ok := strings.CutPrefix(note, removedPrefix+"simulation_id="); !ok || CheckSimulationID(id) != nil {
			return fmt.Errorf("results: %s is no note of a removal; another program made it, move it away", b.at(note))
		}
		if err := b.takeUp(ctx, note); err != nil {
			return err
		}
	}
	return nil
}

// takeUp finishes the removal that a note names. One that was cut off before the plan went has removed nothing:
// the simulation is as it was, and somebody may have gone on with it since. There the note goes, not the
// simulation: whoever still wants that removed removes it by its lock. Whoever has the lock may be removing it.
func (b *bucket) takeUp(ctx context.Context, note string) error {
	dir := strings.TrimPrefix(note, removedPrefix)
	held, err := b.lock(ctx, dir+"/_lock", false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b.finish(ctx, note)
	case errors.Is(err, errLocked):
		return nil
	case err != nil:
		return failed("lock", b.at(dir), err)
	}
	return errors.Join(b.unmark(ctx, note), held.release())
}
