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

// These tests want the program that kills itself: go test -tags killpoints -run Moment ./pipeline

// TestAJobKilledAtEachMoment, a first one and a later one, is gone on with, and comes to the same.
func TestAJobKilledAtEachMoment(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	store, want := undisturbed(t, config)
	n := 1
	for _, moment := range []string{
		"pipeline.job_order_read", "results.started_marked", "pipeline.job_variant_started", "pipeline.job_variant_computed",
		"results.temp_written", "results.linked", "results.folder_synced", "pipeline.job_ended",
		"results.started_marked#3", "pipeline.job_variant_started#3", "pipeline.job_variant_computed#3", "results.temp_written#3", "results.linked#3", "results.folder_synced#3",
	} {
		n++
		plan := submitTo(t, store, config, n)
		o := options(store, plan)
		// Only the first process is told to kill itself.
		first := filepath.Join(t.TempDir(), "first")
		o.Command = []string{"/bin/sh", "-c", `if mkdir "$0" 2>/dev/null; then export WHATIF_KILLPOINT="$1"; fi; exec "$2" run-job`, first, moment, os.Args[0]}
		sum := run(t, o)
		// One that has told its end is not missed.
		if sum.Succeeded != 6 || (sum.Processes == 1) != (moment == "pipeline.job_ended") {
			t.Errorf("%s: %+v", moment, sum)
		}
		wantDigests(t, store, plan, want)
		checkNames(t, store, plan)
	}
}

// TestASupervisorKilledAtEachMoment is resumed, and comes to the same.
func TestASupervisorKilledAtEachMoment(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	store, want := undisturbed(t, config)
	for n, moment := range []string{"results.attempt_taken", "pipeline.process_started", "pipeline.heard_committed", "pipeline.heard_committed#3", "pipeline.round_ended"} {
		plan := submitTo(t, store, config, n+2)
		file := filepath.Join(t.TempDir(), "pid")
		text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: file})
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
		rows, err := store.Rows(t.Context(), plan.SimulationID)
		if err != nil || len(rows) != 6 {
			t.Errorf("%s: %d rows of 6 variants, %v", moment, len(rows), err)
		}
	}
}

// TestAJobElsewhereKilledAtEachMoment, of its supervisor's and of the process that looks after it: one job, one row
// each, whoever has to go on with it.
func TestAJobElsewhereKilledAtEachMoment(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	store, want := undisturbed(t, config)
	for n, moment := range []string{
		"results.attempt_taken", "pipeline.job_recorded", "pipeline.process_started", "pipeline.heard_committed", "pipeline.heard_committed#4",
		"pipeline.job_accounted", "pipeline.round_ended",
		"pipeline.job_order_read", "pipeline.errand_submitting", "pipeline.errand_submitted", "pipeline.errand_looked", "pipeline.errand_looked#2", "pipeline.job_ended",
	} {
		plan := submitTo(t, store, config, n+2)
		c := newCluster(t)
		text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: filepath.Join(t.TempDir(), "pid"), Endpoint: c.url()})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "supervise", string(text))
		once := filepath.Join(t.TempDir(), "once")
		cmd.Env = append(os.Environ(), "WHATIF_KILLPOINT="+moment, "WHATIF_KILLPOINT_ONCE="+once)
		out, err := cmd.CombinedOutput()
		if _, hit := os.Stat(once); hit != nil {
			t.Fatalf("%s was not passed: %v, %s", moment, err, out)
		}
		o, _ := c.options(store, plan)
		o.Simulator = paced
		if sum := run(t, o); sum.Succeeded != 6 {
			t.Errorf("%s: %+v", moment, sum)
		}
		wantDigests(t, store, plan, want)
		if rows, err := store.Rows(t.Context(), plan.SimulationID); err != nil || len(rows) != 6 {
			t.Errorf("%s: %d rows of 6 variants, %v", moment, len(rows), err)
		}
		open, err := store.OpenJobs(t.Context(), plan.SimulationID)
		if jobs := c.all(); len(jobs) != 1 || len(open) != 0 || err != nil {
			t.Errorf("%s: %d jobs; open on record: %v, %v", moment, len(jobs), open, err)
		}
	}
}

// TestACancelledJobKilledAtEachMoment of the way to its end is not taken for somebody else's doing.
func TestACancelledJobKilledAtEachMoment(t *testing.T) {
	config := writeStudy(t, []string{"1", "1.000005"}, "execution: {variant_timeout: 1h}\n") // the last would take an hour
	store, _ := submit(t, config)
	for n, moment := range []string{"pipeline.cancel_recorded", "pipeline.errand_cancelled", "pipeline.job_accounted", "pipeline.round_ended"} {
		plan := submitTo(t, store, config, n+2)
		c := newCluster(t)
		text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: faulty, PidFile: filepath.Join(t.TempDir(), "pid"), Endpoint: c.url(), CancelAt: 2})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "supervise", string(text))
		once := filepath.Join(t.TempDir(), "once")
		cmd.Env = append(os.Environ(), "WHATIF_KILLPOINT="+moment, "WHATIF_KILLPOINT_ONCE="+once)
		out, err := cmd.CombinedOutput()
		if _, hit := os.Stat(once); hit != nil {
			t.Fatalf("%s was not passed: %v, %s", moment, err, out)
		}
		o, _ := c.options(store, plan)
		o.Simulator = harmless
		if sum := run(t, o); sum.Succeeded != 3 {
			t.Errorf("%s: %+v", moment, sum)
		}
		if jobs := c.all(); len(jobs) != 2 {
			t.Errorf("%s: %d jobs", moment, len(jobs))
		}
	}
}
