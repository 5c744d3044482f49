//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// TestRefusesTheNetworkWithoutKeys: and says what to do about it.
func TestRefusesTheNetworkWithoutKeys(t *testing.T) {
	c := site(t)
	for listen, want := range map[string]string{"0.0.0.0:0": "whatif keys create", "[::]:0": "whatif keys create", "192.0.2.1:0": "whatif keys create", ":0": "whatif keys create", "localhost": "host:port"} {
		c.Listen = listen
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("listening on %s: %v", listen, err)
		}
	}
	st, err := store.Open(t.Context(), c.StoreURL(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, id, hash, err := access.NewKey(strings.NewReader(strings.Repeat("0123456789abcdef", 8)))
	if err == nil {
		err = st.CreateKey(t.Context(), store.Key{ID: id, Hash: hash, Name: "k", Tenant: "acme", Tier: "standard", Scopes: []string{"read"}, CreatedAt: time.Now()})
	}
	if err := firstOf(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Listen, c.Ready = "0.0.0.0:0", func(string) { cancel() }
	if err := Run(ctx, c); err != nil {
		t.Errorf("with a key: %v", err)
	}
}

// TestOneLauncherAFile: the second is refused and leaves the first alone.
func TestOneLauncherAFile(t *testing.T) {
	c := site(t)
	r := start(t, c)
	c.Listen = "127.0.0.1:0"
	if err := Run(t.Context(), c); err == nil {
		t.Error("two launchers opened one file")
	}
	if answer := r.call(http.MethodGet, "/readyz", "", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("the first one is %s", answer.Status)
	}
}

// TestStopsInOrderAndGoesOn: with a stream open and a simulation running it stops at once, without an error;
// the next start finishes what was begun, and what was deleted meanwhile loses its results.
func TestStopsInOrderAndGoesOn(t *testing.T) {
	c := site(t)
	c.Parallelism = 1
	r := start(t, c)
	var first, sim wire.Simulation
	r.call(http.MethodPost, "/v1/simulations", strings.ReplaceAll(study, "[0.5, 0.8, 1.1, 1.5, 2, 4]", "[1]"), &first)
	r.finished(first.ID)
	r.call(http.MethodPost, "/v1/simulations", strings.ReplaceAll(study, "[0.5, 0.8, 1.1, 1.5, 2, 4]", numbers(200)), &sim)
	r.until("it runs", func() bool {
		var now wire.Simulation
		r.call(http.MethodGet, sim.Links.Self, "", &now)
		return now.Counts.Succeeded > 0
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+sim.Links.Events, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	told := false
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		told = told || strings.HasPrefix(lines.Text(), "retry: ")
	}
	if err := firstOf(<-stopped, stream.Body.Close()); err != nil || !told {
		t.Errorf("stopped: %v; the stream was told to come back: %t", err, told)
	}
	if took := time.Since(began); took > answerGrace {
		t.Errorf("stopping took %s", took)
	}
	st, err := store.Open(t.Context(), c.StoreURL(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := st.Simulation(t.Context(), "default", sim.ID); err != nil || left.State != store.Running || !left.LeaseUntil.IsZero() {
		t.Errorf("left behind as %s with a lease until %s: %v", left.State, left.LeaseUntil, err)
	}
	if err := firstOf(st.Delete(t.Context(), "default", first.ID, "test"), st.Close()); err != nil {
		t.Fatal(err)
	}
	r = start(t, c)
	sim = r.finished(sim.ID)
	if sim.State != "succeeded" || sim.Counts.Succeeded != 201 {
		t.Errorf("after the restart: %s %+v", sim.State, sim.Counts)
	}
	r.until("the deleted one's results are removed", func() bool {
		_, err := os.Stat(filepath.Join(c.Results, "simulation_id="+first.ID))
		return os.IsNotExist(err)
	})
}

// numbers is a list of n factors.
func numbers(n int) string {
	list := make([]float64, n)
	for i := range list {
		list[i] = 1 + float64(i)/100
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // numbers are JSON
	}
	return string(text)
}

// TestAcceptOnly takes submissions and leaves running to others.
func TestAcceptOnly(t *testing.T) {
	c := site(t)
	c.AcceptOnly = true
	r := start(t, c)
	var sim, now wire.Simulation
	if answer := r.call(http.MethodPost, "/v1/simulations", study, &sim); answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer.Status)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = start(t, c)
	r.call(http.MethodGet, sim.Links.Self, "", &now)
	if now.State != "queued" || now.Counts.Pending != 7 {
		t.Errorf("after a restart: %s %+v", now.State, now.Counts)
	}
}

// TestSchedulesFire: a schedule's simulation comes by itself, runs, and names its schedule.
func TestSchedulesFire(t *testing.T) {
	c := site(t)
	r := start(t, c)
	config, err := json.Marshal(study)
	if err != nil {
		t.Fatal(err)
	}
	var made, now wire.Schedule
	if answer := r.call(http.MethodPost, "/v1/schedules", `{"name":"minutely","cron":"* * * * *","missed":"run_once","config":`+string(config)+`}`, &made); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), c.StoreURL(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	due, err := st.Schedule(t.Context(), "default", made.ID)
	if err == nil { // it was due while nobody was there
		due.NextAt = time.Now().Add(-time.Minute).Truncate(time.Minute)
		_, err = st.UpdateSchedule(t.Context(), due)
	}
	if err := firstOf(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	r = start(t, c)
	r.until("it fires", func() bool {
		now = wire.Schedule{}
		r.call(http.MethodGet, "/v1/schedules/"+made.ID, "", &now)
		return now.LastSimulation != ""
	})
	if sim := r.finished(now.LastSimulation); sim.State != "succeeded" || sim.ScheduleID != made.ID || now.LastProblem != "" {
		t.Errorf("%s by %q, problem %q", sim.State, sim.ScheduleID, now.LastProblem)
	}
}

// TestPagesUploadsAndMetrics: the rest of the parts are in their places.
func TestPagesUploadsAndMetrics(t *testing.T) {
	r := start(t, site(t))
	for path, kind := range map[string]string{"/": "text/html", "/docs": "text/html", "/simulations/20260701-abcdefgh23": "text/html", "/openapi.json": "application/openapi+json", "/metrics": "text/plain"} {
		if answer := r.call(http.MethodGet, path, "", nil); answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %s %q", path, answer.Status, answer.Header.Get("Content-Type"))
		}
	}
	var up wire.Upload
	if answer := r.call(http.MethodPost, "/v1/uploads", "- {id: a, bid_cpm: 1}\n", &up); answer.StatusCode != http.StatusCreated || up.Kind != "campaigns" {
		t.Fatalf("%s %+v", answer.Status, up)
	}
	var sim wire.Simulation
	text := strings.ReplaceAll(study, "campaigns.yaml", up.URI)
	if answer := r.call(http.MethodPost, "/v1/simulations", text, &sim); answer.StatusCode != http.StatusAccepted || sim.Campaigns != 1 {
		t.Fatalf("%s %+v", answer.Status, sim)
	}
	if sim = r.finished(sim.ID); sim.State != "succeeded" {
		t.Errorf("%s", sim.State)
	}
	var problem wire.Error
	if answer := r.call(http.MethodPost, "/v1/simulations", strings.ReplaceAll(study, "slots.parquet", "/etc/passwd"), &problem); answer.StatusCode != http.StatusUnprocessableEntity || problem.Code != "INVALID_CONFIGURATION" {
		t.Errorf("outside the roots: %s %+v", answer.Status, problem)
	}
}
