package transforms

import (
	"errors"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// planForTests has one parameter, two variants and its campaigns in a document of their own.
func planForTests() *model.Plan {
	config := "name: x\ninventory: s.parquet\ncampaigns: c.yaml\nparameters:\n  bid: {edit: campaigns.bid_cpm}\nbaseline: {bid: 1}\nsweep:\n  list: [{bid: 2}]\n"
	campaigns := "- {id: a, bid_cpm: 1}\n"
	// The digest of a snapshot is that of its files' digests (inventory.SnapshotSHA256's own test).
	return &model.Plan{
		SimulationID: "20260701-abcdefgh23",
		Config:       model.Document{Name: "x.yaml", Text: config, SHA256: sha256Of(config)}, ConfigSHA256: sha256Of(config),
		Campaigns: &model.Document{Name: "c.yaml", Text: campaigns, SHA256: sha256Of(campaigns)}, CampaignsSHA256: sha256Of(campaigns),
		Inventory: []model.PinnedInput{{SHA256: "b"}, {SHA256: "a"}}, SnapshotSHA256: "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2",
		Variants: []model.Variant{{ID: "baseline", Values: make([]model.Value, 1)}, {ID: "v0001", Values: make([]model.Value, 1)}},
	}
}

// TestAPlanThatWasChangedIsRefused: nothing in it is taken on trust that rows would repeat.
func TestAPlanThatWasChangedIsRefused(t *testing.T) {
	config, err := ConfigOf(planForTests())
	if err != nil || len(config.Campaigns) != 1 || len(config.Parameters) != 1 {
		t.Fatalf("%+v, %v", config, err)
	}
	for want, change := range map[string]func(*model.Plan){
		"the configuration has": func(p *model.Plan) { p.Config.Text = strings.Replace(p.Config.Text, "bid: 2", "bid: 3", 1) },
		"not aaa..":             func(p *model.Plan) { p.ConfigSHA256 = "aaa" },
		"the campaigns has":     func(p *model.Plan) { p.Campaigns.Text += " " },
		"not bbb..":             func(p *model.Plan) { p.CampaignsSHA256 = "bbb" },
		"inventory files has":   func(p *model.Plan) { p.Inventory[1].SHA256 = "c" },
		"no variant id":         func(p *model.Plan) { p.Variants[1].ID = "../v0001" },
		"twice":                 func(p *model.Plan) { p.Variants[1].ID = "baseline" },
		"has 0 values for 1":    func(p *model.Plan) { p.Variants[1].Values = nil },
	} {
		plan := planForTests()
		change(plan)
		if _, err := ConfigOf(plan); !errors.Is(err, results.ErrDamaged) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "submit") {
			t.Errorf("want an error with %q: %v", want, err)
		}
	}
}
