package dataflow

import (
	"cmp"
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"github.com/whatif-machine/whatif/pipeline/remote"
)

// experiments are those that every Go job on the service has since it runs portable jobs only, as Beam's own
// runner sets them.
var experiments = []string{"beam_fn_api", "use_runner_v2", "use_unified_worker", "use_portable_job_submission"}

// containers is where the service's own copies of Beam's images are, which start faster than those elsewhere.
const containers = "gcr.io/cloud-dataflow/v1beta3/beam_go_sdk:"

// description is all that a job is made from.
type description struct {
	remote.Spec
	workerURI, workerSHA256 string
	modelURI, modelSHA256   string
	tempURI                 string

	pipeline *pipepb.Pipeline
}

func (d *description) image() string {
	return cmp.Or(d.Settings.WorkerImage, containers+core.SdkVersion)
}

// model is the pipeline as Beam's portable model, for workers in the container that run our program.
func (d *description) model(ctx context.Context, p *beam.Pipeline) ([]byte, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, fmt.Errorf("dataflow: build the pipeline: %w", err)
	}
	environment, err := graphx.CreateEnvironment(ctx, graphx.URNEnvDocker, func(context.Context) string { return d.image() })
	if err != nil {
		return nil, fmt.Errorf("dataflow: environment of the workers: %w", err)
	}
	d.pipeline, err = graphx.Marshal(edges, &graphx.Options{Environment: environment})
	if err != nil {
		return nil, fmt.Errorf("dataflow: translate the pipeline: %w", err)
	}
	program, err := proto.Marshal(&pipepb.ArtifactUrlPayload{Url: d.workerURI, Sha256: d.workerSHA256})
	if err != nil {
		return nil, fmt.Errorf("dataflow: describe the worker program: %w", err)
	}
	if err := graphx.UpdateDefaultEnvWorkerType(graphx.URNArtifactURLType, program, d.pipeline); err != nil {
		return nil, fmt.Errorf("dataflow: name the worker program in the model: %w", err)
	}
	model, err := proto.MarshalOptions{Deterministic: true}.Marshal(d.pipeline)
	if err != nil {
		return nil, fmt.Errorf("dataflow: serialise the model: %w", err)
	}
	return model, nil
}

// job is the service's description of the job. Nothing of this process's flags gets into it: what it holds
// is shown to everybody who may see the job.
func (d *description) job(ctx context.Context) (*df.Job, error) {
	s := d.Settings
	job, err := dataflowlib.Translate(ctx, d.pipeline, &dataflowlib.JobOptions{
		Name: d.Name, Project: s.Project, Region: s.Region, Labels: labels(d.Labels),
		Experiments: experiments, Options: runtime.RawOptions{Options: map[string]string{}},
		ServiceAccountEmail: s.ServiceAccount, MachineType: s.MachineType, DiskSizeGb: int64(s.DiskGB),
		Network: s.Network, Subnetwork: s.Subnetwork, NoUsePublicIPs: s.NoPublicIPs,
		NumWorkers: int64(s.Workers), MaxNumWorkers: int64(cmp.Or(s.MaxWorkers, max(s.Workers, defaultMaxWorkers))),
		Algorithm: "THROUGHPUT_BASED", ContainerImage: d.image(),
		TempLocation: d.tempURI, WorkerHash: d.workerSHA256,
	}, d.workerURI, d.modelURI, d.modelSHA256)
	if err != nil {
		return nil, fmt.Errorf("dataflow: describe the job: %w", err)
	}
	job.ClientRequestId = requestID(d.Name)
	return job, nil
}
