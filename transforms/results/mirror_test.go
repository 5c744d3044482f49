package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

func variants(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("v%04d", i+1))
	}
	return ids
}

// rowsOf commits rows of a simulation.
func rowsOf(t testing.TB, s *Store, id string, attempt int64, variants ...string) {
	t.Helper()
	for _, variant := range variants {
		row := sampleRow(variant, attempt)
		row.SimulationID = id
		must[string](t)(s.Commit(t.Context(), row))
	}
}

// local is the folder that simulations are read in, by who is done with it at once.
func local(t testing.TB, s *Store, simulations ...string) string {
	t.Helper()
	f := must[*Files](t)(s.Local(t.Context(), simulations...))
	if err := f.Release(); err != nil {
		t.Error(err)
	}
	return f.Dir
}

// mirrored is what a mirror holds, locks apart.
func mirrored(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if err == nil && (e.Name() == locksFolder || e.Name() == usesFolder) {
				return fs.SkipDir
			}
			return err
		}
		data, err := os.ReadFile(path)
		found[filepath.ToSlash(must[string](t)(filepath.Rel(dir, path)))] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAFolderIsItsOwnMirror(t *testing.T) {
	s := folderBench(t)
	if dir := local(t, s.Store, newest); dir != s.URI() || !s.IsLocal() {
		t.Errorf("%s", dir)
	}
}

// TestAMirrorHoldsTheRowsAndThePlan, fetches what is new only, and lets go of what is gone.
func TestAMirrorHoldsTheRowsAndThePlan(t *testing.T) {
	s := leased(t)
	rowsOf(t, s.Store, newest, 1, "baseline", "v0001")
	rowsOf(t, s.Store, older, 1, "baseline")
	if err := s.MarkStarted(t.Context(), newest, "v0002", 1); err != nil {
		t.Fatal(err)
	}
	want := []string{model.PlanPath(newest), model.ResultPath(newest, "baseline", 1), model.ResultPath(newest, "v0001", 1)}
	update := func(reads int, simulations ...string) map[string]string {
		t.Helper()
		before := s.gcs.Count(objecttest.Read)
		dir := local(t, s.Store, simulations...)
		if n := s.gcs.Count(objecttest.Read) - before; n != reads {
			t.Errorf("%d objects were read, want %d", n, reads)
		}
		found := mirrored(t, dir)
		for path, data := range found {
			if data != s.files(t)[path] {
				t.Errorf("%s differs", path)
			}
		}
		return found
	}
	check := func(found map[string]string, want []string) {
		t.Helper()
		if len(found) != len(want) || slices.ContainsFunc(want, func(path string) bool { return found[path] == "" }) {
			t.Errorf("the mirror has %d files, want %v", len(found), want)
		}
	}
	check(update(3, newest), want)
	check(update(0, newest), want)
	rowsOf(t, s.Store, newest, 2, "v0001")
	check(update(1, newest), append(want, model.ResultPath(newest, "v0001", 2)))
	if err := s.gcs.Remove("bucket", "deep/results/"+model.ResultPath(newest, "v0001", 2)); err != nil {
		t.Fatal(err)
	}
	check(update(0, newest), want)
	// All of the store: two simulations have rows, one a plan only.
	check(update(3), append(want, model.PlanPath(older), model.ResultPath(older, "baseline", 1), model.PlanPath(oldest)))
	if err := errors.Join(s.Delete(t.Context(), older), s.Delete(t.Context(), oldest)); err != nil {
		t.Fatal(err)
	}
	check(update(0), want)
	if err := s.Delete(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	check(update(0, newest), nil)
}

// TestAMirrorThatWasChangedIsMended: it is held against the sums of the bucket, also by a process that has not read it before.
func TestAMirrorThatWasChangedIsMended(t *testing.T) {
	s := leased(t)
	rowsOf(t, s.Store, newest, 1, "baseline")
	path := model.ResultPath(newest, "baseline", 1)
	dir := local(t, s.Store, newest)
	for name, damage := range map[string]func(data []byte) []byte{
		"cut":     func(data []byte) []byte { return data[:len(data)/2] },
		"flipped": func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
		"empty":   func([]byte) []byte { return nil },
	} {
		file := filepath.Join(dir, path)
		if err := os.WriteFile(file, damage(must[[]byte](t)(os.ReadFile(file))), 0o600); err != nil {
			t.Fatal(err)
		}
		if again := local(t, s.again(t), newest); again != dir {
			t.Errorf("another process has another mirror: %s", again)
		}
		if mirrored(t, dir)[path] != s.files(t)[path] {
			t.Errorf("%s: it was not mended", name)
		}
	}
	s.gcs.Break(objecttest.Fault{Op: objecttest.Read, Truncated: true, Times: 2})
	s.gcs.Break(objecttest.Fault{Op: objecttest.Read, Flipped: true})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	local(t, s.Store, newest)
	if mirrored(t, dir)[path] != s.files(t)[path] {
		t.Error("what came damaged is in the mirror")
	}
}

// TestManyProcessesShareAMirror, while rows come in: each finds at least what was there when it asked.
func TestManyProcessesShareAMirror(t *testing.T) {
	s := leased(t)
	var group sync.WaitGroup
	group.Go(func() { rowsOf(t, s.Store, newest, 1, variants(40)...) })
	for range 4 {
		other := s.again(t)
		group.Go(func() {
			for range 10 {
				before := must[[]Row](t)(other.Rows(t.Context(), newest))
				dir := local(t, other, newest)
				for _, row := range before {
					if _, err := os.Stat(filepath.Join(dir, row.Path)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if n := len(mirrored(t, local(t, s.Store, newest))); n != 41 {
		t.Errorf("%d files", n)
	}
}

// TestASimulationRemovedWhileItIsMirroredIsNotThere, whole or half.
func TestASimulationRemovedWhileItIsMirroredIsNotThere(t *testing.T) {
	for _, op := range []objecttest.Op{objecttest.Stat, objecttest.Read} {
		s := leased(t)
		rowsOf(t, s.Store, newest, 1, variants(5)...)
		var once sync.Once
		s.gcs.Break(objecttest.Fault{Op: op, Name: "simulation_id=" + newest + "/*", Do: func() {
			once.Do(func() {
				for _, path := range s.below(t, model.SimulationPath(newest)) {
					if err := s.gcs.Remove("bucket", "deep/results/"+path); err != nil {
						t.Error(err)
					}
				}
			})
		}})
		dir := local(t, s.Store, newest)
		if found := mirrored(t, dir); len(found) != 0 {
			t.Errorf("at a %s: left are %d files", op, len(found))
		}
	}
}

// TestAMirrorGoesWithItsSimulation on the machine that removes it, at once.
func TestAMirrorGoesWithItsSimulation(t *testing.T) {
	s := leased(t)
	dir := local(t, s.Store)
	if err := s.Delete(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	removed := must[[]string](t)(s.GC(t.Context(), time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC), false))
	if found := mirrored(t, dir); len(removed) != 2 || len(found) != 0 {
		t.Errorf("removed %v; the mirror has %d files", removed, len(found))
	}
}
