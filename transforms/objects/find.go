package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const maxLooked = 200_000 // names that a pattern may have to look at

// ErrTooMany is wrapped when a pattern finds, or has to look at, more than it may.
var ErrTooMany = errors.New("too many")

// Find is what a name or pattern leads to, by name: the object of that very name, else those that match the
// pattern, as files would on a disk: * ? and [..] stand for characters of one part of a path. Nothing found is
// no error, more than most is.
func Find(ctx context.Context, b *Bucket, pattern string, most int) ([]Object, error) {
	o, err := b.Stat(ctx, pattern)
	if err == nil {
		return []Object{o}, nil
	}
	meta := strings.IndexAny(pattern, `*?[\`)
	if !errors.Is(err, fs.ErrNotExist) || meta < 0 {
		return nil, ignoreAbsent(err)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%s is not a pattern: %w", b.URI(pattern), err)
	}
	var found []Object
	looked := 0
	for o, err := range b.List(ctx, pattern[:meta]) {
		if err != nil {
			return nil, err
		}
		if looked++; looked > maxLooked {
			return nil, fmt.Errorf("%s: %w: the pattern looks at more than %d names; begin it with the folders that the files are in", b.URI(pattern), ErrTooMany, maxLooked)
		}
		matches, err := path.Match(pattern, o.Name)
		if err != nil {
			return nil, fmt.Errorf("%s is not a pattern: %w", b.URI(pattern), err)
		}
		if matches {
			found = append(found, o)
		}
	}
	if len(found) > most {
		return nil, fmt.Errorf("%s: %w: %d objects, more than %d", b.URI(pattern), ErrTooMany, len(found), most)
	}
	slices.SortFunc(found, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
