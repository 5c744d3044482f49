package model

import (
	"testing"
)

const example = `name: q3-frequency-study
owner: inventory-science            # free text
labels: {quarter: q3}
currency: USD
inventory: slots/2026-07-*.parquet
campaigns:
  - {id: a, advertiser: acme, bid_cpm: 2.5, goal: 100}
  - {id: b, advertiser: acme, bid_cpm: 1}
  - {id: c, bid_cpm: 0.000001}
timezone: America/New_York
shift: 0d
seed: 42
cap_groups:
  - {name: acme-total, where: {advertiser: [acme]}, frequency_caps: [{impressions: 5, per: day}]}
policy:
  auction: first_price
  within_priority: bid
  one_per_request: none
  unidentified_users: skip_capped
report:
  breakdowns: [country, device_type, hour_of_day]
  groups: [advertiser]
  losses: true
  contention: false
  universe: 4500000
parameters:
  acme_bid:   {edit: campaigns.bid_cpm, op: multiply, where: {advertiser: [acme]}}
  daily_cap:  {edit: campaigns.frequency_caps.day}
  floor:      {edit: slots.floor_cpm, op: multiply}
baseline: {acme_bid: 1.0}
sweep:
  grid:
    daily_cap: [1, 2, 3, none]
    acme_bid: [0.8, 1.0, 1.2]
  replicates: 1
execution:
  retries: 2
  variant_timeout: 2h
  max_failed_variants: 1000
  runner: direct
`

// The example of the specification, with the grid's keys in another order than the parameters'.
func TestExample(t *testing.T) {
	c, problems := ParseConfig("study.yaml", []byte(example))
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	variants, problems := c.Expand()
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	if len(variants) != 1+3*4 {
		t.Fatalf("%d variants", len(variants))
	}
	// The first parameter listed, acme_bid, varies slowest: v0006 is its second value and the
	// second cap.
	v := variants[6]
	if v.ID != "v0006" || v.Values[0].Text != "1" || v.Values[1].Text != "2" || v.Values[2].Kind != ValueUnset {
		t.Fatalf("%+v", v)
	}
	s, err := c.Scenario(variants[12])
	if err != nil {
		t.Fatal(err)
	}
	if s.Campaigns[0].BidCPM != 3_000_000 || s.Campaigns[1].BidCPM != 1_200_000 || s.Campaigns[2].BidCPM != 1 {
		t.Errorf("bids %v %v %v", s.Campaigns[0].BidCPM, s.Campaigns[1].BidCPM, s.Campaigns[2].BidCPM)
	}
	if s.Written[0].BidCPM != 2_500_000 {
		t.Errorf("the configuration was changed: %v", s.Written[0].BidCPM)
	}
}
