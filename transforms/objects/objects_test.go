package objects

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// opened is a bucket of a new server that is tried again at once.
func opened(t *testing.T) (*objecttest.GCS, *Bucket) {
	t.Helper()
	g := objecttest.Server(t)
	b, err := Open(t.Context(), "gs://bucket/some/where")
	if err != nil {
		t.Fatal(err)
	}
	b.pace.base = time.Millisecond
	b.part, b.page = part, 100
	return g, b
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// sum is the CRC32C of "123456789", the check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
const sum = 0xe3069283

func TestAnObjectComesBackAsItWasMade(t *testing.T) {
	g, b := opened(t)
	made := must[Object](t)(b.Create(t.Context(), "a/b c+ü.txt", []byte("123456789")))
	if made.Name != "a/b c+ü.txt" || made.Size != 9 || made.CRC32C != sum || made.Generation == 0 || made.Updated.IsZero() {
		t.Errorf("made %+v", made)
	}
	if there, ok := g.Get("bucket", "some/where/a/b c+ü.txt"); !ok || string(there) != "123456789" {
		t.Errorf("the bucket holds %q, %v", there, ok)
	}
	data, read, err := b.Read(t.Context(), "a/b c+ü.txt", 9)
	if err != nil || string(data) != "123456789" || read.Generation != made.Generation || read.CRC32C != sum {
		t.Errorf("read %q, %+v, %v", data, read, err)
	}
	if stat := must[Object](t)(b.Stat(t.Context(), "a/b c+ü.txt")); stat != made {
		t.Errorf("looked at %+v, made %+v", stat, made)
	}
	if uri := b.URI("x"); uri != "gs://bucket/some/where/x" || b.URI("") != "gs://bucket/some/where" {
		t.Errorf("%s %s", uri, b.URI(""))
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	_, b := opened(t)
	first := must[Object](t)(b.Create(t.Context(), "x", []byte("one")))
	if again := must[Object](t)(b.Create(t.Context(), "x", []byte("one"))); again.Generation != first.Generation {
		t.Errorf("the same bytes again made generation %d of %d", again.Generation, first.Generation)
	}
	for _, other := range []string{"two", "", "one and more"} {
		if _, err := b.Create(t.Context(), "x", []byte(other)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%q: %v", other, err)
		}
	}
	if data, _, err := b.Read(t.Context(), "x", 3); err != nil || string(data) != "one" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestWhatIsMissing(t *testing.T) {
	_, b := opened(t)
	_, _, err := b.Read(t.Context(), "x", 1)
	_, serr := b.Stat(t.Context(), "x")
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(serr, fs.ErrNotExist) {
		t.Errorf("%v, %v", err, serr)
	}
	if err := b.Delete(t.Context(), "x", 0); err != nil {
		t.Error(err)
	}
	must[Object](t)(b.Create(t.Context(), "x", []byte("123")))
	if _, _, err := b.Read(t.Context(), "x", 2); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	none := must[*Bucket](t)(Open(t.Context(), "gs://no-such-bucket"))
	_, created := none.Create(t.Context(), "x", nil)
	_, listed := none.Folders(t.Context(), "")
	_, _, read := none.Read(t.Context(), "x", 1)
	_, uploaded := none.Upload(t.Context(), "x", strings.NewReader("x"), 1)
	for _, err := range []error{created, listed, read, uploaded, none.Delete(t.Context(), "x", 0)} {
		if !errors.Is(err, ErrNoBucket) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make the bucket") || isFault(err) {
			t.Errorf("%v", err)
		}
	}
}

func isFault(err error) bool { _, ok := errors.AsType[*model.Fault](err); return ok }

func TestReplacingAndDeletingWhatWasSeen(t *testing.T) {
	_, b := opened(t)
	first := must[Object](t)(b.Replace(t.Context(), "x", []byte("1"), 0))
	if _, err := b.Replace(t.Context(), "x", []byte("2"), 0); !errors.Is(err, ErrChanged) {
		t.Errorf("another was there: %v", err)
	}
	second := must[Object](t)(b.Replace(t.Context(), "x", []byte("2"), first.Generation))
	if _, err := b.Replace(t.Context(), "x", []byte("3"), first.Generation); !errors.Is(err, ErrChanged) {
		t.Errorf("of an old generation: %v", err)
	}
	if _, err := b.ReadAt(t.Context(), first, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading an old generation: %v", err)
	}
	if data := must[[]byte](t)(b.ReadAt(t.Context(), second, 1)); string(data) != "2" {
		t.Errorf("%q", data)
	}
	if err := b.Delete(t.Context(), "x", first.Generation); !errors.Is(err, ErrChanged) {
		t.Errorf("deleting an old generation: %v", err)
	}
	if err := errors.Join(b.Delete(t.Context(), "x", second.Generation), b.Delete(t.Context(), "x", second.Generation)); err != nil {
		t.Error(err)
	}
	if _, err := b.Replace(t.Context(), "x", []byte("3"), second.Generation); !errors.Is(err, ErrChanged) {
		t.Errorf("of a deleted one: %v", err)
	}
}

func TestListing(t *testing.T) {
	g, b := opened(t)
	g.Put("bucket", "some/elsewhere", nil)
	g.Put("bucket", "some/where/z", nil)
	for i := range 120 { // more than a page
		g.Put("bucket", "some/where/many/"+string(rune('a'+i%26))+"/"+strings.Repeat("x", 1+i/26), []byte{1})
	}
	var names []string
	for o, err := range b.List(t.Context(), "many/c") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size != 1 || o.Generation == 0 || o.Updated.IsZero() || o.CRC32C != Checksum([]byte{1}) {
			t.Fatalf("%+v", o)
		}
		names = append(names, o.Name)
	}
	if len(names) != 5 || names[0] != "many/c/x" || !slices.IsSorted(names) { // 120 = 4*26 + 16: a to p have 5
		t.Errorf("%d: %v", len(names), names)
	}
	all := 0
	for _, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all++
	}
	if all != 121 {
		t.Errorf("%d objects", all)
	}
	folders := must[[]string](t)(b.Folders(t.Context(), "many/"))
	if len(folders) != 26 || folders[25] != "many/z" {
		t.Errorf("%v", folders)
	}
	folders, objects, err := b.Level(t.Context(), "")
	if err != nil || !slices.Equal(folders, []string{"many"}) || len(objects) != 1 || objects[0].Name != "z" {
		t.Errorf("%v, %v, %v", folders, objects, err)
	}
	if folders, objects, err = b.Level(t.Context(), "none/"); err != nil || len(folders)+len(objects) != 0 {
		t.Errorf("%v, %v, %v", folders, objects, err)
	}
}

// TestFaultsThatPass lets each fault meet each operation, several times in a row, and each does what it was asked
// to exactly once.
func TestFaultsThatPass(t *testing.T) {
	faults := map[string]objecttest.Fault{
		"503": {Status: 503}, "429": {Status: 429}, "500": {Status: 500}, "torn": {Torn: true},
		"lost answer": {LostAnswer: true}, "truncated answer": {Truncated: true}, "a bit flipped": {Op: objecttest.Read, Flipped: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			g, b := opened(t)
			fault.Times = 3
			want := 3
			run := func(do func() error) {
				t.Helper()
				defer g.Heal()
				order := g.Break(fault)
				if err := do(); err != nil {
					t.Error(err)
				}
				if fault.Op == "" && g.Happened(order) != want {
					t.Errorf("it went wrong %d times", g.Happened(order))
				}
			}
			var o Object
			run(func() (err error) { o, err = b.Create(t.Context(), "x", []byte("one")); return err })
			run(func() error {
				data, read, err := b.Read(t.Context(), "x", 3)
				if string(data) != "one" || read.Generation != o.Generation {
					t.Errorf("%q, %+v instead of %+v", data, read, o)
				}
				return err
			})
			run(func() (err error) { o, err = b.Replace(t.Context(), "x", []byte("two"), o.Generation); return err })
			run(func() (err error) { _, err = b.Stat(t.Context(), "x"); return err })
			run(func() (err error) { _, err = b.Folders(t.Context(), ""); return err })
			run(func() error {
				return b.Download(t.Context(), must[Object](t)(b.Stat(t.Context(), "x")), filepath.Join(t.TempDir(), "x"))
			})
			if data, ok := g.Get("bucket", "some/where/x"); !ok || string(data) != "two" {
				t.Errorf("%q", data)
			}
			if fault.Truncated {
				want = 1 // an answer without a body is whole
			}
			run(func() error { return b.Delete(t.Context(), "x", o.Generation) })
			if names := g.Names("bucket"); len(names) != 0 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

// TestSixteenWritersOfOneName: one makes it, and the others are told so; writers of the same bytes all have made it.
func TestSixteenWritersOfOneName(t *testing.T) {
	g, b := opened(t)
	const writers = 16
	var won, lost atomic.Int64
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			_, err := b.Create(t.Context(), "x", []byte{byte(i)})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, fs.ErrExist):
				lost.Add(1)
			default:
				t.Error(err)
			}
			if _, err := b.Create(t.Context(), "same", []byte("same")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || lost.Load() != writers-1 || len(g.Names("bucket")) != 2 {
		t.Errorf("%d have won and %d lost; there are %v", won.Load(), lost.Load(), g.Names("bucket"))
	}
}

// TestARivalJustBefore takes the name between the decision and the request.
func TestARivalJustBefore(t *testing.T) {
	g, b := opened(t)
	g.Break(objecttest.Fault{Op: objecttest.Create, Rival: []byte("other")})
	if _, err := b.Create(t.Context(), "x", []byte("ours")); !errors.Is(err, fs.ErrExist) || isFault(err) {
		t.Errorf("%v", err)
	}
	g.Break(objecttest.Fault{Op: objecttest.Create, Rival: []byte("ours")})
	if _, err := b.Create(t.Context(), "y", []byte("ours")); err != nil {
		t.Error(err)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	g, b := opened(t)
	for status, want := range map[int]string{403: "roles/storage.objectUser", 401: "gcloud auth application-default login"} {
		g.Break(objecttest.Fault{Status: status})
		_, err := b.Create(t.Context(), "x", nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "gs://bucket/some/where/x") || isFault(err) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if n := g.Count(); n != 2 {
		t.Errorf("%d requests: refusals are not tried again", n)
	}
}

func TestWithoutCredentials(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	if _, err := Open(t.Context(), "gs://bucket"); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("%v", err)
	}
}

// TestAFaultThatStays ends with a storage fault once the time is over, which here passes only in the pauses.
func TestAFaultThatStays(t *testing.T) {
	g, b := opened(t)
	g.Break(objecttest.Fault{Status: 503, Times: objecttest.Always})
	clock, pauses := time.Unix(0, 0), []time.Duration{}
	b.pace = usualPace()
	b.pace.now = func() time.Time { return clock }
	b.pace.random = func() float64 { return 1 }
	b.pace.sleep = func(_ context.Context, d time.Duration) error {
		clock, pauses = clock.Add(d), append(pauses, d)
		return nil
	}
	_, err := b.Create(t.Context(), "x", nil)
	if fault := model.FaultOf(err); fault.Reason != string(model.Storage) || !fault.Retryable || !strings.Contains(err.Error(), "try again later") {
		t.Errorf("%v", err)
	}
	// 0.25 + 0.5 + .. + 8 = 15.75, then 16 s each: six of them end at 111.75 s, a seventh would be after 120 s.
	if len(pauses) != 12 || pauses[0] != 250*time.Millisecond || pauses[5] != 8*time.Second || pauses[11] != 16*time.Second {
		t.Errorf("%v", pauses)
	}
}

// TestAnAnswerThatDoesNotCome is given up for another try, and ends with the caller's context.
func TestAnAnswerThatDoesNotCome(t *testing.T) {
	g, b := opened(t)
	b.pace.try = 20 * time.Millisecond
	g.Break(objecttest.Fault{Op: objecttest.Create, Until: make(chan struct{})})
	if _, err := b.Create(t.Context(), "x", []byte("one")); err != nil {
		t.Error(err)
	}
	b.pace.try = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	g.Break(objecttest.Fault{Op: objecttest.Stat, Until: make(chan struct{}), Do: cancel})
	if _, err := b.Stat(ctx, "x"); !errors.Is(err, context.Canceled) || isFault(err) {
		t.Errorf("%v", err)
	}
}

// part is the least that the client sends at a time.
const part = 256 << 10

// large is bytes of three chunks and a rest.
func large() []byte {
	data := make([]byte, 3*part+12345)
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(data); i += 8 {
		v := random.Uint64()
		for j := i; j < min(i+8, len(data)); j++ {
			data[j] = byte(v)
			v >>= 8
		}
	}
	return data
}

func TestLargeObjectsGoInPartsAndFaultsCostOnePart(t *testing.T) {
	data := large()
	faults := map[string]objecttest.Fault{
		"none":                    {Name: "none"},
		"503 of a chunk":          {Op: objecttest.Chunk, Skip: 1, Status: 503},
		"torn chunk":              {Op: objecttest.Chunk, Skip: 1, Torn: true},
		"lost answer to a chunk":  {Op: objecttest.Chunk, Skip: 1, LostAnswer: true},
		"lost answer to the last": {Op: objecttest.Chunk, Skip: 3, LostAnswer: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			g, b := opened(t)
			g.Break(fault)
			o, err := b.Upload(t.Context(), "big", bytes.NewReader(data), int64(len(data)))
			if err != nil || o.Size != int64(len(data)) || o.CRC32C != Checksum(data) {
				t.Fatalf("%+v, %v", o, err)
			}
			if there, _ := g.Get("bucket", "some/where/big"); !bytes.Equal(there, data) {
				t.Error("other bytes are there")
			}
			if n := g.Count(objecttest.Chunk); n != 4 && n != 5 {
				t.Errorf("%d parts were sent", n)
			}
		})
	}
}

func TestAnUploadWhoseSessionIsLostIsBegunAgain(t *testing.T) {
	g, b := opened(t)
	data := large()
	g.Break(objecttest.Fault{Op: objecttest.Chunk, Skip: 2, Do: g.Forget})
	if _, err := b.Upload(t.Context(), "big", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	if n := g.Count(objecttest.Chunk); n != 3+4 {
		t.Errorf("%d parts were sent", n)
	}
	if _, err := b.Upload(t.Context(), "big", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Errorf("the same again: %v", err)
	}
	data[len(data)-1]++
	if _, err := b.Upload(t.Context(), "big", bytes.NewReader(data), int64(len(data))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("others: %v", err)
	}
	if _, err := b.Upload(t.Context(), "more", bytes.NewReader(data), int64(len(data))+1); err == nil {
		t.Error("fewer bytes than were told were taken")
	}
}

func TestDownloadsAreWholeOrNotThere(t *testing.T) {
	g, b := opened(t)
	data := large()
	g.Put("bucket", "some/where/big", data)
	o := must[Object](t)(b.Stat(t.Context(), "big"))
	dir := t.TempDir()
	file := filepath.Join(dir, "big")
	g.Break(objecttest.Fault{Op: objecttest.Read, Truncated: true, Times: 2})
	g.Break(objecttest.Fault{Op: objecttest.Read, Status: 503})
	if err := b.Download(t.Context(), o, file); err != nil {
		t.Fatal(err)
	}
	if got := must[[]byte](t)(os.ReadFile(file)); !bytes.Equal(got, data) {
		t.Error("other bytes have come")
	}
	if n := g.Count(objecttest.Read); n != 4+3 {
		t.Errorf("%d ranges were asked for", n)
	}
	g.Break(objecttest.Fault{Op: objecttest.Read, Flipped: true, Times: objecttest.Always})
	if err := b.Download(t.Context(), o, filepath.Join(dir, "flipped")); !errors.Is(err, errSum) || !isFault(err) {
		t.Errorf("a flipped bit: %v", err)
	}
	g.Heal()
	g.Put("bucket", "some/where/big", data[1:])
	if err := b.Download(t.Context(), o, filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a generation that is gone: %v", err)
	}
	if left := must[[]os.DirEntry](t)(os.ReadDir(dir)); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

// TestADiskThatTakesNothingIsToldAtOnce: it is no fault of the service that would pass.
func TestADiskThatTakesNothingIsToldAtOnce(t *testing.T) {
	g, b := opened(t)
	o := must[Object](t)(b.Create(t.Context(), "x", []byte("one")))
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Logf("no full disk here: %v", err)
		return
	}
	before := g.Count()
	if err := b.fill(t.Context(), b.handle.Object("some/where/x"), o, full); !errors.Is(err, syscall.ENOSPC) || g.Count() != before+1 {
		t.Errorf("%v, after %d requests", err, g.Count()-before)
	}
	if err := full.Close(); err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for uri, want := range map[string][2]string{
		"gs://bucket": {"bucket", ""}, "gs://bucket/": {"bucket", ""}, "gs://b.c-d_1/a/b/": {"b.c-d_1", "a/b/"}, "gs://bucket/a b": {"bucket", "a b"},
	} {
		bucket, name, err := Split(uri)
		if err != nil || bucket != want[0] || name != want[1] || !IsURI(uri) {
			t.Errorf("%s: %s %s %v", uri, bucket, name, err)
		}
	}
	for _, uri := range []string{
		"", "bucket/x", "s3://bucket", "gs://", "gs:///x", "gs://b", "gs://Bucket", "gs://-bucket", "gs://buck et", "gs://bucket?x=1", "gs://bucket/a//b",
		"gs://bucket/../x", "gs://bucket/a/./b", "gs://bucket/a\nb", "gs://bucket/\xff", "gs://bucket/" + strings.Repeat("x", 1025),
	} {
		if bucket, name, err := Split(uri); err == nil {
			t.Errorf("%q: taken as %q, %q", uri, bucket, name)
		}
	}
	_, b := opened(t)
	for _, name := range []string{"", "../x", "a//b"} {
		if _, err := b.Create(t.Context(), name, nil); err == nil {
			t.Errorf("%q was made", name)
		}
	}
}
