package api

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
)

// defaultPriority is that of a submission that names none, if its tier allows it.
const defaultPriority = 5

// bodyName is what the positions of mistakes in a submitted configuration name.
const bodyName = "body"

// submissionOf is what the store keeps of a study that was checked and pinned, under a new id.
func submissionOf(study *pipeline.Study, tenant string, now time.Time, random io.Reader) (store.Submission, error) {
	id, err := model.NewSimulationID(now, random)
	if err != nil {
		return store.Submission{}, fmt.Errorf("an id: %w", err)
	}
	return store.Submission{
		Simulation: store.Simulation{
			ID: id, Tenant: tenant, Name: study.Config.Name, Owner: study.Config.Owner, Labels: study.Config.Labels, SubmittedAt: now,
			Slots: study.Catalog.Slots, Campaigns: len(study.Config.Campaigns), Variants: len(study.Variants),
		},
		Inputs: study.Inputs(),
	}, nil
}

// Firing makes the submission of each firing of a schedule: its configuration is checked and its inputs
// are pinned as they are then.
type Firing struct {
	Source func(tenant string) pipeline.Source
	Now    func() time.Time
	Random io.Reader
}

// Fire is the submission of one firing.
func (f Firing) Fire(ctx context.Context, c store.Schedule, at time.Time) (*store.Submission, error) {
	study, err := pipeline.Check(ctx, c.Config.Name, []byte(c.Config.Text), f.Source(c.Tenant))
	if err != nil {
		return nil, err
	}
	sub, err := submissionOf(study, c.Tenant, f.Now().UTC(), f.Random)
	if err != nil {
		return nil, err
	}
	sub.Simulation.Priority = c.Priority
	sub.Simulation.SubmittedBy = c.CreatedBy
	sub.Simulation.ScheduleID = c.ID
	sub.Webhook = c.Webhook
	sub.FireTime = at
	return &sub, nil
}
