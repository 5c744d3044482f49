package objects

import "context"

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
