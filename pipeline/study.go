package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Study is a configuration that has been checked whole and can be submitted.
type Study struct {
	Config   *model.Config
	Variants []model.Variant     // the baseline first
	Warnings model.Problems      // what is worth a look; the study runs all the same
	Pinned   []model.PinnedInput // the snapshot's files as they are now, by name
	Catalog  model.Catalog       // what the snapshot holds
	Estimate Estimate            // sizes only, unless Prepare was asked to Measure

	configuration model.Document
	campaigns     *model.Document // nil: inline
	snapshot      string          // sha256
}

// Prepare reads and checks the configuration at a path or gs:// address and all it refers to, and pins its
// inputs: Check for whatever this user may read. Paths in it are relative to its folder.
//
// The snapshot is loaded for checking and let go of again.
func Prepare(ctx context.Context, configPath string, with ...Option) (*Study, error) {
	text, err := ReadText(ctx, configPath)
	if isBusy(err) {
		return nil, err
	}
	if err != nil {
		return nil, model.Problems{{Position: model.Position{File: configPath}, Message: err.Error()}}
	}
	src := beside(configPath)
	// The job's process will need the memory.
	defer src.letGo()
	study, err := Check(ctx, configPath, text, src)
	if err != nil {
		return nil, err
	}
	if slices.Contains(with, Measure) {
		err = study.Estimate.foretell(ctx, study.Config, study.Variants, engine.New(src.snap), src.snap.Bytes(), freeMemory())
	}
	if err != nil {
		return nil, err
	}
	return study, nil
}

// Option asks Prepare for more than checking.
type Option string

// Measure has Prepare estimate what running takes, for which it simulates the baseline for a moment.
const Measure Option = "measure"

// Inputs are the study's texts and files, which is all that its plan is made from.
func (s *Study) Inputs() model.Inputs {
	return model.Inputs{
		EngineVersion:  model.EngineVersion,
		Config:         s.configuration,
		Campaigns:      s.campaigns,
		Inventory:      s.Pinned,
		SnapshotSHA256: s.snapshot,
	}
}

// Submit makes a study a simulation: its plan is durable in the store, under the id, when it returns.
// The study's inputs are those that were pinned when it was checked.
func Submit(ctx context.Context, store *results.Store, s *Study, submittedAt time.Time, id string) (*model.Plan, error) {
	in := s.Inputs()
	plan := planOf(&in, s.Variants, id, submittedAt)
	if err := store.WritePlan(ctx, plan); err != nil {
		return nil, err
	}
	return plan, nil
}

// PlanOf is the plan of a simulation of a tenant from what its submission fixed, the same one whenever it
// is made. Inputs of another version of the engine are refused: their figures might differ.
func PlanOf(in *model.Inputs, id, tenant string, submittedAt time.Time) (*model.Plan, error) {
	if err := results.CheckSimulationID(id); err != nil {
		return nil, err
	}
	if err := checkVersion(id, in.EngineVersion); err != nil {
		return nil, err
	}
	config, err := configOf(in)
	if err != nil {
		return nil, fmt.Errorf("pipeline: plan of %s: %w", id, err)
	}
	variants, problems := config.Expand()
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("pipeline: plan of %s: its variants are not valid for this version: %w", id, err)
	}
	plan := planOf(in, variants, id, submittedAt)
	plan.Tenant = tenant
	return plan, nil
}

// configOf reads the texts of a submission again, which were valid when it was checked.
func configOf(in *model.Inputs) (*model.Config, error) {
	config, problems := readConfig(in.Config)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("its configuration is not valid for this version: %w", err)
	}
	if in.Campaigns == nil {
		return config, nil
	}
	b := readBook(*in.Campaigns, config.Location)
	if err := b.problems.Err(); err != nil {
		return nil, fmt.Errorf("its campaigns are not valid for this version: %w", err)
	}
	if err := config.WithBook(b.Book).Err(); err != nil {
		return nil, fmt.Errorf("its campaigns are not valid for this version: %w", err)
	}
	return config, nil
}

func planOf(in *model.Inputs, variants []model.Variant, id string, submittedAt time.Time) *model.Plan {
	plan := &model.Plan{
		SimulationID:  id,
		SubmittedAt:   model.Instant(submittedAt.UnixMicro()),
		EngineVersion: in.EngineVersion,
		Config:        in.Config,
		Campaigns:     in.Campaigns,
		Inventory:     in.Inventory,

		ConfigSHA256:    in.Config.SHA256,
		CampaignsSHA256: in.Config.SHA256, // inline: a part of the configuration
		SnapshotSHA256:  in.SnapshotSHA256,
		Variants:        variants,
	}
	if in.Campaigns != nil {
		plan.CampaignsSHA256 = in.Campaigns.SHA256
	}
	return plan
}

// checkVersion refuses to compute what another version of the engine was to compute.
func checkVersion(id, version string) error {
	if version == model.EngineVersion {
		return nil
	}
	return fmt.Errorf("pipeline: simulation %s was submitted for version %s of the engine, this program has version %s, whose figures may differ: submit the configuration again",
		id, version, model.EngineVersion)
}
