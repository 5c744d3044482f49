package queue

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/transforms/results"
)

// wantOnce checks that a simulation has succeeded with each variant in one end state, the results of an
// undisturbed run, and one row of each variant that counts.
func (r *room) wantOnce(t *testing.T, id string, want map[string]string) {
	t.Helper()
	sim := r.awaitState(t, id, store.Succeeded)
	if sim.Counts != (store.Counts{Succeeded: len(want)}) {
		t.Errorf("counts %+v, want %d succeeded", sim.Counts, len(want))
	}
	for variant, v := range r.variants(t, id) {
		if v.State != store.VariantSucceeded {
			t.Errorf("variant %s: %+v", variant, v)
		}
	}
	r.wantDigests(t, id, want)
}

// TestAKilledJobDoesNoHarm kills the job's process at random moments, over and over.
func TestAKilledJobDoesNoHarm(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(20), "")
	want := r.undisturbed(t, config)
	file := filepath.Join(t.TempDir(), "pid")
	r.run(t, func(o *Options) { o.Simulator, o.Command = paced, withPid(file) })
	for range scaled(2, 30) {
		sim := r.submitStudy(t, config)
		killed := 0
		for _, moment := range []int{rand.IntN(8), 8 + rand.IntN(8)} {
			r.await(t, sim.ID, "far enough", func(s store.Simulation) bool { return s.Counts.Succeeded >= moment && s.Counts.Running > 0 })
			if pid := pidIn(t, file); pid != killed && !gone(pid) {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
					t.Fatal(err)
				}
				killed = pid
			}
		}
		r.wantOnce(t, sim.ID, want)
	}
}

// launcher is the test binary as a launcher of the room.
func (r *room) launcher(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(launcher{r.path, r.results.URI(), name, paced})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "run-queue", string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestAKilledLauncherIsGoneOnWith kills the launcher itself at random moments: the next of its name takes up
// what it left, at once.
func TestAKilledLauncherIsGoneOnWith(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(20), "")
	want := r.undisturbed(t, config)
	for range scaled(2, 50) {
		ids := []string{r.submitStudy(t, config).ID, r.submitStudy(t, config).ID}
		r.close(t)
		cmd := r.launcher(t, "first")
		stdin, err := cmd.StdinPipe() // it stops when this ends
		if err := errors.Join(err, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		r.use(t, store.OpenShared)
		moment := rand.IntN(20)
		r.await(t, ids[rand.IntN(2)], "far enough", func(s store.Simulation) bool { return s.Counts.Succeeded >= moment })
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = cmd.Wait(), stdin.Close() // killed, as wanted
		r.close(t)
		r.open(t)
		began := time.Now()
		q := r.run(t, func(o *Options) { o.Simulator = paced })
		for _, id := range ids {
			r.wantOnce(t, id, want)
		}
		t.Logf("killed at %d of %d: all done %s after the restart", moment, len(want), time.Since(began))
		stop(t, q)
	}
}

// TestACrashBetweenCommitAndRecordIsReconciled: every row is there, the store has heard of none.
func TestACrashBetweenCommitAndRecordIsReconciled(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(6), "")
	want := r.undisturbed(t, config)
	q := r.queue(t, nil)
	f := cut(q)
	f.deaf.Store(true)
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	sim := r.submitStudy(t, config)
	r.until(t, func() bool { return len(r.rows(t, sim.ID)) == len(want) }, func() string { return "not every variant has a row" })
	f.away.Store(true) // it dies: nothing it does is heard of any more
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if got := r.await(t, sim.ID, "left behind", func(store.Simulation) bool { return true }); got.State != store.Running || got.Counts.Pending != len(want) {
		t.Fatalf("the dead launcher left %s with %+v", got.State, got.Counts)
	}
	next := r.run(t, nil)
	r.wantOnce(t, sim.ID, want)
	if got := len(r.rows(t, sim.ID)); got != len(want) {
		t.Errorf("%d rows of %d variants: something was run again", got, len(want))
	}
	if s := next.Stats(); s.TakeOvers != 1 || s.Decisions != 0 {
		t.Errorf("stats %+v, want one take-over and nothing computed", s)
	}
}

func (r *room) rows(t *testing.T, id string) []results.Row {
	t.Helper()
	rows, err := r.results.Rows(t.Context(), id)
	if err != nil {
		// The plan's folder is not there before the plan.
		if _, missing := os.Stat(filepath.Join(r.results.URI(), "simulation_id="+id)); os.IsNotExist(missing) {
			return nil
		}
		t.Fatal(err)
	}
	return rows
}

// TestALateRowOfAStoppedLauncherCounts: its job committed a variant while the next launcher was already at a
// later attempt, and then that one died too.
func TestALateRowOfAStoppedLauncherCounts(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(1), "")
	want := r.undisturbed(t, config)
	sub := r.submission(t, config)
	sim := r.submit(t, sub)
	claimed, err := r.store.Claim(t.Context(), "second", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Begin(t.Context(), claimed.Lease, []string{"baseline", "v0001"}); err != nil {
		t.Fatal(err)
	}
	err = r.store.Record(t.Context(), claimed.Lease, []store.VariantChange{{VariantID: "baseline", State: store.VariantRunning, Attempt: 5}})
	if err != nil {
		t.Fatal(err)
	}
	r.commitCopy(t, r.runAlone(t, config), sim.ID, "baseline", 3)
	if _, err := r.store.Surrender(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	r.wantOnce(t, sim.ID, want)
	if counted, err := r.results.Counted(t.Context(), sim.ID); err != nil || counted["baseline"].Attempt != 3 || len(r.rows(t, sim.ID)) != 2 {
		t.Errorf("rows that count %+v, %v; want attempt 3 of the baseline, and nothing of it run again", counted, err)
	}
}

// commitCopy commits the row that one simulation has of a variant as another's own.
func (r *room) commitCopy(t *testing.T, from, to, variant string, attempt int64) {
	t.Helper()
	counted, err := r.results.Counted(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.results.Read(t.Context(), from, variant, counted[variant].Attempt)
	if err != nil {
		t.Fatal(err)
	}
	row.SimulationID, row.Attempt = to, attempt
	if _, err := r.results.Commit(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}
