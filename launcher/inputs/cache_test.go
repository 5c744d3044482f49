package inputs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

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
