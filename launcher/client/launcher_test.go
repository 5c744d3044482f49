package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher"
	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/pipeline"
)

// TestMain lets this test binary be the processes that a launcher starts.
func TestMain(m *testing.M) {
	processes := map[string]func() error{
		"run-job":      func() error { return pipeline.RunJob(context.Background(), os.Stdin, os.Stdout, os.Stderr) },
		"read-catalog": func() error { return pipeline.TellCatalog(context.Background(), os.Stdin, os.Stdout) },
	}
	if len(os.Args) == 2 && processes[os.Args[1]] != nil {
		if err := processes[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// running starts a true launcher with a small study among its inputs, and a client all of whose
// exchanges are held to the launcher's own OpenAPI document.
func running(t *testing.T) (*client.Client, *witness) {
	t.Helper()
	inputs := t.TempDir()
	if _, err := synthetic.Generate(t.Context(), synthetic.Options{Slots: 2000, Campaigns: 5, Users: 300, Days: 2, Seed: 1, Fill: synthetic.DefaultFill, Dir: inputs}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- launcher.Run(ctx, launcher.Config{
			Listen: "127.0.0.1:0", Results: t.TempDir(), InputRoots: []string{inputs}, Version: "test", Ready: func(address string) { ready <- address },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the launcher ended with %v", err)
		}
	})
	select {
	case address := <-ready:
		w := newWitness(t, "http://"+address)
		c, err := client.New(client.Options{Server: address, HTTP: &http.Client{Transport: w}})
		if err != nil {
			t.Fatal(err)
		}
		return c, w
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
		return nil, nil
	}
}

// config is a study over the inputs of running.
const config = `name: client
owner: science
labels: {team: a}
inventory: slots.parquet
campaigns: campaigns.yaml
parameters:
  cap: {edit: campaigns.frequency_caps.day}
sweep:
  grid: {cap: [1, 2, none]}
`

// TestEveryCallKeepsToTheDocument: each method of the client, in the order of a study's life, against a
// true launcher: every request and every answer is as its OpenAPI document says, errors included.
func TestEveryCallKeepsToTheDocument(t *testing.T) {
	c, w := running(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(code string, err error) {
		t.Helper()
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}

	v, err := c.Validate(ctx, client.Submission{Config: []byte(config)})
	must(err)
	if !v.Valid || len(v.Variants) != 4 || v.Slots != 2000 || v.Campaigns != 5 {
		t.Errorf("%+v", v)
	}
	_, err = c.Submit(ctx, client.Submission{Config: []byte("sede: 1")})
	refused("INVALID_CONFIGURATION", err)
	priority := 4
	sim, err := c.Submit(ctx, client.Submission{Config: []byte(config), IdempotencyKey: "a", Priority: &priority})
	must(err)
	again, err := c.Submit(ctx, client.Submission{Config: []byte(config), IdempotencyKey: "a", Priority: &priority})
	must(err)
	_, err = c.Submit(ctx, client.Submission{Config: []byte(config + "# b"), IdempotencyKey: "a"})
	refused("IDEMPOTENCY_KEY_REUSED", err)
	if again.ID != sim.ID || sim.Variants != 4 || sim.Priority != 4 {
		t.Errorf("%+v and %+v", sim, again)
	}

	var last int64
	for e, err := range c.Events(ctx, sim.ID, 0) {
		must(err)
		w.check("an event", []string{"components", "schemas", "Event"}, marshalled(t, e))
		if e.Type == "progress" {
			continue
		}
		if last++; e.Seq != last {
			t.Fatalf("event %d where %d was due", e.Seq, last)
		}
		var data struct{ State string }
		must(json.Unmarshal(e.Data, &data))
		if e.Type == "state" && data.State == "succeeded" {
			break
		}
	}
	sim, err = c.Simulation(ctx, sim.ID)
	must(err)
	if sim.State != "succeeded" || sim.Counts != (wire.Counts{Succeeded: 4}) {
		t.Errorf("%+v", sim)
	}
	latest, ok, err := c.Latest(ctx)
	must(err)
	if !ok || latest.ID != sim.ID {
		t.Errorf("%v %v", latest.ID, ok)
	}
	if got := collected(t, c.List(ctx, client.Filter{State: "succeeded", Owner: "science", Labels: map[string]string{"team": "a"}})); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if got := collected(t, c.Variants(ctx, sim.ID, "succeeded")); len(got) != 4 || got[0].ID != "baseline" {
		t.Errorf("%+v", got)
	}
	one, err := c.Variant(ctx, sim.ID, "v0001")
	must(err)
	if len(one.Attempts) != 1 || !one.Attempts[0].Counts {
		t.Errorf("%+v", one)
	}
	_, err = c.Variant(ctx, sim.ID, "v0099")
	refused("NOT_FOUND", err)

	for _, view := range []string{"comparison", "campaigns", "frequency", "breakdowns", "effects", "pareto", "failures"} {
		table, err := c.Table(ctx, sim.ID, view, client.Query{PageSize: 2})
		must(err)
		if table.View != view || len(table.Columns) == 0 || (len(table.Rows) == 0) != (view == "failures" || view == "breakdowns") {
			t.Errorf("%s: %+v", view, table)
		}
	}
	table, err := c.Table(ctx, sim.ID, "comparison", client.Query{Metrics: []string{"reach", "filled"}, Sort: "reach", Ascending: true, Top: 1, Where: map[string]string{"variant_id": "v0002"}})
	must(err)
	if len(table.Rows) != 1 || table.Rows[0][0] != "v0002" || table.SQL["duckdb"] == "" || table.SQL["bigquery"] == "" {
		t.Errorf("%+v", table)
	}
	_, err = c.Table(ctx, sim.ID, "pareto", client.Query{X: "revenue", Y: "nothing"})
	refused("INVALID_REQUEST", err)
	var csv bytes.Buffer
	must(c.CSV(ctx, sim.ID, "comparison", client.Query{Metrics: []string{"reach"}}, &csv))
	if lines := strings.Split(strings.TrimSpace(csv.String()), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[0], "variant_id,parameters,comparable,reach,") {
		t.Errorf("%s", csv.String())
	}

	changes(ctx, t, c, sim.ID, refused)
	teams(ctx, t, c, sim.ID, refused)
	must(c.Delete(ctx, sim.ID))
	_, err = c.Simulation(ctx, sim.ID)
	refused("GONE", err)
	if len(w.seen) < 23 {
		t.Errorf("only %d operations were seen: %v", len(w.seen), w.seen)
	}
}

// changes asks for what changes a simulation.
func changes(ctx context.Context, t *testing.T, c *client.Client, done string, refused func(string, error)) {
	t.Helper()
	later, err := c.Submit(ctx, client.Submission{Config: []byte(config), RunAt: time.Now().Add(time.Hour)})
	if err != nil || later.State != "scheduled" || later.RunAt == nil {
		t.Fatalf("%+v, %v", later, err)
	}
	_, err = c.Pause(ctx, later.ID)
	refused("WRONG_STATE", err)
	_, err = c.Resume(ctx, later.ID)
	refused("WRONG_STATE", err)
	for range 2 { // cancelling a cancelled one is no error
		if sim, err := c.Cancel(ctx, later.ID); err != nil || sim.State != "cancelled" {
			t.Errorf("%+v, %v", sim, err)
		}
	}
	_, err = c.Retry(ctx, done, "v0001")
	refused("WRONG_STATE", err)
	if sim, err := c.Retry(ctx, later.ID); err != nil || sim.State != "queued" && sim.State != "running" {
		t.Errorf("%+v, %v", sim, err)
	}
	refused("WRONG_STATE", c.Delete(ctx, later.ID))
}

// teams asks for uploads, notes, the feed, links and schedules.
func teams(ctx context.Context, t *testing.T, c *client.Client, id string, refused func(string, error)) {
	t.Helper()
	campaigns := "- {id: a, bid_cpm: 1}\n"
	up, err := c.Upload(ctx, strings.NewReader(campaigns), int64(len(campaigns)))
	if err != nil || up.Kind != "campaigns" || up.Size != 22 || up.URI != "upload:"+up.SHA256 {
		t.Errorf("%+v, %v", up, err)
	}
	_, err = c.Upload(ctx, strings.NewReader(""), 0)
	if err == nil {
		t.Error("nothing was uploaded")
	}
	note, err := c.AddNote(ctx, id, wire.NoteRequest{Text: "look", VariantID: "v0001", Author: "ann"})
	if err != nil || note.Author != "ann" {
		t.Errorf("%+v, %v", note, err)
	}
	if got := collected(t, c.Notes(ctx, id)); len(got) != 1 || got[0].Text != "look" {
		t.Errorf("%+v", got)
	}
	if got := collected(t, c.Feed(ctx)); len(got) < 3 {
		t.Errorf("%+v", got)
	}
	link, err := c.CreateLink(ctx, wire.LinkRequest{Target: "/simulations/" + id})
	if err != nil || link.Path != "/s/"+link.Key {
		t.Errorf("%+v, %v", link, err)
	}
	_, err = c.CreateLink(ctx, wire.LinkRequest{Target: "https://example.com/"})
	refused("INVALID_REQUEST", err)

	name, cron, zone, text, paused := "nightly", "30 2 * * *", "America/New_York", config, true
	schedule, err := c.CreateSchedule(ctx, wire.ScheduleRequest{Name: &name, Cron: &cron, Timezone: &zone, Config: &text})
	if err != nil || schedule.NextAt == nil {
		t.Fatalf("%+v, %v", schedule, err)
	}
	if changed, err := c.UpdateSchedule(ctx, schedule.ID, wire.ScheduleRequest{Paused: &paused}); err != nil || !changed.Paused || changed.Cron != cron {
		t.Errorf("%+v, %v", changed, err)
	}
	if got := collected(t, c.Schedules(ctx)); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if err := c.DeleteSchedule(ctx, schedule.ID); err != nil {
		t.Error(err)
	}
	_, err = c.Schedule(ctx, schedule.ID)
	refused("NOT_FOUND", err)
}

// collected is all of a listing.
func collected[T any](t *testing.T, all func(func(T, error) bool)) (list []T) {
	t.Helper()
	for v, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}
