package objects

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

func TestFindingIsAsOnADisk(t *testing.T) {
	g, b := opened(t)
	for _, name := range []string{"a/1.parquet", "a/2.parquet", "a/b/3.parquet", "a/x*.parquet"} {
		g.Put("bucket", "some/where/"+name, []byte(name))
	}
	g.Put("bucket", "some/wherever/a/1.parquet", nil)
	g.Put("bucket", "some/1.parquet", nil)
	for pattern, want := range map[string]string{
		"a/1.parquet": "a/1.parquet", "a/?.parquet": "a/1.parquet a/2.parquet", "*/*/*": "a/b/3.parquet", "a/x*.parquet": "a/x*.parquet",
		`a/x\*.parquet`: "a/x*.parquet", "a/[^1].parquet": "a/2.parquet", "a": "", "absent": "", "*": "", "../*.parquet": "error", "a/[": "error",
	} {
		found, err := Find(t.Context(), b, pattern, 2)
		var names []string
		for _, o := range found {
			names = append(names, o.Name)
			if o.Generation == 0 || o.Size != int64(len(o.Name)) {
				t.Errorf("%+v is not as it is there", o)
			}
		}
		if got := strings.Join(names, " "); want == "error" && (err == nil || !errors.Is(err, path.ErrBadPattern) && !strings.Contains(err.Error(), "no name")) ||
			want != "error" && (err != nil || got != want) {
			t.Errorf("%s: %q, %v, want %q", pattern, got, err, want)
		}
	}
	if _, err := Find(t.Context(), b, "a/*.parquet", 2); !errors.Is(err, ErrTooMany) || Unreachable(err) {
		t.Errorf("three where two may be: %v", err)
	}
}

// TestWhatAnErrorSaysOfAnObject: nothing, if it lies on the way there.
func TestWhatAnErrorSaysOfAnObject(t *testing.T) {
	g, b := opened(t)
	g.Put("bucket", "some/where/x", []byte("abc"))
	old := must[Object](t)(b.Stat(t.Context(), "x"))
	if found := must[Object](t)(b.StatAt(t.Context(), old)); found != old {
		t.Errorf("%+v, was %+v", found, old)
	}
	g.Put("bucket", "some/where/x", []byte("abcd"))
	_, gone := b.StatAt(t.Context(), old)
	_, absent := b.Stat(t.Context(), "y")
	_, _, large := b.Read(t.Context(), "x", 1)
	if !errors.Is(gone, fs.ErrNotExist) || Unreachable(gone) || Unreachable(absent) || Unreachable(large) || Unreachable(nil) {
		t.Errorf("errors about objects: %v, %v, %v", gone, absent, large)
	}
	b.pace.total = time.Millisecond
	for _, status := range []int{403, 503} {
		g.Break(objecttest.Fault{Status: status, Times: objecttest.Always})
		if _, err := b.Stat(t.Context(), "x"); !Unreachable(err) {
			t.Errorf("%d: %v", status, err)
		}
		g.Heal()
	}
	none := must[*Bucket](t)(Open(t.Context(), "gs://no-such-bucket"))
	if _, err := none.Stat(t.Context(), "x"); !Unreachable(err) {
		t.Errorf("no bucket: %v", err)
	}
}
