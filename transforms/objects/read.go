package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC32C of data, as an Object has it.
func Checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// Stat looks at an object. An error wraps fs.ErrNotExist if there is none.
func (b *Bucket) Stat(ctx context.Context, name string) (o Object, err error) {
	handle, err := b.object(name)
	if err != nil {
		return o, err
	}
	err = b.pace.run(ctx, 0, func(t *try) error {
		attrs, err := handle.Attrs(t.ctx)
		if err == nil {
			o = b.seen(attrs)
		}
		return err
	})
	if err != nil {
		return Object{}, failed("look at", b.URI(name), err)
	}
	return o, nil
}

// Read reads a whole object of at most limit bytes as it is now, checked against its CRC32C. An error wraps
// fs.ErrNotExist if there is none, ErrTooLarge if it is larger. The object's Updated is not known.
func (b *Bucket) Read(ctx context.Context, name string, limit int64) ([]byte, Object, error) {
	return b.read(ctx, Object{Name: name}, limit)
}

// ReadAt is Read of the generation that was seen, and of no other: an error wraps fs.ErrNotExist if it is gone.
func (b *Bucket) ReadAt(ctx context.Context, o Object, limit int64) ([]byte, error) {
	data, found, err := b.read(ctx, o, limit)
	if err == nil && found.CRC32C != o.CRC32C {
		err = failed("read", b.URI(o.Name), fmt.Errorf("generation %d has CRC32C %08x, and had %08x when it was seen", o.Generation, found.CRC32C, o.CRC32C))
	}
	return data, err
}

// Head reads the first bytes of an object, at most n. They are not checked: the service keeps the sum of the whole.
func (b *Bucket) Head(ctx context.Context, name string, n int64) (data []byte, err error) {
	handle, err := b.object(name)
	if err != nil {
		return nil, err
	}
	err = b.pace.run(ctx, n, func(t *try) error {
		var buffer bytes.Buffer
		err := copyRange(t.ctx, handle, 0, n, &buffer)
		if status(err) == http.StatusRequestedRangeNotSatisfiable {
			err = nil // it is empty
		}
		data = buffer.Bytes()
		return err
	})
	if err != nil {
		return nil, failed("read", b.URI(name), err)
	}
	return data, nil
}

func (b *Bucket) read(ctx context.Context, o Object, limit int64) (data []byte, found Object, err error) {
	handle, err := b.object(o.Name)
	if err != nil {
		return nil, found, err
	}
	if o.Generation != 0 {
		handle = handle.Generation(o.Generation)
	}
	err = b.pace.run(ctx, 0, func(t *try) (err error) {
		data, found, err = readOnce(t, handle, limit)
		return err
	})
	if err != nil {
		return nil, Object{}, failed("read", b.URI(o.Name), err)
	}
	found.Name = o.Name
	return data, found, nil
}

func readOnce(t *try, handle *storage.ObjectHandle, limit int64) (data []byte, found Object, err error) {
	r, err := handle.NewReader(t.ctx)
	if err != nil {
		return nil, found, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if r.Attrs.Size > limit {
		return nil, found, fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTooLarge, r.Attrs.Size, limit)
	}
	t.expect(r.Attrs.Size)
	// The size is -1 of an object that the transport unpacks, so the bound is held here once more.
	var buffer bytes.Buffer
	buffer.Grow(int(max(0, r.Attrs.Size)))
	n, err := buffer.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, found, passing{err} // on the way, or against the sum that came with it
	}
	if n > limit {
		return nil, found, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	found = Object{Size: n, Generation: r.Attrs.Generation, CRC32C: Checksum(buffer.Bytes())}
	return buffer.Bytes(), found, checkRead(t.ctx, handle, r, found)
}

// checkRead holds what was read to the sum that came with it, or that the service keeps.
func checkRead(ctx context.Context, handle *storage.ObjectHandle, r *storage.Reader, found Object) error {
	if found.CRC32C == r.Attrs.CRC32C {
		return nil
	}
	if r.Attrs.ContentEncoding != "" || r.Attrs.Decompressed {
		return errEncoded
	}
	want := r.Attrs.CRC32C
	if want == 0 { // no sum came with the bytes
		attrs, err := handle.Generation(found.Generation).Attrs(ctx)
		if err != nil {
			return err
		}
		if attrs.ContentEncoding != "" {
			return errEncoded
		}
		want = attrs.CRC32C
	}
	if want != found.CRC32C {
		return passing{fmt.Errorf("%d bytes with CRC32C %08x came, of an object with %08x", found.Size, found.CRC32C, want)}
	}
	return nil
}

// errEncoded refuses objects whose bytes on the way differ from those stored.
var errEncoded = errors.New("it is stored with a Content-Encoding, so its bytes can't be checked; store it without one, for instance by `gcloud storage cp` without --gzip-local")
