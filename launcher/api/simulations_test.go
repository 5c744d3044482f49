package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func TestSubmitAndShow(t *testing.T) {
	f := newFixture(t, nil)
	var sim wire.Simulation
	r := f.into(&sim, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations?priority=7", as: "alice", body: study})
	if r.header.Get("Location") != "/v1/simulations/"+sim.ID || sim.Links.Self != r.header.Get("Location") {
		t.Errorf("location %q, links %+v", r.header.Get("Location"), sim.Links)
	}
	want := wire.Counts{Pending: 4}
	if sim.State != "queued" || sim.Variants != 4 || sim.Counts != want || sim.Priority != 7 || sim.Slots != 5000 || sim.Campaigns != 1 ||
		sim.SubmittedBy != "alice" || sim.Owner != "science" || sim.Labels["quarter"] != "q3" {
		t.Errorf("accepted as %+v", sim)
	}
	var shown wire.Simulation
	f.into(&shown, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "reader"})
	if !strings.HasPrefix(shown.Waiting, "queued, number 1 of this tenant") {
		t.Errorf("waiting: %q", shown.Waiting)
	}
	if shown.Summary != "4 variants to come" {
		t.Errorf("summary: %q", shown.Summary)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	f := newFixture(t, nil)
	var ids []string
	for range 3 {
		ids = append(ids, f.submitted("alice").ID)
	}
	other := strings.NewReplacer("quarter: q3", "quarter: q4", "science", "sales").Replace(study)
	f.into(nil, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations", as: "alice", body: other})
	var seen []string
	token := ""
	for {
		var page wire.SimulationList
		f.into(&page, http.StatusOK, ask{method: "GET", path: "/v1/simulations?label.quarter=q3&page_size=2&page_token=" + token, as: "reader"})
		for _, sim := range page.Simulations {
			seen = append(seen, sim.ID)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if len(seen) != 3 || seen[0] != ids[2] || seen[2] != ids[0] {
		t.Errorf("listed %v, submitted %v", seen, ids)
	}
	for query, want := range map[string]int{"owner=sales": 1, "owner=nobody": 0, "state=queued": 4, "state=running": 0} {
		var page wire.SimulationList
		f.into(&page, http.StatusOK, ask{method: "GET", path: "/v1/simulations?" + query, as: "reader"})
		if len(page.Simulations) != want {
			t.Errorf("%s: %d, want %d", query, len(page.Simulations), want)
		}
	}
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/simulations?page_token=nonsense", as: "reader"})
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/simulations?state=asleep", as: "reader"})
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/simulations?page_size=0", as: "reader"})
	f.refused(invalidRequest, ask{method: "GET", path: "/v1/simulations?label.a=1&label.a=2", as: "reader"})
	if e := f.refused(invalidRequest, ask{method: "GET", path: "/v1/simulations?ovner=x", as: "reader"}); len(e.Errors) != 1 || e.Errors[0].Path != "ovner" {
		t.Errorf("misspelt parameter: %+v", e.Errors)
	}
}

func TestFinishedSimulationInWords(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.finished("alice")
	var shown wire.Simulation
	f.into(&shown, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "reader"})
	if shown.State != "partially_failed" || shown.Summary != "3 of 4 variants succeeded; 1 failed: timed_out" || shown.Waiting != "" {
		t.Errorf("shown as %s, %q, waiting %q", shown.State, shown.Summary, shown.Waiting)
	}
	if shown.Progress == nil || shown.Progress.Fraction != 1 {
		t.Errorf("progress %+v", shown.Progress)
	}
	var list wire.VariantList
	f.into(&list, http.StatusOK, ask{method: "GET", path: sim.Links.Variants + "?status=failed", as: "reader"})
	if len(list.Variants) != 1 || list.Variants[0].ID != "v0002" || list.Variants[0].Reason != "timed_out" || string(list.Variants[0].Parameters) != `{"bid":1.5}` {
		t.Errorf("failed variants %+v", list.Variants)
	}
}

// TestWaitingSaysWhy goes through what nothing may run for.
func TestWaitingSaysWhy(t *testing.T) {
	f := newFixture(t, nil)
	shown := func(id string) string {
		var sim wire.Simulation
		f.into(&sim, http.StatusOK, ask{method: "GET", path: "/v1/simulations/" + id, as: "reader"})
		return sim.Waiting
	}
	var delayed wire.Simulation
	at := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	f.into(&delayed, http.StatusAccepted, ask{method: "POST", path: "/v1/simulations?run_at=" + at.Format(time.RFC3339), as: "alice", body: study})
	if text := shown(delayed.ID); delayed.State != "scheduled" || !strings.Contains(text, at.Format("15:04:05 UTC")) || !strings.Contains(text, "in 2h59m") {
		t.Errorf("delayed (%s): %q", delayed.State, text)
	}
	sim, lease := f.claimed("alice")
	first, second := f.submitted("alice"), f.submitted("alice")
	if text := shown(first.ID); !strings.Contains(text, "number 1 of") || !strings.Contains(text, "2 queued and 1 running") {
		t.Errorf("first in the queue: %q", text)
	}
	if text := shown(second.ID); !strings.Contains(text, "number 2 of") {
		t.Errorf("second in the queue: %q", text)
	}
	retry := time.Now().Add(time.Minute).UTC().Truncate(time.Second)
	blocking := []store.Blocker{{VariantID: "v0001", Attempt: 1, Since: retry, NextRetry: retry, Reason: "crashed", Message: "signal: killed"}}
	if _, err := f.store.Heartbeat(t.Context(), lease, time.Hour, store.Progress{Decisions: 10, Blocking: blocking}); err != nil {
		t.Fatal(err)
	}
	if text := shown(sim.ID); text != "waits until "+retry.Format("2006-01-02 15:04:05 UTC")+" to try a failed variant again" {
		t.Errorf("waiting for a retry: %q", text)
	}
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":pause", as: "submitter"})
	if text := shown(sim.ID); text != "is being paused" {
		t.Errorf("being paused: %q", text)
	}
	if err := f.store.Suspend(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if text := shown(sim.ID); !strings.HasPrefix(text, "paused by submitter since 20") {
		t.Errorf("paused: %q", text)
	}
	f.into(nil, http.StatusOK, ask{method: "POST", path: sim.Links.Self + ":resume", as: "submitter"})
	if text := shown(sim.ID); !strings.Contains(text, "queued") && !strings.Contains(text, "waits for a launcher") {
		t.Errorf("resumed: %q", text)
	}
}

// TestBlockersAreNamed: what the end waits for is named with attempt, since when and next retry.
func TestBlockersAreNamed(t *testing.T) {
	f := newFixture(t, nil)
	sim, lease := f.claimed("alice")
	since, retry := time.Now().Add(-time.Minute).UTC().Truncate(time.Second), time.Now().Add(time.Minute).UTC().Truncate(time.Second)
	progress := store.Progress{Decisions: 12, DecisionsPerSecond: 3.5, EstimatedEnd: retry, Blocking: []store.Blocker{
		{VariantID: "v0001", Attempt: 2, Since: since}, {VariantID: "v0002", Attempt: 1, Since: since, NextRetry: retry, Reason: "storage", Message: "disk full"},
	}}
	if _, err := f.store.Heartbeat(t.Context(), lease, time.Hour, progress); err != nil {
		t.Fatal(err)
	}
	var shown wire.Simulation
	f.into(&shown, http.StatusOK, ask{method: "GET", path: sim.Links.Self, as: "reader"})
	if len(shown.Blocking) != 2 || shown.Blocking[0].VariantID != "v0001" || !shown.Blocking[0].Since.Equal(since) || shown.Blocking[0].NextRetry != nil ||
		shown.Blocking[1].NextRetry == nil || !shown.Blocking[1].NextRetry.Equal(retry) || shown.Blocking[1].Reason != "storage" {
		t.Errorf("blocking %+v", shown.Blocking)
	}
	if shown.Progress == nil || shown.Progress.Decisions != 12 || shown.Progress.DecisionsPerSecond != 3.5 || shown.Progress.EstimatedEnd == nil {
		t.Errorf("progress %+v", shown.Progress)
	}
}
