package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cloud.google.com/go/storage"
	"golang.org/x/sync/errgroup"
)

// A large object is downloaded in ranges, so many at a time: one stream does not fill a machine's network.
const rangesAtOnce = 8

// fillings is how often an object is downloaded whose bytes come other than they are stored.
const fillings = 4

// errSum is wrapped when they do.
var errSum = errors.New("other bytes have come than are stored")

// Download makes an object, at the generation that was seen, a file: written beside it and checked against the
// CRC32C, made durable, renamed. A file that is there is replaced.
func (b *Bucket) Download(ctx context.Context, o Object, file string) error {
	handle, err := b.object(o.Name)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.tmp")
	if err != nil {
		return fmt.Errorf("objects: download %s: %w", b.URI(o.Name), err)
	}
	for range fillings {
		if err = b.fill(ctx, handle.Generation(o.Generation), o, temp); !errors.Is(err, errSum) {
			break
		}
	}
	if err == nil {
		err = errors.Join(temp.Chmod(0o644), temp.Sync())
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return failed("download", b.URI(o.Name), errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

// fill writes an object's bytes to a file and checks them.
func (b *Bucket) fill(ctx context.Context, handle *storage.ObjectHandle, o Object, file *os.File) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(rangesAtOnce)
	for offset := int64(0); offset < o.Size; offset += b.part {
		length := min(b.part, o.Size-offset)
		group.Go(func() error {
			return b.pace.run(ctx, length, func(t *try) error {
				return copyRange(t.ctx, handle, offset, length, io.NewOffsetWriter(file, offset))
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	sum, err := checksumOf(file, o.Size)
	if err == nil && sum != o.CRC32C {
		err = passing{fmt.Errorf("%w: they have CRC32C %08x, the object %08x", errSum, sum, o.CRC32C)}
	}
	return err
}

// copyRange copies length bytes of an object from an offset on, fewer if it ends before.
func copyRange(ctx context.Context, handle *storage.ObjectHandle, offset, length int64, to io.Writer) (err error) {
	r, err := handle.NewRangeReader(ctx, offset, length)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if r.Attrs.ContentEncoding != "" || r.Attrs.Decompressed {
		return errEncoded
	}
	want := min(length, r.Attrs.Size-offset)
	n, err := io.Copy(to, io.LimitReader(r, want))
	if err != nil {
		return passing{err}
	}
	if n != want {
		return passing{fmt.Errorf("%d of %d bytes came", n, want)}
	}
	return nil
}
