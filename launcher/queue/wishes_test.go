package queue

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// withPid is a job's command that writes its process id to a file first.
func withPid(file string) []string {
	return []string{"/bin/sh", "-c", `echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$1" run-job`, file, os.Args[0]}
}

// pidIn is the process id in a file, or 0 if there is none yet.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// gone reports whether a process is no more.
func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// wishLimit is how long a wish may take to be done, whatever the variants are doing.
const wishLimit = 2 * time.Second

// TestWishesActAtOnce pauses, resumes and cancels a simulation with a variant that ignores its context.
func TestWishesActAtOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	file := filepath.Join(t.TempDir(), "pid")
	r.run(t, func(o *Options) { o.Simulator, o.Command = faulty, withPid(file) })
	sim := r.submitStudy(t, writeStudy(t, []string{"1.0", faultyBid(bidLoop), "1.1"}, ""))
	stuck := func(s store.Simulation) bool { return s.Counts == store.Counts{Succeeded: 3, Running: 1} }
	r.await(t, sim.ID, "stuck", stuck)

	began := time.Now()
	if _, err := r.store.Pause(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, sim.ID, store.Paused)
	if took := time.Since(began); took > wishLimit {
		t.Errorf("the pause took %s", took)
	} else {
		t.Logf("the pause took %s", took)
	}
	if pid := pidIn(t, file); !gone(pid) {
		t.Errorf("process %d goes on after the pause", pid)
	}

	if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.await(t, sim.ID, "stuck again", func(s store.Simulation) bool {
		return stuck(s) && s.State == store.Running && r.variants(t, sim.ID)["v0002"].Tries == 2
	})
	began = time.Now()
	if _, err := r.store.Cancel(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	end := r.awaitState(t, sim.ID, store.Cancelled)
	if took := time.Since(began); took > wishLimit {
		t.Errorf("the cancel took %s", took)
	} else {
		t.Logf("the cancel took %s", took)
	}
	if end.Counts != (store.Counts{Succeeded: 3, Cancelled: 1}) {
		t.Errorf("counts %+v", end.Counts)
	}
	for id, v := range r.variants(t, sim.ID) {
		if tries := map[string]int{"v0002": 2}[id]; v.Tries != max(1, tries) {
			t.Errorf("variant %s has had %d tries", id, v.Tries)
		}
	}
	r.until(t, func() bool { return gone(pidIn(t, file)) }, func() string { return "the job's process goes on after the cancel" })
}

// TestAWishOfAnEarlierLauncherIsDone: it was asked of one that died before it could do it.
func TestAWishOfAnEarlierLauncherIsDone(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := newRoomAt(t, clock.now)
	sim := r.submitStudy(t, writeStudy(t, bids(2), ""))
	if _, err := r.store.Claim(t.Context(), "dead", time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Cancel(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	clock.forward(2 * time.Minute)
	q := r.run(t, nil)
	if end := r.awaitState(t, sim.ID, store.Cancelled); end.Counts != (store.Counts{Cancelled: 3}) {
		t.Errorf("counts %+v", end.Counts)
	}
	if s := q.Stats(); s.TakeOvers != 1 {
		t.Errorf("stats %+v, want one take-over", s)
	}
}

// TestAPauseKeepsWhatIsDone: over pauses at several moments the results are those of an undisturbed run.
func TestAPauseKeepsWhatIsDone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(48), "")
	want := r.undisturbed(t, config)
	r.run(t, func(o *Options) { o.Simulator = paced })
	sim := r.submitStudy(t, config)
	done := 0
	for _, moment := range []int{3, 11, 18} {
		r.await(t, sim.ID, "far enough", func(s store.Simulation) bool { return s.Counts.Succeeded >= moment })
		if _, err := r.store.Pause(t.Context(), tenant0, sim.ID, "a test"); err != nil {
			t.Fatal(err)
		}
		paused := r.awaitState(t, sim.ID, store.Paused)
		if paused.Counts.Succeeded < max(done, moment) {
			t.Errorf("paused with %+v, after %d were done", paused.Counts, done)
		}
		done = paused.Counts.Succeeded
		if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
			t.Fatal(err)
		}
	}
	end := r.awaitState(t, sim.ID, store.Succeeded)
	if end.Progress.Decisions < int64(len(want)*slots) {
		t.Errorf("%d decisions over all runs, want at least those of each variant once", end.Progress.Decisions)
	}
	r.wantDigests(t, sim.ID, want)
	rows, err := r.results.Rows(t.Context(), sim.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows for %d variants: something finished was run again", len(rows), len(want))
	}
}
