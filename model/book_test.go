package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestABookIsCheckedAsItsCampaigns: values that never occur, dimensions that are not there, more of either
// than are listed, and money that overflows are told alike, in the same order and at the same places.
func TestABookIsCheckedAsItsCampaigns(t *testing.T) {
	var text strings.Builder
	text.WriteString("campaigns:\n")
	for i := range 140 {
		fmt.Fprintf(&text, "  - {id: c%d, bid_cpm: %d, targeting: {country: [US, x%d, x%d], d%d: [a]}, bid_adjustments: [{when: {device: [tv, x1]}, multiply: 9}]}\n",
			i, 1+i*1_000_000, i%60, i, i%130)
	}
	campaigns, problems := ParseCampaigns("campaigns.yaml", []byte(text.String()), time.UTC)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	catalog := Catalog{Slots: 1 << 40, MaxFloor: 1, Dimensions: map[string]DimensionInfo{"country": {Values: []string{"CA", "US"}}, "device": {Values: []string{"tv"}}}}
	study := func() *Config {
		c, problems := ParseConfig("study.yaml", []byte("inventory: x\ncampaigns: campaigns.yaml\nreport: {breakdowns: [contry]}\n"+
			"parameters:\n  bid: {edit: campaigns.bid_cpm, op: multiply}\n  floor: {edit: slots.floor_cpm, op: multiply, where: {country: [DE], planet: [mars]}}\nsweep:\n  grid: {bid: [1, 2, 3]}\n"))
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	found := func(c *Config, linked Problems) Problems {
		variants, problems := c.Expand()
		return slices.Concat(linked, problems, c.CheckAgainst(catalog, variants))
	}
	plain, booked := study(), study()
	want := found(plain, plain.WithCampaigns(campaigns))
	got := found(booked, booked.WithBook(NewBook(campaigns)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by themselves - and as a book +:\n%s", diff)
	}
	// 100 unknown dimensions are listed of 130, then contry and planet are too many; 50 absent values and how many more.
	if mistakes, ok := errors.AsType[Problems](want.Err()); len(want) < 150 || !ok || len(mistakes) < 100 {
		t.Errorf("only %d problems: the study was to have more than are listed", len(want))
	}
}

// TestOtherCampaignsReplaceABook: what was found out about the book is not used for them.
func TestOtherCampaignsReplaceABook(t *testing.T) {
	c := &Config{}
	rich, poor := []Campaign{{ID: "rich", BidCPM: 1 << 62}}, []Campaign{{ID: "poor", BidCPM: 1}}
	variants := []Variant{{ID: BaselineID, Point: BaselineID}}
	c.WithBook(NewBook(rich))
	if c.checkMoney(Catalog{Slots: 1 << 20}, variants).Err() == nil {
		t.Error("a bid of 2^62 on 2^20 slots fits")
	}
	c.WithCampaigns(poor)
	if err := c.checkMoney(Catalog{Slots: 1 << 20}, variants).Err(); err != nil {
		t.Error(err)
	}
}
