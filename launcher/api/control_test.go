package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

func TestCancelPauseResume(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	f.refused(wrongState, ask{method: "POST", path: sim.Links.Self + ":pause", as: "submitter"})
	f.refused(wrongState, ask{method: "POST", path: sim.Links.Self + ":resume", as: "submitter"})
	f.refused(wrongState, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	var now wire.Simulation
	for range 2 { // cancelling a cancelled one changes nothing
		f.into(&now, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":cancel", as: "submitter"})
		if now.State != "cancelled" || now.FinishedAt == nil {
			t.Errorf("cancelled: %+v", now)
		}
	}
	running, _ := f.claimed("alice")
	f.into(&now, http.StatusOK, ask{method: "POST", path: running.Links.Self + ":cancel", as: "submitter"})
	if now.State != "running" || now.Wanted != "cancel" || now.Waiting != "is being cancelled" {
		t.Errorf("a running one is asked to: %+v", now)
	}
}

func TestRetry(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	path := sim.Links.Self + ":retry"
	f.refused(notFound, ask{method: "POST", path: path, as: "submitter", body: `{"variants":["v0099"]}`})
	f.refused(wrongState, ask{method: "POST", path: path, as: "submitter", body: `{"variants":["v0001"]}`})
	f.refused(invalidRequest, ask{method: "POST", path: path, as: "submitter", body: `{"variant":["v0002"]}`})
	var now wire.Simulation
	f.into(&now, http.StatusOK, ask{method: "POST", path: path, as: "submitter", body: `{"variants":["v0002","v0002"]}`})
	if now.State != "queued" || now.Counts.Pending != 1 || now.Counts.Succeeded != 3 || now.Links != sim.Links {
		t.Errorf("retried: %+v", now)
	}
	other := f.submitted("alice")
	f.into(nil, http.StatusOK, ask{method: "POST", path: other.Links.Self + ":cancel", as: "submitter"})
	f.into(&now, http.StatusOK, ask{method: "POST", path: other.Links.Self + ":retry", as: "submitter"}) // no body: all
	if now.State != "queued" {
		t.Errorf("retried after a cancel: %+v", now)
	}
}

// TestDeleteRemovesResults: the id answers that it is gone, everywhere.
func TestDeleteRemovesResults(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	plan, err := f.api.server.makePlan(t.Context(), mustFind(t, f, sim.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.results.WritePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	list, err := f.results.Simulations(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("results are left: %v %v", list, err)
	}
	if left, err := f.store.Deleted(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("not reported removed: %v %v", left, err)
	}
	for _, path := range []string{"", "/variants", "/variants/v0001", "/comparison", "/events", "/notes", "/report"} {
		f.refused(gone, ask{method: "GET", path: sim.Links.Self + path, as: "alice"})
	}
	for _, verb := range []string{":retry", ":cancel", ":pause", ":resume"} {
		f.refused(gone, ask{method: "POST", path: sim.Links.Self + verb, as: "alice"})
	}
	f.refused(gone, ask{method: "DELETE", path: sim.Links.Self, as: "alice"})
	f.refused(notFound, ask{method: "GET", path: sim.Links.Self, as: "bob"}) // of another tenant it never was
}

func mustFind(t *testing.T, f *fixture, id string) store.Simulation {
	t.Helper()
	sim, err := f.store.Simulation(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// TestVariantsBeforeAndAfterTheyBegin: the same list, from the plan and then from the store.
func TestVariantsBeforeAndAfterTheyBegin(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	ids := func(query string) (all []string) {
		token := ""
		for {
			var page wire.VariantList
			f.into(&page, http.StatusOK, ask{method: "GET", path: sim.Links.Variants + "?page_size=3&page_token=" + token + query, as: "reader"})
			for _, v := range page.Variants {
				all = append(all, v.ID+" "+v.State+" "+string(v.Parameters))
			}
			if token = page.NextPageToken; token == "" {
				return all
			}
		}
	}
	want := []string{"baseline pending {}", `v0001 pending {"bid":0.5}`, `v0002 pending {"bid":1.5}`, `v0003 pending {"bid":2}`}
	if got := ids(""); !slices.Equal(got, want) {
		t.Errorf("before: %q, want %q", got, want)
	}
	if got := ids("&status=running"); got != nil {
		t.Errorf("running before anything was begun: %q", got)
	}
	f.refused(invalidRequest, ask{method: "GET", path: sim.Links.Variants + "?page_token=plan.99", as: "reader"})
	got, err := f.store.Claim(t.Context(), "elsewhere", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Begin(t.Context(), got.Lease, []string{"baseline", "v0001", "v0002", "v0003"}); err != nil {
		t.Fatal(err)
	}
	if got := ids(""); !slices.Equal(got, want) {
		t.Errorf("after: %q, want %q", got, want)
	}
	f.record(got.Lease, "v0002", store.VariantSucceeded, "")
	if got := ids("&status=succeeded"); !slices.Equal(got, []string{`v0002 succeeded {"bid":1.5}`}) {
		t.Errorf("succeeded: %q", got)
	}
}

// TestAttemptsOfAVariant: each row that an attempt left, and which counts.
func TestAttemptsOfAVariant(t *testing.T) {
	f := newFixture(t, nil)
	sim, lease := f.claimed("alice")
	now := time.Now()
	for i, state := range []store.VariantState{store.VariantFailed, store.VariantSucceeded} {
		n, err := f.store.NextAttempt(t.Context(), lease, 0)
		if err != nil || n != int64(i+1) {
			t.Fatalf("attempt %d: %v", n, err)
		}
		changes := []store.VariantChange{{VariantID: "v0001", State: store.VariantRunning, Attempt: n, At: now}}
		if state == store.VariantFailed { // and will be tried again
			changes = append(changes, store.VariantChange{VariantID: "v0001", State: store.VariantRunning, Attempt: n, Reason: "timed_out", NextRetry: now, At: now})
		} else {
			changes = append(changes, store.VariantChange{VariantID: "v0001", State: state, Attempt: n, At: now})
		}
		if err := f.store.Record(t.Context(), lease, changes); err != nil {
			t.Fatal(err)
		}
		row := &model.VariantResult{
			SchemaVersion: model.SchemaVersion, SimulationID: sim.ID, VariantID: "v0001", Attempt: int64(i + 1), SimulationName: "caps", Tenant: "acme",
			Status: model.StatusSucceeded, StartedAt: 1_000_000, FinishedAt: 3_000_000, EngineVersion: model.EngineVersion, Currency: "USD",
		}
		if state == store.VariantFailed {
			row.Status, row.Error = model.StatusFailed, &model.Fault{Reason: "timed_out", Message: "took more than 2h", Retryable: true}
		}
		row.SampledShare = 1
		row.Seal()
		if _, err := f.results.Commit(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	var v wire.Variant
	f.into(&v, http.StatusOK, ask{method: "GET", path: sim.Links.Variants + "/v0001", as: "reader"})
	if v.State != "succeeded" || v.Attempt != 2 || len(v.Attempts) != 2 {
		t.Fatalf("%+v", v)
	}
	failed, counts := v.Attempts[0], v.Attempts[1]
	if failed.Number != 1 || failed.Counts || failed.Reason != "timed_out" || failed.Message != "took more than 2h" || !failed.Retryable {
		t.Errorf("first attempt: %+v", failed)
	}
	if counts.Number != 2 || !counts.Counts || counts.Status != "succeeded" || len(counts.ResultSHA256) != 64 || counts.FinishedAt.Unix() != 3 {
		t.Errorf("second attempt: %+v", counts)
	}
	f.refused(notFound, ask{method: "GET", path: sim.Links.Variants + "/v0009", as: "reader"})
	f.refused(notFound, ask{method: "GET", path: sim.Links.Variants + "/" + strings.Repeat("v", 50), as: "reader"})
}

// TestRetryOfNone: a list without a variant is a mistake, not all of them.
func TestRetryOfNone(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	e := f.refused(invalidRequest, ask{method: "POST", path: sim.Links.Self + ":retry", as: "alice", body: `{"variants":[]}`})
	if len(e.Errors) != 1 || e.Errors[0].Path != "variants" {
		t.Errorf("%+v", e.Errors)
	}
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":retry", as: "alice", body: `{}`})
}

// TestWrongStateInWords: the state and what would have been right, and nothing between them.
func TestWrongStateInWords(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	e := f.refused(wrongState, ask{method: "POST", path: sim.Links.Self + ":pause", as: "alice"})
	if strings.Contains(e.Detail, store.ErrWrongState.Error()) || !strings.Contains(e.Detail, sim.ID+" is partially_failed: ") {
		t.Errorf("%s", e.Detail)
	}
}
