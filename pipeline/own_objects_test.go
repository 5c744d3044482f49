package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// uploadStudy puts the files of a study's folder into a bucket, below studies/.
func uploadStudy(t *testing.T, config string) (*objecttest.GCS, string) {
	t.Helper()
	g := objecttest.Server(t)
	t.Setenv("WHATIF_CACHE", filepath.Join(t.TempDir(), "cache"))
	for _, name := range []string{"study.yaml", "slots.parquet"} {
		putFile(t, g, "studies/"+name, filepath.Join(filepath.Dir(config), name))
	}
	return g, "gs://" + objecttest.DefaultBucket + "/studies/study.yaml"
}

func putFile(t *testing.T, g *objecttest.GCS, name, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g.Put(objecttest.DefaultBucket, name, data)
}

// TestAStudyInABucketIsTheSameStudy: with its inputs beside it, pinned to their generations, each variant has the
// result that it has on disk. What was downloaded to check it is not downloaded again to run it.
func TestAStudyInABucketIsTheSameStudy(t *testing.T) {
	config := writeStudy(t, bids(3), "")
	store, plan := submit(t, config)
	run(t, options(store, plan))
	want := digests(t, store, plan)
	g, uri := uploadStudy(t, config)
	again := submitTo(t, store, uri, 2)
	if in := again.Inventory; len(in) != 1 || in[0].URI != "gs://bucket/studies/slots.parquet" || in[0].Generation == "" || in[0].SHA256 != plan.Inventory[0].SHA256 ||
		in[0].Size != plan.Inventory[0].Size || again.SnapshotSHA256 != plan.SnapshotSHA256 || again.ConfigSHA256 != plan.ConfigSHA256 {
		t.Errorf("pinned %+v, on disk %+v", in, plan.Inventory)
	}
	if again.Config.Name != uri {
		t.Errorf("the configuration is called %s", again.Config.Name)
	}
	run(t, options(store, again))
	wantDigests(t, store, again, want)
	if n := readsOf(g, "studies/slots.parquet"); n != 1 {
		t.Errorf("the snapshot was downloaded %d times", n)
	}
}

func readsOf(g *objecttest.GCS, name string) (n int) {
	for _, r := range g.Requests() {
		if r.Op == objecttest.Read && r.Name == name {
			n++
		}
	}
	return n
}

// TestObjectsThatChangedAreRefused: as files that changed are, and not taken for a failure that may pass.
func TestObjectsThatChangedAreRefused(t *testing.T) {
	config := writeStudy(t, bids(2), "")
	for name, change := range map[string]func(*objecttest.GCS) error{
		"replaced": func(g *objecttest.GCS) error { g.Put("bucket", "studies/slots.parquet", []byte("PAR1")); return nil },
		"removed":  func(g *objecttest.GCS) error { return g.Remove("bucket", "studies/slots.parquet") },
	} {
		g, uri := uploadStudy(t, config)
		store, plan := submit(t, uri)
		if err := change(g); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), options(store, plan))
		if f := model.FaultOf(err); err == nil || f.Reason != string(model.InputChanged) || !strings.Contains(f.Message, "gs://bucket/studies/slots.parquet") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestObjectsThatMayNotBeRead: that is a mistake to be told at its place, with what to do.
func TestObjectsThatMayNotBeRead(t *testing.T) {
	g, uri := uploadStudy(t, writeStudy(t, bids(1), ""))
	g.Break(objecttest.Fault{Op: objecttest.Stat, Status: 403, Times: objecttest.Always})
	_, err := Prepare(t.Context(), uri)
	if p, ok := errors.AsType[model.Problems](err); !ok || len(p) != 1 || p[0].Line != 2 || !strings.Contains(err.Error(), "roles/storage.objectUser") {
		t.Errorf("without permission: %v", err)
	}
}

// TestPatternsOverObjects: they find what they would on a disk, and nothing else.
func TestPatternsOverObjects(t *testing.T) {
	g, _ := uploadStudy(t, writeStudy(t, bids(1), ""))
	for _, name := range []string{"s/a/1.parquet", "s/a/2.parquet", "s/a/2.parquet.rejected.parquet", "s/a/deep/3.parquet", "s/b/4.parquet", "s/[x].parquet", "s/*.parquet", "t/5.parquet"} {
		g.Put("bucket", name, []byte(name))
	}
	src := beside("gs://bucket/s/study.yaml")
	for uri, want := range map[string]string{
		"a/*.parquet":                    "a/1.parquet a/2.parquet",
		"*/?.parquet":                    "a/1.parquet a/2.parquet b/4.parquet",
		"gs://bucket/s/[ab]/*.parquet":   "a/1.parquet a/2.parquet b/4.parquet",
		"gs://bucket/s/a/1.parquet":      "a/1.parquet",
		"a/2.parquet.rejected.parquet":   "a/2.parquet.rejected.parquet",
		"[x].parquet":                    "[x].parquet", // an object of that very name
		"*.parquet":                      "*.parquet",
		"./a/../b/4.parquet":             "b/4.parquet",
		"../t/*.parquet":                 "gs://bucket/t/5.parquet",
		"c/*.parquet":                    "there is no file gs://bucket/s/c/*.parquet",
		"a":                              "there is no file gs://bucket/s/a;",
		"gs://bucket":                    "names a bucket and no file",
		"../../t/5.parquet":              "leaves the bucket",
		"gs://bucket/s//a/1.parquet":     "no name of an object here",
		"gs://bucket/s/../t/5.parquet":   "no name of an object here",
		"gs://no-such-bucket/s.parquet":  "bucket does not exist",
		"gs://no-such-bucket/s*.parquet": "bucket does not exist",
		"gs://bu*/s/a/1.parquet":         "no name of a bucket",
		"a/[.parquet":                    "is not a pattern",
		"file:x.parquet":                 "no file of this machine",
	} {
		pins, err := src.Inventory(t.Context(), uri)
		var got []string
		for _, p := range pins {
			got = append(got, strings.TrimPrefix(p.URI, "gs://bucket/s/"))
		}
		if text := strings.TrimSpace(strings.Join(got, " ") + " " + fmt.Sprint(err)); text != want+" <nil>" && (err == nil || !strings.Contains(text, want)) {
			t.Errorf("%s: %s, want %s", uri, text, want)
		}
	}
}

// TestDocumentsInABucketAreBounded: as files are, before they are read.
func TestDocumentsInABucketAreBounded(t *testing.T) {
	g, _ := uploadStudy(t, writeStudy(t, bids(1), ""))
	g.Put("bucket", "most.yaml", []byte(strings.Repeat("#", model.MaxDocumentBytes)))
	g.Put("bucket", "over.yaml", []byte(strings.Repeat("#", model.MaxDocumentBytes+1)))
	src := beside("gs://bucket/study.yaml")
	if d, err := src.Campaigns(t.Context(), "most.yaml"); err != nil || len(d.Text) != model.MaxDocumentBytes || d.Name != "gs://bucket/most.yaml" {
		t.Errorf("as large as it may be: %d bytes, %v", len(d.Text), err)
	}
	for uri, want := range map[string]string{"over.yaml": "too large", "absent.yaml": "there is no file gs://bucket/absent.yaml"} {
		if _, err := src.Campaigns(t.Context(), uri); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if _, err := Prepare(t.Context(), "gs://bucket/absent.yaml"); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("a configuration that is not there: %v", err)
	}
}

// TestErrorsNameObjectsAsPeopleDo: not the copies of them on this machine.
func TestErrorsNameObjectsAsPeopleDo(t *testing.T) {
	g, uri := uploadStudy(t, writeStudy(t, bids(1), ""))
	g.Put("bucket", "studies/slots.parquet", []byte("no Parquet"))
	_, err := Prepare(t.Context(), uri)
	if err == nil || !strings.Contains(err.Error(), "gs://bucket/studies/slots.parquet") || strings.Contains(err.Error(), os.Getenv("WHATIF_CACHE")) {
		t.Errorf("%v", err)
	}
}
