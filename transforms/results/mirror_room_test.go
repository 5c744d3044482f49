package results

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// threeMirrored is a bucket with three simulations of two rows each, and the size of the largest in a mirror.
func threeMirrored(t *testing.T) (s *bench, ids []string, size int64) {
	t.Helper()
	s = leased(t)
	ids = []string{oldest, older, newest}
	for _, id := range ids {
		rowsOf(t, s.Store, id, 1, "baseline", "v0001")
		n := int64(0)
		for path, data := range s.files(t) {
			if _, _, _, ok := model.ParseResultPath(path); (ok || path == model.PlanPath(id)) && strings.HasPrefix(path, model.SimulationPath(id)+"/") {
				n += int64(len(data))
			}
		}
		size = max(size, n)
	}
	return s, ids, size
}

// keeping has simulations mirrored, and keeps them until the test says otherwise.
func keeping(t *testing.T, s *Store, ids ...string) *Files {
	t.Helper()
	f := must[*Files](t)(s.Local(t.Context(), ids...))
	t.Cleanup(func() {
		if err := f.Release(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// residents is which simulations a mirror has, by their ids.
func residents(t *testing.T, dir string) (ids []string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if id, ok := strings.CutPrefix(name, "simulation_id="); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// lastUsed sets when simulations were last used, an hour after another: the first of them is the first to go.
func lastUsed(t *testing.T, dir string, ids ...string) {
	t.Helper()
	for i, id := range ids {
		at := time.Date(2026, 7, 1, i, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(dir, usesFolder, id), at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func expectResidents(t *testing.T, dir string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := residents(t, dir); !slices.Equal(got, want) {
		t.Errorf("the mirror has %v, want %v", got, want)
	}
}

// TestAFullMirrorLetsGoOfWhatWasNotUsedForLongest, and fetches it again when it is asked for.
func TestAFullMirrorLetsGoOfWhatWasNotUsedForLongest(t *testing.T) {
	s, ids, size := threeMirrored(t)
	dir := local(t, s.Store, ids[0])
	local(t, s.Store, ids[1])
	s.mirror.most = 2*size + size/2
	lastUsed(t, dir, ids[1], ids[0])
	local(t, s.Store, ids[2])
	expectResidents(t, dir, ids[0], ids[2])
	lastUsed(t, dir, ids[0], ids[2])
	local(t, s.Store, ids[0]) // nothing is missing: it has only been used again, now
	local(t, s.again(t), ids[2])
	expectResidents(t, dir, ids[0], ids[2])
	lastUsed(t, dir, ids[2])
	local(t, s.Store, ids[1])
	expectResidents(t, dir, ids[0], ids[1])
	for path, data := range mirrored(t, dir) {
		if data != s.files(t)[path] {
			t.Errorf("%s differs", path)
		}
	}
	if n := len(mirrored(t, dir)); n != 6 {
		t.Errorf("the mirror has %d files, want two plans and four rows", n)
	}
}

// TestWhatIsReadStaysInAFullMirror, also for other processes, whether one of them, or all are read.
func TestWhatIsReadStaysInAFullMirror(t *testing.T) {
	s, ids, size := threeMirrored(t)
	s.mirror.most = size + size/2
	other := s.again(t)
	first := keeping(t, other, ids[0])
	second := keeping(t, s.Store, ids[1])
	if first.Note != "" || !strings.Contains(second.Note, "WHATIF_MIRROR_BYTES") {
		t.Errorf("the first fits, the second does not: %q, %q", first.Note, second.Note)
	}
	expectResidents(t, first.Dir, ids[0], ids[1])
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	local(t, s.Store, ids[2])
	expectResidents(t, first.Dir, ids[1], ids[2])
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
	all := keeping(t, other)
	rowsOf(t, s.Store, ids[2], 2, "v0001") // something is missing, so room is made
	local(t, s.Store, ids[2])
	expectResidents(t, all.Dir, ids...)
	if err := all.Release(); err != nil {
		t.Fatal(err)
	}
	rowsOf(t, s.Store, ids[2], 3, "v0001")
	local(t, s.Store, ids[2])
	expectResidents(t, all.Dir, ids[2])
}

// TestTheSimulationsOfOneCallDontPushEachOtherOut: there is a note and no error, and others go.
func TestTheSimulationsOfOneCallDontPushEachOtherOut(t *testing.T) {
	for name, asked := range map[string][]string{"two": {older, newest}, "all": nil} {
		t.Run(name, func(t *testing.T) {
			s, ids, _ := threeMirrored(t)
			dir := local(t, s.Store, oldest)
			s.mirror.most = 1
			f := keeping(t, s.Store, asked...)
			want := asked
			if asked == nil {
				want = ids
			}
			expectResidents(t, dir, want...)
			if !strings.Contains(f.Note, "of 1 (WHATIF_MIRROR_BYTES)") || !strings.Contains(f.Note, dir) {
				t.Errorf("%q", f.Note)
			}
		})
	}
}

// TestWhatIsBroughtUpToDateStays: who is at it has its lock.
func TestWhatIsBroughtUpToDateStays(t *testing.T) {
	s, ids, size := threeMirrored(t)
	dir := local(t, s.Store, ids[0])
	release := must[func() error](t)(flock(filepath.Join(dir, locksFolder, ids[0]), false))
	s.mirror.most = size
	local(t, s.Store, ids[1])
	expectResidents(t, dir, ids[0], ids[1])
	if err := release(); err != nil {
		t.Fatal(err)
	}
	local(t, s.Store, ids[2])
	expectResidents(t, dir, ids[2])
}

// TestAMirrorWithoutNotesIsMeasured: one of an earlier version, or one that a process left in the middle. What was
// on its way out goes.
func TestAMirrorWithoutNotesIsMeasured(t *testing.T) {
	s, ids, size := threeMirrored(t)
	dir := local(t, s.Store, ids[0])
	local(t, s.Store, ids[1])
	if err := os.Remove(filepath.Join(dir, usesFolder, ids[0])); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, usesFolder, ids[1]), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	leaving := filepath.Join(dir, removedPrefix+model.SimulationPath("20260601-cccccccccc"))
	if err := os.MkdirAll(filepath.Join(leaving, "variant_id=v0001"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.mirror.most = 3 * size
	local(t, s.Store, ids[2])
	expectResidents(t, dir, ids...)
	if _, err := os.Stat(leaving); !os.IsNotExist(err) {
		t.Errorf("what was on its way out: %v", err)
	}
	rowsOf(t, s.Store, ids[2], 2, "v0001") // a seventh row is too much
	s.mirror.most = 2*size + size/2
	lastUsed(t, dir, ids[1])
	local(t, s.Store, ids[2])
	expectResidents(t, dir, ids[0], ids[2])
}

// TestACompactedCopyCounts: a reader puts it beside the rows.
func TestACompactedCopyCounts(t *testing.T) {
	s, ids, size := threeMirrored(t)
	f := keeping(t, s.Store, ids[0])
	copied := filepath.Join(f.Dir, model.SimulationPath(ids[0]), "_compacted")
	if err := os.MkdirAll(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, "a.parquet"), make([]byte, 2*size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	s.mirror.most = 3 * size // two simulations have room, but not with the copy
	local(t, s.Store, ids[1])
	expectResidents(t, f.Dir, ids[1])
	local(t, s.Store, ids[2])
	expectResidents(t, f.Dir, ids[1], ids[2])
}

// TestAMirrorOfNoBound holds half of what its disk could hold, 20 GiB at most, and leaves others some room.
func TestAMirrorOfNoBound(t *testing.T) {
	const first = 100 << 20 // bytes of the one that is there already, and a little
	for name, test := range map[string]struct {
		size  int64 // of the one that is there already, about
		free  int64 // beside what is to come
		stays bool
	}{
		"a large disk":                {first, 1 << 50, true},
		"more than half of the disk":  {first, first - 1<<20, false},
		"less than half of the disk":  {first, first + 1<<20, true},
		"as much as is left":          {0, spareDisk, true},
		"more than is left":           {0, spareDisk - 1, false},
		"20 GiB on a large disk":      {20 << 30, 1 << 50, false},
		"almost 20 GiB on such a one": {20<<30 - 1<<20, 1 << 50, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, ids, _ := threeMirrored(t)
			f := keeping(t, s.Store, ids[0])
			big := filepath.Join(f.Dir, model.SimulationPath(ids[0]), "big")
			if err := os.WriteFile(big, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(big, test.size); err != nil { // it takes no room
				t.Fatal(err)
			}
			if err := f.Release(); err != nil {
				t.Fatal(err)
			}
			more := int64(0)
			for path, data := range s.files(t) {
				if strings.HasPrefix(path, model.SimulationPath(ids[1])+"/") && (strings.HasSuffix(path, ".parquet") || path == model.PlanPath(ids[1])) {
					more += int64(len(data))
				}
			}
			s.mirror.free = func(string) (int64, error) { return test.free + more, nil }
			local(t, s.Store, ids[1])
			if stayed := slices.Contains(residents(t, f.Dir), ids[0]); stayed != test.stays {
				t.Errorf("the first one stays: %v, want %v", stayed, test.stays)
			}
		})
	}
}

// TestTheBoundIsTheUsers, in bytes.
func TestTheBoundIsTheUsers(t *testing.T) {
	leased(t) // a server
	for text, want := range map[string]int64{"": 0, "0": 0, "1": 1, "21474836480": 20 << 30} {
		t.Setenv("WHATIF_MIRROR_BYTES", text)
		if s := must[*Store](t)(Open("gs://bucket/results")); s.mirror.most != want {
			t.Errorf("%q: %d, want %d", text, s.mirror.most, want)
		}
	}
	for _, text := range []string{"-1", "20GiB", "1e9", "9223372036854775808", " "} {
		t.Setenv("WHATIF_MIRROR_BYTES", text)
		if _, err := Open("gs://bucket/results"); err == nil || !strings.Contains(err.Error(), "WHATIF_MIRROR_BYTES") || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNoReaderLosesAFile: many processes read what has room for one of three only. Each finds what it asked for, as
// long as it holds it.
func TestNoReaderLosesAFile(t *testing.T) {
	s, ids, size := threeMirrored(t)
	var group sync.WaitGroup
	for n := range 6 {
		other := s.again(t)
		other.mirror.most = size + size/2
		group.Go(func() {
			for round := range 8 {
				id := ids[(n+round)%3]
				f, err := other.Local(t.Context(), id)
				if err != nil {
					t.Error(err)
					return
				}
				other.mirror.known = nil // as a process that has just begun
				for _, path := range []string{model.PlanPath(id), model.ResultPath(id, "baseline", 1), model.ResultPath(id, "v0001", 1)} {
					if _, err := os.Stat(filepath.Join(f.Dir, path)); err != nil {
						t.Error(err)
					}
				}
				if err := f.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	dir := local(t, s.Store, ids[0])
	s.mirror.most = size + size/2
	rowsOf(t, s.Store, ids[0], 2, "v0001")
	local(t, s.Store, ids[0])
	expectResidents(t, dir, ids[0])
}
