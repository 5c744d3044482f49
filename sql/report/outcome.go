package report

import (
	"context"
	"errors"
	"fmt"

	"github.com/whatif-machine/whatif/model"
)

// ErrNoResults is returned for a simulation without a single committed row.
var ErrNoResults = errors.New("no results")

// readOutcome reads what the sentence needs: the header, the variants with their deltas and
// intervals, the failures.
func readOutcome(ctx context.Context, ask source, simulationID string) (*study, error) {
	s := &study{Measures: measures, Outcomes: outcomes, Baseline: -1, Notes: []string{}, Variants: []variant{}}
	at := map[string]int{}
	if err := s.readVariants(ctx, ask, simulationID, at); err != nil {
		return nil, err
	}
	if s.Simulation.Total() == 0 {
		return nil, fmt.Errorf("report: simulation %s: %w: nothing of it has been committed", simulationID, ErrNoResults)
	}
	for _, read := range []func(context.Context, source, string, map[string]int) error{s.readComparable, s.readMetrics} {
		if err := read(ctx, ask, simulationID, at); err != nil {
			return nil, err
		}
	}
	return s, s.readFailures(ctx, ask, simulationID)
}

// Columns of the view `variants` before its outcomes.
const (
	colVariant = iota
	colReplicate
	colStatus
	colName
	colOwner
	colTenant
	colSubmitted
	colCurrency
	colEngine
	colSeed
	colConfig
	colSnapshot
	colCampaigns
	colParameters
	colSampled
	colOutcomes
)

// readVariants reads the header, the counts, and one entry a succeeded variant, the baseline first;
// at tells where each stands.
func (s *study) readVariants(ctx context.Context, ask source, simulationID string, at map[string]int) error {
	var levers levers
	q := query{
		view: "variants",
		columns: append([]string{
			"variant_id", "replicate", "status", "simulation_name", "owner", "tenant", "submitted_at", "currency", "engine_version",
			"seed", "config_sha256", "snapshot_sha256", "campaigns_sha256", "parameters", "sampled_share",
		}, outcomes...),
		where: "simulation_id = ?", args: []any{simulationID},
		// The baseline's row is the header's, so that rows of other lineage can't speak for the study.
		order: "CASE WHEN variant_id = 'baseline' THEN 0 ELSE 1 END, replicate, variant_id",
	}
	err := ask.each(ctx, q, func(r record) error {
		if s.Simulation.ID == "" {
			s.Simulation = header(r, simulationID)
		}
		succeeded := r.text(colStatus) == model.StatusSucceeded
		s.Simulation.tally(succeeded, r.integer(colReplicate) > 0)
		if !succeeded || r.integer(colReplicate) > 0 {
			return nil
		}
		given, err := parseSettings(r.text(colParameters))
		if err != nil {
			return fmt.Errorf("report: parameters of variant %s: %w", r.text(colVariant), err)
		}
		s.sampled = s.sampled || r.number(colSampled).Value != 1
		v := variant{ID: r.text(colVariant), Comparable: true, Set: levers.add(given), Value: unknowns(), Delta: unknowns(), Relative: unknowns()}
		for i := range outcomes {
			v.Outcome = append(v.Outcome, r.integer(colOutcomes+i))
		}
		if v.ID == model.BaselineID {
			s.Baseline = len(s.Variants)
		}
		at[v.ID] = len(s.Variants)
		s.Variants = append(s.Variants, v)
		return nil
	})
	s.Parameters = levers.settle(s.Variants)
	return err
}

func unknowns() []number { return make([]number, len(measures)) }

// header is the part of a row that all rows of a simulation share.
func header(r record, simulationID string) simulation {
	return simulation{
		ID: simulationID, Name: r.text(colName), Owner: r.text(colOwner), Tenant: r.text(colTenant),
		SubmittedAt: r.instant(colSubmitted), Currency: r.text(colCurrency), EngineVersion: r.text(colEngine), Seed: r.text(colSeed),
		ConfigSHA256: r.text(colConfig), SnapshotSHA256: r.text(colSnapshot), CampaignsSHA256: r.text(colCampaigns),
	}
}

// tally counts one row.
func (s *simulation) tally(succeeded, replicate bool) {
	switch {
	case succeeded && replicate:
		s.Replicates++
	case replicate:
		s.FailedReplicates++
	case succeeded:
		s.Succeeded++
	default:
		s.Failed++
	}
}

// readComparable reads which variants ran on the baseline's inputs.
func (s *study) readComparable(ctx context.Context, ask source, simulationID string, at map[string]int) error {
	q := query{view: "comparison", columns: []string{"variant_id", "comparable"}, where: "simulation_id = ?", args: []any{simulationID}}
	return ask.each(ctx, q, func(r record) error {
		// A variant committed since the variants were read is the next page's.
		if i, ok := at[r.text(0)]; ok {
			// Without a baseline there is nothing to be comparable to: null then says nothing against the variant.
			s.Variants[i].Comparable = r.null(1) || r.flag(1)
		}
		return nil
	})
}

// readMetrics reads the measures, their deltas to the baseline, and the confidence intervals of
// these where replicates gave some. The view scales counts and money of a sample back to all users, so
// that variants of different samples compare.
func (s *study) readMetrics(ctx context.Context, ask source, simulationID string, at map[string]int) error {
	place := map[string]int{}
	q := query{
		view: "variant_metrics", columns: []string{"variant_id", "metric", "value", "delta", "relative_delta", "ci_low", "ci_high"},
		where: "simulation_id = ? AND metric IN (" + places(len(measures)) + ")", args: []any{simulationID},
	}
	for m, measure := range measures {
		place[measure.Name] = m
		q.args = append(q.args, measure.Name)
	}
	return ask.each(ctx, q, func(r record) error {
		i, ok := at[r.text(0)]
		if !ok {
			return nil
		}
		v, m := &s.Variants[i], place[r.text(1)]
		v.Value[m], v.Delta[m], v.Relative[m] = r.number(2), r.number(3), r.number(4)
		if bounds := (interval{r.number(5), r.number(6)}); bounds.Low.Known && bounds.High.Known {
			if v.Interval == nil {
				v.Interval = make([]interval, len(measures))
			}
			v.Interval[m] = bounds
		}
		return nil
	})
}

// maxMessage bounds the text of one failure on the page, in runes.
const maxMessage = 300

// readFailures reads why variants failed.
func (s *study) readFailures(ctx context.Context, ask source, simulationID string) error {
	s.Failures = []failure{}
	q := query{
		view:    "failures",
		columns: []string{"variant_id", "replicate", "reason", "message", "retryable", "attempts", "first_failed_at", "last_failed_at"},
		where:   "simulation_id = ?", order: "variant_id", args: []any{simulationID},
	}
	return ask.each(ctx, q, func(r record) error {
		s.Failures = append(s.Failures, failure{
			Variant: r.text(0), Replicate: r.integer(1), Reason: r.text(2), Message: shortened(r.text(3), maxMessage),
			Retryable: r.flag(4), Attempts: r.integer(5), First: r.instant(6), Last: r.instant(7),
		})
		return nil
	})
}
