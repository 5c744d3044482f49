package reading

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
	"github.com/whatif-machine/whatif/transforms/results"
)

// What is read of a bucket stays in a mirror without room as long as somebody reads it, and as long as it is fresh.
func TestMirroredFilesStayWhileTheyAreRead(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // on systems that have the cache there
	t.Setenv("WHATIF_MIRROR_BYTES", "1")
	objecttest.Server(t)
	store, err := results.Open("gs://bucket/results")
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "20260701-aaaaaaaaaa", "20260701-bbbbbbbbbb"
	for _, id := range []string{first, second} {
		if err := store.WritePlan(t.Context(), &model.Plan{SimulationID: id, SubmittedAt: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	f := newFolders(store, slog.New(slog.NewTextHandler(&log, nil)))
	of := func(id string) (dir string, letGo func()) {
		t.Helper()
		dir, letGo, err := f.of(t.Context(), id, false)
		if err != nil {
			t.Fatal(err)
		}
		return dir, letGo
	}
	// there reports whether the first one is there once another process has made room for the second.
	there := func(dir string) bool {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(dir, model.SimulationPath(second))); err != nil {
			t.Fatal(err)
		}
		other, err := store.Local(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Release(); err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(filepath.Join(dir, model.PlanPath(first)))
		return err == nil
	}
	dir, letGo := of(first)
	_, letGoToo := of(first)
	letGo()
	letGo() // which is once
	if !there(dir) {
		t.Error("it went while one reads it")
	}
	letGoToo()
	if !there(dir) {
		t.Error("it went while it is fresh")
	}
	_, letGo = of(first) // and is held from then on, though the place is given up
	f.mutex.Lock()
	f.held[wanted{first, false}].at = time.Now().Add(-asFreshAsNew)
	f.mutex.Unlock()
	_, letGoSecond := of(second)
	letGoSecond()
	if !there(dir) {
		t.Error("it went while one reads what is fresh no more")
	}
	letGo()
	if there(dir) {
		t.Error("nobody reads it and it stays")
	}
	_, letGo = of(first)
	letGo()
	f.close()
	if there(dir) {
		t.Error("it stays when all is closed")
	}
	if n := strings.Count(log.String(), "WHATIF_MIRROR_BYTES"); n != 1 {
		t.Errorf("the bound that can't be kept is logged %d times: %s", n, log.String())
	}
}
