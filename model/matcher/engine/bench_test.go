package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// standard is the study that speed is measured on.
var standard = synthetic.Options{Slots: 1_000_000, Campaigns: 1_000, Users: 200_000, Days: 7, Seed: 7}

// loadStandard makes the standard study once per process.
var loadStandard = sync.OnceValues(func() (*inventory.Snapshot, *model.Scenario) { return generate(standard) })

// generate makes a synthetic study and its baseline; nil on an error, which is on stderr.
func generate(o synthetic.Options) (*inventory.Snapshot, *model.Scenario) {
	dir, err := os.MkdirTemp("", "whatif-bench-")
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}()
	o.Dir = filepath.Join(dir, "study")
	ctx := dontCancel{}
	files, err := synthetic.Generate(ctx, o)
	if err != nil {
		panic(err)
	}
	config, campaigns := read(files.Config), read(files.Campaigns)
	c, problems := model.ParseConfig(files.Config, config)
	if err := problems.Err(); err != nil {
		panic(err)
	}
	list, problems := model.ParseCampaigns(files.Campaigns, campaigns, c.Location)
	if err := problems.Err(); err != nil {
		panic(err)
	}
	if err := c.WithCampaigns(list).Err(); err != nil {
		panic(err)
	}
	variants, problems := c.Expand()
	if err := problems.Err(); err != nil {
		panic(err)
	}
	sc, err := c.Scenario(variants[0])
	if err != nil {
		panic(err)
	}
	snap, err := inventory.Load(ctx, []string{files.Snapshot}, inventory.Options{Location: c.Location, ShiftDays: c.ShiftDays})
	if err != nil {
		panic(err)
	}
	return snap, sc
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return text
}

// dontCancel is a context for work that is shared by tests and outlives each.
type dontCancel struct{}

func (dontCancel) Deadline() (time.Time, bool) { return time.Time{}, false }
func (dontCancel) Done() <-chan struct{}       { return nil }
func (dontCancel) Err() error                  { return nil }
func (dontCancel) Value(any) any               { return nil }

// plain is the scenario without caps, pacing, shared bids, bids that depend on the slot and counts of losses.
func plain(sc *model.Scenario) *model.Scenario {
	out := *sc
	out.Campaigns, out.CapGroups, out.Policy = slices.Clone(sc.Campaigns), nil, model.DefaultPolicy
	out.Report = model.Report{}
	for i := range out.Campaigns {
		c := &out.Campaigns[i]
		c.FrequencyCaps, c.Pacing, c.BidAdjustments, c.BidSpread = nil, model.PacingASAP, nil, nil
		c.BidCPM += model.CPM(i)
	}
	return &out
}

// without is the scenario with another report.
func without(sc *model.Scenario, change func(*model.Report)) *model.Scenario {
	out := *sc
	change(&out.Report)
	return &out
}

// BenchmarkMatcher simulates one variant of the standard study per operation.
func BenchmarkMatcher(b *testing.B) {
	snap, sc := loadStandard()
	off := func(r *model.Report) { r.Losses = false }
	cases := []struct {
		name string
		sc   *model.Scenario
	}{
		{"losses-on", sc},
		{"losses-off", without(sc, off)},
		{"plain", plain(sc)},
		{"bare-report", without(sc, func(r *model.Report) { r.Groups, r.Breakdowns = nil, nil })},
		{"contention", without(sc, func(r *model.Report) { r.Contention = true })},
	}
	line := roofline(b, snap)
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			e := engine.New(snap)
			simulate(b, e, c.sc) // what all variants share is counted once
			b.ReportAllocs()
			for b.Loop() {
				simulate(b, e, c.sc)
			}
			perSlot := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(snap.Len())
			b.ReportMetric(perSlot, "ns/slot")
			b.ReportMetric(perSlot/line, "x-roofline")
			b.ReportMetric(float64(e.StateBytes(c.sc))/float64(snap.Len()), "state-B/slot")
		})
	}
}

func simulate(t testing.TB, e *engine.Engine, sc *model.Scenario) *model.Metrics {
	t.Helper()
	m, err := e.Simulate(t.Context(), sc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// BenchmarkRoofline is the least that any simulation must do: see roofline.
func BenchmarkRoofline(b *testing.B) {
	snap, _ := loadStandard()
	s := newStream(snap)
	for b.Loop() {
		s.pass()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(snap.Len()), "ns/slot")
}

// roofline is the nanoseconds a slot of the best of several passes.
func roofline(b *testing.B, snap *inventory.Snapshot) float64 {
	s := newStream(snap)
	best := time.Duration(1 << 62)
	for range 10 {
		start := time.Now()
		s.pass()
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / float64(snap.Len())
}

// stream reads once all slot columns that the engine reads, and touches a 64-byte line of the user's state
// once per slot.
type stream struct {
	snap  *inventory.Snapshot
	lines [][8]uint64 // by user
	sum   uint64
}

func newStream(snap *inventory.Snapshot) *stream {
	return &stream{snap: snap, lines: make([][8]uint64, len(snap.UserHashes()))}
}

func (s *stream) pass() {
	sum := addUp(s.snap.Times()) + addUp(s.snap.SlotHashes()) + addUp(s.snap.Requests()) + addUp(s.snap.FloorCodes())
	for _, d := range s.snap.Dimensions() {
		sum += addUp(d.U8()) + addUp(d.U16()) + addUp(d.U32())
	}
	for _, u := range s.snap.Users() {
		s.lines[u][0]++
	}
	s.sum += sum
}

func addUp[T model.Instant | uint8 | uint16 | uint32 | uint64](column []T) (sum uint64) {
	for _, v := range column {
		sum += uint64(v)
	}
	return sum
}
