package warehouse_test

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// entries derives a view of nested entries: each entry's own columns, and some of them less those of
// the baseline's entry that is the same by same.
func entries[E any](counted []model.VariantResult, of func(model.VariantResult) []E, columns func(E) record, same func(a, b E) bool, deltas ...string) (list []record) {
	for _, r := range succeeded(counted) {
		var base []E
		if b := baselineOf(r, counted); b != nil {
			base = of(*b)
		}
		for _, e := range of(r) {
			row := join(head(r), columns(e))
			i := slices.IndexFunc(base, func(b E) bool { return same(e, b) })
			for _, name := range deltas {
				row[name+"_delta"] = nil
				if i >= 0 {
					row[name+"_delta"] = minus(row[name], columns(base[i])[name])
				}
			}
			list = append(list, row)
		}
	}
	return list
}

func expectCampaignResults(_, counted []model.VariantResult) []record {
	return entries(counted, func(r model.VariantResult) []model.CampaignResult { return r.Campaigns },
		func(c model.CampaignResult) record { return scalars(c) },
		func(a, b model.CampaignResult) bool { return a.CampaignID == b.CampaignID },
		"impressions", "reach", "spend", "delivery_rate")
}

func equalText(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func expectGroupResults(_, counted []model.VariantResult) []record {
	return entries(counted, func(r model.VariantResult) []model.GroupResult { return r.Groups },
		func(g model.GroupResult) record {
			distribution := []any{}
			for _, f := range g.FrequencyDistribution {
				distribution = append(distribution, record{"frequency": f.Frequency, "users": f.Users})
			}
			return join(scalars(g), record{"frequency_distribution": distribution})
		},
		func(a, b model.GroupResult) bool { return a.Group == b.Group && equalText(a.Value, b.Value) },
		"impressions", "spend", "identified_impressions", "reach", "average_frequency")
}

func expectBreakdownResults(_, counted []model.VariantResult) []record {
	return entries(counted, func(r model.VariantResult) []model.BreakdownResult { return r.Breakdowns },
		func(b model.BreakdownResult) record { return scalars(b) },
		func(a, b model.BreakdownResult) bool {
			return a.Dimension == b.Dimension && equalText(a.Value, b.Value)
		},
		"slots", "filled", "revenue", "users", "reach", "identified_impressions")
}

// loss is one contender of one campaign.
type loss struct {
	campaign string
	model.Contender
}

func expectContention(_, counted []model.VariantResult) []record {
	return entries(counted,
		func(r model.VariantResult) (list []loss) {
			for _, c := range r.Campaigns {
				for _, w := range c.Contention {
					list = append(list, loss{c.CampaignID, w})
				}
			}
			return list
		},
		func(l loss) record { return join(scalars(l.Contender), record{"campaign_id": l.campaign}) },
		func(a, b loss) bool { return a.campaign == b.campaign && a.WinnerID == b.WinnerID }, "slots")
}

// frequencies derives k+ users and shares of one distribution.
func frequencies(reach int64, distribution []model.FrequencyUsers) (list []record) {
	for _, f := range distribution {
		more := int64(0)
		for _, other := range distribution {
			if other.Frequency >= f.Frequency {
				more += other.Users
			}
		}
		list = append(list, record{"frequency": f.Frequency, "users": f.Users, "k_plus_users": more, "share_of_reach": over(f.Users, reach)})
	}
	return list
}

func expectFrequency(_, counted []model.VariantResult) (list []record) {
	for _, r := range succeeded(counted) {
		for _, f := range frequencies(r.Reach, r.FrequencyDistribution) {
			list = append(list, join(head(r), f))
		}
	}
	return list
}

func expectCampaignFrequency(_, counted []model.VariantResult) (list []record) {
	for _, r := range succeeded(counted) {
		for _, c := range r.Campaigns {
			for _, f := range frequencies(c.Reach, c.FrequencyDistribution) {
				list = append(list, join(head(r), record{"campaign_id": c.CampaignID}, f))
			}
		}
	}
	return list
}

func expectFailures(all, counted []model.VariantResult) (list []record) {
	for _, r := range counted {
		if r.Status != model.StatusFailed {
			continue
		}
		tries, first, last := int64(0), r.FinishedAt, r.FinishedAt
		for _, a := range all {
			if a.SimulationID == r.SimulationID && a.VariantID == r.VariantID {
				tries, first, last = tries+1, min(first, a.FinishedAt), max(last, a.FinishedAt)
			}
		}
		list = append(list, join(head(r), record{"reason": r.Error.Reason, "message": r.Error.Message, "retryable": r.Error.Retryable,
			"attempts": tries, "first_failed_at": time.UnixMicro(first).UTC(), "last_failed_at": time.UnixMicro(last).UTC()}))
	}
	return list
}

// setting is one variant's value of a parameter.
type setting struct {
	of     model.VariantResult
	number *float64
	text   string
}

func expectParameterEffects(_, counted []model.VariantResult) (list []record) {
	bySimulation := map[string]map[string][]setting{}
	for _, r := range points(counted) {
		if bySimulation[r.SimulationID] == nil {
			bySimulation[r.SimulationID] = map[string][]setting{}
		}
		for _, p := range r.Parameters {
			bySimulation[r.SimulationID][p.Name] = append(bySimulation[r.SimulationID][p.Name], setting{r, p.Number, p.Text})
		}
	}
	for _, byParameter := range bySimulation {
		for parameter, settings := range byParameter {
			for label, group := range levels(settings) {
				for name := range metricNames {
					list = append(list, effect(parameter, label, name, group))
				}
			}
		}
	}
	return list
}

// level is how a group of settings is shown: its text and, of a continuous parameter, its bin.
type level struct {
	text string
	bin  int64
}

// levels groups settings by value, or by tenth where there are more than ten distinct numbers.
func levels(settings []setting) map[level][]setting {
	var numbers []float64
	for _, s := range settings {
		if s.number != nil {
			numbers = append(numbers, *s.number)
		}
	}
	slices.Sort(numbers)
	continuous := len(slices.Compact(slices.Clone(numbers))) > 10
	groups := map[level][]setting{}
	for _, s := range settings {
		l := level{text: s.text}
		if continuous && s.number != nil {
			smaller, _ := slices.BinarySearch(numbers, *s.number)
			l = level{bin: int64(10*smaller/len(numbers)) + 1}
		}
		groups[l] = append(groups[l], s)
	}
	labelled := map[level][]setting{}
	for l, group := range groups {
		if l.bin > 0 {
			byNumber := func(a, b setting) int { return cmp.Compare(*a.number, *b.number) }
			l.text = slices.MinFunc(group, byNumber).text + " .. " + slices.MaxFunc(group, byNumber).text
		}
		labelled[l] = group
	}
	return labelled
}

func effect(parameter string, l level, name string, group []setting) record {
	row := record{"simulation_id": group[0].of.SimulationID, "submitted_date": head(group[0].of)["submitted_date"], "variant_id": nil, "replicate": int64(0),
		"parameter": parameter, "value": l.text, "metric": name, "variants": int64(len(group)), "value_number": nil, "bin": nil,
		"mean": nil, "minimum": nil, "maximum": nil}
	if l.bin > 0 {
		row["bin"] = l.bin
	}
	var values, numbers []float64
	for _, s := range group {
		if v, ok := metric(s.of, name).(float64); ok {
			values = append(values, v)
		}
		if s.number != nil {
			numbers = append(numbers, *s.number)
		}
	}
	if len(values) > 0 {
		row["mean"], row["minimum"], row["maximum"] = mean(values), slices.Min(values), slices.Max(values)
	}
	if len(numbers) > 0 {
		row["value_number"] = mean(numbers)
	}
	return row
}

func mean(list []float64) float64 {
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum / float64(len(list))
}

// expectPareto compares every variant with every other; sign -1: less is better.
func expectPareto(counted []model.VariantResult, x string, signX float64, y string, signY float64) (ids []string) {
	all := points(counted)
	for _, r := range all {
		rx, okX := metric(r, x).(float64)
		ry, okY := metric(r, y).(float64)
		beaten := slices.ContainsFunc(all, func(o model.VariantResult) bool {
			ox, haveX := metric(o, x).(float64)
			oy, haveY := metric(o, y).(float64)
			dx, dy := signX*(ox-rx), signY*(oy-ry)
			return o.SimulationID == r.SimulationID && haveX && haveY && dx >= 0 && dy >= 0 && dx+dy > 0
		})
		if okX && okY && !beaten {
			ids = append(ids, r.SimulationID+"/"+r.VariantID)
		}
	}
	slices.Sort(ids)
	return ids
}

// text is a key to sort rows by.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return "s" + v
	case int64:
		return strconv.FormatInt(1e9+v, 10)
	}
	return ""
}
