package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
)

// world is a folder with a root, a results folder, and a file outside of both.
type world struct {
	mutex                         sync.Mutex // guards bounds
	folder, root, results, canary string
	catalogs                      atomic.Int64 // read by the stub of a child process
	opens                         func(context.Context, []model.PinnedInput) error
	bounds                        pipeline.CatalogBounds // of the last one
	in                            *Inputs
}

const secret = "CANARY-5f2a" // in every file that must not be read

func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{folder: folder, root: folder + "/root", results: folder + "/results", canary: folder + "/canary.yaml"}
	for _, dir := range []string{w.root, w.results} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, w.canary, secret)
	o := Options{Roots: []string{w.root}, Results: w.results, Catalog: w.catalog}
	if change != nil {
		change(&o)
	}
	if w.in, err = New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

// catalog stands for the process that reads snapshots.
func (w *world) catalog(ctx context.Context, files []model.PinnedInput, o inventory.Options, most pipeline.CatalogBounds) (model.Catalog, error) {
	w.catalogs.Add(1)
	w.mutex.Lock()
	w.bounds = most
	w.mutex.Unlock()
	if w.opens != nil {
		if err := w.opens(ctx, files); err != nil {
			return model.Catalog{}, err
		}
	}
	return model.Catalog{Slots: int64(len(files)), Start: model.Instant(o.ShiftDays), Dimensions: map[string]model.DimensionInfo{"country": {Values: []string{"DE", "US"}}}}, nil
}

// write makes a file and the folders above it.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func names(pins []model.PinnedInput, root string) []string {
	var list []string
	for _, p := range pins {
		list = append(list, strings.TrimPrefix(p.URI, root+"/"))
	}
	return list
}

func TestPin(t *testing.T) {
	w := newWorld(t, nil)
	write(t, w.root+"/slots/a.parquet", "abc")
	at := time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC)
	if err := os.Chtimes(w.root+"/slots/a.parquet", at, at); err != nil {
		t.Fatal(err)
	}
	want := []model.PinnedInput{{
		URI: w.root + "/slots/a.parquet", Size: 3, Modified: model.Instant(at.UnixMicro()),
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", // FIPS 180-4, example of "abc"
	}}
	for _, uri := range []string{
		"slots/a.parquet", "./slots//a.parquet", "slots/./a.parquet", "slots/*", "slots/?.parquet", "*/[a-c].parquet",
		w.root + "/slots/a.parquet", "file://" + w.root + "/slots/a.parquet", "file:" + w.root + "/slots/a.parquet", "file:slots/a.parquet",
		w.root + "//slots/./*.parquet",
	} {
		got, err := w.in.For("acme").Inventory(t.Context(), uri)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", uri, err, diff)
		}
	}
}

// TestRootsInOrder: a relative path is that of the first root that has it.
func TestRootsInOrder(t *testing.T) {
	var second string
	w := newWorld(t, func(o *Options) {
		second = filepath.Dir(o.Roots[0]) + "/second"
		if err := os.Mkdir(second, 0o755); err != nil {
			t.Fatal(err)
		}
		symlink(t, second, filepath.Dir(o.Roots[0])+"/alias") // a root may itself be a symbolic link
		o.Roots = append(o.Roots, "file://"+filepath.Dir(o.Roots[0])+"/alias")
	})
	write(t, w.root+"/both.parquet", "1")
	write(t, second+"/both.parquet", "2")
	write(t, second+"/other.parquet", "3")
	write(t, w.root+"/r/a.parquet.rejected.parquet", "4")
	write(t, second+"/r/a.parquet", "5")
	for uri, want := range map[string]string{
		"both.parquet": w.root + "/both.parquet", "other.parquet": second + "/other.parquet", "[bo]*.parquet": w.root + "/both.parquet",
		"r/*": second + "/r/a.parquet", w.folder + "/alias/both.parquet": second + "/both.parquet", second + "/both.parquet": second + "/both.parquet",
	} {
		got, err := w.in.For("acme").Inventory(t.Context(), uri)
		if err != nil || len(got) != 1 || got[0].URI != want {
			t.Errorf("%s: %v %v, want %s", uri, got, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t, nil)
	write(t, w.folder+"/file", "")
	within := w.results + "/simulation_id=x"
	if err := os.MkdirAll(within, 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, w.results, w.folder+"/way")
	for root, want := range map[string]string{
		"gs://Bucket/slots": "no name of a bucket", "gs://": "no name of a bucket", "gs://bucket/a/../b": "no name of an object", "gs://bucket//a": "no name of an object",
		"s3://bucket": "local files", "http://h/x": "local files", "file://host/x": "local files",
		"/": "every file", "/proc/self": "not data", "/dev": "not data", "/sys/class": "not data",
		w.folder + "/file": "not a folder", w.folder + "/absent": "no such file", "": "no folder given",
		within: "results folder", w.results: "results folder", w.folder + "/way/simulation_id=x": "results folder",
	} {
		_, err := New(Options{Roots: []string{root}, Results: w.results, Catalog: w.catalog})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one with %q", root, err, want)
		}
	}
	for root, results := range map[string]string{"gs://bucket/results": "gs://bucket/results", "gs://bucket/results/": "gs://bucket/results", "gs://bucket/results/x": "gs://bucket/results/"} {
		_, err := New(Options{Roots: []string{root}, Results: results, Scratch: t.TempDir(), Catalog: w.catalog})
		if err == nil || !strings.Contains(err.Error(), "lies in the results") {
			t.Errorf("%s beside results %s: %v", root, results, err)
		}
	}
	if _, err := New(Options{Results: w.results}); err == nil {
		t.Error("no way to read catalogs: no error")
	}
	in, err := New(Options{Results: w.results, Catalog: w.catalog})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.For("acme").Inventory(t.Context(), "a.parquet"); err == nil || !strings.Contains(err.Error(), "--input-root") {
		t.Errorf("without roots: %v", err)
	}
}

func TestCampaigns(t *testing.T) {
	w := newWorld(t, nil)
	write(t, w.root+"/campaigns.yaml", "- {id: c1}\n")
	got, err := w.in.For("acme").Campaigns(t.Context(), "campaigns.yaml")
	want := model.Document{Name: "campaigns.yaml", Text: "- {id: c1}\n", SHA256: digest("- {id: c1}\n")}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	write(t, w.root+"/most.yaml", strings.Repeat("#", model.MaxDocumentBytes))
	write(t, w.root+"/over.yaml", strings.Repeat("#", model.MaxDocumentBytes+1))
	if got, err := w.in.For("acme").Campaigns(t.Context(), "most.yaml"); err != nil || len(got.Text) != model.MaxDocumentBytes {
		t.Errorf("as large as it may be: %d bytes, %v", len(got.Text), err)
	}
	for uri, want := range map[string]string{"over.yaml": "more than 4194304 bytes", "absent.yaml": "there is no file", "*.yaml": "there is no file"} {
		if _, err := w.in.For("acme").Campaigns(t.Context(), uri); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one with %q", uri, err, want)
		}
	}
}
