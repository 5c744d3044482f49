package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// limited is a job's command in which no file can grow beyond so many blocks of 512 bytes or 1 KiB:
// to a job that is a full disk.
func limited(blocks string) []string {
	return []string{"/bin/sh", "-c", `trap "" XFSZ; ulimit -f "$0" && exec "$1" run-job`, blocks, os.Args[0]}
}

// TestAFullDisk lets some variants be committed, then has every write fail: the run says why and what
// to do, leaves no part of a file under a final name and nothing it had committed is lost. With room
// again it goes on.
func TestAFullDisk(t *testing.T) {
	config := writeStudy(t, bids(10), "")
	store, want := undisturbed(t, config)
	plan := submitTo(t, store, config, 2)
	before := interrupted(t, store, plan, 3)
	o := options(store, plan)
	o.Command = limited("8")
	_, err := Run(t.Context(), o)
	if err == nil || model.FaultOf(err).Reason != string(model.Storage) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("%v: want a storage fault and what to do", err)
	}
	wantDigests(t, store, plan, before)
	checkNames(t, store, plan)
	checkMarkers(t, store, plan)
	run(t, options(store, plan))
	wantDigests(t, store, plan, want)
}

// interrupted runs a simulation until so many variants have succeeded, and returns their digests.
func interrupted(t *testing.T, store *results.Store, plan *model.Plan, after int) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(store, plan)
	o.Simulator = paced
	o.Progress = func(p Progress) {
		if p.Succeeded >= after {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return digests(t, store, plan)
}

// checkMarkers checks that nothing is held against a variant: each attempt that began has its row.
func checkMarkers(t *testing.T, store *results.Store, plan *model.Plan) {
	t.Helper()
	started, err := store.Started(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	for id, attempts := range started {
		for _, n := range attempts {
			if _, ok, err := store.Outcome(t.Context(), plan.SimulationID, id, n); err != nil || !ok {
				t.Errorf("attempt %d at %s is marked and has no row, %v", n, id, err)
			}
		}
	}
}

// TestRowsThatNobodyToldOfCount: a job that could not tell of its rows, whose variants succeeded or
// failed before they were marked, is taken at what it stored, and nothing is computed again.
func TestRowsThatNobodyToldOfCount(t *testing.T) {
	config := writeStudy(t, bids(3), "")
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Command = []string{os.Args[0], "run-muted-job"}
	if sum := run(t, o); sum.Succeeded != 4 || sum.Ran != 4 || sum.Processes != 1 {
		t.Errorf("%+v", sum)
	}
	// The same size and time, other bytes: only the job itself sees that.
	file := plan.Inventory[0].URI
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again := submitTo(t, store, config, 2)
	data[len(data)/2] ^= 1
	if err := errors.Join(os.WriteFile(file, data, 0o666), os.Chtimes(file, time.Time{}, before.ModTime())); err != nil {
		t.Fatal(err)
	}
	o = options(store, again)
	o.Command = []string{os.Args[0], "run-muted-job"}
	if sum := run(t, o); sum.Failed != 4 || sum.Reasons[model.InputChanged] != 4 || sum.Processes != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestACrashThatNobodyToldOfHasItsTime: the job dies before it says which variant it has begun.
func TestACrashThatNobodyToldOfHasItsTime(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"1.000004"}, "execution: {retries: 0}\n"))
	o := options(store, plan)
	o.Command, o.Simulator, o.Parallelism = []string{os.Args[0], "run-muted-job"}, faulty, 1
	begin := time.Now().UnixMicro()
	if sum := run(t, o); sum.Succeeded != 1 || sum.Reasons[model.Crashed] != 1 {
		t.Errorf("%+v", sum)
	}
	counted, err := store.Counted(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	row, err := store.Read(t.Context(), plan.SimulationID, "v0001", counted["v0001"].Attempt)
	if err != nil {
		t.Fatal(err)
	}
	if row.StartedAt != row.FinishedAt || row.StartedAt < begin {
		t.Errorf("it ran from %d to %d", row.StartedAt, row.FinishedAt)
	}
}

// checkNames checks that a simulation holds nothing but whole rows, markers, its plan and its lock.
func checkNames(t *testing.T, store *results.Store, plan *model.Plan) {
	t.Helper()
	root := store.Path(model.SimulationPath(plan.SimulationID))
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(filepath.Dir(path)) == "_started" || filepath.Base(filepath.Dir(path)) == "_attempts" {
			return err
		}
		if name := e.Name(); name == "_plan.json" || name == "_lock" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = results.Decode(data)
		return err
	})
	if err != nil {
		t.Errorf("%v", err)
	}
}

// TestAResultsFolderThatCannotBeMade: a file stands where the folder would be.
func TestAResultsFolderThatCannotBeMade(t *testing.T) {
	config := writeStudy(t, bids(1), "")
	study, err := Prepare(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	occupied := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(occupied, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	store, err := results.Open(occupied)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Submit(t.Context(), store, study, noon, "20260701-aaaaaaaaaa")
	if err == nil || model.FaultOf(err).Reason != string(model.Storage) || !strings.Contains(err.Error(), occupied) {
		t.Errorf("%v", err)
	}
}

// TestADamagedRowStopsAResume: it is named, and computed again once it is out of the way.
func TestADamagedRowStopsAResume(t *testing.T) {
	config := writeStudy(t, bids(4), "")
	store, plan := submit(t, config)
	run(t, options(store, plan))
	want := digests(t, store, plan)
	path := store.Path(model.ResultPath(plan.SimulationID, "v0002", 1))
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), options(store, plan)); !errors.Is(err, results.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if sum := run(t, options(store, plan)); sum.Ran != 1 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
}
