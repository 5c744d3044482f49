// Package examples_test runs the studies of this folder, so that they stay right.
package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
)

// example is a log with its import, as its README.md says it.
type example struct {
	name     string
	options  inventory.ImportOptions
	log      string // of the shared data
	excerpt  string // checked in
	variants int    // besides the baseline
}

var examples = []example{
	{"ipinyou", inventory.ImportOptions{Format: "ipinyou", Currency: "CNY", MaxRejected: 0.01}, "ipinyou_adv2259_1pct_train.tsv.xz", "ipinyou.tsv", 100},
	{"rtb4free", inventory.ImportOptions{Format: "openrtb", MapFile: "rtb4free/map.yaml", MaxRejected: 0.01}, "rtb4free_adx_1000.jsonl.xz", "rtb4free.jsonl", 100},
	{"rtbkit", inventory.ImportOptions{Format: "jsonl", MapFile: "rtbkit/map.yaml", MaxRejected: 0.01}, "rtbkit_20000_auctions.jsonl.xz", "rtbkit.jsonl", 16},
}

// log is the path of the whole log where it is at hand, else of the excerpt.
func (e *example) path(t *testing.T) (path string, whole bool) {
	t.Helper()
	folder := os.Getenv("WHATIF_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	path = filepath.Join(folder, e.log)
	if _, err := os.Stat(path); err != nil {
		t.Logf("%s is not here; its excerpt stands in (set WHATIF_DATA to the folder of the logs)", e.log)
		return filepath.Join("..", "..", "model", "inventory", "testdata", e.excerpt), false
	}
	return path, true
}

// Each study over a real log imports, is valid without a warning, and its variants differ.
func TestStudiesOnRealLogs(t *testing.T) {
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			path, whole := e.path(t)
			o := e.options
			o.Files, o.Out = []string{path}, filepath.Join(t.TempDir(), "slots.parquet")
			if !whole {
				o.MaxRejected = 1 // an excerpt is made of its log's odd rows
			}
			if _, err := inventory.Import(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			config := readStudy(t, e.name)
			snapshot, err := inventory.Load(t.Context(), []string{o.Out}, inventory.Options{Location: config.Location, ShiftDays: config.ShiftDays})
			if err != nil {
				t.Fatal(err)
			}
			variants, problems := config.Expand()
			if len(problems) > 0 || len(variants) != 1+e.variants {
				t.Fatalf("%d variants, want the baseline and %d; %v", len(variants), e.variants, problems)
			}
			problems = config.CheckAgainst(snapshot.Catalog(), variants)
			if whole && len(problems) > 0 || problems.Err() != nil { // an excerpt lacks some of the values
				t.Fatal(problems)
			}
			machine := engine.New(snapshot)
			fills := map[int64]bool{}
			for i, v := range variants {
				if len(variants) > 20 && i%9 != 0 && i != len(variants)-1 {
					continue
				}
				m := simulate(t, machine, config, v)
				if whole && i == 0 {
					checkBaseline(t, m)
				}
				fills[m.Filled] = true
			}
			if whole && len(fills) < 3 {
				t.Errorf("the variants fill %v slots: the levers do nothing", fills)
			}
		})
	}
}

func readStudy(t *testing.T, name string) *model.Config {
	t.Helper()
	read := func(file string) (string, []byte) {
		path := filepath.Join(name, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return path, text
	}
	config, problems := model.ParseConfig(read("study.yaml"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	path, text := read(config.CampaignsURI)
	campaigns, problems := model.ParseCampaigns(path, text, config.Location)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if problems := config.WithCampaigns(campaigns); len(problems) > 0 {
		t.Fatal(problems)
	}
	return config
}

func simulate(t *testing.T, machine *engine.Engine, config *model.Config, v model.Variant) *model.Metrics {
	t.Helper()
	scenario, err := config.Scenario(v)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.Simulate(t.Context(), scenario)
	if err != nil {
		t.Fatal(err)
	}
	if err := model.CheckMetrics(m, scenario); err != nil {
		t.Fatalf("variant %s: %v", v.ID, err)
	}
	t.Logf("%s: fill %.3f, revenue %.4f, %d of %d goals met", v.ID, *m.FillRate, m.Revenue, m.GoalsMet, m.Goals)
	return m
}

// checkBaseline: the campaigns are written for this log, so most slots sell, each campaign matches
// and most of them win.
func checkBaseline(t *testing.T, m *model.Metrics) {
	t.Helper()
	if *m.FillRate < 0.5 || *m.FillRate > 0.99 {
		t.Errorf("fill is %.3f, want 0.5 to 0.99", *m.FillRate)
	}
	for _, c := range m.Campaigns {
		t.Logf("campaign %s: matched %d, won %d, outbid %d, floor %d, pacing %d", c.CampaignID, *c.Matched, c.Impressions, *c.Outbid, *c.LostFloor, *c.LostPacing)
		if *c.Matched == 0 {
			t.Errorf("campaign %s matches no slot", c.CampaignID)
		}
	}
}
