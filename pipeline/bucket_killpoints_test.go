//go:build killpoints

package pipeline

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAJobKilledAtEachMomentOfABucket is gone on with, and comes to the same.
func TestAJobKilledAtEachMomentOfABucket(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	_, want := undisturbed(t, config)
	gcs, store := inBucket(t)
	for n, moment := range []string{"objects.create", "objects.create#2", "objects.created", "objects.created#2", "objects.create#5", "objects.created#6"} {
		plan := submitTo(t, store, config, n+2)
		o := options(store, plan)
		first := filepath.Join(t.TempDir(), "first") // only the first process is told to kill itself
		o.Command = []string{"/bin/sh", "-c", `if mkdir "$0" 2>/dev/null; then export WHATIF_KILLPOINT="$1"; fi; exec "$2" run-job`, first, moment, os.Args[0]}
		if sum := run(t, o); sum.Succeeded != 6 || sum.Processes < 2 {
			t.Errorf("%s: %+v", moment, sum)
		}
		wantDigests(t, store, plan, want)
		wantOneRowEach(t, gcs, store, plan)
	}
}

// TestASupervisorKilledAtEachMomentOfABucket is resumed at once, and comes to the same.
func TestASupervisorKilledAtEachMomentOfABucket(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	_, want := undisturbed(t, config)
	gcs, store := inBucket(t)
	for n, moment := range []string{"objects.replaced", "results.leased", "objects.created", "results.attempt_taken", "pipeline.heard_committed", "pipeline.round_ended", "objects.deleted"} {
		plan := submitTo(t, store, config, n+2)
		text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: filepath.Join(t.TempDir(), "pid")})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "supervise", string(text))
		cmd.Env = append(os.Environ(), "WHATIF_KILLPOINT="+moment)
		err = cmd.Run()
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%s: %v", moment, err)
		}
		if sum := run(t, options(store, plan)); sum.Succeeded != 6 {
			t.Errorf("%s: %+v", moment, sum)
		}
		wantDigests(t, store, plan, want)
		wantOneRowEach(t, gcs, store, plan)
	}
}
