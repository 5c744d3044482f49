package warehouse_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// sqlBlock is a fenced block of SQL in Markdown.
var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// Every query of the cookbook runs, and on a study that has what it asks about it finds rows.
func TestCookbookQueries(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/sql-cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	w := open(t, store(t, cookbookStudies()))
	blocks := sqlBlock.FindAllSubmatch(document, -1)
	if len(blocks) < 15 {
		t.Errorf("the cookbook has %d queries; the test looks for them between lines of ```", len(blocks))
	}
	for _, block := range blocks {
		if rows := ask(t, w, string(block[1])); len(rows) == 0 {
			t.Errorf("no rows for\n%s", block[1])
		}
	}
}

// cookbookStudies are two simulations of a baseline and six variants over two parameters, with
// replicates, losses, contention, groups and breakdowns, and one variant that fails.
func cookbookStudies() (all []model.VariantResult) {
	for s, id := range []string{"20260701-aaaaaaaaaa", "20260702-bbbbbbbbbb"} {
		for v := range 8 {
			point := model.BaselineID
			if v > 0 {
				point = fmt.Sprintf("v%04d", v)
			}
			for r := range 22 {
				variant := point
				if r > 0 {
					variant += fmt.Sprintf(".r%d", r)
				}
				if r > 0 && v > 1 {
					continue
				}
				row := cookbookRow(int64(v), int64(r), int64(s))
				row.SimulationID, row.VariantID = id, variant
				if v == 7 {
					row.Status, row.Error, row.Metrics = model.StatusFailed, model.NewFault(model.TimedOut, "took over 2h"), model.Metrics{}
				}
				all = append(all, row)
			}
		}
	}
	return all
}

func cookbookRow(v, r, s int64) model.VariantResult {
	bid, limit, advertiser, country, goal := 1+float64(v%3)/10, float64(v), "acme", "US", int64(400)
	matched, lost, outbid := 1000+v, 300+v, int64(200)
	zero := int64(0)
	row := model.VariantResult{Replicate: r, Attempt: 1, Status: model.StatusSucceeded, SubmittedAt: 1782864000000000, ResultSHA256: fmt.Sprint("digest of ", v, s)}
	if v > 0 {
		row.Parameters = []model.ParameterValue{{Name: "acme_bid", Number: &bid, Text: fmt.Sprint(bid)}, {Name: "daily_cap", Number: &limit, Text: fmt.Sprint(limit)}}
	}
	row.Metrics = model.Metrics{Slots: 1000, Filled: 500 + 10*v + r%5, RevenueNanos: 1e9 * (100 - v - s), Users: 300, Reach: 200 + v*r%7, IdentifiedImpressions: 450 + 20*v, SampledShare: 1,
		FrequencyDistribution: []model.FrequencyUsers{{Frequency: 1, Users: 150}, {Frequency: 4, Users: 50 + v}},
		Campaigns: []model.CampaignResult{{CampaignID: "c1", Advertiser: &advertiser, Impressions: 500 + v, Goal: &goal, Delivered: 500 + v, Matched: &matched, MatchedUsers: &zero,
			LostFloor: &lost, LostIdentity: &zero, AfterGoal: &zero, LostBudget: &zero, LostPacing: &zero, LostFrequency: &zero, LostSeparation: &zero, Outbid: &outbid,
			Contention: []model.Contender{{WinnerID: "c2", Slots: 200}}}},
		Groups:     []model.GroupResult{{Group: "advertiser", Value: &advertiser, Impressions: 500 + v, Reach: 200}},
		Breakdowns: []model.BreakdownResult{{Dimension: "country", Value: &country, Slots: 1000, Filled: 500 + v}},
	}
	row.Derive(model.Report{})
	return row
}
