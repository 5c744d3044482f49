package transforms

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/whatif-machine/whatif/model"
)

// row is the result row of a variant that was simulated.
func (s *study) row(v model.Variant, metrics *model.Metrics, began, ended model.Instant, bytes int64) *model.VariantResult {
	row := NewRow(s.plan, s.config, v, s.job.Attempt)
	row.Status = model.StatusSucceeded
	row.Metrics = *metrics
	setTimes(row, began, ended, bytes)
	row.Seal()
	return row
}

// FailedRow is the result row of an attempt that came to nothing.
func FailedRow(plan *model.Plan, config *model.Config, number int64, f Failure) *model.VariantResult {
	row := NewRow(plan, config, f.Variant, number)
	row.Status = model.StatusFailed
	row.Error = &f.Fault
	setTimes(row, f.StartedAt, f.FinishedAt, f.StateBytes)
	return row
}

func setTimes(row *model.VariantResult, began, ended model.Instant, bytes int64) {
	row.StartedAt, row.FinishedAt = int64(began), int64(ended)
	row.DurationMS = int64(ended-began) / 1000
	row.StateBytes = bytes
}

// NewRow has the identity and lineage of an attempt, which are the plan's and the variant's.
func NewRow(plan *model.Plan, config *model.Config, v model.Variant, number int64) *model.VariantResult {
	return &model.VariantResult{
		SchemaVersion:   model.SchemaVersion,
		SimulationID:    plan.SimulationID,
		VariantID:       v.ID,
		Replicate:       int64(v.Replicate),
		Attempt:         number,
		SimulationName:  config.Name,
		Owner:           config.Owner,
		Tenant:          plan.Tenant,
		Labels:          config.Labels,
		SubmittedAt:     int64(plan.SubmittedAt),
		ConfigSHA256:    plan.ConfigSHA256,
		SnapshotSHA256:  plan.SnapshotSHA256,
		CampaignsSHA256: plan.CampaignsSHA256,
		VariantSHA256:   variantSHA256(config, v),
		EngineVersion:   plan.EngineVersion,
		Seed:            config.Seed,
		Currency:        config.Currency,
		Parameters:      parameters(config, v),
	}
}

// parameters records what a variant sets; what it leaves as written is absent.
func parameters(config *model.Config, v model.Variant) []model.ParameterValue {
	var set []model.ParameterValue
	for i, value := range v.Values {
		if value.Kind == model.ValueUnset {
			continue
		}
		p := model.ParameterValue{Name: config.Parameters[i].Name, Text: value.Text}
		if value.Kind == model.ValueNumber {
			number := value.Number.InexactFloat64()
			p.Number = &number
		}
		set = append(set, p)
	}
	return set
}

// variantSHA256 is the digest of what makes a variant: its replicate, and each parameter that it
// sets as name, NUL, kind, NUL, canonical text and a line feed.
func variantSHA256(config *model.Config, v model.Variant) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", v.Replicate)
	for i, value := range v.Values {
		if value.Kind != model.ValueUnset {
			fmt.Fprintf(h, "%s\x00%s\x00%s\n", config.Parameters[i].Name, value.Kind, value.Text)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
