package main

import (
	stdbytes "bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

const simulationID = "20260701-abcdefgh23"

// told runs a command line against a server and returns its exit status and what it printed.
func told(t *testing.T, server *httptest.Server, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, messages stdbytes.Buffer
	status = run(append(args, "--server", server.URL), strings.NewReader(""), &out, &messages)
	return status, out.String(), messages.String()
}

// toldAlone runs a command line without a server.
func toldAlone(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, messages stdbytes.Buffer
	status = run(args, strings.NewReader(""), &out, &messages)
	return status, out.String(), messages.String()
}

// respond answers with a JSON body.
func respond(w http.ResponseWriter, status int, body any) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMistakesStandWhereTheyAreHere: references are replaced by uploads in what is sent; what the launcher
// says of it is printed at the places of the files here. Every way to write a reference is kept apart
// from the rest of the text, byte for byte.
func TestMistakesStandWhereTheyAreHere(t *testing.T) {
	for _, c := range []struct{ name, study, sent, complaint, want string }{
		{"lines of their own", "inventory: slots.parquet # here\nname: x\ncampaigns: 'campaigns.yaml'\nseed: 1\n",
			"inventory: \"upload:1\" # here\nname: x\ncampaigns: \"upload:2\"\nseed: 1\n", "body:4:7", "study.yaml:4:7"},
		{"one line, what stands behind", "{name: ü, inventory: slots.parquet, campaigns: campaigns.yaml, seed: 1}\n",
			"{name: ü, inventory: \"upload:1\", campaigns: \"upload:2\", seed: 1}\n", "body:1:63", "study.yaml:1:70"}, // 10 - 13 and 10 - 14 characters
		{"what stands between", "{inventory: \"slots.parquet\", seed: 1, campaigns: campaigns.yaml}\n",
			"{inventory: \"upload:1\", seed: 1, campaigns: \"upload:2\"}\n", "body:1:31", "study.yaml:1:36"}, // 10 - 15
		{"the reference itself", "inventory: slots.parquet\ncampaigns: campaigns.yaml\n",
			"inventory: \"upload:1\"\ncampaigns: \"upload:2\"\n", "body:2:12", "study.yaml:2:12"},
		{"the campaigns", "inventory: slots.parquet\ncampaigns: campaigns.yaml\n",
			"inventory: \"upload:1\"\ncampaigns: \"upload:2\"\n", "upload:2:3:5", "campaigns.yaml:3:5"},
		{"as JSON", `{"inventory": "slots.parquet", "campaigns": "campaigns.yaml"}`,
			`{"inventory": "upload:1", "campaigns": "upload:2"}`, "body:1:1", "study.yaml:1:1"},
		{"inline campaigns stay", "inventory: upload:9\ncampaigns: [{id: a, bid_cpm: 1}]\n",
			"inventory: upload:9\ncampaigns: [{id: a, bid_cpm: 1}]\n", "body:2:3", "study.yaml:2:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			uploads := map[string]string{"snapshot": "upload:1", "list": "upload:2"}
			var sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.URL.Path == "/v1/uploads" {
					respond(w, http.StatusCreated, wire.Upload{URI: uploads[string(body)]})
					return
				}
				sent = string(body)
				respond(w, http.StatusUnprocessableEntity, wire.Error{Code: "INVALID_CONFIGURATION", Errors: []wire.Problem{
					{Message: "upload:2 is odd", Location: c.complaint, Path: "a.b", Suggestion: "try"}}})
			}))
			defer server.Close()
			dir := t.TempDir()
			t.Chdir(dir)
			writeFile(t, filepath.Join(dir, "slots.parquet"), "snapshot")
			writeFile(t, filepath.Join(dir, "campaigns.yaml"), "list")
			writeFile(t, filepath.Join(dir, "study.yaml"), c.study)
			status, stdout, stderr := told(t, server, "submit", "study.yaml", "--upload", "--quiet")
			if sent != c.sent {
				t.Errorf("sent %q, want %q", sent, c.sent)
			}
			message := "campaigns.yaml is odd"
			if strings.Contains(c.study, "inline") || strings.Contains(c.study, "upload:9") {
				message = "upload:2 is odd" // nothing here is called that
			}
			if want := c.want + ": a.b: " + message + "; try\nwhatif: 1 error; nothing was run\n"; stderr != want || status != exitUsage || stdout != "" {
				t.Errorf("status %d, %q and\n%s, want\n%s", status, stdout, stderr, want)
			}
		})
	}
}

// TestWhatCanNotBeUploaded is told at its place, before anything is sent.
func TestWhatCanNotBeUploaded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s", r.Method, r.URL)
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	writeFile(t, "a1.parquet", "")
	writeFile(t, "a2.parquet", "")
	for study, want := range map[string]string{
		"inventory: none.parquet\ncampaigns: [{id: a, bid_cpm: 1}]": "study.yaml:1:12: inventory: there is no file none.parquet",
		"inventory: a*.parquet\ncampaigns: [{id: a, bid_cpm: 1}]":   "study.yaml:1:12: inventory: a*.parquet are 2 files",
		"inventory: a1.parquet\ncampaigns: [{id: a, bid_cmp: 1}]":   "study.yaml:2:13: campaigns[0]: `bid_cpm` is required\nstudy.yaml:2:21: campaigns[0].bid_cmp: unknown key",
		"inventory: [": "study.yaml:1:",
	} {
		writeFile(t, "study.yaml", study)
		if status, _, stderr := told(t, server, "submit", "study.yaml", "--upload"); status != exitUsage || !strings.HasPrefix(stderr, want) {
			t.Errorf("%q: status %d, %s", study, status, stderr)
		}
	}
	if status, _, stderr := told(t, server, "submit", "absent.yaml"); status != exitUsage || !strings.Contains(stderr, "absent.yaml") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestReferencesWrittenInOtherWays: what can't be replaced safely is refused, not guessed at.
func TestReferencesWrittenInOtherWays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/uploads" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		respond(w, http.StatusCreated, wire.Upload{URI: "upload:1"})
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	writeFile(t, "a.parquet", "")
	for _, inventory := range []string{"&x a.parquet", "|-\n  a.parquet", "!!str a.parquet", "\"a.par\\\n  quet\""} {
		writeFile(t, "study.yaml", "campaigns: [{id: a, bid_cpm: 1}]\ninventory: "+inventory+"\n")
		if status, _, stderr := told(t, server, "submit", "study.yaml", "--upload", "--quiet"); status != exitUsage || !strings.Contains(stderr, "on one line") {
			t.Errorf("%q: status %d, %s", inventory, status, stderr)
		}
	}
}

// launching answers like a launcher with one simulation whose events are given, and which is in a state.
func launching(t *testing.T, sim wire.Simulation, events string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/events"):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, events)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case r.URL.Path == "/v1/simulations" && r.Method == http.MethodGet:
			respond(w, http.StatusOK, wire.SimulationList{Simulations: []wire.Simulation{sim}})
		case strings.HasPrefix(r.URL.Path, "/v1/simulations"):
			respond(w, http.StatusOK, sim)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// event is one of a stream.
func event(seq int, at, kind, data string) string {
	return fmt.Sprintf("id: %d\ndata: {\"simulation_id\": %q, \"seq\": %d, \"at\": %q, \"type\": %q, \"data\": %s}\n\n", seq, simulationID, seq, at, kind, data)
}

// TestWatchGoesOnThroughARetry: an end of before the retry is not the end; the words of each change; a
// finished simulation with a failed variant ends it with 1.
func TestWatchGoesOnThroughARetry(t *testing.T) {
	end := time.Date(2026, 7, 1, 10, 5, 0, 0, time.UTC)
	sim := wire.Simulation{ID: simulationID, State: "partially_failed", Variants: 2, FinishedAt: &end, Summary: "1 of 2 variants succeeded; 1 failed: timed_out"}
	events := event(1, "2026-07-01T10:00:00Z", "state", `{"state": "running", "counts": {"pending": 2}}`) +
		event(2, "2026-07-01T10:00:01Z", "variant", `{"variant_id": "v0001", "state": "failed", "attempt": 1, "reason": "storage", "message": "no\u001b[2J space"}`) +
		event(3, "2026-07-01T10:00:02Z", "state", `{"state": "failed", "counts": {"failed": 2}, "fault": {"reason": "stopped", "message": "too many"}}`) +
		event(4, "2026-07-01T10:04:00Z", "retry", `{"variants": 2, "by": "me"}`) +
		event(5, "2026-07-01T10:04:00Z", "wish", `{"wanted": "pause", "by": "me"}`) +
		event(6, "2026-07-01T10:04:01Z", "variant", `{"variant_id": "v0001", "state": "running", "attempt": 2, "next_retry": "2026-07-01T10:04:03Z"}`) +
		event(7, "2026-07-01T10:04:02Z", "note", `{"author": "ann", "text": "look\nhere"}`) +
		"data: {\"type\": \"progress\", \"data\": {\"counts\": {\"running\": 1}, \"progress\": {\"fraction\": 0.5}}}\n\n" +
		event(8, "2026-07-01T10:05:00Z", "state", `{"state": "partially_failed", "counts": {"succeeded": 1, "failed": 1}}`)
	server := launching(t, sim, events)
	status, stdout, stderr := told(t, server, "watch", "latest")
	want := `2026-07-01T10:00:00Z running
2026-07-01T10:00:01Z v0001 failed: storage: no [2J space
2026-07-01T10:00:02Z failed: too many
2026-07-01T10:04:00Z retry of 2 variants by me
2026-07-01T10:04:00Z asked to pause by me
2026-07-01T10:04:01Z v0001 failed, attempt 2; again at 2026-07-01T10:04:03Z
2026-07-01T10:04:02Z note by ann: look here
2026-07-01T10:05:00Z partially_failed
`
	if stdout != want || status != exitFailed || stderr != "partially_failed: 1 of 2 variants succeeded; 1 failed: timed_out\n" {
		t.Errorf("status %d, %s, want\n%sand\n%s", status, stdout, want, stderr)
	}

	status, stdout, _ = told(t, server, "watch", simulationID, "--format", "json", "--quiet")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var last wire.Event
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || status != exitFailed || len(lines) != 9 || last.Seq != 8 {
		t.Errorf("status %d, %v, %s", status, err, stdout)
	}
	sim.State = "succeeded"
	if status, _, _ := told(t, launching(t, sim, events), "watch", "latest"); status != exitDone {
		t.Errorf("status %d after a success", status)
	}
}

// TestInterruptedWatch: the watcher goes, the simulation does not.
func TestInterruptedWatch(t *testing.T) {
	server := launching(t, wire.Simulation{ID: simulationID, State: "running", Variants: 2}, event(1, "2026-07-01T10:00:00Z", "state", `{"state": "running"}`))
	ctx, cancel := context.WithCancel(t.Context())
	var messages stdbytes.Buffer
	c := &console{in: strings.NewReader(""), out: writerFunc(func(line []byte) { cancel() }), err: &messages}
	root := newRoot(c)
	root.SetArgs([]string{"watch", "latest", "--server", server.URL})
	status := conclude(ctx, &messages, root.ExecuteContext(ctx))
	if status != exitInterrupted || !strings.Contains(messages.String(), "goes on without you") {
		t.Errorf("status %d, %s", status, messages.String())
	}
}

// writerFunc is a Writer that only listens.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// TestStatusForPeople: each fact has its line.
func TestStatusForPeople(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	later := at.Add(90 * time.Second)
	sim := wire.Simulation{
		ID: simulationID, Name: "caps", Owner: "science", Labels: map[string]string{"q": "3", "a": "b"}, State: "running", Wanted: "pause",
		Variants: 1200, Counts: wire.Counts{Succeeded: 1000, Failed: 2, Running: 2, Pending: 196}, Slots: 1_000_000, Campaigns: 1, Summary: "1,000 of 1,200 variants succeeded; 2 failed: storage", SubmittedBy: "me", SubmittedAt: at,
		Progress: &wire.Progress{Fraction: 0.835, DecisionsPerSecond: 3.2e6, EstimatedEnd: &later},
		Blocking: []wire.Blocker{{VariantID: "v0007", Attempt: 2, Since: at}, {VariantID: "v0008", Attempt: 1, Since: at, NextRetry: &later, Reason: "storage", Message: "disk full"}},
		Waiting:  "other simulations have the cores", Fault: &wire.Fault{Reason: "stopped", Message: "enough"},
	}
	var out stdbytes.Buffer
	if err := (&console{out: &out}).describe(sim, at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	want := `simulation  20260701-abcdefgh23  caps
state       running, asked to pause
variants    1,000 of 1,200 variants succeeded; 2 failed: storage
progress    83.5 %, 3.20 M decisions/s, about 30s left
inputs      1,000,000 slots, 1 campaign
owner       science  a=b  q=3
submitted   2026-07-01T10:00:00Z (1m ago) by me
waiting     other simulations have the cores
why         stopped: enough
blocked by  v0007, attempt 2 since 1m
blocked by  v0008, attempt 1 failed; again in 30s (storage: disk full)
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestListsAndChanges(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 500, time.UTC)
	server := launching(t, wire.Simulation{ID: simulationID, Name: "caps", State: "running", Wanted: "cancel", Variants: 3, SubmittedAt: at}, "")
	status, stdout, _ := told(t, server, "list", "--label", "a=b=c", "--state", "running")
	if want := "id,name,owner,state,variants,succeeded,failed,submitted_at,finished_at\n" + simulationID + ",caps,,running,3,0,0,2026-07-01T10:00:00Z,\n"; status != 0 || stdout != want {
		t.Errorf("status %d, %s", status, stdout)
	}
	for _, verb := range []string{"cancel", "pause", "resume"} {
		status, stdout, stderr := told(t, server, verb, "latest")
		if status != 0 || stdout != "running\n" || !strings.Contains(stderr, "asked to cancel, which takes a moment: whatif status "+simulationID+" --server http://") {
			t.Errorf("%s: status %d, %q, %s", verb, status, stdout, stderr)
		}
	}
	for _, wrong := range [][]string{{"list", "--label", "x"}, {"list", "--limit", "0"}, {"status", "nosuch"}, {"watch", "latest", "--format", "csv"}, {"submit", "x", "--validate-only", "--watch"}, {"submit", "x", "--run-at", "noon"}} {
		if status, _, stderr := told(t, server, wrong...); status != exitUsage {
			t.Errorf("%v: status %d, %s", wrong, status, stderr)
		}
	}
}
