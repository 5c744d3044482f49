package warehouse_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

// copies are the compacted copies of a simulation.
func copies(t testing.TB, root, simulation string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "simulation_id="+simulation, "_compacted", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func compact(t testing.TB, root, simulation string) (path string) {
	t.Helper()
	if err := warehouse.Compact(t.Context(), root, simulation); err != nil {
		t.Fatal(err)
	}
	found := copies(t, root, simulation)
	if len(found) != 1 {
		t.Fatalf("%d copies: %v", len(found), found)
	}
	return found[0]
}

// hideFiles takes the result files away, so that only a copy can answer; it returns how to bring them back.
// The folders and sizes, which name a copy, stay.
func hideFiles(t testing.TB, root, simulation string) (restore func()) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "simulation_id="+simulation, "variant_id=*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole[path] = data
		overwrite(t, path, make([]byte, len(data)))
	}
	return func() {
		for path, data := range whole {
			overwrite(t, path, data)
		}
	}
}

func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every view, and the table of attempts, has the same rows from the copy as from the files, to the last bit.
func TestCopyEqualsTheFiles(t *testing.T) {
	t.Parallel()
	all := roll(6, studies)
	root := store(t, all)
	list, err := views.Views(views.DuckDB)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []study{studies[0], studies[4]} {
		fromFiles := map[string][]record{}
		w := open(t, root, warehouse.Simulation(s.id))
		queries := map[string]string{views.Table: "SELECT * FROM " + views.Table}
		for _, v := range list {
			queries[v.Name] = selectAll(v)
		}
		for name, query := range queries {
			fromFiles[name] = sorted(ask(t, w, query))
		}
		compact(t, root, s.id)
		restore := hideFiles(t, root, s.id)
		w = open(t, root, warehouse.Simulation(s.id))
		for name, query := range queries {
			got := sorted(ask(t, w, query))
			if !reflect.DeepEqual(fromFiles[name], got) || len(got) == 0 && name == views.Table {
				want, given := differing(fromFiles[name], got)
				t.Errorf("%s of %s: files (-), copy (+)\n%.2000s", name, s.id, cmp.Diff(want, given))
			}
		}
		restore()
	}
}

// sorted orders rows by all that they hold.
func sorted(rows []record) []record {
	for _, r := range rows {
		if attempt, ok := r["attempt"]; ok && r["metric"] == nil {
			r["metric"] = attempt // a key that order looks at
		}
	}
	return order(rows)
}

// A row more makes a copy stale by itself, and the next copy replaces it.
func TestCopyOfOtherFilesIsNotUsed(t *testing.T) {
	t.Parallel()
	rows := roll(7, []study{studies[0]})
	root := store(t, rows)
	first := compact(t, root, studies[0].id)
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	if again := compact(t, root, studies[0].id); again != first || !sameFile(t, info, again) {
		t.Errorf("a copy that is as it should be was written again")
	}
	more := rows[0]
	more.VariantID, more.Attempt = "v0999", 1
	write(t, resultFile(root, more), more)
	if got := ask(t, open(t, root, warehouse.Simulation(studies[0].id)), "SELECT COUNT(*) AS n FROM variant_results")[0]["n"]; got != int64(len(rows)+1) {
		t.Errorf("%v rows, want %d", got, len(rows)+1)
	}
	if second := compact(t, root, studies[0].id); second == first {
		t.Error("the copy of other files has the same name")
	}
}

func sameFile(t *testing.T, info fs.FileInfo, path string) bool {
	t.Helper()
	now, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(info, now)
}

// A copy that is torn, damaged, of another simulation or by somebody else is passed over; the files answer.
func TestCopiesAreNotTrustedBlindly(t *testing.T) {
	t.Parallel()
	rows := roll(8, []study{studies[0], studies[4]})
	root := store(t, rows)
	id, want := studies[0].id, 0
	for _, r := range rows {
		if r.SimulationID == id {
			want++
		}
	}
	path, foreign := compact(t, root, id), compact(t, root, studies[4].id)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) []byte {
		data := append([]byte{}, whole...)
		data[at] ^= 1
		return data
	}
	// Under the name of ours, with the digest of what it is, as only a program could forge it.
	forged := strings.SplitN(filepath.Base(path), "-", 2)[0] + "-" + strings.SplitN(filepath.Base(foreign), "-", 2)[1]
	for name, c := range map[string]struct {
		file string
		data []byte
	}{
		"torn": {filepath.Base(path), whole[:len(whole)/2]}, "empty": {filepath.Base(path), nil}, "a bit in the middle": {filepath.Base(path), flipped(len(whole) / 2)},
		"a bit at the end": {filepath.Base(path), flipped(len(whole) - 9)}, "another's": {filepath.Base(path), other}, "another's, forged": {forged, other},
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		bad := filepath.Join(filepath.Dir(path), c.file)
		overwrite(t, bad, c.data)
		if got := ask(t, open(t, root, warehouse.Simulation(id)), "SELECT COUNT(*) AS n FROM variant_results WHERE simulation_id = ?", id)[0]["n"]; got != int64(want) {
			t.Errorf("%s: %v rows, want the %d of the files", name, got, want)
		}
		if c.file != forged {
			if again := compact(t, root, id); again != path {
				t.Errorf("%s: the copy was not written again", name)
			}
		}
		if err := os.Remove(bad); err != nil {
			t.Fatal(err)
		}
	}
}

// Files of two versions are read as they are: a copy of one schema would say something else.
func TestFilesOfTwoVersionsAreNotCopied(t *testing.T) {
	t.Parallel()
	type newer struct {
		model.VariantResult
		Attention *float64 `parquet:"attention,optional"`
	}
	rows := roll(9, []study{studies[2]})
	root := store(t, rows)
	more := rows[0]
	more.VariantID = "v0998"
	write(t, resultFile(root, more), newer{VariantResult: more})
	if err := warehouse.Compact(t.Context(), root, studies[2].id); err != nil {
		t.Fatal(err)
	}
	if found := copies(t, root, studies[2].id); len(found) > 0 {
		t.Errorf("copies %v", found)
	}
	if got := ask(t, open(t, root, warehouse.Simulation(studies[2].id)), "SELECT COUNT(*) AS n FROM variant_results")[0]["n"]; got != int64(len(rows)+1) {
		t.Errorf("%v rows, want %d", got, len(rows)+1)
	}
}

// Compact of what can't be copied says why, and leaves nothing behind.
func TestCompactFails(t *testing.T) {
	t.Parallel()
	rows := roll(10, []study{studies[0]})
	root := store(t, rows)
	overwrite(t, resultFile(root, rows[1]), []byte("PAR1 no PAR1"))
	if err := warehouse.Compact(t.Context(), root, studies[0].id); !errors.Is(err, warehouse.ErrDamaged) || !strings.Contains(err.Error(), "variant_id="+rows[1].VariantID) {
		t.Errorf("a damaged file: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := warehouse.Compact(ended, root, studies[0].id); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := warehouse.Compact(t.Context(), root, "20260701-zzzzzzzzzz"); !errors.Is(err, warehouse.ErrNotFound) {
		t.Errorf("no simulation: %v", err)
	}
	if found := copies(t, root, studies[0].id); len(found) > 0 {
		t.Errorf("left behind: %v", found)
	}
	hidden, err := os.ReadDir(filepath.Join(root, "simulation_id="+studies[0].id, "_compacted"))
	if err != nil || len(hidden) > 0 {
		t.Errorf("left behind: %v, %v", hidden, err)
	}
}

// What goes with a simulation is its copy too; and one that is read meanwhile says so.
func TestRemovedWhileRead(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]bool{"files": false, "copy": true} {
		root := store(t, roll(11, []study{studies[0]}))
		id := studies[0].id
		if copied {
			compact(t, root, id)
		}
		keeper, err := results.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		if err := keeper.WritePlan(t.Context(), &model.Plan{SimulationID: id, SubmittedAt: 1}); err != nil {
			t.Fatal(err)
		}
		w := open(t, root, warehouse.Simulation(id))
		if removed, err := keeper.GC(t.Context(), time.Now(), false); err != nil || len(removed) != 1 {
			t.Fatal(removed, err)
		}
		if _, err := os.Stat(filepath.Join(root, "simulation_id="+id)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something is left: %v", name, err)
		}
		ask(t, w, "SELECT * FROM comparison") // was read at the opening
		if _, err := w.Query(t.Context(), "SELECT * FROM campaign_results"); !errors.Is(err, warehouse.ErrRemoved) {
			t.Errorf("%s: %v, want ErrRemoved", name, err)
		}
		if _, err := warehouse.OpenDuckDB(t.Context(), root, warehouse.Simulation(id)); !errors.Is(err, warehouse.ErrNotFound) {
			t.Errorf("%s: opened again: %v", name, err)
		}
		if _, err := warehouse.Revision(root, id); !errors.Is(err, warehouse.ErrNotFound) {
			t.Errorf("%s: revision: %v", name, err)
		}
	}
}
