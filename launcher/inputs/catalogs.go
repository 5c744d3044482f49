package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Bounds on the catalogs kept on disk.
const (
	maxCatalogFiles = 200
	maxCatalogFile  = 16 << 20 // bytes; a larger one is read from the snapshot again after a restart
)

// catalogOf is what a snapshot holds, read in this time zone and shift: from memory, from disk, or by a
// process that reads the files. One caller of a tenant asks at a time; the others of the tenant wait for it.
func (in *Inputs) catalogOf(ctx context.Context, tenant string, files []model.PinnedInput, o inventory.Options) (model.Catalog, error) {
	name := catalogName(files, o)
	if c, ok := in.catalogs.find(name); ok {
		return c, nil
	}
	// What an upload may not take, a file of a root with the same bytes may.
	kind, bounds := "file", ofFiles
	if in.uploaded(files) {
		kind, bounds = "upload", ofUploads
	}
	return in.asking.get(ctx, tenant+"/"+kind+"/"+name, func(ctx context.Context) (model.Catalog, bool, error) {
		if c, err := in.kept.read(name); err == nil {
			in.catalogs.put(name, c)
			return c, false, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			in.log.Warn("a catalog kept on disk can't be used; the snapshot is read instead", "error", err)
		}
		c, err := in.readCatalog(ctx, tenant, name, files, o, bounds)
		return c, false, err
	})
}

// readCatalog has the files read by another process, in its turn, and keeps what they hold.
func (in *Inputs) readCatalog(ctx context.Context, tenant, name string, files []model.PinnedInput, o inventory.Options, most bounds) (model.Catalog, error) {
	leave, err := in.turns.take(ctx, tenant)
	if err != nil {
		return model.Catalog{}, err
	}
	defer leave()
	if c, ok := in.catalogs.find(name); ok {
		return c, nil // another tenant had it read meanwhile
	}
	c, err := in.catalogWithin(ctx, files, o, most)
	if err != nil {
		return c, err
	}
	in.catalogs.put(name, c)
	if err := in.kept.write(name, c); err != nil {
		in.log.Warn("a catalog can't be kept on disk; after a restart the snapshot is read again", "error", err)
	}
	return c, nil
}

// catalogName names a catalog by all that it depends on: the bytes of the files, zone, shift and engine.
func catalogName(files []model.PinnedInput, o inventory.Options) string {
	digests := make([]string, len(files))
	for i, f := range files {
		digests[i] = f.SHA256
	}
	zone := time.UTC.String()
	if o.Location != nil {
		zone = o.Location.String()
	}
	reading := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n", zone, o.ShiftDays, model.EngineVersion))
	return inventory.SnapshotSHA256(digests) + "-" + hex.EncodeToString(reading[:8])
}

// catalogSize is about what a catalog takes in memory.
func catalogSize(c model.Catalog) int64 {
	size := int64(200)
	for name, d := range c.Dimensions {
		size += int64(len(name)) + 100
		for _, v := range d.Values {
			size += int64(len(v)) + 24
		}
	}
	return size
}

// catalogFolder keeps catalogs on disk, so that a launcher that was started again answers at once.
type catalogFolder struct {
	path string
	now  func() time.Time
}

// keptCatalog is a file of it. The digest is over the catalog's JSON text.
type keptCatalog struct {
	SHA256  string          `json:"sha256"`
	Catalog json.RawMessage `json:"catalog"`
}

func (k catalogFolder) file(name string) string { return filepath.Join(k.path, name+".json") }

func (k catalogFolder) read(name string) (c model.Catalog, err error) {
	text, err := readBounded(k.file(name), maxCatalogFile)
	if err != nil {
		return c, err
	}
	var kept keptCatalog
	if err := json.Unmarshal(text, &kept); err != nil {
		return c, fmt.Errorf("%s: %w", k.file(name), err)
	}
	if sum := sha256.Sum256(kept.Catalog); hex.EncodeToString(sum[:]) != kept.SHA256 {
		return c, fmt.Errorf("%s is damaged: its catalog has another digest than it says", k.file(name))
	}
	if err := json.Unmarshal(kept.Catalog, &c); err != nil {
		return c, fmt.Errorf("%s: %w", k.file(name), err)
	}
	return c, nil
}

func (k catalogFolder) write(name string, c model.Catalog) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if text, err = json.Marshal(keptCatalog{SHA256: hex.EncodeToString(sum[:]), Catalog: text}); err != nil {
		return err
	}
	if len(text) > maxCatalogFile {
		return nil
	}
	if err := os.MkdirAll(k.path, 0o777); err != nil {
		return err
	}
	if err := k.makeRoom(); err != nil {
		return err
	}
	return replaceFile(k.file(name), text)
}

// makeRoom removes the oldest files beyond what is kept, and what interrupted writers left.
func (k catalogFolder) makeRoom() error {
	entries, err := os.ReadDir(k.path)
	if err != nil {
		return err
	}
	type aged struct {
		path string
		at   time.Time
	}
	var kept []aged
	var failures error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // another launcher has just removed it
		}
		path := filepath.Join(k.path, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), ".json"):
			kept = append(kept, aged{path, info.ModTime()})
		case k.now().Sub(info.ModTime()) > time.Hour:
			failures = errors.Join(failures, removeFile(path))
		}
	}
	slices.SortFunc(kept, func(a, b aged) int { return a.at.Compare(b.at) })
	for _, old := range kept[:max(0, len(kept)-maxCatalogFiles+1)] {
		failures = errors.Join(failures, removeFile(old.path))
	}
	return failures
}
