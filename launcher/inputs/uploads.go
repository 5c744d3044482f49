package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// uploads is the place of all tenants' uploads, <tenant>/<sha256>: a folder, or a prefix of the bucket that has
// the results, from where workers elsewhere can read them.
type uploads struct {
	path                 string          // folder, or gs://..
	bucket               *objects.Bucket // of a prefix; nil: a folder
	temps                string          // folder in which uploads for a bucket are received
	maxUpload, maxTenant int64
	places               chan struct{} // one for each upload under way
	claims               *claims       // to space that is being taken
}

func newUploads(results, scratch string, maxUpload, maxTenant int64) (u uploads, err error) {
	if maxUpload <= 0 {
		maxUpload = defaultUploadBytes
	}
	if maxTenant <= 0 {
		maxTenant = defaultTenantBytes
	}
	u = uploads{maxUpload: maxUpload, maxTenant: maxTenant, places: make(chan struct{}, maxUploadsAtOnce), claims: &claims{of: map[string]map[string]*claim{}}}
	if !objects.IsURI(results) {
		u.path = filepath.Join(results, "_uploads")
		return u, nil
	}
	u.path, u.temps = results+"/_uploads", filepath.Join(scratch, "_uploads")
	u.bucket, err = objects.Open(context.Background(), u.path)
	return u, err
}

// root is where a tenant's uploads are.
func (u uploads) root(tenant string) (root, error) {
	if u.bucket == nil {
		path := filepath.Join(u.path, tenant)
		return root{path: path, real: path, optional: true}, nil
	}
	path := u.path + "/" + tenant
	bucket, err := objects.Open(context.Background(), path)
	return root{path: path, real: path, optional: true, bucket: bucket}, err
}

// receiving is the folder in which what a tenant sends is received.
func (u uploads) receiving(tenant string) string {
	if u.bucket != nil {
		return u.temps
	}
	return filepath.Join(u.path, tenant)
}

// keep gives a complete file its name, unless the tenant has one with these bytes.
func (u uploads) keep(ctx context.Context, tenant, temp string, up Upload) error {
	claimed := u.claims.stake(tenant, up)
	defer u.claims.drop(tenant, up)
	if u.bucket != nil {
		return u.send(ctx, tenant, temp, up, claimed)
	}
	folder := u.receiving(tenant)
	name := filepath.Join(folder, up.SHA256)
	if info, err := os.Lstat(name); err == nil && info.Size() == up.Size {
		return syncFolder(folder) // it may have been linked a moment ago
	}
	if err := u.room(ctx, tenant, claimed); err != nil {
		return err
	}
	if err := place(temp, name); err != nil {
		return fmt.Errorf("storing an upload: %w", err)
	}
	return syncFolder(folder)
}

// send makes a complete file an object, unless there is one of its name, which is its digest.
func (u uploads) send(ctx context.Context, tenant, temp string, up Upload, claimed map[string]int64) (err error) {
	name := tenant + "/" + up.SHA256
	o, err := u.bucket.Stat(ctx, name)
	if err == nil && o.Size == up.Size {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storing an upload: %w", err)
	}
	if err := u.room(ctx, tenant, claimed); err != nil {
		return err
	}
	file, err := os.Open(temp)
	if err != nil {
		return fmt.Errorf("storing an upload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := u.bucket.Upload(ctx, name, file, up.Size); err != nil {
		return fmt.Errorf("storing an upload: %w", err)
	}
	return nil
}

// place links a file to its final name. What is there already has the same bytes: the name is their digest.
// Where there are no hard links, or a file was cut short by a failing disk, it is renamed.
func place(temp, name string) error {
	err := os.Link(temp, name)
	if err == nil {
		return nil
	}
	return os.Rename(temp, name)
}

// room reports if a tenant's uploads would take more than they may, together with what is claimed.
func (u uploads) room(ctx context.Context, tenant string, claimed map[string]int64) error {
	sizes, err := u.kept(ctx, tenant)
	if err != nil {
		return fmt.Errorf("storing an upload: %w", err)
	}
	maps.Copy(sizes, claimed)
	taken := int64(0)
	for _, size := range sizes {
		taken += size
	}
	if taken > u.maxTenant {
		return fmt.Errorf("%w: with this one they would be %d bytes, more than %d", ErrTenantFull, taken, u.maxTenant)
	}
	return nil
}

// kept is the bytes of each of a tenant's uploads, by digest.
func (u uploads) kept(ctx context.Context, tenant string) (sizes map[string]int64, err error) {
	sizes = map[string]int64{}
	if u.bucket != nil {
		for o, err := range u.bucket.List(ctx, tenant+"/") {
			if err != nil {
				return nil, err
			}
			sizes[strings.TrimPrefix(o.Name, tenant+"/")] = o.Size
		}
		return sizes, nil
	}
	entries, err := os.ReadDir(u.receiving(tenant))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !isDigest(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sizes[e.Name()] = info.Size()
	}
	return sizes, nil
}
