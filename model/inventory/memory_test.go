package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// millionDir is where millionSlots has been made.
var millionDir string

// millionSlots is a file of a million slots with ten dimensions of the kinds that logs have: two multi-valued
// ones, sites in tens of thousands, ids of 36 bytes. Made once for the tests and benchmarks of a process.
var millionSlots = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "inventory-million")
	if err != nil {
		return "", err
	}
	millionDir = dir
	dims := []Column{{Name: "segment", Multi: true}, {Name: "category", Multi: true}}
	words := map[string][]string{}
	for name, n := range map[string]int{"site": 30_000, "city": 2_000, "region": 300, "country": 60, "size": 30, "device": 5, "browser": 12, "publisher": 900, "segment": 60, "IAB": 26} {
		for i := range n {
			words[name] = append(words[name], fmt.Sprintf("%s-%d", name, i))
		}
		if name != "segment" && name != "IAB" {
			dims = append(dims, Column{Name: name})
		}
	}
	path := filepath.Join(dir, "million.parquet")
	w, err := NewWriter(path, dims)
	if err != nil {
		return "", err
	}
	state := uint64(7)
	next := func(below int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state >> 33 % uint64(below))
	}
	scalars, sets := map[string]string{}, map[string][]string{}
	for i := range 1_000_000 {
		s := model.Slot{
			ID: fmt.Sprintf("%016x-%019d", state, i), Time: at(int64(i) * 600_000), FloorCPM: model.CPM(next(300) * 10_000),
			UserID: fmt.Sprintf("user-%d", next(200_000)), RequestID: fmt.Sprintf("request-%d", i/3),
			Scalars: scalars, Sets: sets,
		}
		for _, d := range dims[2:] {
			scalars[d.Name] = words[d.Name][next(1+next(len(words[d.Name])))]
		}
		sets["segment"] = sets["segment"][:0]
		for range next(4) {
			sets["segment"] = append(sets["segment"], words["segment"][next(1+next(60))])
		}
		sets["category"] = words["IAB"][next(26):][:1]
		if err := w.Write(s); err != nil {
			return "", err
		}
	}
	return path, w.Close()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if millionDir != "" {
		if err := os.RemoveAll(millionDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// TestMillionSlotsInMemory: a million slots with ten dimensions hold less than 100 MB, by the runtime's count
// as well as by Bytes.
func TestMillionSlotsInMemory(t *testing.T) {
	path, err := millionSlots()
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	s, err := Load(t.Context(), []string{path}, Options{})
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

func BenchmarkLoad(b *testing.B) {
	path, err := millionSlots()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(b.Context(), []string{path}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "slots/s")
}
