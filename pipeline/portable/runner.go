package portable

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"

	"github.com/whatif-machine/whatif/pipeline/remote"
)

// New is a runner for the job service that a job's settings name.
//
// Of the settings it takes Endpoint (`HOST:PORT` of the job service, and after a comma `flink=HOST:PORT`
// of Flink's own REST interface), Environment (DefaultEnvironment if empty) and Workers: into how many
// shares the variants are divided, each for one slot (0: as the cluster's parallelism.default says).
func New() remote.Runner { return runner{} }

type runner struct{}

// DefaultEnvironment is where Beam's own worker pools listen, beside each task manager.
const DefaultEnvironment = "external=localhost:50000"

func (runner) Submit(ctx context.Context, p *beam.Pipeline, spec remote.Spec) (remote.Job, error) {
	places, err := placesOf(spec.Settings.Endpoint)
	if err != nil {
		return nil, err
	}
	environment, err := environmentOf(spec.Settings.Environment)
	if err != nil {
		return nil, err
	}
	j := job{places: places, name: spec.Name}
	if spec.Known != "" {
		if spec.Known != spec.Name { // else it was Flink that knew it
			j.id = spec.Known
		}
		return &j, nil
	}
	if found, err := j.find(ctx); found || err != nil {
		return &j, err
	}
	model, err := Model(p, environment)
	if err != nil {
		return nil, err
	}
	err = j.service.call(ctx, func(ctx context.Context, jobs jobpb.JobServiceClient) (err error) {
		j.id, err = Start(ctx, jobs, model, spec.Name, flinkOptions(spec.Settings))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &j, nil
}

// places are where a job can be asked for.
type places struct {
	service service // Beam's job service
	flink   flink   // empty: not known
}

// placesOf reads an endpoint.
func placesOf(endpoint string) (p places, err error) {
	first, rest, more := strings.Cut(endpoint, ",")
	if first == "" {
		return p, errors.New("pipeline: no job service is named; " +
			"say where it listens, as in --endpoint 127.0.0.1:8099 (`scripts/flink start` starts one and prints that)")
	}
	p.service = service(first)
	if !more {
		return p, nil
	}
	address, ok := strings.CutPrefix(rest, "flink=")
	if !ok || address == "" {
		return p, fmt.Errorf("pipeline: endpoint %q: after the comma only flink=HOST:PORT may follow", endpoint)
	}
	p.flink = flink(address)
	return p, nil
}

// find looks for the job by its name, and reports whether it is there. Jobs of one name are one job: a
// simulation's attempt has only one supervisor. Should there be several all the same, the one that is still
// to bring something comes first.
func (j *job) find(ctx context.Context) (bool, error) {
	var known []*jobpb.JobInfo
	err := j.service.call(ctx, func(ctx context.Context, jobs jobpb.JobServiceClient) error {
		answer, err := jobs.GetJobs(ctx, &jobpb.GetJobsRequest{})
		known = answer.GetJobInfo()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("pipeline: ask the job service at %s for its jobs: %w", j.service, err)
	}
	best := -1
	for _, k := range known {
		if rank := rankOf(stateOf(k.GetState())); k.GetJobName() == j.name && rank > best {
			j.id, best = k.GetJobId(), rank
		}
	}
	if best >= 0 || j.flink == "" {
		return best >= 0, nil
	}
	// The job service may have been started again, and Flink still have the job.
	_, found, err := j.flink.job(ctx, j.name)
	if err != nil {
		return false, err
	}
	return found, nil
}

// rankOf orders the states of jobs by how much can be expected of them.
func rankOf(s remote.State) int {
	switch s {
	case remote.Running:
		return 4
	case remote.Pending:
		return 3
	case remote.Done:
		return 2
	case remote.Failed, remote.Refused:
		return 1
	}
	return 0
}
