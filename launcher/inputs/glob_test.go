package inputs

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model/inventory"
)

// TestGlob has the command line's rules, derived by hand from its documentation and filepath.Glob's.
func TestGlob(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{
		"a.parquet", "b.parquet", "c.txt", ".hidden.parquet", "a.parquet.rejected.parquet",
		"d/a.parquet", "d/e/a.parquet", "[x].parquet", "x.parquet", "o*.parquet", "oo.parquet", "only/s.parquet.rejected.parquet", "ü.parquet",
	} {
		write(t, w.root+"/"+name, name)
	}
	for _, c := range []struct{ pattern, want string }{
		{"*.parquet", ".hidden.parquet [x].parquet a.parquet b.parquet o*.parquet oo.parquet x.parquet ü.parquet"},
		{"[ab].parquet", "a.parquet b.parquet"},
		{"[^ab].parquet", "x.parquet ü.parquet"}, // a class is one character, not one byte
		{"[a-b].*", "a.parquet b.parquet"},       // rejected rows are in no pattern
		{"?.parquet", "a.parquet b.parquet x.parquet ü.parquet"},
		{"*/a.parquet", "d/a.parquet"},
		{"*/*/a.parquet", "d/e/a.parquet"},
		{"d/*", "fail: not a regular file"}, // finds the folder e too
		{"d/*.parquet", "d/a.parquet"},
		{"**/a.parquet", "d/a.parquet"},                              // two stars are one
		{"[x].parquet", "[x].parquet"},                               // a file of that very name comes first
		{"o*.parquet", "o*.parquet"},                                 // likewise
		{"a.parquet.rejected.parquet", "a.parquet.rejected.parquet"}, // by its own name it can be had
		{"only/*", "fail: there is no file"},
		{"*.csv", "fail: there is no file"},
		{"no/such/*", "fail: there is no file"},
		{"a.parquet/*", "fail: there is no file"},
		{"[", "fail: not a pattern"},
		{"*/[", "fail: not a pattern"},
		{"d", "fail: not a regular file"},
		{".", "fail: not a regular file"},
	} {
		got, err := w.in.For("acme").Inventory(t.Context(), c.pattern)
		if wrong, fails := strings.CutPrefix(c.want, "fail: "); fails {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v, %v, want an error with %q", c.pattern, names(got, w.root), err, wrong)
			}
			continue
		}
		if diff := cmp.Diff(strings.Fields(c.want), names(got, w.root)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.pattern, err, diff)
		}
	}
}

// TestGlobAgainstTheLibrary compares random patterns with filepath.Glob, which the command line uses.
func TestGlobAgainstTheLibrary(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{
		"a", "b", "ab.x", ".a", "ä", "d/a", "d/b.x", "d/.x", "d/e/a", "d/e/ab.x", "e/d/a", "e/b", "e-/[a]", "e-/*", "e/a.rejected.parquet", "d/e/f/g",
	} {
		write(t, w.root+"/"+name, name)
	}
	f, err := w.in.roots[0].open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	elements := []string{"*", "?", "a*", "[a-b]", "[^a]*", "d", "e", "e?", "**", "*.x", ".*", "?*?", "[[]a]", "a", "[äb]", "*[*]", "f*", "d*e", "*a*", "["}
	random := rand.New(rand.NewPCG(3, 4))
	matched := 0
	for range 2000 {
		parts := make([]string, 1+random.IntN(4))
		for i := range parts {
			parts[i] = elements[random.IntN(len(elements))]
		}
		pattern := strings.Join(parts, "/")
		want, wrong := filepath.Glob(w.root + "/" + pattern)
		if _, err := os.Stat(w.root + "/" + pattern); err == nil {
			want, wrong = []string{w.root + "/" + pattern}, nil
		}
		want = slices.DeleteFunc(want, func(p string) bool { return strings.HasSuffix(p, inventory.RejectedSuffix) })
		for i := range want {
			want[i] = strings.TrimPrefix(want[i], w.root+"/")
		}
		slices.Sort(want)
		got, err := f.find(t.Context(), pattern)
		// A broken pattern is told as such more often than the library does, which stops at the first folder.
		if wrong != nil && err == nil || err != nil && len(want) > 0 || !slices.Equal(got, want) {
			t.Fatalf("%s: %q %v, filepath.Glob finds %q %v", pattern, got, err, want, wrong)
		}
		if len(want) > 0 {
			matched++
		}
	}
	if matched < 300 {
		t.Errorf("only %d of the patterns match anything", matched)
	}
}

// TestPatternsAreBounded: one that looks at very many names ends.
func TestPatternsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	write(t, w.root+"/d/x", "")
	f, err := w.in.roots[0].open()
	if err != nil {
		t.Fatal(err)
	}
	walk := walk{ctx: t.Context(), folder: f, looked: maxNames - 1}
	if err := walk.match(".", []string{"*", "*"}); err == nil || !strings.Contains(err.Error(), "more than 200000 names") {
		t.Errorf("one name too many: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	walk.ctx, walk.looked = gone, 0
	if err := errors.Join(walk.match(".", []string{"*"}), f.Close()); !errors.Is(err, context.Canceled) {
		t.Errorf("after its caller gave up: %v", err)
	}
	if _, err := w.in.For("acme").Inventory(gone, "*"); !errors.Is(err, context.Canceled) {
		t.Errorf("asked by one who gave up: %v", err)
	}
}
