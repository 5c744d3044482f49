package objects

import (
	"context"
	"errors"
	"io/fs"
)

// Unreachable tells whether an operation failed for what lies between this program and the object, such as the
// network, the service or a permission: then its error says nothing of the object, not even that it is there.
func Unreachable(err error) bool {
	_, asked := errors.AsType[*failure](err)
	for _, told := range []error{fs.ErrNotExist, fs.ErrExist, ErrChanged, ErrTooLarge, errEncoded} {
		asked = asked && !errors.Is(err, told)
	}
	return asked
}

// StatAt looks at the generation of an object that was seen, live or kept as an old version. An error wraps
// fs.ErrNotExist if it is gone.
func (b *Bucket) StatAt(ctx context.Context, o Object) (found Object, err error) {
	handle, err := b.object(o.Name)
	if err != nil {
		return found, err
	}
	handle = handle.Generation(o.Generation)
	err = b.pace.run(ctx, 0, func(t *try) error {
		attrs, err := handle.Attrs(t.ctx)
		if err == nil {
			found = b.seen(attrs)
		}
		return err
	})
	if err != nil {
		return Object{}, failed("look at generation of", b.URI(o.Name), err)
	}
	return found, nil
}
