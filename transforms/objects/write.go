package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"time"

	"cloud.google.com/go/storage"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Create makes an object whole under a name that must be free, or makes none. If the name is taken by the same
// bytes it had been made before, and that is a success; by others, an error that wraps fs.ErrExist.
func (b *Bucket) Create(ctx context.Context, name string, data []byte) (Object, error) {
	killpoint.Here("objects.create")
	o, err := b.put(ctx, name, data, storage.Conditions{DoesNotExist: true}, 0)
	if isTaken(err) {
		return Object{}, failed("create", b.URI(name), fmt.Errorf("%w: other bytes are under that name", fs.ErrExist))
	}
	if err != nil {
		return Object{}, failed("create", b.URI(name), err)
	}
	killpoint.Here("objects.created")
	return o, nil
}

// Replace makes data the object's next generation if it is at the one given, 0 for none; an error wraps
// ErrChanged if it is not. An object at another generation that holds data already counts as replaced: an
// answer was lost. So data that is the caller's alone tells it that it was the one.
func (b *Bucket) Replace(ctx context.Context, name string, data []byte, generation int64) (Object, error) {
	conditions := storage.Conditions{GenerationMatch: generation}
	if generation == 0 {
		conditions = storage.Conditions{DoesNotExist: true}
	}
	o, err := b.put(ctx, name, data, conditions, generation)
	if isTaken(err) {
		return Object{}, failed("replace", b.URI(name), fmt.Errorf("%w: it is not at generation %d", ErrChanged, generation))
	}
	if err != nil {
		return Object{}, failed("replace", b.URI(name), err)
	}
	killpoint.Here("objects.replaced")
	return o, nil
}

// put writes an object in one request on conditions, again until it is known what became of it. A refusal is
// a success if the object holds data at a generation other than the one that was to be replaced.
func (b *Bucket) put(ctx context.Context, name string, data []byte, on storage.Conditions, old int64) (o Object, err error) {
	handle, err := b.object(name)
	if err != nil {
		return o, err
	}
	sum := Checksum(data)
	err = b.pace.run(ctx, int64(len(data)), func(t *try) (err error) {
		o, err = b.send(t, handle.If(on), bytes.NewReader(data), sum, 0)
		if !isTaken(err) {
			return err
		}
		there, found, rerr := readOnce(t, handle, int64(len(data)))
		switch {
		case rerr == nil && bytes.Equal(there, data) && found.Generation != old:
			found.Name, found.Updated, o = name, time.Time{}, found
			return nil
		case rerr != nil && status(rerr) != http.StatusNotFound && !errors.Is(rerr, ErrTooLarge):
			return rerr
		case status(rerr) == http.StatusNotFound && on.DoesNotExist:
			return passing{fmt.Errorf("it was deleted while it was looked at: %w", rerr)}
		}
		return err
	})
	return o, err
}

// send makes one upload: in one request, or with chunk > 0 in as many as it takes.
func (b *Bucket) send(t *try, handle *storage.ObjectHandle, r io.Reader, sum uint32, chunk int) (Object, error) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel() // of a writer that is not closed
	w := handle.NewWriter(ctx)
	w.ChunkSize = chunk
	// With the sum the service refuses what did not come whole.
	w.CRC32C, w.SendCRC32C = sum, true
	w.ContentType = "application/octet-stream"
	if _, err := io.Copy(w, r); err != nil {
		return Object{}, err
	}
	if err := w.Close(); err != nil {
		return Object{}, err
	}
	return b.seen(w.Attrs()), nil
}

// Upload is Create for what is too large to be held in memory; r is read from its beginning, more than once.
// Whether a taken name holds the same bytes is told by their number and CRC32C.
func (b *Bucket) Upload(ctx context.Context, name string, r io.ReadSeeker, size int64) (o Object, err error) {
	handle, err := b.object(name)
	if err != nil {
		return o, err
	}
	sum, err := checksumOf(r, size)
	if err != nil {
		return o, fmt.Errorf("objects: read what is to be uploaded to %s: %w", b.URI(name), err)
	}
	chunk := 0
	if size > b.part {
		chunk = int(b.part)
	}
	handle = handle.Retryer(storage.WithPolicy(storage.RetryIdempotent), storage.WithErrorFunc(transient)) // of single chunks
	err = b.pace.run(ctx, size, func(t *try) (err error) {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if t.again {
			if o, err = b.uploaded(t, handle, size, sum, nil); err == nil {
				return nil
			}
		}
		o, err = b.send(t, handle.If(storage.Conditions{DoesNotExist: true}), io.LimitReader(r, size), sum, chunk)
		if isTaken(err) || status(err) == http.StatusNotFound || status(err) == http.StatusGone {
			o, err = b.uploaded(t, handle, size, sum, err)
		}
		return err
	})
	if isTaken(err) {
		err = fmt.Errorf("%w: other bytes are under that name", fs.ErrExist)
	}
	if err != nil {
		return Object{}, failed("upload", b.URI(name), err)
	}
	killpoint.Here("objects.uploaded")
	return o, nil
}

// uploaded looks whether an upload that was refused, whose session is gone or whose answer was lost has been made
// all the same. One whose session is gone may be begun again.
func (b *Bucket) uploaded(t *try, handle *storage.ObjectHandle, size int64, sum uint32, refused error) (Object, error) {
	attrs, err := handle.Attrs(t.ctx)
	switch {
	case err == nil && attrs.Size == size && attrs.CRC32C == sum:
		return b.seen(attrs), nil
	case isNoBucket(refused) || isNoBucket(err):
		return Object{}, errors.Join(refused, ErrNoBucket)
	case status(err) == http.StatusNotFound:
		return Object{}, passing{fmt.Errorf("the upload was cut off: %w", refused)}
	case err != nil:
		return Object{}, err
	case isTaken(refused):
		return Object{}, refused
	}
	return Object{}, passing{fmt.Errorf("the upload was cut off: %w", refused)}
}

func checksumOf(r io.ReadSeeker, size int64) (uint32, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(r, size))
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes, not %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return sum.Sum32(), err
}

// Delete deletes an object, 0: whichever generation there is; else an error wraps ErrChanged if it is at
// another one. One that is missing is no error.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	handle, err := b.object(name)
	if err != nil {
		return err
	}
	if generation != 0 {
		handle = handle.If(storage.Conditions{GenerationMatch: generation})
	}
	err = b.pace.run(ctx, 0, func(t *try) error { return handle.Delete(t.ctx) })
	switch {
	case status(err) == http.StatusNotFound && !isNoBucket(err):
		return nil
	case isTaken(err):
		err = fmt.Errorf("%w: it is not at generation %d", ErrChanged, generation)
	}
	if err != nil {
		return failed("delete", b.URI(name), err)
	}
	killpoint.Here("objects.deleted")
	return nil
}
