package warehouse_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/whatif-machine/whatif/model"
)

// study says what a random simulation is made of.
type study struct {
	id         string
	variants   int
	replicates int    // of each variant and of the baseline, beside replicate 0
	baseline   string // succeeded, failed or missing
	mixed      bool   // lineage, sampled share and losses differ between variants
}

// dice make rows whose figures need not fit together: the views must not care.
type dice struct{ *rand.Rand }

// rows are all attempts at all variants of a study.
func (d dice) rows(s study) []model.VariantResult {
	var all []model.VariantResult
	for v := range s.variants + 1 {
		point := model.BaselineID
		if v > 0 {
			point = fmt.Sprintf("v%04d", v)
		}
		parameters := d.parameters(v)
		for r := range s.replicates + 1 {
			id := point
			if r > 0 {
				id += fmt.Sprintf(".r%d", r)
			}
			for _, a := range d.attempts(v, s.baseline) {
				row := d.row(s, id, r, parameters)
				row.Attempt = a.number
				if !a.succeeded {
					fail(&row, d)
				}
				all = append(all, row)
			}
		}
	}
	return all
}

type attempt struct {
	number    int64
	succeeded bool
}

// attempts of one variant: most often one that succeeds; also failures before and after it, two
// successes (a worker thought dead), only failures, or none. The numbers have gaps.
func (d dice) attempts(variant int, baseline string) []attempt {
	kind := d.IntN(8)
	if variant == 0 {
		kind = map[string]int{"succeeded": 0, "failed": 6, "missing": 7}[baseline]
	}
	switch kind {
	case 3:
		return []attempt{{1, false}, {3, true}}
	case 4:
		return []attempt{{2, true}, {4, false}, {11, true}}
	case 5:
		return []attempt{{10, true}, {9, true}, {2, false}}
	case 6:
		return []attempt{{9, false}, {10, false}, {2, false}}
	case 7:
		return nil
	}
	return []attempt{{1, true}}
}

// fail makes a row what a failed attempt commits.
func fail(r *model.VariantResult, d dice) {
	r.Status, r.ResultSHA256 = model.StatusFailed, ""
	r.Metrics = model.Metrics{}
	r.Error = model.NewFault(model.TimedOut, fmt.Sprintf("took longer than %d h, 'so'", d.IntN(9)))
}

// parameters: acme bid is continuous with ties, cap has few values and none, mode is text, often
// absent; the baseline sets the first alone.
func (d dice) parameters(variant int) []model.ParameterValue {
	number := func(name string, v float64) model.ParameterValue {
		return model.ParameterValue{Name: name, Number: &v, Text: strconv.FormatFloat(v, 'f', -1, 64)}
	}
	list := []model.ParameterValue{number(`acme "bid" é`, float64(d.IntN(14))/8)}
	if variant == 0 {
		return list
	}
	if d.IntN(4) == 0 {
		list = append(list, model.ParameterValue{Name: "cap", Text: "none"})
	} else {
		list = append(list, number("cap", float64(1+d.IntN(3))))
	}
	if d.IntN(2) == 0 {
		list = append(list, model.ParameterValue{Name: "mode", Text: []string{`{"country":["US"]}`, "first_price", "a<b & 'c'\n"}[d.IntN(3)]})
	}
	return list
}

func (d dice) row(s study, id string, replicate int, parameters []model.ParameterValue) model.VariantResult {
	r := model.VariantResult{
		SchemaVersion: model.SchemaVersion, SimulationID: s.id, VariantID: id, Replicate: int64(replicate), SimulationName: "n'1", Owner: "o", Tenant: "t",
		Labels: []model.Label{{Key: "q", Value: "3"}}, SubmittedAt: 1782950399999999, Status: model.StatusSucceeded,
		ConfigSHA256: "c", SnapshotSHA256: "s", CampaignsSHA256: "k", VariantSHA256: id, EngineVersion: "1", Seed: 7, Currency: "USD", ResultSHA256: "r",
		Parameters: parameters, StartedAt: 1782950400000000 + d.Int64N(1e9), FinishedAt: 1782950400000000 + d.Int64N(1e12), DurationMS: d.Int64N(1000), StateBytes: d.Int64N(1 << 40),
		Metrics: d.metrics(s.mixed),
	}
	if s.mixed {
		for _, field := range []*string{&r.SnapshotSHA256, &r.CampaignsSHA256, &r.EngineVersion, &r.Currency} {
			if d.IntN(8) == 0 {
				*field = "other"
			}
		}
		r.Seed += d.Int64N(8) / 7
	}
	return r
}

// count is often 0, for the ratios that are null then.
func (d dice) count() int64 { return max(0, d.Int64N(1200)-200) }

func (d dice) metrics(mixed bool) model.Metrics {
	m := model.Metrics{
		Slots: d.count(), Filled: d.count(), UnfilledNoCampaignTargeted: d.count(), UnfilledBelowFloor: d.count(), UnfilledUnidentified: d.count(),
		UnfilledGoalReached: d.count(), UnfilledBudgetSpent: d.count(), UnfilledPaced: d.count(), UnfilledFrequencyCapped: d.count(), UnfilledSeparated: d.count(),
		RevenueNanos: d.Int64N(1e15), Users: d.count(), Reach: d.count(), IdentifiedImpressions: d.count(), SampledShare: 1,
		Goals: d.count(), GoalsMet: d.count(), GoalShortfall: d.count(), FrequencyDistribution: d.distribution(),
	}
	if mixed {
		m.SampledShare = []float64{0, 0.1, 0.25, 1}[d.IntN(4)]
	}
	for c := range 4 {
		if d.IntN(4) > 0 {
			m.Campaigns = append(m.Campaigns, d.campaign(c, d.IntN(2) == 0))
		}
	}
	for _, value := range d.values() {
		m.Groups = append(m.Groups, model.GroupResult{Group: "advertiser", Value: value, Impressions: d.count(), SpendNanos: d.Int64N(1e12),
			IdentifiedImpressions: d.count(), Reach: d.count(), FrequencyDistribution: d.distribution()})
		m.Breakdowns = append(m.Breakdowns, model.BreakdownResult{Dimension: "country", Value: value, Slots: d.count(), Filled: d.count(),
			RevenueNanos: d.Int64N(1e12), Users: d.count(), Reach: d.count(), IdentifiedImpressions: d.count()})
	}
	var report model.Report
	if universe := d.count(); universe > 0 {
		report.Universe = &universe
	}
	m.Derive(report)
	return m
}

// values are null, the empty text and some others, each left out now and then.
func (d dice) values() (list []*string) {
	empty, us := "", "US"
	for _, v := range []*string{nil, &empty, &us} {
		if d.IntN(3) > 0 {
			list = append(list, v)
		}
	}
	return list
}

func (d dice) distribution() (list []model.FrequencyUsers) {
	for k := range int64(20) {
		if d.IntN(4) == 0 {
			list = append(list, model.FrequencyUsers{Frequency: k + 1, Users: 1 + d.count()})
		}
	}
	return list
}

func (d dice) campaign(number int, losses bool) model.CampaignResult {
	advertiser, goal, expected, budget, at := "acme", d.count(), d.count(), model.Nanos(d.Int64N(1e12)), 1782950400000000+d.Int64N(1e12)
	c := model.CampaignResult{CampaignID: fmt.Sprintf("c%d", number), Priority: 1 + d.Int64N(16), Impressions: d.count(), SpendNanos: d.Int64N(1e12),
		Reach: d.count(), IdentifiedImpressions: d.count(), FrequencyDistribution: d.distribution(), Delivered: d.count()}
	if d.IntN(2) == 0 {
		c.Advertiser, c.Goal, c.Expected, c.Budget, c.FirstImpression, c.LastImpression = &advertiser, &goal, &expected, &budget, &at, &at
	}
	if losses {
		for _, field := range []**int64{&c.Matched, &c.MatchedUsers, &c.LostFloor, &c.LostIdentity, &c.AfterGoal, &c.LostBudget, &c.LostPacing,
			&c.LostFrequency, &c.LostSeparation, &c.Outbid} {
			n := d.count()
			*field = &n
		}
	}
	for w := range d.IntN(4) {
		c.Contention = append(c.Contention, model.Contender{WinnerID: fmt.Sprintf("c%d", w), Slots: 1 + d.count()})
	}
	return c
}
