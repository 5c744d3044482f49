package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Source is what one tenant's configurations may refer to. It is a pipeline.Source.
type Source struct {
	in     *Inputs
	tenant string
}

// Campaigns is the text of a campaigns file: a path in the roots, or an upload.
func (s *Source) Campaigns(ctx context.Context, uri string) (model.Document, error) {
	r, places, err := s.places(uri)
	if err != nil {
		return model.Document{}, err
	}
	for _, place := range places {
		text, err := s.in.document(ctx, place)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err == nil && r.upload != "" && text.SHA256 != r.upload {
			err = errDamaged
		}
		if err != nil {
			return model.Document{}, told(ctx, shown(uri), err)
		}
		text.Name = uri
		return text, nil
	}
	return model.Document{}, s.nothing(r)
}

// Inventory resolves a path or pattern in the roots, or an upload, to files as they are now, by name.
func (s *Source) Inventory(ctx context.Context, uri string) ([]model.PinnedInput, error) {
	r, places, err := s.places(uri)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		files, err := s.in.pinned(ctx, place)
		if err == nil && r.upload != "" && len(files) == 1 && files[0].SHA256 != r.upload {
			err = errDamaged
		}
		if err != nil {
			return nil, told(ctx, shown(uri), err)
		}
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, s.nothing(r)
}

// Catalog is what a snapshot holds. Others have it at the same time: it must not be written.
func (s *Source) Catalog(ctx context.Context, files []model.PinnedInput, o inventory.Options) (model.Catalog, error) {
	c, err := s.in.catalogOf(ctx, s.tenant, files, o)
	return c, s.in.named(err, files)
}

var errDamaged = errors.New("is damaged on the launcher's disk; upload it again")

// places are where a path or URI may be.
func (s *Source) places(uri string) (reference, []candidate, error) {
	r, err := parse(uri)
	if err != nil {
		return r, nil, err
	}
	if r.upload != "" {
		place, err := s.in.upload(s.tenant, r.upload)
		return r, []candidate{place}, err
	}
	places, err := s.in.candidates(r)
	return r, places, err
}

// nothing says that a name leads nowhere, and what might.
func (s *Source) nothing(r reference) error {
	if r.upload != "" {
		return fmt.Errorf("there is no upload %s; POST /v1/uploads answers with the name of one", shown(r.text))
	}
	return fmt.Errorf("there is no file %s in the input roots of this launcher; `whatif import` makes snapshots from logs, `whatif generate` synthetic ones", shown(r.text))
}

// told is an error with the name it is about, unless the caller gave up.
func told(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, away := errors.AsType[notNow](err); away {
		return err
	}
	if strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s %w", name, err)
}

// open opens the root of a place. Uploads of a tenant who has none are absent.
func (c candidate) open() (folder, error) {
	f, err := c.root.open()
	if errors.Is(err, fs.ErrNotExist) && c.root.optional {
		return f, errAbsent
	}
	return f, err
}

// pinned is the files of one place as they are now; none if nothing is there.
func (in *Inputs) pinned(ctx context.Context, c candidate) (pins []model.PinnedInput, err error) {
	if c.root.bucket != nil {
		return in.pinnedObjects(ctx, c)
	}
	f, err := c.open()
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	defer func() { err = errors.Join(err, reason(f.Close())) }()
	names, err := f.find(ctx, c.rel)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		pin, err := in.pin(ctx, f, name)
		switch {
		case err == nil:
			pins = append(pins, pin)
		case errors.Is(err, errClosed):
		case name == c.rel:
			return nil, err
		default:
			return nil, told(ctx, shown(name), err)
		}
	}
	slices.SortFunc(pins, func(a, b model.PinnedInput) int { return strings.Compare(a.URI, b.URI) })
	return pins, nil
}

// pin is a file as it is now. One that changes while it is read is refused.
func (in *Inputs) pin(ctx context.Context, f folder, rel string) (model.PinnedInput, error) {
	info, err := f.stat(rel)
	if err != nil {
		return model.PinnedInput{}, err
	}
	return in.digests.get(ctx, f.key(rel, info), func(ctx context.Context) (pin model.PinnedInput, settled bool, err error) {
		settled, err = in.read(ctx, f, rel, info, func(file *os.File, real string) error {
			digest := sha256.New()
			if _, err := io.Copy(digest, stoppable{ctx, file}); err != nil {
				return meaning(err)
			}
			pin = model.PinnedInput{
				URI: real, Size: info.Size(), Modified: model.Instant(info.ModTime().UnixMicro()), SHA256: hex.EncodeToString(digest.Sum(nil)),
			}
			return nil
		})
		return pin, settled, err
	})
}

// document is the text of a campaigns file.
func (in *Inputs) document(ctx context.Context, c candidate) (d model.Document, err error) {
	if c.root.bucket != nil {
		return in.documentObject(ctx, c)
	}
	f, err := c.open()
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, reason(f.Close())) }()
	info, err := f.stat(c.rel)
	if err != nil {
		return d, err
	}
	return in.documents.get(ctx, f.key(c.rel, info), func(ctx context.Context) (d model.Document, settled bool, err error) {
		settled, err = in.read(ctx, f, c.rel, info, func(file *os.File, _ string) error {
			text, err := io.ReadAll(io.LimitReader(stoppable{ctx, file}, model.MaxDocumentBytes+1))
			if err != nil {
				return meaning(err)
			}
			if len(text) > model.MaxDocumentBytes {
				return fmt.Errorf("has more than %d bytes, too many for campaigns", model.MaxDocumentBytes)
			}
			d = documentOf(text)
			return nil
		})
		return d, settled, err
	})
}

func documentOf(text []byte) model.Document {
	sum := sha256.Sum256(text)
	return model.Document{Text: string(text), SHA256: hex.EncodeToString(sum[:])}
}

func (f folder) key(rel string, info fs.FileInfo) fileKey {
	return fileKey{f.path, rel, identityOf(info)}
}

// stoppable is a reader that ends when its caller gives up.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
