package model

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// maxContradictions bounds the errors of CheckMetrics.
const maxContradictions = 20

// CheckMetrics tells whether the figures of a variant agree with each other and with its scenario
// (semantics 11): every relation between them that holds whatever the slots were. An error is a
// defect of whoever made the figures.
//
// For figures read back from a file the goal and budget after edits are not known (they are no
// columns); then the scenario's are used where no sample scaled them.
func CheckMetrics(m *Metrics, sc *Scenario) error {
	k := &checker{m: m, sc: sc}
	k.totals()
	k.ratios()
	k.campaigns()
	k.groups()
	k.breakdowns()
	return errors.Join(k.errs...)
}

type checker struct {
	m    *Metrics
	sc   *Scenario
	errs []error
}

func (k *checker) that(holds bool, format string, args ...any) {
	if !holds && len(k.errs) < maxContradictions {
		k.errs = append(k.errs, fmt.Errorf(format, args...))
	}
}

// equal checks that two figures that must be the same are.
func (k *checker) equal(what string, a int64, whatElse string, b int64) {
	k.that(a == b, "%s is %d, but %s is %d", what, a, whatElse, b)
}

// ordered checks 0 <= a <= b.
func (k *checker) ordered(what string, a int64, whatElse string, b int64) {
	k.that(0 <= a && a <= b, "%s is %d, which is not within 0 and %s, %d", what, a, whatElse, b)
}

func (k *checker) totals() {
	m := k.m
	unfilled := []int64{m.UnfilledNoCampaignTargeted, m.UnfilledBelowFloor, m.UnfilledUnidentified, m.UnfilledGoalReached,
		m.UnfilledBudgetSpent, m.UnfilledPaced, m.UnfilledFrequencyCapped, m.UnfilledSeparated}
	var sum int64
	for _, n := range unfilled {
		k.that(n >= 0, "a count of unfilled slots is %d", n)
		sum += n
	}
	k.ordered("filled", m.Filled, "slots", m.Slots)
	k.equal("the sum of unfilled reasons", sum, "slots - filled", m.Slots-m.Filled)
	k.ordered("identified_impressions", m.IdentifiedImpressions, "filled", m.Filled)
	k.ordered("reach", m.Reach, "users", m.Users)
	k.ordered("users", m.Users, "slots", m.Slots)
	k.ordered("reach", m.Reach, "identified_impressions", m.IdentifiedImpressions)
	k.distribution("frequency_distribution", m.FrequencyDistribution, m.Reach, m.IdentifiedImpressions)
	k.ordered("goals_met", m.GoalsMet, "goals", m.Goals)
	if k.sc.Slots.Sample == nil {
		k.that(m.SampledShare == 1, "sampled_share is %v without a sample", m.SampledShare)
	}
	k.that(m.SampledShare >= 0 && m.SampledShare <= 1, "sampled_share is %v", m.SampledShare)
}

// distribution checks order, that the users sum to reach, and the impressions as far as they are known.
func (k *checker) distribution(what string, d []FrequencyUsers, reach, identified int64) {
	var users, impressions, last, top int64
	for _, f := range d {
		k.that(f.Frequency > last && f.Frequency <= FrequencyTopBucket, "%s: frequency %d after %d", what, f.Frequency, last)
		k.that(f.Users > 0, "%s: %d users at frequency %d", what, f.Users, f.Frequency)
		last = f.Frequency
		users += f.Users
		impressions += f.Users * f.Frequency
		if f.Frequency == FrequencyTopBucket {
			top = f.Users
		}
	}
	k.equal("the users of "+what, users, "reach", reach)
	if top == 0 {
		k.equal("the impressions of "+what, impressions, "identified_impressions", identified)
	}
	k.that(impressions <= identified, "%s has at least %d impressions, identified_impressions is %d", what, impressions, identified)
}

// ratios checks the derived figures of the totals against Derive.
func (k *checker) ratios() {
	again := *k.m
	again.Campaigns, again.Groups, again.Breakdowns = nil, nil, nil
	again.Derive(k.sc.Report)
	again.Campaigns, again.Groups, again.Breakdowns = k.m.Campaigns, k.m.Groups, k.m.Breakdowns
	k.that(reflect.DeepEqual(&again, k.m), "a ratio of the totals is not what its counts give")
}

// campaigns checks each campaign's figures, and the sums over them against the totals.
func (k *checker) campaigns() {
	var enabled []*Campaign
	for i := range k.sc.Campaigns {
		if k.sc.Campaigns[i].Enabled {
			enabled = append(enabled, &k.sc.Campaigns[i])
		}
	}
	k.equal("the number of campaigns", int64(len(k.m.Campaigns)), "that of enabled ones", int64(len(enabled)))
	if len(enabled) != len(k.m.Campaigns) {
		return
	}
	var sum struct{ impressions, identified, spend, goals, met, shortfall int64 }
	for i := range k.m.Campaigns {
		c := &k.m.Campaigns[i]
		k.campaign(c, enabled[i])
		sum.impressions += c.Impressions
		sum.identified += c.IdentifiedImpressions
		sum.spend += c.SpendNanos
		if enabled[i].Goal == nil {
			continue
		}
		sum.goals++
		if goal := k.goal(c, enabled[i]); goal != nil && c.Delivered >= *goal {
			sum.met++
		}
		if c.Expected != nil {
			sum.shortfall += max(0, *c.Expected-c.Impressions)
		}
	}
	k.equal("filled", k.m.Filled, "the sum of campaign impressions", sum.impressions)
	k.equal("identified_impressions", k.m.IdentifiedImpressions, "the sum over campaigns", sum.identified)
	k.equal("revenue_nanos", k.m.RevenueNanos, "the sum of campaign spend", sum.spend)
	k.equal("goals", k.m.Goals, "the number of campaigns with a goal", sum.goals)
	k.equal("goal_shortfall", k.m.GoalShortfall, "the sum over campaigns", sum.shortfall)
	if k.goalsKnown() {
		k.equal("goals_met", k.m.GoalsMet, "the number of campaigns that met theirs", sum.met)
	}
}

// goal is a campaign's goal after edits and scaling; nil: none, or unknown after reading back.
func (k *checker) goal(c *CampaignResult, written *Campaign) *int64 {
	if c.Goal != nil || k.sc.Slots.Sample != nil {
		return c.Goal
	}
	return written.Goal
}

// goalsKnown is false for figures read back from a sampled variant.
func (k *checker) goalsKnown() bool {
	if k.sc.Slots.Sample == nil {
		return true
	}
	return slices.ContainsFunc(k.m.Campaigns, func(c CampaignResult) bool { return c.Goal != nil })
}

func (k *checker) campaign(c *CampaignResult, written *Campaign) {
	name := "campaign " + c.CampaignID + ": "
	k.that(c.CampaignID == written.ID, "campaign %s stands where %s should", c.CampaignID, written.ID)
	k.equal(name+"priority", c.Priority, "as edited", int64(written.Priority))
	k.ordered(name+"reach", c.Reach, "identified_impressions", c.IdentifiedImpressions)
	k.ordered(name+"reach", c.Reach, "the variant's reach", k.m.Reach)
	k.ordered(name+"identified_impressions", c.IdentifiedImpressions, "impressions", c.Impressions)
	k.that(c.SpendNanos >= 0, "%sspend_nanos is %d", name, c.SpendNanos)
	k.that(c.Impressions > 0 || c.SpendNanos == 0, "%sspend without impressions", name)
	k.distribution(name+"frequency_distribution", c.FrequencyDistribution, c.Reach, c.IdentifiedImpressions)
	k.that((c.Expected != nil) == (written.Goal != nil), "%sexpected must be there if and only if there is a goal", name)
	k.that((c.FirstImpression != nil) == (c.Impressions > 0) && (c.LastImpression != nil) == (c.Impressions > 0),
		"%sfirst and last impression must be there if and only if there is one", name)
	k.that(c.FirstImpression == nil || c.LastImpression == nil || *c.FirstImpression <= *c.LastImpression, "%sfirst impression after last", name)
	k.delivery(name, c, written)
	k.losses(name, c)
	k.contention(name, c)
}

// delivery checks goal and budget: neither is exceeded but by what was there before.
func (k *checker) delivery(name string, c *CampaignResult, written *Campaign) {
	before := c.Delivered - c.Impressions
	k.that(before >= 0, "%sdelivered is %d, less than impressions, %d", name, c.Delivered, c.Impressions)
	if goal := k.goal(c, written); goal != nil {
		k.that(c.Delivered <= max(*goal, before), "%sdelivered is %d, goal %d, before %d", name, c.Delivered, *goal, before)
	}
	if c.Budget != nil {
		spent := c.SpendNanos + int64(c.SpentBefore)
		k.that(spent <= max(int64(*c.Budget), int64(c.SpentBefore)), "%sspent %d nanos, budget %d, before %d", name, spent, *c.Budget, c.SpentBefore)
		return
	}
	if written.Budget != nil && k.sc.Slots.Sample == nil {
		k.that(c.SpendNanos <= int64(*written.Budget), "%sspent %d nanos of a budget of %d", name, c.SpendNanos, *written.Budget)
	}
}

// losses checks the funnel: what was matched was won or lost for exactly one reason.
func (k *checker) losses(name string, c *CampaignResult) {
	counts := []*int64{c.LostFloor, c.LostIdentity, c.AfterGoal, c.LostBudget, c.LostPacing, c.LostFrequency, c.LostSeparation, c.Outbid}
	sum := c.Impressions
	for _, n := range append(counts, c.Matched, c.MatchedUsers) {
		if (n != nil) != k.sc.Report.Losses {
			k.that(false, "%sthe counts of losses must be there if and only if report.losses is on", name)
			return
		}
	}
	if !k.sc.Report.Losses {
		return
	}
	for _, n := range counts {
		k.that(*n >= 0, "%sa count of losses is %d", name, *n)
		sum += *n
	}
	k.equal(name+"matched", *c.Matched, "the sum of losses, outbid and impressions", sum)
	k.ordered(name+"matched", *c.Matched, "slots", k.m.Slots)
	k.ordered(name+"matched_users", *c.MatchedUsers, "users", k.m.Users)
	k.ordered(name+"reach", c.Reach, "matched_users", *c.MatchedUsers)
}

func (k *checker) contention(name string, c *CampaignResult) {
	k.that(k.sc.Report.Contention || len(c.Contention) == 0, "%scontention without report.contention", name)
	k.that(len(c.Contention) <= 10, "%s%d contenders", name, len(c.Contention))
	var sum int64
	for i, w := range c.Contention {
		k.that(w.Slots > 0 && w.WinnerID != c.CampaignID, "%scontender %s on %d slots", name, w.WinnerID, w.Slots)
		if i > 0 {
			p := c.Contention[i-1]
			k.that(p.Slots > w.Slots || p.Slots == w.Slots && p.WinnerID < w.WinnerID, "%scontenders out of order", name)
		}
		sum += w.Slots
	}
	if c.Outbid == nil {
		return
	}
	k.that(sum <= *c.Outbid, "%scontenders won %d slots, outbid is %d", name, sum, *c.Outbid)
	if k.sc.Report.Contention && len(c.Contention) < 10 {
		k.equal(name+"slots of all contenders", sum, "outbid", *c.Outbid)
	}
}

// groups checks each group against the campaigns that have its value.
func (k *checker) groups() {
	type sums struct{ impressions, identified, spend, most int64 }
	type entry struct {
		key, value string
		missing    bool
	}
	want := map[entry]sums{}
	results := map[string]*CampaignResult{}
	for i := range k.m.Campaigns {
		results[k.m.Campaigns[i].CampaignID] = &k.m.Campaigns[i]
	}
	for i := range k.sc.Campaigns {
		written := &k.sc.Campaigns[i]
		c := results[written.ID]
		if c == nil || !written.Enabled {
			continue
		}
		for _, key := range k.sc.Report.Groups {
			e := entry{key: key, missing: true}
			if v := GroupValue(key, written); v != nil {
				e.value, e.missing = *v, false
			}
			s := want[e]
			want[e] = sums{s.impressions + c.Impressions, s.identified + c.IdentifiedImpressions, s.spend + c.SpendNanos, max(s.most, c.Reach)}
		}
	}
	k.equal("the number of groups", int64(len(k.m.Groups)), "that of group values", int64(len(want)))
	for i := range k.m.Groups {
		g := &k.m.Groups[i]
		e := entry{key: g.Group, missing: g.Value == nil}
		if g.Value != nil {
			e.value = *g.Value
		}
		s, known := want[e]
		name := fmt.Sprintf("group %s %q: ", e.key, e.value)
		k.that(known, "%sno enabled campaign has this value", name)
		k.equal(name+"impressions", g.Impressions, "the sum over its campaigns", s.impressions)
		k.equal(name+"identified_impressions", g.IdentifiedImpressions, "the sum over its campaigns", s.identified)
		k.equal(name+"spend_nanos", g.SpendNanos, "the sum over its campaigns", s.spend)
		k.ordered("the reach of its largest campaign", s.most, name+"reach", g.Reach)
		k.ordered(name+"reach", g.Reach, "the variant's reach", k.m.Reach)
		k.distribution(name+"frequency_distribution", g.FrequencyDistribution, g.Reach, g.IdentifiedImpressions)
		if i > 0 {
			p := &k.m.Groups[i-1]
			k.sorted("groups", k.sc.Report.Groups, p.Group, p.Value, g.Group, g.Value)
		}
	}
}

// sorted checks the order of two neighbours: by the place of their key in the report, then by
// value, null first, none twice.
func (k *checker) sorted(what string, keys []string, key string, value *string, nextKey string, nextValue *string) {
	order := cmp.Compare(slices.Index(keys, key), slices.Index(keys, nextKey))
	if order == 0 {
		switch {
		case nextValue == nil:
			order = 1
		case value == nil:
			order = -1
		default:
			order = cmp.Compare(*value, *nextValue)
		}
	}
	k.that(order < 0, "%s: entries of %s and %s are out of order", what, key, nextKey)
}

// breakdowns checks that each dimension accounts for every slot: once if it is scalar, at least
// once if it is multi-valued. Only of derived dimensions is it known here that they are scalar.
func (k *checker) breakdowns() {
	type sums struct{ slots, filled, identified, revenue int64 }
	totals := map[string]sums{}
	for i := range k.m.Breakdowns {
		b := &k.m.Breakdowns[i]
		value := "null"
		if b.Value != nil {
			value = *b.Value
		}
		name := fmt.Sprintf("breakdown %s %q: ", b.Dimension, value)
		k.that(slices.Contains(k.sc.Report.Breakdowns, b.Dimension), "%snot asked for", name)
		k.that(b.Slots > 0, "%sno slots", name)
		k.ordered(name+"slots", b.Slots, "slots", k.m.Slots)
		k.ordered(name+"filled", b.Filled, "its slots", b.Slots)
		k.ordered(name+"identified_impressions", b.IdentifiedImpressions, "its filled", b.Filled)
		k.ordered(name+"reach", b.Reach, "its users", b.Users)
		k.ordered(name+"reach", b.Reach, "its identified_impressions", b.IdentifiedImpressions)
		k.ordered(name+"users", b.Users, "users", k.m.Users)
		k.ordered(name+"revenue_nanos", b.RevenueNanos, "revenue_nanos", k.m.RevenueNanos)
		s := totals[b.Dimension]
		totals[b.Dimension] = sums{s.slots + b.Slots, s.filled + b.Filled, s.identified + b.IdentifiedImpressions, s.revenue + b.RevenueNanos}
		if i > 0 {
			p := &k.m.Breakdowns[i-1]
			k.sorted("breakdowns", k.sc.Report.Breakdowns, p.Dimension, p.Value, b.Dimension, b.Value)
		}
	}
	for _, dimension := range k.sc.Report.Breakdowns {
		s := totals[dimension]
		scalar := dimension == HourOfDay || dimension == DayOfWeek || dimension == Day
		for _, f := range []struct {
			what       string
			sum, total int64
		}{{"slots", s.slots, k.m.Slots}, {"filled", s.filled, k.m.Filled}, {"identified_impressions", s.identified, k.m.IdentifiedImpressions}, {"revenue_nanos", s.revenue, k.m.RevenueNanos}} {
			k.that(f.sum == f.total || f.sum > f.total && !scalar, "breakdown %s: its %s sum to %d, the variant has %d", dimension, f.what, f.sum, f.total)
		}
	}
}
