package api

import (
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
