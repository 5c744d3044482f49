package warehouse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// The rows that the views must have, from the rows of the store by plain loops: no window, no join,
// nothing of our SQL.

type record = map[string]any

// derivations names each view's own.
var derivations = map[string]func(all, counted []model.VariantResult) []record{
	"variants":           expectVariants,
	"variant_metrics":    expectVariantMetrics,
	"comparison":         expectComparison,
	"campaign_results":   expectCampaignResults,
	"frequency":          expectFrequency,
	"campaign_frequency": expectCampaignFrequency,
	"group_results":      expectGroupResults,
	"breakdown_results":  expectBreakdownResults,
	"contention":         expectContention,
	"parameter_effects":  expectParameterEffects,
	"failures":           expectFailures,
}

// count keeps the row that counts of each variant, in order of appearance.
func count(all []model.VariantResult) []model.VariantResult {
	var kept []model.VariantResult
	place := map[string]int{}
	for _, r := range all {
		key := r.SimulationID + "/" + r.VariantID
		i, seen := place[key]
		if !seen {
			place[key] = len(kept)
			kept = append(kept, r)
			continue
		}
		old := kept[i]
		switch ok, was := r.Status == model.StatusSucceeded, old.Status == model.StatusSucceeded; {
		case ok && (!was || r.Attempt < old.Attempt), !ok && !was && r.Attempt > old.Attempt:
			kept[i] = r
		}
	}
	return kept
}

func head(r model.VariantResult) record {
	return record{"simulation_id": r.SimulationID, "submitted_date": time.UnixMicro(r.SubmittedAt).UTC().Truncate(24 * time.Hour),
		"variant_id": r.VariantID, "replicate": r.Replicate}
}

func join(records ...record) record {
	out := record{}
	for _, r := range records {
		maps.Copy(out, r)
	}
	return out
}

// scalars are the single values of a struct by column name; nested lists and records are left out.
func scalars(v any) record {
	out := record{}
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		tag := value.Type().Field(i).Tag.Get("parquet")
		if value.Type().Field(i).Anonymous {
			maps.Copy(out, scalars(value.Field(i).Interface()))
			continue
		}
		name, rest, _ := strings.Cut(tag, ",")
		f := value.Field(i)
		if f.Kind() == reflect.Slice || tag == "-" || f.Type() == reflect.TypeFor[*model.Fault]() {
			continue
		}
		out[name] = single(f, strings.Contains(rest, "timestamp"))
	}
	return out
}

func single(f reflect.Value, timestamp bool) any {
	if f.Kind() == reflect.Pointer {
		if f.IsNil() {
			return nil
		}
		f = f.Elem()
	}
	if timestamp {
		return time.UnixMicro(f.Int()).UTC()
	}
	return f.Interface()
}

// minus is a - b of two figures of one type; null if either is.
func minus(a, b any) any {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return a - b
		}
	case float64:
		if b, ok := b.(float64); ok {
			return a - b
		}
	}
	return nil
}

// over is a / b; null if either is, and where b is 0.
func over(a, b any) any {
	x, y := float(a), float(b)
	if x == nil || y == nil || y.(float64) == 0 {
		return nil
	}
	return x.(float64) / y.(float64)
}

func float(v any) any {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v
}

// jsonText is a text as JSON, with nothing escaped that need not be.
func jsonText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func parameters(r model.VariantResult) string {
	var parts []string
	for _, p := range r.Parameters {
		value := p.Text
		if p.Number == nil {
			value = jsonText(value)
		}
		parts = append(parts, jsonText(p.Name)+":"+value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// baselineOf is the succeeded baseline of a row's simulation and replicate; nil if there is none.
func baselineOf(r model.VariantResult, counted []model.VariantResult) *model.VariantResult {
	id := model.BaselineID
	if r.Replicate > 0 {
		id = fmt.Sprintf("baseline.r%d", r.Replicate)
	}
	for i, b := range counted {
		if b.SimulationID == r.SimulationID && b.VariantID == id && b.Status == model.StatusSucceeded {
			return &counted[i]
		}
	}
	return nil
}

func succeeded(counted []model.VariantResult) (list []model.VariantResult) {
	for _, r := range counted {
		if r.Status == model.StatusSucceeded {
			list = append(list, r)
		}
	}
	return list
}

// points are the succeeded variants of replicate 0.
func points(counted []model.VariantResult) (list []model.VariantResult) {
	for _, r := range succeeded(counted) {
		if r.Replicate == 0 {
			list = append(list, r)
		}
	}
	return list
}

func expectVariants(_, counted []model.VariantResult) (list []record) {
	for _, r := range counted {
		row := join(head(r), scalars(r), record{"parameters": parameters(r), "reason": nil, "message": nil, "retryable": nil})
		if r.Status == model.StatusFailed {
			for name := range scalars(r.Metrics) {
				row[name] = nil
			}
			row["reason"], row["message"], row["retryable"] = r.Error.Reason, r.Error.Message, r.Error.Retryable
		}
		list = append(list, row)
	}
	return list
}

// metricNames are the figures of semantics 8 that are numbers; true: to be scaled back.
var metricNames = map[string]bool{
	"slots": true, "filled": true, "fill_rate": false, "unfilled_no_campaign_targeted": true, "unfilled_below_floor": true, "unfilled_unidentified": true,
	"unfilled_goal_reached": true, "unfilled_budget_spent": true, "unfilled_paced": true, "unfilled_frequency_capped": true, "unfilled_separated": true,
	"revenue": true, "ecpm": false, "rpm": false, "users": true, "reach": true, "reach_rate": false, "identified_impressions": true,
	"average_frequency": false, "grp": true, "goals": false, "goals_met": false, "goal_shortfall": true,
}

// metricFields are where the figures stand in model.Metrics.
var metricFields = func() map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[model.Metrics]()) {
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		fields[name] = f.Index
	}
	return fields
}()

func metric(r model.VariantResult, name string) any {
	v := float(single(reflect.ValueOf(&r.Metrics).Elem().FieldByIndex(metricFields[name]), false))
	if metricNames[name] {
		return over(v, r.SampledShare)
	}
	return v
}

func expectVariantMetrics(_, counted []model.VariantResult) (list []record) {
	for _, r := range points(counted) {
		for name := range metricNames {
			row := join(head(r), record{"metric": name, "value": metric(r, name), "baseline_value": nil, "delta": nil, "relative_delta": nil,
				"ci_low": nil, "ci_high": nil})
			if b := baselineOf(r, counted); b != nil {
				row["baseline_value"] = metric(*b, name)
				row["delta"] = minus(row["value"], row["baseline_value"])
				row["relative_delta"] = over(row["delta"], row["baseline_value"])
			}
			differences := pairs(r, name, counted)
			row["replicates"] = int64(len(differences))
			row["std_error"] = deviation(differences)
			if delta, ok := row["delta"].(float64); ok && len(differences) >= 20 {
				row["ci_low"], row["ci_high"] = delta-1.96*row["std_error"].(float64), delta+1.96*row["std_error"].(float64)
			}
			list = append(list, row)
		}
	}
	return list
}

// pairs are the differences of a variant's replicates from the baseline's.
func pairs(r model.VariantResult, name string, counted []model.VariantResult) (list []float64) {
	for _, other := range succeeded(counted) {
		if other.SimulationID != r.SimulationID || other.Replicate == 0 || other.VariantID != fmt.Sprintf("%s.r%d", r.VariantID, other.Replicate) {
			continue
		}
		if b := baselineOf(other, counted); b != nil {
			if d, ok := minus(metric(other, name), metric(*b, name)).(float64); ok {
				list = append(list, d)
			}
		}
	}
	return list
}

// deviation is the sample standard deviation, in two passes.
func deviation(list []float64) any {
	if len(list) < 2 {
		return nil
	}
	sum, squares := 0.0, 0.0
	for _, d := range list {
		sum += d
	}
	mean := sum / float64(len(list))
	for _, d := range list {
		squares += (d - mean) * (d - mean)
	}
	return math.Sqrt(squares / float64(len(list)-1))
}

// compared is a figure of the comparison: scaled back where metrics are, of its own type where not.
func compared(r model.VariantResult, name string) any {
	if metricNames[name] {
		return metric(r, name)
	}
	return scalars(r.Metrics)[name]
}

func expectComparison(_, counted []model.VariantResult) (list []record) {
	for _, r := range points(counted) {
		row := join(head(r), record{"parameters": parameters(r), "comparable": nil, "sampled_share": r.SampledShare})
		b := baselineOf(r, counted)
		if b != nil {
			row["comparable"] = r.SnapshotSHA256 == b.SnapshotSHA256 && r.CampaignsSHA256 == b.CampaignsSHA256 &&
				r.EngineVersion == b.EngineVersion && r.Seed == b.Seed && r.Currency == b.Currency
		}
		for _, name := range []string{"fill_rate", "filled", "reach", "average_frequency", "revenue", "ecpm", "goals_met"} {
			row[name], row[name+"_delta"], row[name+"_relative_delta"] = compared(r, name), nil, nil
			if b != nil {
				base := compared(*b, name)
				row[name+"_delta"] = minus(row[name], base)
				row[name+"_relative_delta"] = over(row[name+"_delta"], base)
			}
		}
		list = append(list, row)
	}
	return list
}
