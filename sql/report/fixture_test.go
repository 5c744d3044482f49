package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/whatif-machine/whatif/model"
)

// made describes a study that a test makes up: a grid over a bid factor, a daily cap and a floor
// factor, with figures from simple formulas in which each lever moves what it moves in life.
type made struct {
	id         string
	bids       []float64
	caps       []int // 0: none
	floors     []float64
	campaigns  int
	failed     map[string]model.Reason
	replicates int // rows r = 1..replicates for every variant
	losses     bool
	name       string
}

// plausible is the study most tests use: 37 variants of 12 campaigns, two of them failed. The
// baseline has bid factor 1 and cap 3 and leaves floors as written, so v0023 (1, 3, 1) equals it.
func plausible() made {
	return made{
		id: "20260701-k3v5q2m7xa", bids: []float64{0.8, 1, 1.2}, caps: []int{1, 2, 3, 0}, floors: []float64{0.5, 1, 2}, campaigns: 12, losses: true,
		failed: map[string]model.Reason{"v0009": model.TimedOut, "v0030": model.OutOfMemory}, name: "q3-frequency-study",
	}
}

// compact is a smaller one, for pages whose shape does not depend on its size: 8 variants of 4 campaigns.
func compact() made {
	return made{
		id: "20260701-k3v5q2m7xa", bids: []float64{1, 1.2}, caps: []int{1, 3}, floors: []float64{1, 2}, campaigns: 4, losses: true,
		failed: map[string]model.Reason{"v0004": model.TimedOut}, name: "q3-frequency-study",
	}
}

// rows makes the committed rows, the baseline first.
func (s made) rows() []model.VariantResult {
	var out []model.VariantResult
	add := func(id string, bid float64, limit int, floor float64, parameters []model.ParameterValue) {
		for r := range s.replicates + 1 {
			v := id
			if r > 0 {
				v = fmt.Sprintf("%s.r%d", id, r)
			}
			out = append(out, s.row(v, r, bid, limit, floor, parameters))
		}
	}
	base := []model.ParameterValue{numeric("acme_bid", 1), numeric("daily_cap", 3)}
	add(model.BaselineID, 1, 3, 1, base)
	n := 0
	for _, b := range s.bids {
		for _, c := range s.caps {
			for _, f := range s.floors {
				n++
				limit := numeric("daily_cap", float64(c))
				if c == 0 {
					limit = model.ParameterValue{Name: "daily_cap", Text: "none"}
				}
				add(fmt.Sprintf("v%04d", n), b, c, f, []model.ParameterValue{numeric("acme_bid", b), limit, numeric("floor", f)})
			}
		}
	}
	return out
}

func numeric(name string, v float64) model.ParameterValue {
	return model.ParameterValue{Name: name, Number: &v, Text: strconv.FormatFloat(v, 'g', -1, 64)}
}

// row makes one row; a replicate differs from replicate 0 by a fixed wobble.
func (s made) row(id string, replicate int, bid float64, limit int, floor float64, parameters []model.ParameterValue) model.VariantResult {
	row := model.VariantResult{
		SchemaVersion: model.SchemaVersion, SimulationID: s.id, VariantID: id, Replicate: int64(replicate), Attempt: 1,
		SimulationName: s.name, Owner: "inventory-science", SubmittedAt: 1782907200_000000, Status: model.StatusSucceeded,
		ConfigSHA256: digest('c'), SnapshotSHA256: digest('a'), CampaignsSHA256: digest('e'), VariantSHA256: digest('b'), EngineVersion: model.EngineVersion,
		Seed: 42, Currency: "USD", ResultSHA256: digest('f'), Parameters: parameters,
		StartedAt: 1782907201_000000, FinishedAt: 1782907203_000000, DurationMS: 2000, StateBytes: 1 << 20,
	}
	if reason, ok := s.failed[id]; ok {
		row.Status, row.ResultSHA256 = model.StatusFailed, ""
		row.Error = model.NewFault(reason, "variant "+id+" was stopped: <b>state</b> of 3.1 GiB is over the bound of 2 GiB")
		row.SampledShare = 1
		return row
	}
	row.Metrics = s.metrics(bid, limit, floor, replicate)
	return row
}

func digest(r rune) string {
	b := make([]rune, 64)
	for i := range b {
		b[i] = r
	}
	return string(b)
}

// metrics: every campaign matches some slots; floors, caps and other bids take their part.
func (s made) metrics(bid float64, limit int, floor float64, replicate int) model.Metrics {
	m := model.Metrics{Slots: 400_000, Users: 60_000, SampledShare: 1, Goals: int64(s.campaigns)}
	capped := 0.0
	if limit > 0 {
		capped = 0.42 / float64(limit)
	}
	wobble := 1 + 0.01*float64(replicate%7)
	for c := range s.campaigns {
		matched := int64(float64(60_000/(c+2)+4_000) * wobble)
		lostFloor := int64(float64(matched) * math.Min(0.6, 0.10*floor/bid))
		lostFrequency := int64(float64(matched-lostFloor) * capped)
		lostPacing := matched / 50
		outbid := int64(float64(matched-lostFloor-lostFrequency-lostPacing) * (0.30 + 0.02*float64(c%5)) / bid)
		won := matched - lostFloor - lostFrequency - lostPacing - outbid
		zero, goal, advertiser := int64(0), 22_000/int64(c+1), fmt.Sprintf("advertiser %d", c%3)
		expected := goal / 2
		reach := won * 2 / 3
		campaign := model.CampaignResult{
			CampaignID: fmt.Sprintf("line-item-%03d", c), Advertiser: &advertiser, Priority: 12, Impressions: won,
			SpendNanos: int64(float64(won) * 2.5e6 * bid), Reach: reach, IdentifiedImpressions: won, Delivered: won, Goal: &goal, Expected: &expected,
			FrequencyDistribution: []model.FrequencyUsers{{Frequency: 1, Users: reach}},
		}
		if s.losses {
			users := matched / 2
			campaign.Matched, campaign.MatchedUsers, campaign.LostFloor, campaign.LostFrequency, campaign.LostPacing, campaign.Outbid = &matched, &users, &lostFloor, &lostFrequency, &lostPacing, &outbid
			campaign.LostIdentity, campaign.AfterGoal, campaign.LostBudget, campaign.LostSeparation = &zero, &zero, &zero, &zero
		}
		m.Campaigns = append(m.Campaigns, campaign)
		m.Filled += won
		m.RevenueNanos += campaign.SpendNanos
		m.UnfilledBelowFloor += lostFloor / 2
		m.UnfilledFrequencyCapped += lostFrequency / 2
		m.UnfilledPaced += lostPacing / 2
		if won >= goal {
			m.GoalsMet++
		}
	}
	m.UnfilledNoCampaignTargeted = m.Slots - m.Filled - m.UnfilledBelowFloor - m.UnfilledFrequencyCapped - m.UnfilledPaced
	m.FrequencyDistribution, m.Reach, m.IdentifiedImpressions = spread(m.Filled, capped)
	m.Derive(model.Report{Losses: s.losses})
	return m
}

// spread makes a falling frequency distribution of about n impressions; a tighter cap makes it steeper.
func spread(n int64, capped float64) (out []model.FrequencyUsers, reach, impressions int64) {
	stay := 0.72 - 0.6*capped
	users := float64(n) * (1 - stay) * (1 - stay)
	for k := int64(1); k <= model.FrequencyTopBucket && users >= 1; k++ {
		out = append(out, model.FrequencyUsers{Frequency: k, Users: int64(users)})
		reach += int64(users)
		impressions += k * int64(users)
		users *= stay
	}
	return out, reach, impressions
}

// commit writes rows as the result store does: one file each.
func commit(t testing.TB, root string, rows []model.VariantResult) {
	t.Helper()
	for i := range rows {
		r := &rows[i]
		dir := filepath.Join(root, "simulation_id="+r.SimulationID, "variant_id="+r.VariantID)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("attempt=%d.parquet", r.Attempt))
		if err := parquet.WriteFile(path, rows[i:i+1], parquet.Compression(&parquet.Zstd)); err != nil {
			t.Fatal(err)
		}
	}
}
