package objects

import (
	"context"
	"iter"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
)

// List is every object whose name begins with a prefix, by name. An error ends it.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for page, err := range b.pages(ctx, prefix, "") {
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, attrs := range page {
				if !yield(b.seen(attrs), nil) {
					return
				}
			}
		}
	}
}

// Folders is the beginnings, up to the next / and without it, of the names that begin with a prefix and have a
// / after it, sorted.
func (b *Bucket) Folders(ctx context.Context, prefix string) ([]string, error) {
	folders, _, err := b.Level(ctx, prefix)
	return folders, err
}

// Level is what is directly below a prefix that is empty or ends in /: the folders (as Folders has them), and
// the objects, both sorted.
func (b *Bucket) Level(ctx context.Context, prefix string) (folders []string, objects []Object, err error) {
	for page, err := range b.pages(ctx, prefix, "/") {
		if err != nil {
			return nil, nil, err
		}
		for _, attrs := range page {
			if attrs.Prefix != "" {
				folders = append(folders, strings.TrimSuffix(strings.TrimPrefix(attrs.Prefix, b.prefix), "/"))
			} else {
				objects = append(objects, b.seen(attrs))
			}
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders), objects, nil
}

// pages asks for one page after the other, each until it comes.
func (b *Bucket) pages(ctx context.Context, prefix, delimiter string) iter.Seq2[[]*storage.ObjectAttrs, error] {
	query := &storage.Query{Prefix: b.prefix + prefix, Delimiter: delimiter, Projection: storage.ProjectionNoACL}
	return func(yield func([]*storage.ObjectAttrs, error) bool) {
		if err := query.SetAttrSelection([]string{"Name", "Size", "Generation", "Updated", "CRC32C"}); err != nil {
			yield(nil, failed("list", b.URI(prefix), err))
			return
		}
		for token := ""; ; {
			var page []*storage.ObjectAttrs
			var next string
			err := b.pace.run(ctx, 0, func(t *try) (err error) {
				page = nil
				next, err = iterator.NewPager(b.handle.Objects(t.ctx, query), b.page, token).NextPage(&page)
				return err
			})
			if err != nil {
				yield(nil, failed("list", b.URI(prefix), err))
				return
			}
			if !yield(page, nil) || next == "" {
				return
			}
			token = next
		}
	}
}
