package model

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// addSeeds gives a fuzz target the study and the mistakes, and short texts at the edges of the syntax.
func addSeeds(f *testing.F) {
	for _, name := range []string{"mistakes.yaml", "study.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{"", "{", "[", "&a [*a]", "a: &a [1]\nb: [*a, *a]", "{\"campaigns\": [1e400]}", "? a\n: b", "a: |\n x", "\xff", "%YAML 1.2\n---\nname: x",
		"inventory: s\ncampaigns: []\nparameters: {p: {edit: campaigns.goal}}\nsweep: {sample: {method: halton, count: 3, ranges: {p: [1, 2]}}}"} {
		f.Add([]byte(text))
	}
}

// Whatever the text, ParseConfig returns; a configuration without errors expands, and every variant
// of it either becomes a scenario or says why not. Problems have a place.
func FuzzParseConfig(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := ParseConfig("study.yaml", text)
		for _, p := range problems {
			if p.Message == "" || p.File != "study.yaml" {
				t.Errorf("a problem without message or file: %+v", p)
			}
		}
		if problems.Err() != nil {
			if c != nil { // what could be read can be asked for more mistakes
				c.CheckAgainst(Catalog{Slots: 1, Dimensions: map[string]DimensionInfo{"country": {Values: []string{"US"}}}}, nil)
				c.WithCampaigns([]Campaign{{ID: "a"}})
				variants, _ := c.Expand()
				c.CheckAgainst(Catalog{Slots: 1}, variants)
			}
			return
		}
		variants, problems := c.Expand()
		if problems.Err() != nil {
			return
		}
		if len(variants) == 0 || variants[0].ID != BaselineID {
			t.Fatalf("variants %v", variants)
		}
		for _, v := range variants[:min(len(variants), 20)] {
			if s, err := c.Scenario(v); (s == nil) == (err == nil) {
				t.Errorf("scenario %v, error %v", s, err)
			}
		}
		c.CheckAgainst(Catalog{Slots: 1 << 40, MaxFloor: 1 << 40, Dimensions: map[string]DimensionInfo{"country": {Values: []string{"US"}}}}, variants)
	})
}

func FuzzParseCampaigns(f *testing.F) {
	addSeeds(f)
	f.Add([]byte("- {id: a, bid_cpm: 1, start: 2026-03-08T02:30, end: 2026-11-01 01:30}"))
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		campaigns, problems := ParseCampaigns("c.yaml", text, loc)
		if problems.Err() != nil {
			return
		}
		for _, c := range campaigns {
			if c.ID == "" || c.Priority < 1 || c.Priority > MaxPriority || c.BidCPM < 0 || c.contradiction() != "" {
				t.Errorf("an invalid campaign passed: %+v", c)
			}
		}
	})
}
