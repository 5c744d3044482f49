package api

import (
	"testing"

	"github.com/whatif-machine/whatif/launcher/store"
)

// TestWhatIsUnderWayIsNamedByTheState: of a paused simulation nothing runs.
func TestWhatIsUnderWayIsNamedByTheState(t *testing.T) {
	for state, want := range map[store.State]string{
		store.Running: "41 of 217 variants succeeded; 3 failed: timed_out; 2 running; 171 to come",
		store.Paused:  "41 of 217 variants succeeded; 3 failed: timed_out; 2 interrupted; 171 to come",
	} {
		sim := store.Simulation{State: state, Variants: 217, Counts: store.Counts{Succeeded: 41, Failed: 3, Running: 2, Pending: 171}}
		if got := standing(sim, " variants succeeded", map[string]int{"timed_out": 3}); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}
