package objects

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// percents are names with a percent sign that is only that, one that looks like an escape, and the name which
// that would be if somebody took it for one. Cloud Storage takes any UTF-8 ("Object name requirements",
// https://cloud.google.com/storage/docs/objects#naming); in a request each byte that a path can't hold is
// escaped once ("Encoding URL path parts", https://cloud.google.com/storage/docs/request-endpoints#encoding).
var percents = []string{"100%", "50%/x", "a%zz", "x%2Fy", "x/y", "x%252Fy", "%", "a%20b", "a b", "100%/ü?#&+=;"}

// TestAPercentSignIsOne wherever a name goes: each of these is an object of its own, and none is another.
func TestAPercentSignIsOne(t *testing.T) {
	g, b := opened(t)
	for _, name := range percents {
		if bucket, got, err := Split("gs://bucket/" + name); err != nil || bucket != "bucket" || got != name {
			t.Errorf("%s: %q, %q, %v", name, bucket, got, err)
		}
		if uri := b.URI(name); uri != "gs://bucket/some/where/"+name {
			t.Errorf("%s is at %s", name, uri)
		}
		must[Object](t)(b.Create(t.Context(), name, []byte(name)))
	}
	if there, want := g.Names("bucket"), prefixed("some/where/", percents); !slices.Equal(there, want) {
		t.Fatalf("the bucket holds %q, want %q", there, want)
	}
	var listed []string
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, o.Name)
	}
	if want := prefixed("", percents); !slices.Equal(listed, want) {
		t.Errorf("listed %q, want %q", listed, want)
	}
	if folders := must[[]string](t)(b.Folders(t.Context(), "")); !slices.Equal(folders, []string{"100%", "50%", "x"}) {
		t.Errorf("folders %q", folders)
	}
	if _, below, err := b.Level(t.Context(), "50%/"); err != nil || len(below) != 1 || below[0].Name != "50%/x" {
		t.Errorf("below 50%%: %+v, %v", below, err)
	}
	for _, name := range percents {
		livesThrough(t, b, name)
	}
	if left := g.Names("bucket"); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// prefixed is the names with a prefix, in the order of their bytes, as Cloud Storage lists them.
func prefixed(prefix string, names []string) (list []string) {
	for _, name := range names {
		list = append(list, prefix+name)
	}
	slices.Sort(list)
	return list
}

// livesThrough does all to an object that is done to one.
func livesThrough(t *testing.T, b *Bucket, name string) {
	t.Helper()
	made := must[Object](t)(b.Stat(t.Context(), name))
	if data, read, err := b.Read(t.Context(), name, 100); err != nil || string(data) != name || read.Name != name || read.Generation != made.Generation || read.CRC32C != made.CRC32C {
		t.Errorf("%s: read %q, %+v, %v", name, data, read, err)
	}
	if data, err := b.ReadAt(t.Context(), made, 100); err != nil || string(data) != name {
		t.Errorf("%s: read %q, %v", name, data, err)
	}
	file := filepath.Join(t.TempDir(), "x")
	if err := b.Download(t.Context(), made, file); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if data := must[[]byte](t)(os.ReadFile(file)); string(data) != name {
		t.Errorf("%s: downloaded %q", name, data)
	}
	next := must[Object](t)(b.Replace(t.Context(), name, []byte("new"), made.Generation))
	if err := b.Delete(t.Context(), name, next.Generation); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if _, err := b.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), b.URI(name)) {
		t.Errorf("%s: %v", name, err)
	}
}

// TestAPercentSignOnTheLongerWays: large uploads, patterns, pins and the cache.
func TestAPercentSignOnTheLongerWays(t *testing.T) {
	g, b, c := cached(t, 0)
	b.part = part
	data := large()
	for _, name := range []string{"100%/big", "x%2Fy"} {
		if o, err := b.Upload(t.Context(), name, bytes.NewReader(data), int64(len(data))); err != nil || o.Name != name {
			t.Fatalf("%s: %+v, %v", name, o, err)
		}
		found := must[[]Object](t)(Find(t.Context(), b, strings.ReplaceAll(name, "big", "b*"), 10))
		if len(found) != 1 || found[0].Name != name {
			t.Errorf("%s: found %+v", name, found)
		}
		pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, found[0]))
		if pin.URI != b.URI(name) {
			t.Errorf("pinned %+v", pin)
		}
		if got := fetched(t, c, pin); got != string(data) {
			t.Errorf("%s: %d other bytes", name, len(got))
		}
	}
	if there := g.Names("bucket"); len(there) != 2 {
		t.Errorf("the bucket holds %q", there)
	}
}
