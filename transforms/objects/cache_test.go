package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// abc and its SHA-256, which FIPS 180-4 gives as an example.
const (
	abc       = "abc"
	abcDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

// cached is a cache beside a server; its clock goes on by a minute at each look.
func cached(t *testing.T, most int64) (*objecttest.GCS, *Bucket, *Cache) {
	t.Helper()
	g, b := opened(t)
	c := NewCache(filepath.Join(t.TempDir(), "cache"), most)
	c.open = func(ctx context.Context, uri string) (*Bucket, error) {
		b, err := Open(ctx, uri)
		b.pace.base, b.part = time.Millisecond, part
		return b, err
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	c.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Minute)
		return at
	}
	return g, b, c
}

// put makes an object and looks at it.
func put(t *testing.T, g *objecttest.GCS, b *Bucket, name string, data []byte) Object {
	t.Helper()
	g.Put("bucket", "some/where/"+name, data)
	return must[Object](t)(b.Stat(t.Context(), name))
}

// fetched is the text of a pin's file.
func fetched(t *testing.T, c *Cache, pin model.PinnedInput) string {
	t.Helper()
	f := must[*Cached](t)(c.Fetch(t.Context(), pin))
	text := must[[]byte](t)(os.ReadFile(f.Path))
	if err := errors.Join(f.Release(), f.Release()); err != nil {
		t.Error(err)
	}
	return string(text)
}

// names are the files in a cache's folder.
func names(t *testing.T, c *Cache) (list []string) {
	t.Helper()
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(c.dir)) {
		list = append(list, e.Name())
	}
	return list
}

func TestAPinIsWhatWasSeen(t *testing.T) {
	g, b, c := cached(t, 0)
	o := put(t, g, b, "a.parquet", []byte(abc))
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o))
	want := model.PinnedInput{
		URI: "gs://bucket/some/where/a.parquet", Generation: strconv.FormatInt(o.Generation, 10), Size: 3, Modified: model.Instant(o.Updated.UnixMicro()), SHA256: abcDigest,
	}
	if pin != want {
		t.Errorf("%+v, want %+v", pin, want)
	}
	if text := fetched(t, c, pin); text != abc {
		t.Errorf("%q", text)
	}
	if got := names(t, c); !slices.Equal(got, []string{abcDigest, knownFolder}) {
		t.Errorf("the cache holds %v", got)
	}
}

// TestNothingIsDownloadedTwice: what is known of a generation needs no bytes, what is here no request at all.
func TestNothingIsDownloadedTwice(t *testing.T) {
	g, b, c := cached(t, 0)
	o := put(t, g, b, "a.parquet", []byte(abc))
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o))
	all := g.Count()
	if again := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o)); again != pin {
		t.Errorf("%+v, was %+v", again, pin)
	}
	fetched(t, c, pin)
	if n := g.Count() - all; n != 0 {
		t.Errorf("%d requests for what is here", n)
	}
	if err := os.Remove(c.path(abcDigest)); err != nil {
		t.Fatal(err)
	}
	if again := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o)); again != pin || g.Count() != all {
		t.Errorf("%+v after %d requests: the digest was known", again, g.Count()-all)
	}
	if text := fetched(t, c, pin); text != abc || g.Count(objecttest.Read) != 2 {
		t.Errorf("%q after %d reads", text, g.Count(objecttest.Read))
	}
}

// TestAnObjectThatChangedIsAnotherOne: a new generation is pinned anew; the old one is gone unless it is here.
func TestAnObjectThatChangedIsAnotherOne(t *testing.T) {
	g, b, c := cached(t, 0)
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, put(t, g, b, "x", []byte(abc))))
	changed := must[model.PinnedInput](t)(c.Pin(t.Context(), b, put(t, g, b, "x", []byte("abcd"))))
	if changed.Generation == pin.Generation || changed.SHA256 == pin.SHA256 {
		t.Errorf("%+v is pinned like %+v", changed, pin)
	}
	if text := fetched(t, c, pin); text != abc {
		t.Errorf("what was pinned is here, and came as %q", text)
	}
	if err := os.Remove(c.path(abcDigest)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(t.Context(), pin); !errors.Is(err, fs.ErrNotExist) || isFault(err) {
		t.Errorf("of a generation that is gone: %v", err)
	}
	lying := changed
	lying.SHA256 = strings.Repeat("0", 64)
	if _, err := c.Fetch(t.Context(), lying); !errors.Is(err, ErrChanged) {
		t.Errorf("of other bytes than the pin says: %v", err)
	}
	if got := names(t, c); !slices.Equal(got, []string{changed.SHA256, knownFolder}) {
		t.Errorf("failures left %v", got)
	}
}

func TestADamagedFileIsFetchedAgain(t *testing.T) {
	g, b, c := cached(t, 0)
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, put(t, g, b, "x", []byte(abc))))
	if err := os.WriteFile(c.path(abcDigest), []byte("abd"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text := fetched(t, c, pin); text != abc || g.Count(objecttest.Read) != 2 {
		t.Errorf("%q after %d reads", text, g.Count(objecttest.Read))
	}
	if err := os.WriteFile(c.knownFile(knownKey(pin, Checksum([]byte(abc)))), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := must[model.PinnedInput](t)(c.Pin(t.Context(), b, must[Object](t)(b.Stat(t.Context(), "x")))); again != pin {
		t.Errorf("%+v, was %+v", again, pin)
	}
}

// TestTroubleOnTheWay: answers that fail, break off or come torn are asked for again, and nothing of them stays.
func TestTroubleOnTheWay(t *testing.T) {
	data := random(5*part + 17)
	sum := sha256.Sum256(data)
	for name, fault := range map[string]objecttest.Fault{"503": {Status: 503}, "429": {Status: 429}, "broken off": {Truncated: true}} {
		g, b, c := cached(t, 0)
		o := put(t, g, b, "x", data)
		fault.Op, fault.Times = objecttest.Read, 3
		first := g.Break(fault)
		pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o))
		if pin.SHA256 != hex.EncodeToString(sum[:]) || g.Happened(first) != 3 {
			t.Errorf("%s: %s after %d faults", name, pin.SHA256, g.Happened(first))
		}
		if err := os.Remove(c.path(pin.SHA256)); err != nil {
			t.Fatal(err)
		}
		second := g.Break(fault)
		if text := fetched(t, c, pin); text != string(data) || g.Happened(second) != 3 {
			t.Errorf("%s: other bytes, or not after %d faults", name, g.Happened(second))
		}
	}
}

// TestWhatCannotComeLeavesNothing: a service that stays away is a storage fault, one that flips bits another, a
// caller who gives up neither.
func TestWhatCannotComeLeavesNothing(t *testing.T) {
	g, b, c := cached(t, 0)
	o := put(t, g, b, "x", []byte(abc))
	b.pace.total = 20 * time.Millisecond
	for name, fault := range map[string]objecttest.Fault{"503": {Status: 503}, "a flipped bit": {Flipped: true}} {
		fault.Op, fault.Times = objecttest.Read, objecttest.Always
		g.Break(fault)
		_, err := c.Pin(t.Context(), b, o)
		if f, ok := errors.AsType[*model.Fault](err); !ok || f.Reason != string(model.Storage) || !f.Retryable {
			t.Errorf("%s: %v", name, err)
		}
		g.Heal()
	}
	held := g.Break(objecttest.Fault{Op: objecttest.Read, Until: make(chan struct{})})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := c.Pin(ctx, b, o)
		ended <- err
	}()
	until(t, "the download has begun", func() bool { return g.Happened(held) == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if got := names(t, c); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// TestManyWantTheSame: of all who ask at once one downloads.
func TestManyWantTheSame(t *testing.T) {
	g, b, c := cached(t, 0)
	o := put(t, g, b, "x", []byte(abc))
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, o))
	if err := errors.Join(os.Remove(c.path(abcDigest)), os.RemoveAll(c.path(knownFolder))); err != nil {
		t.Fatal(err)
	}
	before := g.Count(objecttest.Read)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if i%2 == 0 {
				if text := fetched(t, c, pin); text != abc {
					t.Errorf("%q", text)
				}
			} else if again, err := c.Pin(t.Context(), b, o); err != nil || again != pin {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
	wg.Wait()
	if n := g.Count(objecttest.Read) - before; n < 1 || n > 2 { // for the digest, and to know it
		t.Errorf("%d downloads", n)
	}
}

// sized pins objects of a size, each of its own bytes.
func sized(t *testing.T, g *objecttest.GCS, b *Bucket, c *Cache, size int, list ...string) (pins []model.PinnedInput) {
	t.Helper()
	for _, name := range list {
		o := put(t, g, b, name, bytes.Repeat([]byte(name), size))
		pins = append(pins, must[model.PinnedInput](t)(c.Pin(t.Context(), b, o)))
		at := c.now()
		if err := os.Chtimes(c.path(pins[len(pins)-1].SHA256), at, at); err != nil {
			t.Fatal(err)
		}
	}
	return pins
}

func (c *Cache) has(pin model.PinnedInput) bool {
	_, err := os.Stat(c.path(pin.SHA256))
	return err == nil
}

// TestTheLongestUnusedGoes: beyond the bound, and never what is in use.
func TestTheLongestUnusedGoes(t *testing.T) {
	g, b, c := cached(t, 300)
	pins := sized(t, g, b, c, 100, "a", "b", "c")
	fetched(t, c, pins[0]) // b is the longest unused now
	more := sized(t, g, b, c, 100, "d")
	if c.has(pins[1]) || !c.has(pins[0]) || !c.has(pins[2]) || !c.has(more[0]) {
		t.Errorf("of 400 bytes with room for 300 are left: %v", names(t, c))
	}
	// c, a and d are here; all but d are in use, and another one needs the room of two.
	inUse := []*Cached{must[*Cached](t)(c.Fetch(t.Context(), pins[2])), must[*Cached](t)(c.Fetch(t.Context(), pins[0]))}
	large := sized(t, g, b, c, 250, "e")
	if !c.has(pins[2]) || !c.has(pins[0]) || c.has(more[0]) || !c.has(large[0]) {
		t.Errorf("with two in use are left: %v", names(t, c))
	}
	for _, f := range inUse {
		if err := f.Release(); err != nil {
			t.Error(err)
		}
	}
	sized(t, g, b, c, 300, "f")
	if got := names(t, c); len(got) != 2 {
		t.Errorf("one that fills the bound leaves %v", got)
	}
}

// TestAFullDisk: what is not in use makes room, and if that is not enough, the error says what to do.
func TestAFullDisk(t *testing.T) {
	g, b, c := cached(t, 0)
	disk := int64(1000 + spareDisk)
	c.free = func(dir string) (int64, error) {
		used := int64(0)
		for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
			if isDigest(e.Name()) {
				used += must[fs.FileInfo](t)(e.Info()).Size()
			}
		}
		return disk - used, nil
	}
	c.most = 1 << 40
	pins := sized(t, g, b, c, 400, "a", "b")
	sized(t, g, b, c, 500, "c")
	if c.has(pins[0]) || !c.has(pins[1]) {
		t.Errorf("a disk for 1000 bytes holds %v", names(t, c))
	}
	_, err := c.Pin(t.Context(), b, put(t, g, b, "d", bytes.Repeat([]byte("d"), 1001)))
	f, isFault := errors.AsType[*model.Fault](err)
	if !errors.Is(err, syscall.ENOSPC) || !isFault || f.Reason != string(model.Storage) || !strings.Contains(err.Error(), "WHATIF_CACHE") {
		t.Errorf("no room at all: %v", err)
	}
}

// TestHalfOfWhatIsFree: a cache without a bound of its own leaves as much of a disk as it takes.
func TestHalfOfWhatIsFree(t *testing.T) {
	g, b, c := cached(t, 0)
	c.free = func(string) (int64, error) { return spareDisk + 40_000_000, nil } // 107,108,864
	pins := sized(t, g, b, c, 30_000_000, "a")                                  // of half of that, 53,554,432
	if !c.has(pins[0]) {
		t.Error("it is not here")
	}
	more := sized(t, g, b, c, 39_000_000, "b") // both are 69,000,000; half of what is free and a are 68,554,432
	if c.has(pins[0]) || !c.has(more[0]) {
		t.Errorf("both are here: %v", names(t, c))
	}
}

func TestPinsThatAreNone(t *testing.T) {
	_, _, c := cached(t, 0)
	for _, pin := range []model.PinnedInput{
		{URI: "gs://bucket/x", Generation: "1"}, {URI: "gs://bucket/x", Generation: "1", SHA256: "../../etc/passwd"},
		{URI: "gs://bucket/x", Generation: "", SHA256: abcDigest}, {URI: "gs://bucket/x", Generation: "-1", SHA256: abcDigest},
		{URI: "gs://bucket", Generation: "1", SHA256: abcDigest}, {URI: "/etc/passwd", Generation: "1", SHA256: abcDigest},
		{URI: "gs://bucket/../x", Generation: "1", SHA256: abcDigest},
	} {
		if f, err := c.Fetch(t.Context(), pin); err == nil {
			t.Errorf("%+v came as %s", pin, f.Path)
		}
	}
}

// until waits for what must come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for range time.Tick(5 * time.Millisecond) {
		select {
		case <-deadline:
			t.Fatalf("after 20 s still not: %s", what)
		default:
		}
		if is() {
			return
		}
	}
}

// random is bytes that are the same in each run.
func random(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(data) // never fails
	return data
}
