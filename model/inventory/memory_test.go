package inventory

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// millionColumns are ten dimensions of the kinds that logs have: two multi-valued ones, sites in tens of thousands.
var millionColumns = map[string]int{"site": 30_000, "city": 2_000, "region": 300, "country": 60, "size": 30, "device": 5, "browser": 12, "publisher": 900}

// million yields a million slots with these dimensions, with ids of 36 bytes and 200,000 users. The maps of a
// slot are used again for the next.
func million(yield func(model.Slot) bool) {
	words := map[string][]string{}
	for _, v := range append(slices.Collect(vocabularies()), vocabulary{"segment", 60}, vocabulary{"category", 26}) {
		for i := range v.n {
			words[v.name] = append(words[v.name], fmt.Sprintf("%s-%d", v.name, i))
		}
	}
	state := uint64(7)
	next := func(below int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state >> 33 % uint64(below))
	}
	scalars, sets := map[string]string{}, map[string][]string{}
	for i := range 1_000_000 {
		for v := range vocabularies() {
			scalars[v.name] = words[v.name][next(1+next(v.n))]
		}
		sets["segment"] = sets["segment"][:0]
		for range next(4) {
			sets["segment"] = append(sets["segment"], words["segment"][next(1+next(60))])
		}
		sets["category"] = words["category"][next(26):][:1]
		if !yield(model.Slot{
			ID: fmt.Sprintf("%016x-%019d", state, i), Time: at(int64(i) * 600_000), FloorCPM: model.CPM(next(300) * 10_000),
			UserID: fmt.Sprintf("user-%d", next(200_000)), RequestID: fmt.Sprintf("request-%d", i/3), Scalars: scalars, Sets: sets,
		}) {
			return
		}
	}
}

// vocabulary is a dimension and its number of values.
type vocabulary struct {
	name string
	n    int
}

// vocabularies are millionColumns by name.
func vocabularies() iter.Seq[vocabulary] {
	return func(yield func(vocabulary) bool) {
		for _, name := range slices.Sorted(maps.Keys(millionColumns)) {
			if !yield(vocabulary{name, millionColumns[name]}) {
				return
			}
		}
	}
}

// millionFile writes a million slots.
func millionFile(b *testing.B) string {
	b.Helper()
	dims := []Column{{Name: "segment", Multi: true}, {Name: "category", Multi: true}}
	for v := range vocabularies() {
		dims = append(dims, Column{Name: v.name})
	}
	path := filepath.Join(b.TempDir(), "million.parquet")
	w, err := NewWriter(path, dims)
	if err != nil {
		b.Fatal(err)
	}
	for s := range million {
		if err := w.Write(s); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// TestMillionSlotsInMemory: a million slots with ten dimensions hold less than 100 MB, by the runtime's count
// as well as by Bytes.
func TestMillionSlotsInMemory(t *testing.T) {
	before := heap()
	var b builder
	for slot := range million {
		if err := b.add(&slot); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.finish(Options{})
	if err != nil {
		t.Fatal(err)
	}
	held := heap() - before
	t.Logf("%d slots, %d dimensions: %d MB held, %d MB by Bytes", s.Len(), len(s.Dimensions()), held/1e6, s.Bytes()/1e6)
	if held > 100e6 || s.Bytes() > 100e6 {
		t.Errorf("%d bytes held, %d by Bytes: more than 100 MB", held, s.Bytes())
	}
	if s.Bytes() < held*9/10 {
		t.Errorf("Bytes says %d, the runtime %d", s.Bytes(), held)
	}
	runtime.KeepAlive(s)
}

func heap() int64 {
	for range 3 { // pools are emptied by the second collection
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// MillionFile lets tests from outside of the package have the file.
var MillionFile = millionFile
