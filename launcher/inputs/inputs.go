package inputs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// Options of New.
type Options struct {
	Roots          []string // folders and gs:// prefixes that configurations may read, in the order in which a relative path is looked up; none: uploads only
	Results        string   // the result store, folder or gs://, in which uploads are kept
	Scratch        string   // folder for what can be made again, such as catalogs; default: in a folder of results, else in the user's cache
	MaxUploadBytes int64    // of one upload; default 64 MiB
	MaxTenantBytes int64    // of all uploads of a tenant; default 2 GiB

	// Catalog reads what a snapshot holds, in a process of its own (pipeline.ReadCatalog), within bounds. Two are
	// read at a time, of a tenant one.
	Catalog func(ctx context.Context, files []model.PinnedInput, o inventory.Options, most pipeline.CatalogBounds) (model.Catalog, error)

	Logger *slog.Logger     // default: none
	Now    func() time.Time // default: time.Now
}

// Bounds on what is kept in memory.
const (
	maxDigests       = 50_000   // files
	maxDocumentsSize = 32 << 20 // bytes of text
	maxCatalogsSize  = 64 << 20 // bytes, about
)

// Inputs resolves paths and uploads for all tenants. It is safe for concurrent use.
type Inputs struct {
	roots     []root
	uploads   uploads
	store     *objects.Cache // of objects, on this machine's disk
	fetches   *fetches       // what is on its way there
	patience  patience
	digests   *cache[fileKey, model.PinnedInput]
	documents *cache[fileKey, model.Document]
	catalogs  *cache[string, model.Catalog]
	kept      catalogFolder
	reading   chan struct{}                 // a place for each file being read
	asking    *cache[string, model.Catalog] // keeps none: its flights are the catalogs that tenants wait for
	turns     *turns                        // at reading a catalog
	parsing   chan struct{}                 // one for the uploaded campaigns being checked
	catalog   func(context.Context, []model.PinnedInput, inventory.Options, pipeline.CatalogBounds) (model.Catalog, error)
	log       *slog.Logger
	now       func() time.Time
}

// New checks the roots and removes what uploads left that were interrupted. Every root must be there.
func New(o Options) (*Inputs, error) {
	if o.Catalog == nil {
		return nil, errors.New("inputs: no function to read catalogs with")
	}
	results, scratch, err := foldersOf(o)
	if err != nil {
		return nil, err
	}
	in := &Inputs{
		digests:   newCache[fileKey](maxDigests, func(model.PinnedInput) int64 { return 1 }),
		documents: newCache[fileKey](maxDocumentsSize, func(d model.Document) int64 { return int64(len(d.Text)) + 1000 }),
		catalogs:  newCache[string](maxCatalogsSize, catalogSize),
		reading:   make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		asking:    newCache[string](0, catalogSize),
		turns:     newTurns(),
		parsing:   make(chan struct{}, 1),
		catalog:   o.Catalog, log: o.Logger, now: o.Now, store: objects.UserCache(), patience: usualPatience,
	}
	in.fetches = newFetches(in.digests)
	if in.log == nil {
		in.log = slog.New(slog.DiscardHandler)
	}
	if in.now == nil {
		in.now = time.Now
	}
	in.kept = catalogFolder{path: filepath.Join(scratch, "_catalogs"), now: in.now}
	for _, given := range o.Roots {
		r, err := newRoot(given, results)
		if err != nil {
			return nil, fmt.Errorf("input root %s: %w", given, err)
		}
		in.roots = append(in.roots, r)
	}
	if in.uploads, err = newUploads(results, scratch, o.MaxUploadBytes, o.MaxTenantBytes); err != nil {
		return nil, err
	}
	return in, in.uploads.sweep()
}

// Close ends downloads that are under way.
func (in *Inputs) Close() { in.fetches.close() }

// foldersOf are the result store, a folder or a gs:// address, and the folder for what can be made again.
func foldersOf(o Options) (results, scratch string, err error) {
	if objects.IsURI(o.Results) {
		results, scratch = strings.TrimSuffix(o.Results, "/"), o.Scratch
		if _, _, err := objects.Split(results); err != nil {
			return "", "", fmt.Errorf("the results: %w", err)
		}
		if scratch == "" {
			home, err := os.UserCacheDir()
			if err != nil {
				home = os.TempDir()
			}
			scratch = filepath.Join(home, "whatif", "launcher")
		}
	} else {
		if results, err = localFolder(o.Results); err != nil {
			return "", "", fmt.Errorf("the results folder: %w", err)
		}
		scratch = cmp.Or(o.Scratch, results)
		if err := os.MkdirAll(results, 0o777); err != nil {
			return "", "", fmt.Errorf("the results folder: %w", err)
		}
	}
	if err := os.MkdirAll(scratch, 0o777); err != nil {
		return "", "", fmt.Errorf("the launcher's folder for what can be made again: %w", err)
	}
	return results, scratch, nil
}

// newRoot checks a folder or a prefix that configurations may read.
func newRoot(given, results string) (root, error) {
	if objects.IsURI(given) {
		return newBucketRoot(given, results)
	}
	return newFolderRoot(given, results)
}

// newBucketRoot checks a gs:// prefix. Whether it can be reached is found out when it is read: a bucket that is
// out of reach for a while keeps no launcher from starting.
func newBucketRoot(given, results string) (root, error) {
	if _, _, err := objects.Split(given); err != nil {
		return root{}, err
	}
	given = strings.TrimSuffix(given, "/")
	if _, inside := below(results, given); inside {
		return root{}, fmt.Errorf("it lies in the results %s, where other tenants' results and uploads are", results)
	}
	bucket, err := objects.Open(context.Background(), given)
	if err != nil {
		return root{}, err
	}
	r := root{path: given, real: given, bucket: bucket}
	if _, inside := below(given, results); inside {
		r.closed = results
	}
	return r, nil
}

// newFolderRoot checks a folder.
func newFolderRoot(given, results string) (root, error) {
	path, err := localFolder(given)
	if err != nil {
		return root{}, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return root{}, err
	}
	closed := results
	if !objects.IsURI(results) {
		if closed, err = filepath.EvalSymlinks(results); err != nil {
			return root{}, err
		}
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return root{}, err
	case !info.IsDir():
		return root{}, errors.New("is not a folder")
	}
	for _, system := range []string{"/proc", "/sys", "/dev"} {
		if _, inside := below(system, real); inside {
			return root{}, fmt.Errorf("files below %s are not data", system)
		}
	}
	if real == filepath.Dir(real) {
		return root{}, errors.New("this would open every file of the machine; name the folders with the data")
	}
	if _, inside := below(closed, real); inside {
		return root{}, fmt.Errorf("it lies in the results folder %s, where other tenants' results and uploads are", results)
	}
	if _, inside := below(real, closed); !inside {
		closed = ""
	}
	return root{path: path, real: real, closed: closed}, nil
}

// localFolder is the absolute path of a folder given as path or file: URI.
func localFolder(given string) (string, error) {
	if given == "" {
		return "", errors.New("no folder given")
	}
	if u, err := url.Parse(given); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" || u.Host != "" {
			return "", fmt.Errorf("this version reads local files, gs:// and uploads only, not %s; copy the files to a folder and name that", given)
		}
		given = u.Path
	}
	return filepath.Abs(given)
}

// For is what a tenant's configurations may refer to: the roots and the tenant's uploads.
func (in *Inputs) For(tenant string) *Source { return &Source{in: in, tenant: tenant} }

// candidates are the places where a path may be, in order.
func (in *Inputs) candidates(r reference) ([]candidate, error) {
	var list []candidate
	for _, root := range in.roots {
		rel, ok := r.path, true
		if r.absolute {
			rel, ok = root.within(r.path)
		}
		if ok {
			list = append(list, candidate{root, rel})
		}
	}
	switch {
	case len(in.roots) == 0:
		return nil, fmt.Errorf("%s: this launcher was started without --input-root, so it reads uploads only (POST /v1/uploads)", shown(r.text))
	case len(list) == 0:
		return nil, fmt.Errorf("%s lies outside the input roots of this launcher; write a path relative to one, or upload the file (POST /v1/uploads)", shown(r.text))
	}
	return list, nil
}

// candidate is a path below a root.
type candidate struct {
	root root
	rel  string
}

// upload is where a tenant's upload is.
func (in *Inputs) upload(tenant, digest string) (candidate, error) {
	if !isTenant(tenant) {
		return candidate{}, fmt.Errorf("tenant %s can have no uploads: its name is not one of a folder", shown(tenant))
	}
	r, err := in.uploads.root(tenant)
	return candidate{r, digest}, err
}
