package results

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// bench is a store of one of the places, and a way to it past the store.
type bench struct {
	*Store
	gcs *objecttest.GCS // nil: a folder
}

// everywhere runs a test against an empty store of each place there is.
func everywhere(t *testing.T, test func(*testing.T, *bench)) {
	t.Run("folder", func(t *testing.T) { test(t, folderBench(t)) })
	t.Run("bucket", func(t *testing.T) { test(t, bucketBench(t)) })
}

func folderBench(t testing.TB) *bench {
	t.Helper()
	return &bench{Store: must[*Store](t)(Open(filepath.Join(t.TempDir(), "deep", "results")))}
}

// quick leases run out soon, but not in the time that a slow machine takes for a request.
var quick = leases{runOut: 2 * time.Second, renew: 100 * time.Millisecond}

func bucketBench(t testing.TB) *bench {
	t.Helper()
	gcs := objecttest.Server(t)
	return &bench{Store: openQuick(t, "gs://bucket/deep/results", t.TempDir()), gcs: gcs}
}

func openQuick(t testing.TB, uri, mirrors string) *Store {
	t.Helper()
	s := must[*Store](t)(Open(uri))
	s.place.(*bucket).leases = quick
	s.mirror.parent = mirrors
	return s
}

// again is the store as another process opens it.
func (b *bench) again(t testing.TB) *Store {
	if b.gcs == nil {
		return must[*Store](t)(Open(b.URI()))
	}
	return openQuick(t, b.URI(), b.mirror.parent)
}

// put makes a file of these bytes, whatever there is.
func (b *bench) put(t testing.TB, path string, data []byte) {
	t.Helper()
	if b.gcs != nil {
		b.gcs.Put("bucket", "deep/results/"+path, data)
		return
	}
	if err := os.MkdirAll(filepath.Dir(b.Path(path)), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.Path(path), data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// files is all that is there, by path.
func (b *bench) files(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	if b.gcs != nil {
		for _, name := range b.gcs.Names("bucket") {
			data, _ := b.gcs.Get("bucket", name)
			found[strings.TrimPrefix(name, "deep/results/")] = string(data)
		}
		return found
	}
	err := filepath.WalkDir(b.URI(), func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && e.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil {
			found[filepath.ToSlash(must[string](t)(filepath.Rel(b.URI(), path)))] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// below is the paths of all files that begin with a prefix, sorted.
func (b *bench) below(t testing.TB, prefix string) (paths []string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(b.files(t))) {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	return paths
}
