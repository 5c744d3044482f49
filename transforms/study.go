package transforms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/results"
)

// study is what a process knows of one job: read once, shared by all its variants.
type study struct {
	job    Job
	store  *results.Store
	plan   *model.Plan
	config *model.Config
	limits *limits

	opening   sync.Mutex
	simulator Simulator     // nil until the first variant needs it
	seen      *model.Glance // at its snapshot, likewise
}

var studies = struct {
	sync.Mutex
	open map[jobKey]*study
	lost map[jobKey]error // why a job can't go on at all
}{open: map[jobKey]*study{}, lost: map[jobKey]error{}}

// openStudy is the process's study for a job. An error means that the job can't run here at all.
func openStudy(ctx context.Context, job Job) (*study, error) {
	studies.Lock()
	defer studies.Unlock()
	if s := studies.open[job.key()]; s != nil {
		return s, nil
	}
	s, err := readStudy(ctx, job)
	if err != nil {
		if studies.lost[job.key()] == nil {
			studies.lost[job.key()] = err
		}
		return nil, err
	}
	studies.open[job.key()] = s
	return s, nil
}

// Lost is the first error for which a step of a job gave up in this process, as it was: runners tell
// of it as a text, among other things. It is nil if none did.
func Lost(job Job) error {
	studies.Lock()
	defer studies.Unlock()
	return studies.lost[job.key()]
}

// lose notes that the job can't go on, and returns why.
func (s *study) lose(err error) error {
	studies.Lock()
	defer studies.Unlock()
	if studies.lost[s.job.key()] == nil {
		studies.lost[s.job.key()] = err
	}
	return err
}

// Forget drops what this process holds for a job that has ended.
func Forget(job Job) {
	studies.Lock()
	defer studies.Unlock()
	delete(studies.open, job.key())
	delete(studies.lost, job.key())
}

func readStudy(ctx context.Context, job Job) (*study, error) {
	if err := job.Check(); err != nil {
		return nil, err
	}
	job = job.settled()
	store, err := results.Open(job.Results)
	if err != nil {
		return nil, err
	}
	plan, err := store.Plan(ctx, job.SimulationID)
	if err != nil {
		return nil, err
	}
	config, err := ConfigOf(plan)
	if err != nil {
		return nil, err
	}
	return &study{job: job, store: store, plan: plan, config: config, limits: newLimits(job)}, nil
}

// ConfigOf is the configuration of a plan with its campaigns. A plan that is not as it was written is
// refused (results.ErrDamaged).
func ConfigOf(plan *model.Plan) (*model.Config, error) {
	if err := checkDigests(plan); err != nil {
		return nil, damaged(plan, err)
	}
	config, err := parsed(plan)
	if err != nil {
		return nil, err
	}
	if err := checkVariants(plan, len(config.Parameters)); err != nil {
		return nil, damaged(plan, err)
	}
	return config, nil
}

func damaged(plan *model.Plan, cause error) error {
	return fmt.Errorf("plan of %s is %w: %w; it was whole when it was written, so the disk or another program changed it: submit the configuration again",
		plan.SimulationID, results.ErrDamaged, cause)
}

// checkDigests compares the digests of a plan, which every row repeats, with its texts and files.
func checkDigests(plan *model.Plan) error {
	campaigns := &plan.Config // inline
	if plan.Campaigns != nil {
		campaigns = plan.Campaigns
	}
	files := make([]string, len(plan.Inventory))
	for i, in := range plan.Inventory {
		files[i] = in.SHA256
	}
	for _, d := range []struct{ what, is, said string }{
		{"the configuration", sha256Of(plan.Config.Text), plan.Config.SHA256},
		{"the configuration", plan.Config.SHA256, plan.ConfigSHA256},
		{"the campaigns", sha256Of(campaigns.Text), campaigns.SHA256},
		{"the campaigns", campaigns.SHA256, plan.CampaignsSHA256},
		{"the list of inventory files", inventory.SnapshotSHA256(files), plan.SnapshotSHA256},
	} {
		if d.is != d.said {
			return fmt.Errorf("%s has sha256 %.12s.., not %.12s.. as the plan says", d.what, d.is, d.said)
		}
	}
	return nil
}

func sha256Of(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

// checkVariants makes sure that variants can be told apart and give each parameter a value or none.
func checkVariants(plan *model.Plan, parameters int) error {
	seen := make(map[string]bool, len(plan.Variants))
	for _, v := range plan.Variants {
		switch {
		case !model.ValidVariantID(v.ID):
			return fmt.Errorf("%q is no variant id", v.ID)
		case seen[v.ID]:
			return fmt.Errorf("variant %s is there twice", v.ID)
		case len(v.Values) != parameters:
			return fmt.Errorf("variant %s has %d values for %d parameters", v.ID, len(v.Values), parameters)
		}
		seen[v.ID] = true
	}
	return nil
}

// parsed reads the texts of a plan.
func parsed(plan *model.Plan) (*model.Config, error) {
	config, problems := model.ParseConfig(plan.Config.Name, []byte(plan.Config.Text))
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("plan of %s: its configuration is not valid for this version: %w", plan.SimulationID, err)
	}
	if plan.Campaigns == nil {
		return config, nil
	}
	campaigns, problems := model.ParseCampaigns(plan.Campaigns.Name, []byte(plan.Campaigns.Text), config.Location)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("plan of %s: its campaigns are not valid for this version: %w", plan.SimulationID, err)
	}
	if err := config.WithCampaigns(campaigns).Err(); err != nil {
		return nil, fmt.Errorf("plan of %s: its campaigns are not valid for this version: %w", plan.SimulationID, err)
	}
	return config, nil
}

// open is the simulator over the plan's snapshot. The first variant to ask loads it; a failure
// is not kept, so that the next attempt may find the file back in its place.
func (s *study) open(ctx context.Context) (Simulator, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.simulator != nil {
		return s.simulator, nil
	}
	open, err := simulator(s.job.Simulator)
	if err != nil {
		return nil, err
	}
	snap, err := LoadPinned(ctx, s.plan, s.config)
	if err != nil {
		return nil, err
	}
	s.simulator, s.seen = open(snap), glanceAt(snap)
	return s.simulator, nil
}
