package api

import (
	"net/http"
	"testing"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestRepeatAfterDelete: who repeats a submission that was deleted is told so, and gets no other simulation for it; with another
// body the key stays taken.
func TestRepeatAfterDelete(t *testing.T) {
	f := newFixture(t, nil)
	post := ask{method: "POST", path: "/v1/simulations", as: "alice", body: study, header: map[string]string{"Idempotency-Key": "k"}}
	var sim wire.Simulation
	f.into(&sim, http.StatusAccepted, post)
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":cancel", as: "alice"})
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	f.refused(gone, post)
	other := post
	other.body = study + "\nseed: 7\n"
	f.refused(keyReused, other)
	var list wire.SimulationList
	f.into(&list, http.StatusOK, ask{method: "GET", path: "/v1/simulations", as: "alice"})
	if len(list.Simulations) != 0 {
		t.Errorf("there are %+v", list.Simulations)
	}
}
