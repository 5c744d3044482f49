//go:build killpoints

package loading_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// These tests want the program that kills itself: go test -tags killpoints -run Moment ./launcher/loading

// TestALoaderKilledAtEachMoment is followed by another, and the table has each row once.
func TestALoaderKilledAtEachMoment(t *testing.T) {
	for _, moment := range []string{
		"loads.staged", "loads.marked", "loads.marked#2", "loads.round_made", "loads.before_job", "loads.job_made", "loads.job_done", "loads.settled",
		"loads.generation_made", "loads.before_job#2", "loads.job_made#2",
	} {
		t.Run(moment, func(t *testing.T) {
			places(t, func(t *testing.T, c *cloud) {
				c.run(simulation, 1, "baseline", "v0001", "v0002")
				c.run(other, 1, "baseline")
				c.tear("simulation_id=" + simulation + "/variant_id=v0002/attempt=1.parquet") // so that there is a second generation
				cmd := exec.CommandContext(t.Context(), os.Args[0], loadCommand, c.results, c.target.Staging, c.target.Endpoint)
				cmd.Env = append(os.Environ(), "WHATIF_KILLPOINT="+moment)
				out, err := cmd.CombinedOutput()
				ended, ok := errors.AsType[*exec.ExitError](err)
				if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("%v: %s", err, out)
				}
				c.run(simulation, 2, "v0002") // somebody repairs it meanwhile
				if _, err := c.load(simulation, other); err != nil {
					t.Fatal(err)
				}
				c.wantRows(simulation, "baseline/1", "v0001/1", "v0002/2")
				c.wantRows(other, "baseline/1")
			})
		})
	}
}
