package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

const tenant0 = "default"

// slots of the small studies.
const slots = 400

// scaled is the small count, or the whole one of a slow proof.
func scaled(small, whole int) int {
	if os.Getenv("WHATIF_FULL") != "" {
		return whole
	}
	return small
}

// room is a store, a result store, and what a queue of them needs.
type room struct {
	path    string // of the store
	store   *store.Store
	results *results.Store
	now     func() time.Time
}

func newRoom(t *testing.T) *room { return newRoomAt(t, time.Now) }

func newRoomAt(t *testing.T, now func() time.Time) *room {
	t.Helper()
	return newRoomIn(t, filepath.Join(t.TempDir(), "launcher.db"), now)
}

// eachRoom runs a test on SQLite, and on PostgreSQL if WHATIF_TEST_POSTGRES names a server.
func eachRoom(t *testing.T, now func() time.Time, test func(*testing.T, *room)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newRoomAt(t, now)) })
	server := os.Getenv("WHATIF_TEST_POSTGRES")
	if server == "" {
		t.Log("WHATIF_TEST_POSTGRES is not set: SQLite only; `.ci/postgres start` starts a PostgreSQL")
		return
	}
	t.Run("postgres", func(t *testing.T) { test(t, newRoomIn(t, newSchema(t, server), now)) })
}

// newSchema makes a schema of its own for a test.
func newSchema(t *testing.T, server string) string {
	t.Helper()
	db, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	name := "queue_" + strings.ToLower(rand.Text())
	if _, err := db.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, err := db.Exec(ctx, "DROP SCHEMA "+name+" CASCADE")
		if err := errors.Join(err, db.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	values := u.Query()
	values.Set("search_path", name)
	u.RawQuery = values.Encode()
	return u.String()
}

func newRoomIn(t *testing.T, path string, now func() time.Time) *room {
	t.Helper()
	dir := t.TempDir()
	r := &room{path: path, now: now}
	var err error
	if r.results, err = results.Open(filepath.Join(dir, "results")); err != nil {
		t.Fatal(err)
	}
	r.open(t)
	return r
}

func (r *room) open(t *testing.T) {
	t.Helper()
	r.use(t, store.Open)
}

// use opens the store as a launcher or, beside one, as a tool.
func (r *room) use(t *testing.T, open func(context.Context, string, store.Options) (*store.Store, error)) {
	t.Helper()
	s, err := open(t.Context(), r.path, store.Options{Now: r.now})
	if err != nil {
		t.Fatal(err)
	}
	r.store = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// close lets another launcher have the store.
func (r *room) close(t *testing.T) {
	t.Helper()
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// options of a queue on the room.
func (r *room) options() Options {
	return Options{
		Store: r.store, Results: r.results, Name: "first", Parallelism: 2, Lease: 10 * time.Second, Command: jobCommand(), Now: r.now,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// queue makes a queue that is not started.
func (r *room) queue(t *testing.T, change func(*Options)) *Queue {
	t.Helper()
	o := r.options()
	if change != nil {
		change(&o)
	}
	q, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	q.backoff = 10 * time.Millisecond
	return q
}

func start(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q) })
}

func stop(t *testing.T, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// run starts a queue.
func (r *room) run(t *testing.T, change func(*Options)) *Queue {
	t.Helper()
	q := r.queue(t, change)
	start(t, q)
	return q
}

// writeStudy writes a study whose sweep sets acme's bid to each of bids in turn, with further lines of its own.
func writeStudy(t *testing.T, bids []string, further string) (config string) {
	t.Helper()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "slots.parquet"))
	var points strings.Builder
	for _, bid := range bids {
		fmt.Fprintf(&points, "    - {bid: %s}\n", bid)
	}
	text := `name: small
inventory: slots.parquet
campaigns:
  - {id: acme, advertiser: acme, bid_cpm: 2.0, goal: 60, targeting: {country: [US, CA]}, frequency_caps: [{impressions: 2, per: day}]}
  - {id: bolt, advertiser: bolt, bid_cpm: 1.5, budget: 0.1}
parameters:
  bid: {edit: campaigns.bid_cpm, where: {id: acme}}
baseline: {bid: 2.0}
sweep:
  list:
` + points.String() + further
	config = filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return config
}

// writeSnapshot writes the slots of a day, the same each time.
func writeSnapshot(t *testing.T, path string) {
	t.Helper()
	w, err := inventory.NewWriter(path, []inventory.Column{{Name: "country"}})
	if err != nil {
		t.Fatal(err)
	}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	begin := model.Instant(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	for i := range slots {
		slot := model.Slot{
			ID: fmt.Sprintf("s%06d", i), Time: begin + model.Instant(i)*model.Instant(24*time.Hour/time.Microsecond)/slots,
			UserID: fmt.Sprintf("u%d", random.IntN(slots/4)), FloorCPM: model.CPM(random.IntN(3_000_000)),
			Scalars: map[string]string{"country": []string{"US", "CA", "DE"}[random.IntN(3)]},
		}
		if err := w.Write(slot); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// bids are n harmless bids, all different.
func bids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%.1f", 0.1*float64(i+1))
	}
	return out
}

// faultyBid is a bid that meets with a fault.
func faultyBid(fault int) string { return fmt.Sprintf("3.00000%d", fault) }

// submission is a study as it would be submitted.
func (r *room) submission(t *testing.T, config string) store.Submission {
	t.Helper()
	study, err := pipeline.Prepare(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	id, err := model.NewSimulationID(r.now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return store.Submission{
		Simulation: store.Simulation{
			ID: id, Tenant: tenant0, Name: study.Config.Name, Priority: 5, SubmittedAt: r.now(),
			Slots: slots, Campaigns: 2, Variants: len(study.Variants),
		},
		Inputs: study.Inputs(),
	}
}

func (r *room) submit(t *testing.T, sub store.Submission) store.Simulation {
	t.Helper()
	sim, _, err := r.store.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func (r *room) submitStudy(t *testing.T, config string) store.Simulation {
	t.Helper()
	return r.submit(t, r.submission(t, config))
}

// patienceOfTests is how long something that must happen may take.
const patienceOfTests = 30 * time.Second

// await waits until a simulation is as wanted.
func (r *room) await(t *testing.T, id string, what string, wanted func(store.Simulation) bool) store.Simulation {
	t.Helper()
	var sim store.Simulation
	r.until(t, func() bool {
		var err error
		if sim, err = r.store.Simulation(t.Context(), tenant0, id); err != nil {
			t.Fatal(err)
		}
		return wanted(sim)
	}, func() string { return fmt.Sprintf("simulation %s is not %s: %+v", id, what, sim) })
	return sim
}

// until looks again whenever the store has changed, and now and then, until something is so.
func (r *room) until(t *testing.T, so func() bool, complaint func() string) {
	t.Helper()
	deadline := time.NewTimer(patienceOfTests)
	defer deadline.Stop()
	for {
		changed := r.store.Changed()
		if so() {
			return
		}
		now := time.NewTimer(5 * time.Millisecond)
		select {
		case <-changed:
		case <-now.C:
		case <-deadline.C:
			t.Fatal(complaint())
		}
		now.Stop()
	}
}

func (r *room) awaitState(t *testing.T, id string, state store.State) store.Simulation {
	t.Helper()
	return r.await(t, id, string(state), func(s store.Simulation) bool { return s.State == state })
}

// digests are the result digests of a simulation, by variant.
func (r *room) digests(t *testing.T, id string) map[string]string {
	t.Helper()
	counted, err := r.results.Counted(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for variant, row := range counted {
		whole, err := r.results.Read(t.Context(), id, variant, row.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		out[variant] = whole.ResultSHA256
	}
	return out
}

// known are the digests of studies that were run undisturbed, by the text of their configuration.
var known sync.Map

// undisturbed are the digests of a study's results as the pipeline alone computes them.
func (r *room) undisturbed(t *testing.T, config string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if digests, ok := known.Load(string(text)); ok {
		return digests.(map[string]string)
	}
	digests := r.digests(t, r.runAlone(t, config))
	known.Store(string(text), digests)
	return digests
}

// runAlone runs a study with the pipeline alone and returns its simulation's id.
func (r *room) runAlone(t *testing.T, config string) string {
	t.Helper()
	sub := r.submission(t, config)
	plan, err := pipeline.PlanOf(&sub.Inputs, sub.Simulation.ID, tenant0, sub.Simulation.SubmittedAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.results.WritePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	sum, err := pipeline.Run(t.Context(), pipeline.RunOptions{Results: r.results.URI(), SimulationID: plan.SimulationID, Command: jobCommand()})
	if err != nil || sum.Succeeded != len(plan.Variants) {
		t.Fatalf("%+v, %v", sum, err)
	}
	return plan.SimulationID
}

func (r *room) wantDigests(t *testing.T, id string, want map[string]string) {
	t.Helper()
	if got := r.digests(t, id); !maps.Equal(got, want) {
		t.Fatalf("%d results of %s, of which not all equal the %d expected", len(got), id, len(want))
	}
}

// variants are a simulation's, by id.
func (r *room) variants(t *testing.T, id string) map[string]store.Variant {
	t.Helper()
	out := map[string]store.Variant{}
	page := store.Page{Size: 200}
	for {
		list, next, err := r.store.Variants(t.Context(), tenant0, id, "", page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			out[v.ID] = v
		}
		if next == "" {
			return out
		}
		page.Token = next
	}
}

// clock is a clock that can be set forward.
type clock struct{ ahead chan time.Duration }

func newClock() clock {
	c := clock{make(chan time.Duration, 1)}
	c.ahead <- 0
	return c
}

func (c clock) now() time.Time {
	d := <-c.ahead
	c.ahead <- d
	return time.Now().Add(d)
}

func (c clock) forward(by time.Duration) { c.ahead <- <-c.ahead + by }
