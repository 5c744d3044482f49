package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// plainStudy computes a study from its rows by plain code, without any view: what the page must show.
func plainStudy(t testing.TB, rows []model.VariantResult) *study {
	t.Helper()
	s := &study{Measures: measures, Outcomes: outcomes, Baseline: -1, Notes: []string{}, Variants: []variant{}, Effects: []effect{}, Failures: []failure{}}
	first := rows[0]
	s.Simulation = simulation{
		ID: first.SimulationID, Name: first.SimulationName, Owner: first.Owner, Tenant: first.Tenant, SubmittedAt: seconds(first.SubmittedAt),
		Currency: first.Currency, EngineVersion: first.EngineVersion, Seed: "42",
		ConfigSHA256: first.ConfigSHA256, SnapshotSHA256: first.SnapshotSHA256, CampaignsSHA256: first.CampaignsSHA256,
	}
	var all levers
	var base *model.VariantResult
	for i := range rows {
		r := &rows[i]
		s.Simulation.tally(r.Status == model.StatusSucceeded, r.Replicate > 0)
		if r.Status == model.StatusFailed {
			s.Failures = append(s.Failures, failure{r.VariantID, r.Replicate, r.Error.Reason, r.Error.Message, r.Error.Retryable, 1, seconds(r.FinishedAt), seconds(r.FinishedAt)})
			continue
		}
		if r.Replicate > 0 {
			continue
		}
		var set []given
		for _, p := range r.Parameters {
			set = append(set, given{p.Name, parameterValue{p.Text, fromPointer(p.Number)}})
		}
		if r.VariantID == model.BaselineID {
			base, s.Baseline = r, len(s.Variants)
		}
		s.Variants = append(s.Variants, plainVariant(r, base, all.add(set)))
	}
	s.Parameters = all.settle(s.Variants)
	plainIntervals(s, rows)
	s.Campaigns = plainCampaigns(s, rows)
	s.Effects = plainEffects(s)
	s.Sentence = sentence(s)
	return s
}

func fromPointer(v *float64) number {
	if v == nil {
		return number{}
	}
	return known(*v)
}

func seconds(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339) }

func figuresOf(r *model.VariantResult) []number {
	return []number{
		known(float64(r.Reach)), fromPointer(r.FillRate), known(r.Revenue), fromPointer(r.AverageFrequency), fromPointer(r.ECPM),
		known(float64(r.Filled)), known(float64(r.GoalsMet)),
	}
}

func plainVariant(r, base *model.VariantResult, set []int) variant {
	v := variant{ID: r.VariantID, Comparable: true, Set: set, Value: figuresOf(r), Delta: unknowns(), Relative: unknowns()}
	v.Outcome = []int64{
		r.Filled, r.UnfilledNoCampaignTargeted, r.UnfilledBelowFloor, r.UnfilledUnidentified, r.UnfilledGoalReached,
		r.UnfilledBudgetSpent, r.UnfilledPaced, r.UnfilledFrequencyCapped, r.UnfilledSeparated,
	}
	v.Frequency = make([]int64, 20)
	for _, f := range r.FrequencyDistribution {
		v.Frequency[f.Frequency-1] = f.Users
	}
	if base == nil {
		return v
	}
	for m, was := range figuresOf(base) {
		if was.Known && v.Value[m].Known {
			v.Delta[m] = known(v.Value[m].Value - was.Value)
			if was.Value != 0 {
				v.Relative[m] = known(v.Delta[m].Value / was.Value)
			}
		}
	}
	return v
}

func plainCampaigns(s *study, rows []model.VariantResult) campaigns {
	out := campaigns{Columns: campaignColumns, IDs: []string{}, Variants: []int{}, Rows: [][]number{}}
	whole := func(v *int64) number {
		if v == nil {
			return number{}
		}
		return known(float64(*v))
	}
	for i, v := range s.Variants {
		row := rows[slices.IndexFunc(rows, func(r model.VariantResult) bool { return r.VariantID == v.ID })]
		if i == 0 {
			byImpressions := slices.Clone(row.Campaigns)
			slices.SortFunc(byImpressions, func(a, b model.CampaignResult) int {
				return cmp.Or(cmp.Compare(b.Impressions, a.Impressions), cmp.Compare(a.CampaignID, b.CampaignID))
			})
			for _, c := range byImpressions {
				out.IDs = append(out.IDs, c.CampaignID)
			}
		}
		out.Variants = append(out.Variants, i)
		for _, c := range row.Campaigns {
			k := slices.Index(out.IDs, c.CampaignID)
			out.Rows = append(out.Rows, []number{
				known(float64(k)), known(float64(i)), known(float64(c.Impressions)), known(c.Spend), known(float64(c.Reach)), fromPointer(c.AverageFrequency),
				known(float64(c.Delivered)), fromPointer(c.DeliveryRate), fromPointer(c.OnSchedule), fromPointer(c.BudgetUtilisation),
				whole(c.Matched), whole(c.LostFloor), whole(c.LostIdentity), whole(c.AfterGoal), whole(c.LostBudget), whole(c.LostPacing),
				whole(c.LostFrequency), whole(c.LostSeparation), whole(c.Outbid),
			})
		}
	}
	return out
}

// plainEffects groups by the values a variant sets.
func plainEffects(s *study) []effect {
	out := []effect{}
	for p, parameter := range s.Parameters {
		for i, value := range parameter.Values {
			for m, measure := range measures {
				e := effect{Parameter: parameter.Name, Value: value.Text, Metric: measure.Name}
				low, high, total := math.Inf(1), math.Inf(-1), 0.0
				for _, v := range s.Variants {
					if v.Set[p] == i && v.Value[m].Known {
						x := v.Value[m].Value
						e.Variants, low, high, total = e.Variants+1, min(low, x), max(high, x), total+x
					}
				}
				if e.Variants > 0 {
					e.Mean, e.Minimum, e.Maximum = known(total/float64(e.Variants)), known(low), known(high)
					out = append(out, e)
				}
			}
		}
	}
	return out
}

// plainIntervals: delta plus and minus 1.96 sample standard deviations of the paired differences over
// the replicates, from 20 replicates on (semantics 10).
func plainIntervals(s *study, rows []model.VariantResult) {
	byID := map[string]*model.VariantResult{}
	replicates := 0
	for i := range rows {
		byID[rows[i].VariantID] = &rows[i]
		replicates = max(replicates, int(rows[i].Replicate))
	}
	if replicates < 20 || s.Baseline < 0 {
		return
	}
	for i := range s.Variants {
		v := &s.Variants[i]
		v.Interval = make([]interval, len(measures))
		for m := range measures {
			var differences []float64
			for r := 1; r <= replicates; r++ {
				suffix := fmt.Sprintf(".r%d", r)
				differences = append(differences, figuresOf(byID[v.ID+suffix])[m].Value-figuresOf(byID[model.BaselineID+suffix])[m].Value)
			}
			mean, squares := 0.0, 0.0
			for _, d := range differences {
				mean += d / float64(replicates)
			}
			for _, d := range differences {
				squares += (d - mean) * (d - mean)
			}
			half := 1.96 * math.Sqrt(squares/float64(replicates-1))
			v.Interval[m] = interval{known(v.Delta[m].Value - half), known(v.Delta[m].Value + half)}
		}
	}
}
