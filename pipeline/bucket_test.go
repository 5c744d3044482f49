package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
	"github.com/whatif-machine/whatif/transforms/results"
)

// inBucket is a store in a bucket of a new server.
func inBucket(t *testing.T) (*objecttest.GCS, *results.Store) {
	t.Helper()
	gcs := objecttest.Server(t)
	store, err := results.Open("gs://bucket/results")
	if err != nil {
		t.Fatal(err)
	}
	return gcs, store
}

// wantOneRowEach checks that every variant has one row, and that nobody has the simulation.
func wantOneRowEach(t *testing.T, gcs *objecttest.GCS, store *results.Store, plan *model.Plan) {
	t.Helper()
	rows, err := store.Rows(t.Context(), plan.SimulationID)
	if err != nil || len(rows) != len(plan.Variants) || len(results.CountedOf(rows)) != len(plan.Variants) {
		t.Errorf("%d rows of %d variants, %v", len(rows), len(plan.Variants), err)
	}
	if _, locked := gcs.Get("bucket", "results/"+model.SimulationPath(plan.SimulationID)+"/_lock"); locked {
		t.Error("it is still locked")
	}
}

// TestResultsInABucketEqualThoseOnDisk, also where uploads are torn, answers lost and requests refused, and each
// row is there once.
func TestResultsInABucketEqualThoseOnDisk(t *testing.T) {
	config := writeStudy(t, bids(scaled(12, 100)), "")
	_, want := undisturbed(t, config)
	gcs, store := inBucket(t)
	for n, faults := range [][]objecttest.Fault{
		nil,
		{
			{Op: objecttest.Create, Name: "attempt=1.parquet", Skip: 1, Torn: true, Times: 2},
			{Op: objecttest.Create, Name: "attempt=1.parquet", Skip: 2, LostAnswer: true, Times: 3},
			{Op: objecttest.Create, Name: "_attempts/*", LostAnswer: true},
			{Op: objecttest.Create, Name: "_lock", LostAnswer: true},
			{Op: objecttest.Read, Truncated: true, Times: 2},
			{Op: objecttest.List, Status: 503},
			{Skip: 30, Status: 429, Times: 3},
		},
	} {
		plan := submitTo(t, store, config, n+2)
		before := gcs.Count()
		for _, f := range faults {
			gcs.Break(f)
		}
		if sum := run(t, options(store, plan)); sum.Succeeded != len(plan.Variants) || sum.Processes != 1 {
			t.Errorf("%+v", sum)
		}
		gcs.Heal()
		t.Logf("%d variants took %d requests", len(plan.Variants), gcs.Count()-before)
		wantDigests(t, store, plan, want)
		wantOneRowEach(t, gcs, store, plan)
	}
}

// TestARunKilledWhileItStoresARowInABucketIsResumed: the row it was storing is there, and its answer never came.
func TestARunKilledWhileItStoresARowInABucketIsResumed(t *testing.T) {
	config := writeStudy(t, bids(8), "")
	_, want := undisturbed(t, config)
	for n, lost := range []bool{true, false} {
		gcs, store := inBucket(t)
		plan := submitTo(t, store, config, n+2)
		text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: filepath.Join(t.TempDir(), "pid")})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "supervise", string(text))
		started := make(chan struct{})
		var once sync.Once
		gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "attempt=1.parquet", Skip: 2, LostAnswer: lost, Do: func() {
			<-started
			once.Do(func() {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		}})
		err = cmd.Start()
		close(started)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("it was not killed")
		}
		if sum := run(t, options(store, plan)); sum.Succeeded != len(plan.Variants) || sum.Ran == len(plan.Variants) {
			t.Errorf("resumed: %+v", sum)
		}
		wantDigests(t, store, plan, want)
	}
}

// TestRequestsOfARun: what each variant costs, and what a resumed run that has nothing left to do.
func TestRequestsOfARun(t *testing.T) {
	n := scaled(60, 1000)
	gcs, store := inBucket(t)
	plan := submitTo(t, store, writeStudy(t, bids(n), ""), 2)
	run(t, options(store, plan))
	per := map[objecttest.Op]int{}
	for _, r := range gcs.Requests() {
		per[r.Op]++
	}
	t.Logf("%d variants: %v", n+1, per)
	// A variant: its marker and its row. Leases are replaced four times a minute.
	if creates := per[objecttest.Create]; creates > 2*(n+1)+20+n/10 {
		t.Errorf("%d objects were written for %d variants", creates, n+1)
	}
	if per[objecttest.Read] > n+50 || per[objecttest.List]+per[objecttest.Stat] > 60+n/10 {
		t.Errorf("%s", fmt.Sprint(per))
	}
	before := gcs.Count()
	run(t, options(store, plan))
	again := gcs.Count() - before
	t.Logf("nothing left to do: %d requests", again)
	if again > n+30 {
		t.Errorf("nothing left to do: %d requests", again)
	}
}
