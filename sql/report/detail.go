package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// Limits of what one page embeds, so that it stays under five megabytes for the largest study (1,000
// variants of 10,000 campaigns): campaign figures of so many campaigns, and of as many variants as the
// rows allow; so many rows of parameter effects; texts of people cut to so many runes.
const (
	maxCampaigns    = 100
	maxCampaignRows = 6_000
	maxEffects      = 3_000
	maxText         = 120
	maxSettingTexts = 1 << 20 // over all values of all parameters together
	minText         = 16      // but no value is cut shorter
)

// cutTexts bounds what people wrote: a name or an expression may be as long as a whole configuration.
func (s *study) cutTexts() {
	s.Simulation.Name, s.Simulation.Owner, s.Simulation.Tenant = shortened(s.Simulation.Name, maxText), shortened(s.Simulation.Owner, maxText), shortened(s.Simulation.Tenant, maxText)
	values := 0
	for _, p := range s.Parameters {
		values += len(p.Values)
	}
	limit := max(minText, min(maxText, maxSettingTexts/max(values, 1)))
	cut := false
	for p := range s.Parameters {
		s.Parameters[p].Name = shortened(s.Parameters[p].Name, maxText)
		for i, v := range s.Parameters[p].Values {
			short := shortened(v.Text, limit)
			cut = cut || short != v.Text
			s.Parameters[p].Values[i].Text = short
		}
	}
	if cut {
		s.note("Long values of parameters are cut; the view variants has them whole.")
	}
}

// readDetail reads the rest of the page: distributions, effects, campaigns.
func (s *study) readDetail(ctx context.Context, ask source) error {
	if s.sampled {
		s.note("Some variants ran on a sample of the users: their counts and money are scaled back to all users; distributions, slots and campaigns are as simulated.")
	}
	at := map[string]int{}
	for i, v := range s.Variants {
		at[v.ID] = i
	}
	if err := s.readFrequency(ctx, ask, at); err != nil {
		return err
	}
	if err := s.readEffects(ctx, ask); err != nil {
		return err
	}
	return s.readCampaigns(ctx, ask, at)
}

// readFrequency reads how many users saw how many impressions.
func (s *study) readFrequency(ctx context.Context, ask source, at map[string]int) error {
	q := query{
		view: "frequency", columns: []string{"variant_id", "frequency", "users"},
		where: "simulation_id = ? AND replicate = 0", args: []any{s.Simulation.ID},
	}
	return ask.each(ctx, q, func(r record) error {
		i, ok := at[r.text(0)]
		k := r.integer(1)
		if !ok || k < 1 || k > model.FrequencyTopBucket {
			return nil
		}
		if s.Variants[i].Frequency == nil {
			s.Variants[i].Frequency = make([]int64, model.FrequencyTopBucket)
		}
		s.Variants[i].Frequency[k-1] = r.integer(2)
		return nil
	})
}

// readEffects reads what each parameter does on average.
func (s *study) readEffects(ctx context.Context, ask source) error {
	s.Effects = []effect{}
	q := query{
		view:    "parameter_effects",
		columns: []string{"parameter", "value", "metric", "variants", "mean", "minimum", "maximum"},
		where:   "simulation_id = ? AND metric IN (" + places(len(measures)) + ")", order: "metric, parameter, value",
		args: []any{s.Simulation.ID},
	}
	for _, m := range measures {
		q.args = append(q.args, m.Name)
	}
	left := 0
	err := ask.each(ctx, q, func(r record) error {
		if len(s.Effects) == maxEffects {
			left++
			return nil
		}
		e := effect{
			Parameter: r.text(0), Value: shortened(r.text(1), maxText), Metric: r.text(2), Variants: r.integer(3),
			Mean: r.number(4), Minimum: r.number(5), Maximum: r.number(6),
		}
		if r.null(1) {
			e.Value = "as written"
		}
		s.Effects = append(s.Effects, e)
		return nil
	})
	if left > 0 {
		s.note("%s rows of parameter effects are left out; the view parameter_effects has them all.", Grouped(int64(left)))
	}
	return err
}

// places is n placeholders.
func places(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// note adds something that a reader of the page must know.
func (s *study) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// campaignColumns are the figures of the view `campaign_results` that the page shows.
var campaignColumns = []string{
	"impressions", "spend", "reach", "average_frequency", "delivered", "delivery_rate", "on_schedule", "budget_utilisation",
	"matched", "lost_floor", "lost_identity", "after_goal", "lost_budget", "lost_pacing", "lost_frequency", "lost_separation", "outbid",
}

// readCampaigns reads the figures of the campaigns with most impressions for the variants most worth a look.
func (s *study) readCampaigns(ctx context.Context, ask source, at map[string]int) error {
	s.Campaigns = campaigns{Columns: campaignColumns, IDs: []string{}, Variants: []int{}, Rows: [][]number{}}
	if len(s.Variants) == 0 {
		return nil
	}
	place, err := s.chooseCampaigns(ctx, ask)
	if err != nil || len(place) == 0 {
		return err
	}
	s.Campaigns.Variants = s.worthALook(maxCampaignRows / len(place))
	if n := len(s.Campaigns.Variants); n < len(s.Variants) {
		s.note("Campaign figures are here for %s of %s: the baseline, those with the largest and smallest figures, then in order. The view campaign_results has them all.",
			Grouped(int64(n)), variantsOf(len(s.Variants)))
	}
	return s.readCampaignRows(ctx, ask, place)
}

// chooseCampaigns lists the campaigns of the baseline (without one: of the first variant) with most
// impressions, and tells each one's place.
func (s *study) chooseCampaigns(ctx context.Context, ask source) (map[string]int, error) {
	place := map[string]int{}
	all := 0
	q := query{
		view: "campaign_results", columns: []string{"campaign_id"}, where: "simulation_id = ? AND variant_id = ?",
		order: "impressions DESC, campaign_id", args: []any{s.Simulation.ID, s.Variants[max(s.Baseline, 0)].ID},
	}
	err := ask.each(ctx, q, func(r record) error {
		all++
		id := r.text(0)
		if _, twice := place[id]; !twice && len(place) < maxCampaigns {
			place[id] = len(place)
			s.Campaigns.IDs = append(s.Campaigns.IDs, shortened(id, maxText))
		}
		return nil
	})
	if all > len(place) {
		s.note("Campaign figures are here for the %s campaigns with most impressions of %s.", Grouped(int64(len(place))), Grouped(int64(all)))
	}
	return place, err
}

// readCampaignRows reads the rows of the chosen campaigns and variants, with one query: each reads every file.
func (s *study) readCampaignRows(ctx context.Context, ask source, place map[string]int) error {
	q := query{
		view: "campaign_results", columns: append([]string{"variant_id", "campaign_id"}, campaignColumns...),
		where: "simulation_id = ? AND variant_id IN (" + places(len(s.Campaigns.Variants)) + ") AND campaign_id IN (" + places(len(place)) + ")",
		order: "variant_id, campaign_id", args: []any{s.Simulation.ID},
	}
	variantPlace := map[string]int{}
	for j, i := range s.Campaigns.Variants {
		variantPlace[s.Variants[i].ID] = j
		q.args = append(q.args, s.Variants[i].ID)
	}
	for _, id := range slices.Sorted(maps.Keys(place)) {
		q.args = append(q.args, id)
	}
	return ask.each(ctx, q, func(r record) error {
		row := []number{known(float64(place[r.text(1)])), known(float64(variantPlace[r.text(0)]))}
		for i := range campaignColumns {
			row = append(row, r.number(2+i))
		}
		s.Campaigns.Rows = append(s.Campaigns.Rows, row)
		return nil
	})
}

// worthALook lists at most n variants: the baseline, the one of the sentence, those with the largest and the smallest
// figure of each measure, then the others in order; ascending.
func (s *study) worthALook(n int) []int {
	chosen := map[int]bool{}
	take := func(i int) {
		if len(chosen) < n && i >= 0 {
			chosen[i] = true
		}
	}
	take(s.Baseline)
	if s.Baseline >= 0 {
		if c, ok := s.strongest(); ok {
			take(slices.IndexFunc(s.Variants, func(v variant) bool { return v.ID == c.to.ID }))
		}
	}
	for m := range measures {
		low, high := s.extremes(m)
		take(high)
		take(low)
	}
	for i := range s.Variants {
		take(i)
	}
	out := make([]int, 0, len(chosen))
	for i := range s.Variants {
		if chosen[i] {
			out = append(out, i)
		}
	}
	return out
}

// extremes finds the first variants with the smallest and the largest figure of a measure; -1 where none is known.
func (s *study) extremes(m int) (low, high int) {
	low, high = -1, -1
	for i, v := range s.Variants {
		if !v.Value[m].Known {
			continue
		}
		if low < 0 || v.Value[m].Value < s.Variants[low].Value[m].Value {
			low = i
		}
		if high < 0 || v.Value[m].Value > s.Variants[high].Value[m].Value {
			high = i
		}
	}
	return low, high
}
