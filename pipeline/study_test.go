package pipeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/results"
)

// studySize is the size of the small studies of these tests.
const studySize = 400

// writeSnapshot writes n slots of a day with three dimensions, the same each time.
func writeSnapshot(t *testing.T, path string, n int) {
	t.Helper()
	w, err := inventory.NewWriter(path, []inventory.Column{{Name: "country"}, {Name: "device"}, {Name: "segments", Multi: true}})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	begin := model.Instant(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	for i := range n {
		slot := model.Slot{
			ID: fmt.Sprintf("s%06d", i), Time: begin + model.Instant(i)*model.Instant(24*time.Hour/time.Microsecond)/model.Instant(n),
			UserID: fmt.Sprintf("u%d", random.IntN(n/4+1)), FloorCPM: model.CPM(random.IntN(3_000_000)),
			Scalars: map[string]string{"country": []string{"US", "CA", "DE"}[random.IntN(3)], "device": []string{"mobile", "desktop"}[random.IntN(2)]},
			Sets:    map[string][]string{"segments": {fmt.Sprintf("g%d", random.IntN(4))}},
		}
		if random.IntN(5) == 0 {
			slot.UserID = ""
		}
		if err := w.Write(slot); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// campaigns of the small studies; the sweeps change the bid of the first.
const campaignsYAML = `campaigns:
  - {id: acme, advertiser: acme, bid_cpm: 2.0, goal: 60, targeting: {country: [US, CA]}, frequency_caps: [{impressions: 2, per: day}]}
  - {id: bolt, advertiser: bolt, bid_cpm: 1.5, budget: 0.1, targeting: {device: [mobile]}}
  - {id: cord, advertiser: cord, bid_cpm: 1.0, pacing: even, goal: 100}
`

// writeStudy writes a study to a fresh folder: a snapshot and a configuration that sets acme's bid to
// each of bids in turn, with further lines of its own. It returns the configuration's path.
func writeStudy(t *testing.T, bids []string, further string) string {
	t.Helper()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "slots.parquet"), studySize)
	points := make([]string, len(bids))
	for i, bid := range bids {
		points[i] = fmt.Sprintf("    - {bid: %s}\n", bid)
	}
	config := "name: small\ninventory: slots.parquet\n" + campaignsYAML +
		"report: {breakdowns: [country], groups: [advertiser]}\n" +
		"parameters:\n  bid: {edit: campaigns.bid_cpm, where: {id: acme}}\n" +
		"baseline: {bid: 2.0}\n" +
		"sweep:\n  list:\n" + strings.Join(points, "") + further
	path := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(path, []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// bids are n harmless bids.
func bids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%d", i%40+1)
	}
	return out
}

// submit makes a study a simulation of a fresh store.
func submit(t *testing.T, config string) (store *results.Store, plan *model.Plan) {
	t.Helper()
	store, err := results.Open(filepath.Join(t.TempDir(), "results"))
	if err != nil {
		t.Fatal(err)
	}
	return store, submitTo(t, store, config, 1)
}

// submitTo makes a study the n-th simulation of a store.
func submitTo(t *testing.T, store *results.Store, config string, n int) *model.Plan {
	t.Helper()
	study, err := Prepare(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 12, 0, n, 0, time.UTC)
	id, err := model.NewSimulationID(at, strings.NewReader(fmt.Sprintf("%04d...", n)))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Submit(t.Context(), store, study, at, id)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// options run a simulation in processes of this test binary, with short waits.
func options(store *results.Store, plan *model.Plan) RunOptions {
	return RunOptions{
		Results: store.URI(), SimulationID: plan.SimulationID,
		Command:     []string{os.Args[0], "run-job"},
		Parallelism: 2,
		Timing: Timing{
			Grace: 50 * time.Millisecond, BackoffBase: time.Millisecond, BackoffMax: 5 * time.Millisecond, Tell: 10 * time.Millisecond,
		},
	}
}

// run runs a simulation to its end.
func run(t *testing.T, o RunOptions) Summary {
	t.Helper()
	sum, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// digests are the result digests of the rows that count as succeeded. Each row read is checked to
// hold the figures it was sealed with.
func digests(t *testing.T, store *results.Store, plan *model.Plan) map[string]string {
	t.Helper()
	counted, err := store.Counted(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for id, row := range counted {
		if row.Status != model.StatusSucceeded {
			continue
		}
		whole, err := store.Read(t.Context(), plan.SimulationID, id, row.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		out[id] = whole.ResultSHA256
	}
	return out
}
