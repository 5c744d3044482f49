//go:build killpoints

package queue

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/whatif-machine/whatif/launcher/store"
)

// These tests want the program that kills itself: go test -tags killpoints -run Moment ./launcher/queue

// TestALauncherKilledAtEachMoment is followed by another, and the simulation comes to the same.
func TestALauncherKilledAtEachMoment(t *testing.T) {
	r := newRoom(t)
	config := writeStudy(t, bids(12), "")
	want := r.undisturbed(t, config)
	for _, moment := range []string{
		"queue.claimed", "queue.plan_written", "queue.begun", "queue.reconciled", "queue.before_record", "queue.before_record#3",
		"queue.recorded", "queue.recorded#3", "queue.before_finish", "queue.finished", "queue.released",
	} {
		id := r.submitStudy(t, config).ID
		r.close(t)
		cmd := r.launcher(t, "first")
		cmd.Env = append(os.Environ(), "WHATIF_KILLPOINT="+moment)
		stdin, err := cmd.StdinPipe()
		if err := errors.Join(err, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		if moment == "queue.released" {
			r.use(t, store.OpenShared)
			r.await(t, id, "on its way", func(s store.Simulation) bool { return s.Counts.Succeeded > 2 })
			if err := stdin.Close(); err != nil { // it stops
				t.Fatal(err)
			}
		}
		ended, ok := errors.AsType[*exec.ExitError](cmd.Wait())
		if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%s: %v", moment, ended)
		}
		if moment == "queue.released" {
			r.close(t)
		}
		r.open(t)
		q := r.run(t, func(o *Options) { o.Simulator = paced })
		r.wantOnce(t, id, want)
		stop(t, q)
	}
}
