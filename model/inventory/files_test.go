package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

var fiveColumns = []Column{{Name: "segment", Multi: true}, {Name: "country"}}

// write makes a snapshot file of slots.
func write(t *testing.T, slots []model.Slot, dims ...Column) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slots.parquet")
	w, err := NewWriter(path, dims)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slots {
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAll(t *testing.T, files ...string) []model.Slot {
	t.Helper()
	var out []model.Slot
	for s, err := range ReadSlots(t.Context(), files) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// TestWriteRead: what is written is what is read, sets sorted and without repetitions.
func TestWriteRead(t *testing.T) {
	slots := fiveSlots()
	path := write(t, slots, fiveColumns...)
	want := slices.Clone(slots)
	want[1].Sets = map[string][]string{"segment": {"a", "x"}}
	want[3].Sets = nil
	equal(t, "slots", readAll(t, path), want)
}

// TestLoadIsBuild: a snapshot loaded from files, in whichever pieces, is the one built of the slots.
func TestLoadIsBuild(t *testing.T) {
	slots := manySlots(3 * rowsPerGroup / 100)
	want, err := Build(slots, Options{ShiftDays: 3})
	if err != nil {
		t.Fatal(err)
	}
	half := len(slots) / 2
	dims := []Column{{Name: "country"}, {Name: "segment", Multi: true}, {Name: "site"}}
	for _, files := range [][]string{
		{write(t, slots, dims...)},
		{write(t, slots[half:], dims...), write(t, slots[:half], dims...)},
	} {
		got, err := Load(t.Context(), files, Options{ShiftDays: 3})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, exported); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestLoadFilesOfOtherShape: a dimension that a file lacks is missing in its slots.
func TestLoadFilesOfOtherShape(t *testing.T) {
	files := []string{
		write(t, []model.Slot{{ID: "b", Time: at(2), UserID: "u"}}, Column{Name: "tag", Multi: true}),
		write(t, []model.Slot{{ID: "a", Time: at(1), Scalars: map[string]string{"x": "1"}}}, Column{Name: "x"}),
	}
	s, err := Load(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "x", texts(s, "x"), "1 ")
	equal(t, "tags", s.Dimension("tag").U8(), []uint8{0, 0})
	equal(t, "users", s.Users(), []uint32{0, 1})
}

func TestLoadNamesDuplicates(t *testing.T) {
	one := write(t, []model.Slot{{ID: "a", Time: 1}, {ID: "b", Time: 2}})
	two := write(t, []model.Slot{{ID: "c", Time: 1}, {ID: "d", Time: 2}, {ID: "b", Time: 3}})
	_, err := Load(t.Context(), []string{one, two}, Options{})
	for _, want := range []string{two + ": row 3", `"b" is not unique`, one + ": row 2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestWriterIsAtomicAndDeterministic(t *testing.T) {
	slots := manySlots(1000)
	dims := []Column{{Name: "site"}, {Name: "country"}, {Name: "segment", Multi: true}}
	first := write(t, slots, dims...)
	slices.Reverse(dims)
	second := write(t, slots, dims...)
	a, errA := FileSHA256(first)
	b, errB := FileSHA256(second)
	if errors.Join(errA, errB) != nil || a != b {
		t.Errorf("%s and %s differ (%v, %v)", a, b, errA, errB)
	}

	path := filepath.Join(t.TempDir(), "x.parquet")
	w, err := NewWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(model.Slot{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the file is there before Close")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if err := w.Write(model.Slot{ID: "b"}); err == nil {
		t.Error("an aborted writer takes slots")
	}
	empty, err := NewWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty file: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	for want, dims := range map[string][]Column{
		"is reserved": {{Name: "day"}}, "twice": {{Name: "x"}, {Name: "x", Multi: true}}, "empty name": {{}},
	} {
		if _, err := NewWriter(filepath.Join(t.TempDir(), "x"), dims); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	w, err := NewWriter(filepath.Join(t.TempDir(), "x"), []Column{{Name: "x"}, {Name: "y", Multi: true}})
	if err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]model.Slot{
		"slot_id is empty": {},
		"negative":         {ID: "a", FloorCPM: -1},
		"higher than":      {ID: "a", FloorCPM: maxCPM + 1},
		"years 1 to 9999":  {ID: "a", Time: minInstant - 1},
		"not UTF-8":        {ID: "a", UserID: "\xff"},
		`dimension "y"`:    {ID: "a", Scalars: map[string]string{"y": "1"}},
		`dimension "z"`:    {ID: "a", Sets: map[string][]string{"z": {"1"}}},
	} {
		if err := w.Write(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := w.Write(model.Slot{ID: "fine"}); err != nil {
		t.Errorf("a good slot after refused ones: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestDigests: `printf abc > f; sha256sum f` and the pipe of SnapshotSHA256's comment.
func TestDigests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := FileSHA256(path)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "file", got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
	equal(t, "snapshot", SnapshotSHA256([]string{"b", "a"}), "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2")
}

// manySlots makes n slots with a simple generator, in no order.
func manySlots(n int) []model.Slot {
	slots := make([]model.Slot, n)
	state := uint64(1)
	next := func(below int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state >> 33 % uint64(below))
	}
	word := func(prefix string, i int) string { return prefix + string(rune('a'+i%26)) + string(rune('a'+i/26)) }
	for i := range slots {
		s := &slots[i]
		s.ID = word(word(word("s", i%676), i/676%676), i/676/676)
		s.Time = at(int64(next(n * 1000)))
		if next(10) > 0 {
			s.UserID = word("u", next(600))
		}
		if next(3) > 0 {
			s.RequestID = word("r", next(600))
		}
		s.FloorCPM = model.CPM(next(400) * 12_500)
		s.Scalars = map[string]string{"site": word("site", next(400))}
		if next(4) > 0 {
			s.Scalars["country"] = word("", next(30))
		}
		for range next(4) {
			if s.Sets == nil {
				s.Sets = map[string][]string{}
			}
			s.Sets["segment"] = append(s.Sets["segment"], word("g", next(20)))
		}
	}
	return slots
}
