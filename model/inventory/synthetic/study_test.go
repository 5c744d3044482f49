package synthetic_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// generated is a study read back from its files.
type generated struct {
	files    synthetic.Files
	config   *model.Config
	snapshot *inventory.Snapshot
	engine   *engine.Engine
}

// generate makes a study and reads it as a user's command would.
func generate(t *testing.T, o synthetic.Options) *generated {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "study")
	}
	files, err := synthetic.Generate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := inventory.Load(t.Context(), []string{files.Snapshot}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Len() != o.Slots {
		t.Fatalf("the snapshot has %d slots, want %d", snapshot.Len(), o.Slots)
	}
	g := &generated{files: files, snapshot: snapshot, engine: engine.New(snapshot)}
	g.config = g.study(t, files.Config, "")
	variants, problems := g.config.Expand()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	// A value of a list may be missing from a small log; anything else is wrong.
	if problems := g.config.CheckAgainst(snapshot.Catalog(), variants); problems.Err() != nil {
		t.Fatal(problems)
	}
	return g
}

// study parses a configuration over the generated campaigns; a sweep, if given, replaces its own.
func (g *generated) study(t *testing.T, path, sweep string) *model.Config {
	t.Helper()
	text := read(t, path)
	if sweep != "" {
		before, _, found := strings.Cut(text, "\nsweep:")
		if !found {
			t.Fatalf("%s has no sweep", path)
		}
		text = before + "\nsweep: " + sweep + "\n"
	}
	config, problems := model.ParseConfig(path, []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	campaigns, problems := model.ParseCampaigns(g.files.Campaigns, []byte(read(t, g.files.Campaigns)), config.Location)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if problems := config.WithCampaigns(campaigns); len(problems) > 0 {
		t.Fatal(problems)
	}
	return config
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// simulate runs all variants of a configuration, the baseline first.
func (g *generated) simulate(t *testing.T, config *model.Config) []*model.Metrics {
	t.Helper()
	variants, problems := config.Expand()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var all []*model.Metrics
	for _, v := range variants {
		all = append(all, g.variant(t, config, v))
	}
	return all
}

func (g *generated) variant(t *testing.T, config *model.Config, v model.Variant) *model.Metrics {
	t.Helper()
	scenario, err := config.Scenario(v)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := g.engine.Simulate(t.Context(), scenario)
	if err != nil {
		t.Fatal(err)
	}
	if err := model.CheckMetrics(metrics, scenario); err != nil {
		t.Fatal(err)
	}
	return metrics
}

// baseline simulates the scenario as written.
func (g *generated) baseline(t *testing.T) *model.Metrics {
	t.Helper()
	variants, problems := g.config.Expand()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return g.variant(t, g.config, variants[0])
}

// The fill that was asked for comes out, over sizes and seeds.
func TestFillComesOut(t *testing.T) {
	t.Parallel()
	for _, o := range []synthetic.Options{
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 1},
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 2, Fill: 0.6},
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 3, Fill: 0.75},
		{Slots: 10_000, Campaigns: 30, Users: 5_000, Days: 1, Seed: 4},
		{Slots: 40_000, Campaigns: 100, Users: 4_000, Days: 14, Seed: 5},
		{Slots: 30_000, Campaigns: 200, Users: 10_000, Days: 30, Seed: 6, Fill: 0.9},
		{Slots: 100_000, Campaigns: 60, Users: 8_000, Days: 7, Seed: 7},
	} {
		want := o.Fill
		if want == 0 {
			want = synthetic.DefaultFill
		}
		got := *generate(t, o).baseline(t).FillRate
		t.Logf("%d slots, %d campaigns, seed %d: fill %.3f, want %.2f", o.Slots, o.Campaigns, o.Seed, got, want)
		if math.Abs(got-want) > 0.03 {
			t.Errorf("%d slots, %d campaigns, seed %d: fill is %.3f, want %.2f within 3 points", o.Slots, o.Campaigns, o.Seed, got, want)
		}
	}
}

// lever is a parameter of the study, two settings of it, and what has to move between them.
type lever struct {
	name      string
	low, high string
	metric    string
	of        func(*model.Metrics) float64
}

var levers = []lever{
	{"acme_bid", "0.6", "2.0", "impressions of acme", impressionsOf("acme")},
	{"daily_cap", "1", "none", "average frequency", func(m *model.Metrics) float64 { return *m.AverageFrequency }},
	{"floor", "0", "4.0", "fill", func(m *model.Metrics) float64 { return *m.FillRate }},
	{"floor", "0", "4.0", "eCPM", func(m *model.Metrics) float64 { return *m.ECPM }},
	{"goals", "0.5", "2", "filled", func(m *model.Metrics) float64 { return float64(m.Filled) }},
	{"budgets", "0.5", "1", "revenue", func(m *model.Metrics) float64 { return m.Revenue }},
	{"traffic", "0.8", "1.25", "filled", func(m *model.Metrics) float64 { return float64(m.Filled) }},
	{"pacing", "asap", "even", "filled", func(m *model.Metrics) float64 { return float64(m.Filled) }},
}

func impressionsOf(advertiser string) func(*model.Metrics) float64 {
	return func(m *model.Metrics) float64 {
		for _, g := range m.Groups {
			if g.Group == "advertiser" && g.Value != nil && *g.Value == advertiser {
				return float64(g.Impressions)
			}
		}
		return 0
	}
}

// Each lever of the study moves its metric by more than 5 % of the baseline's, at the size of the
// demo and at a larger one.
func TestEachLeverMovesItsMetric(t *testing.T) {
	t.Parallel()
	for _, o := range []synthetic.Options{
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 1},
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 2},
		{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 7},
		{Slots: 50_000, Campaigns: 300, Users: 10_000, Days: 7, Seed: 7},
	} {
		g := generate(t, o)
		for _, l := range levers {
			runs := g.simulate(t, g.study(t, g.files.Config, "{list: [{"+l.name+": "+l.low+"}, {"+l.name+": "+l.high+"}]}"))
			base, low, high := l.of(runs[0]), l.of(runs[1]), l.of(runs[2])
			moved := math.Abs(high-low) / base
			t.Logf("%d slots, seed %d: %s %s -> %s: %s %.4g -> %.4g (written: %.4g), %.0f %%", o.Slots, o.Seed, l.name, l.low, l.high, l.metric, low, high, base, 100*moved)
			if !(moved > 0.05) {
				t.Errorf("%d slots, seed %d: %s from %s to %s moves the %s from %.4g to %.4g only", o.Slots, o.Seed, l.name, l.low, l.high, l.metric, low, high)
			}
		}
	}
}

// The study sweeps the scenario as written among its variants, and the big grid has a thousand.
func TestSweeps(t *testing.T) {
	t.Parallel()
	g := generate(t, synthetic.Options{Slots: 3_000, Campaigns: 20, Users: 600, Days: 2, Seed: 1})
	grid := func(path string) map[string]bool {
		variants, problems := g.study(t, path, "").Expand()
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		points := map[string]bool{}
		for _, v := range variants[1:] {
			points[v.Values[0].Text+" "+v.Values[1].Text+" "+v.Values[2].Text] = true
		}
		return points
	}
	study := grid(g.files.Config)
	if len(study) != 216 || !study["1 3 1"] {
		t.Errorf("the study has %d different variants, want 216 and among them bid 1, cap 3, floor 1", len(study))
	}
	if big := grid(filepath.Join(filepath.Dir(g.files.Config), synthetic.BigGridName)); len(big) != 1000 {
		t.Errorf("the big grid has %d different variants, want 1000", len(big))
	}
	runs := g.simulate(t, g.study(t, g.files.Config, "{list: [{acme_bid: 1, daily_cap: 3, floor: 1}]}"))
	if a, b := runs[0], runs[1]; a.Filled != b.Filled || a.RevenueNanos != b.RevenueNanos || a.Reach != b.Reach {
		t.Errorf("bid 1, cap 3 and floor 1 give %d filled, the scenario as written %d", b.Filled, a.Filled)
	}
}

// Whatever the arguments, the outcome is a study that runs or an error that says what is wrong.
func TestExtremeArguments(t *testing.T) {
	t.Parallel()
	for _, o := range []synthetic.Options{
		{Slots: 1, Campaigns: 1, Users: 1, Days: 1},
		{Slots: 2, Campaigns: 1, Users: 2, Days: 1},
		{Slots: 50, Campaigns: 3, Users: 1, Days: 1, Seed: 5},
		{Slots: 300, Campaigns: 400, Users: 300, Days: 366, Seed: 6},
		{Slots: 300, Campaigns: 1, Users: 20, Days: 2, Seed: math.MaxInt64, Fill: 0.01},
	} {
		if m := generate(t, o).baseline(t); m.Slots != int64(o.Slots) || m.Users != int64(o.Users) {
			t.Errorf("%+v: simulated %d slots of %d users", o, m.Slots, m.Users)
		}
	}
}

// Arguments out of bounds are all named at once, and leave nothing.
func TestWrongArguments(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	for _, test := range []struct {
		o    synthetic.Options
		says []string
	}{
		{synthetic.Options{Dir: dir}, []string{"slots is 0", "campaigns is 0", "days is 0", "users is 0"}},
		{synthetic.Options{Slots: 3, Users: 5, Campaigns: 1, Days: 1, Dir: dir}, []string{"users is 5", "between 1 and 3"}},
		{synthetic.Options{Slots: 3, Users: 1, Campaigns: 10_001, Days: 367, Seed: -1, Fill: 1, Dir: dir}, []string{"campaigns is 10001", "days is 367", "seed is -1", "fill is 1"}},
		{synthetic.Options{Slots: 3, Users: 1, Campaigns: 1, Days: 1, Fill: math.NaN(), Dir: dir}, []string{"fill is NaN"}},
		{synthetic.Options{Slots: 3, Users: 1, Campaigns: 1, Days: 1, Fill: -0.5, Dir: dir}, []string{"fill is -0.5; it must be a share above 0 and below 1"}},
		{synthetic.Options{Slots: 3, Users: 1, Campaigns: 1, Days: 1}, []string{"no folder"}},
	} {
		_, err := synthetic.Generate(t.Context(), test.o)
		if err == nil {
			t.Fatalf("%+v: no error", test.o)
		}
		if model.FaultOf(err).Reason != string(model.InvalidInput) || test.o.Slots == 0 && strings.Contains(err.Error(), "0 slots") {
			t.Errorf("%+v: %v", test.o, err)
		}
		for _, want := range test.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q does not say %q", test.o, err, want)
			}
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a refused call made the folder")
	}
}

// A call that is stopped, at any moment, leaves nothing: not even a folder that it has made.
func TestCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	for _, after := range []int{0, 1, 3, 6} {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		o := synthetic.Options{Slots: 50_000, Campaigns: 20, Users: 5_000, Days: 3, Dir: filepath.Join(parent, "study")}
		o.Progress = func(done, total int) {
			if calls++; calls > after {
				cancel()
			}
		}
		if after == 0 {
			cancel()
		}
		_, err := synthetic.Generate(ctx, o)
		cancel()
		if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("cancelled after %d reports: error %v", after, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("cancelled after %d reports: left %v, %v", after, left, err)
		}
	}
}

// A folder with other files keeps them, and keeps an older study when the new one fails.
func TestOtherFilesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	o := synthetic.Options{Slots: 500, Campaigns: 3, Users: 100, Days: 1, Dir: dir}
	generate(t, o)
	before := digests(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Seed, o.Overwrite = 9, true
	if _, err := synthetic.Generate(ctx, o); err == nil {
		t.Fatal("no error from a cancelled call")
	}
	if after := digests(t, dir); after != before {
		t.Errorf("a failed call changed the folder from\n%s\nto\n%s", before, after)
	}
	generate(t, o)
	if after := digests(t, dir); after == before || read(t, mine) != "mine" {
		t.Error("a second study must replace the first and nothing else")
	}
	if _, err := synthetic.Generate(t.Context(), synthetic.Options{Slots: 1, Campaigns: 1, Users: 1, Days: 1, Dir: mine}); err == nil || !strings.Contains(err.Error(), mine+" is not a folder") {
		t.Errorf("a file for a folder: error %v", err)
	}
	if _, err := synthetic.Generate(t.Context(), synthetic.Options{Slots: 1, Campaigns: 1, Users: 1, Days: 1, Dir: filepath.Join(mine, "x", "y")}); err == nil || !strings.Contains(err.Error(), mine+" is not a folder") {
		t.Errorf("a folder below a file: error %v", err)
	}
}

// Without Overwrite no file of a study is replaced, whoever wrote it, and nothing else is made either.
func TestExistingFilesAreKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{synthetic.SnapshotName, synthetic.CampaignsName, synthetic.ConfigName, synthetic.BigGridName} {
		dir := t.TempDir()
		mine := filepath.Join(dir, name)
		if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		before := digests(t, dir)
		_, err := synthetic.Generate(t.Context(), synthetic.Options{Slots: 100, Campaigns: 2, Users: 10, Days: 1, Dir: dir})
		if err == nil || model.FaultOf(err).Reason != string(model.InvalidInput) || !strings.Contains(err.Error(), mine+" is there already") || !strings.Contains(err.Error(), "--force") {
			t.Errorf("%s: %v", name, err)
		}
		if after := digests(t, dir); after != before {
			t.Errorf("%s: the folder is\n%s", name, after)
		}
	}
}

// What a killed run left in the folder is removed by the next; what only looks like it stays.
func TestLeftoversOfAKilledRunGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{".generate-123456", ".generate-notes"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".generate-123456", synthetic.SnapshotName), []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	generate(t, synthetic.Options{Slots: 100, Campaigns: 2, Users: 10, Days: 1, Dir: dir})
	left, err := filepath.Glob(filepath.Join(dir, ".generate-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".generate-notes" {
		t.Errorf("left %v, %v", left, err)
	}
}
