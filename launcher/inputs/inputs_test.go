package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// world is a folder with a root, a results folder, and a file outside of both.
type world struct {
	folder, root, results, canary string
	catalogs                      atomic.Int64 // read by the stub of a child process
	opens                         func(context.Context, []model.PinnedInput) error
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
func (w *world) catalog(ctx context.Context, files []model.PinnedInput, o inventory.Options) (model.Catalog, error) {
	w.catalogs.Add(1)
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
		"gs://bucket/slots": "local files and uploads only", "s3://bucket": "local files", "http://h/x": "local files", "file://host/x": "local files",
		"/": "every file", "/proc/self": "not data", "/dev": "not data", "/sys/class": "not data",
		w.folder + "/file": "not a folder", w.folder + "/absent": "no such file", "": "no folder given",
		within: "results folder", w.results: "results folder", w.folder + "/way/simulation_id=x": "results folder",
	} {
		_, err := New(Options{Roots: []string{root}, Results: w.results, Catalog: w.catalog})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one with %q", root, err, want)
		}
	}
	if _, err := New(Options{Results: "gs://bucket/results", Catalog: w.catalog}); err == nil {
		t.Error("results in a bucket: no error")
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

// settle moves the launcher's clock on until files written now count as unchanged.
func (w *world) settle() {
	w.in.now = func() time.Time { return time.Now().Add(granularity + time.Minute) }
}

// TestDigestsAreKept: an unchanged file is not read again, one that changed is, whatever its times pretend.
func TestDigestsAreKept(t *testing.T) {
	w := newWorld(t, nil)
	path := w.root + "/a.parquet"
	write(t, path, "old")
	at := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	sum := func() string {
		t.Helper()
		pins, err := w.in.For("acme").Inventory(t.Context(), "a.parquet")
		if err != nil {
			t.Fatal(err)
		}
		return pins[0].SHA256
	}
	if sum(); len(w.in.digests.kept) != 0 {
		t.Error("the digest of a file that was just changed is kept")
	}
	w.settle()
	if sum(); len(w.in.digests.kept) != 1 {
		t.Fatal("the digest of a file that was not changed lately is not kept")
	}
	// All places to read in are taken: only what is kept can answer.
	for range cap(w.in.reading) {
		w.in.reading <- struct{}{}
	}
	if got := sum(); got != digest("old") {
		t.Errorf("kept: %s", got)
	}
	for range cap(w.in.reading) {
		<-w.in.reading
	}
	// The same size and the same time of change, as `cp -p` over it leaves them.
	write(t, path, "new")
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	if got := sum(); got != digest("new") {
		t.Errorf("after it was changed behind its times: %s, want that of the new bytes", got)
	}
}

// TestOneReadsForAll: many who ask for a large file at once have it read once.
func TestOneReadsForAll(t *testing.T) {
	w := newWorld(t, nil)
	files := []model.PinnedInput{{URI: "/x", SHA256: digest("x")}}
	arrived, leave := make(chan struct{}), make(chan struct{})
	w.opens = func(context.Context, []model.PinnedInput) error {
		arrived <- struct{}{}
		<-leave
		return nil
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			c, err := w.in.For("acme").Catalog(t.Context(), files, inventory.Options{})
			if err != nil || c.Slots != 1 {
				t.Error(c, err)
			}
		})
	}
	<-arrived
	close(leave)
	all.Wait()
	if n := w.catalogs.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}

// TestMakerGivesUp: who waits for one that was told to stop makes the value itself.
func TestMakerGivesUp(t *testing.T) {
	w := newWorld(t, nil)
	files := []model.PinnedInput{{URI: "/x", SHA256: digest("x")}}
	arrived := make(chan struct{}, 1)
	var first atomic.Bool
	w.opens = func(ctx context.Context, _ []model.PinnedInput) error {
		if first.CompareAndSwap(false, true) {
			arrived <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := w.in.For("acme").Catalog(ctx, files, inventory.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up: %v", err)
		}
	})
	<-arrived
	both.Go(func() {
		if _, err := w.in.For("acme").Catalog(t.Context(), files, inventory.Options{}); err != nil {
			t.Errorf("who waited: %v", err)
		}
	})
	cancel()
	both.Wait()
}

// TestCatalogs: a catalog is told apart by bytes, zone and shift, and outlives the launcher.
func TestCatalogs(t *testing.T) {
	w := newWorld(t, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	a, b := model.PinnedInput{URI: "/a", SHA256: digest("a")}, model.PinnedInput{URI: "/b", SHA256: digest("b")}
	ask := func(in *Inputs) {
		t.Helper()
		for i, q := range []struct {
			files []model.PinnedInput
			o     inventory.Options
		}{
			{[]model.PinnedInput{a}, inventory.Options{}},
			{[]model.PinnedInput{a}, inventory.Options{Location: time.UTC}}, // the same as without
			{[]model.PinnedInput{a, b}, inventory.Options{}},
			{[]model.PinnedInput{b, a}, inventory.Options{}}, // a snapshot is a set of files
			{[]model.PinnedInput{a}, inventory.Options{Location: berlin}},
			{[]model.PinnedInput{a}, inventory.Options{ShiftDays: 364}},
		} {
			c, err := in.For("acme").Catalog(t.Context(), q.files, q.o)
			if err != nil || c.Slots != int64(len(q.files)) || c.Start != model.Instant(q.o.ShiftDays) || !slices.Equal(c.Dimensions["country"].Values, []string{"DE", "US"}) {
				t.Errorf("catalog %d: %+v %v", i, c, err)
			}
		}
	}
	ask(w.in)
	ask(w.in)
	if n := w.catalogs.Load(); n != 4 {
		t.Errorf("4 different catalogs were read %d times", n)
	}
	again, err := New(Options{Results: w.results, Catalog: w.catalog})
	if err != nil {
		t.Fatal(err)
	}
	if ask(again); w.catalogs.Load() != 4 {
		t.Errorf("after a restart %d were read again", w.catalogs.Load()-4)
	}
	// A damaged one is read from the snapshot.
	kept, err := filepath.Glob(w.results + "/_catalogs/*.json")
	if err != nil || len(kept) != 4 {
		t.Fatal(kept, err)
	}
	for _, path := range kept {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, strings.Replace(string(text), `"US"`, `"UK"`, 1))
	}
	if again, err = New(Options{Results: w.results, Catalog: w.catalog}); err != nil {
		t.Fatal(err)
	}
	if ask(again); w.catalogs.Load() != 8 {
		t.Errorf("of 4 damaged ones %d were read again", w.catalogs.Load()-4)
	}
}

// TestCatalogBounds: failures are not kept, and of catalogs on disk only so many.
func TestCatalogBounds(t *testing.T) {
	w := newWorld(t, nil)
	broken := errors.New("broken")
	w.opens = func(context.Context, []model.PinnedInput) error { return broken }
	file := func(i int) []model.PinnedInput { return []model.PinnedInput{{SHA256: digest(strings.Repeat("x", i))}} }
	for range 2 {
		if _, err := w.in.For("acme").Catalog(t.Context(), file(0), inventory.Options{}); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if n := w.catalogs.Load(); n != 2 {
		t.Errorf("a failure was kept: %d reads for 2 questions", n)
	}
	w.opens = nil
	for i := range maxCatalogFiles + 5 {
		if _, err := w.in.For("acme").Catalog(t.Context(), file(i), inventory.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadDir(w.results + "/_catalogs")
	if err != nil || len(kept) != maxCatalogFiles {
		t.Errorf("%d catalogs on disk, want %d; %v", len(kept), maxCatalogFiles, err)
	}
}

func TestCacheBound(t *testing.T) {
	c := newCache[int](10, func(v int64) int64 { return v })
	get := func(key int, weight int64) (made bool) {
		_, err := c.get(t.Context(), key, func(context.Context) (int64, bool, error) { made = true; return weight, true, nil })
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	for _, step := range []struct {
		key    int
		weight int64
		made   bool
	}{
		{1, 4, true}, {2, 4, true}, {1, 4, false}, {3, 4, true}, // 2 was used longest ago
		{1, 4, false}, {2, 4, true}, {4, 11, true}, {4, 11, true}, // what is too heavy alone is never kept
		{1, 4, false}, {2, 4, false},
	} {
		if made := get(step.key, step.weight); made != step.made {
			t.Errorf("%+v: made is %t", step, made)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = c.get(t.Context(), 9, func(context.Context) (int64, bool, error) { panic("a bug") })
	}()
	if !get(9, 1) {
		t.Error("after a panic the value is not made")
	}
}

func BenchmarkPinKept(b *testing.B) {
	w := newWorld(b, nil)
	write(b, w.root+"/slots/a.parquet", strings.Repeat("x", 1<<20))
	w.settle()
	for b.Loop() {
		if _, err := w.in.For("acme").Inventory(b.Context(), "slots/a.parquet"); err != nil {
			b.Fatal(err)
		}
	}
}
