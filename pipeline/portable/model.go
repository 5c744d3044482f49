package portable

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/whatif-machine/whatif/pipeline/remote"
)

// External is the environment of workers that a pool at an address starts.
func External(address string) (*pipepb.Environment, error) {
	return environment(graphx.URNEnvExternal, address)
}

// process is the environment of workers that a task manager starts itself, by a command that takes the
// flags of Beam's containers.
func process(command string) (*pipepb.Environment, error) {
	config, err := json.Marshal(map[string]string{"command": command})
	if err != nil {
		return nil, err
	}
	return environment(graphx.URNEnvProcess, string(config))
}

func environment(urn, config string) (*pipepb.Environment, error) {
	e, err := graphx.CreateEnvironment(context.Background(), urn, func(context.Context) string { return config })
	if err != nil {
		return nil, fmt.Errorf("pipeline: the workers' environment: %w", err)
	}
	e.Dependencies = nil // the program is where the workers are: nothing is staged
	return e, nil
}

// environmentOf reads Settings.Environment.
func environmentOf(setting string) (*pipepb.Environment, error) {
	if setting == "" {
		setting = DefaultEnvironment
	}
	kind, value, _ := strings.Cut(setting, "=")
	switch {
	case value == "":
	case kind == "external":
		return External(value)
	case kind == "process":
		return process(value)
	}
	return nil, fmt.Errorf("pipeline: environment %q: say external=HOST:PORT of a worker pool, or process=COMMAND", setting)
}

// Model is a pipeline as a job service takes it.
func Model(p *beam.Pipeline, environment *pipepb.Environment) (*pipepb.Pipeline, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, fmt.Errorf("pipeline: build: %w", err)
	}
	model, err := graphx.Marshal(edges, &graphx.Options{Environment: environment})
	if err != nil {
		return nil, fmt.Errorf("pipeline: marshal: %w", err)
	}
	return model, nil
}

// Start has a job service prepare and run a pipeline under a name and gives the job's id. Options are
// named without Beam's prefix: `parallelism` is beam:option:parallelism:v1.
func Start(ctx context.Context, jobs jobpb.JobServiceClient, model *pipepb.Pipeline, name string, options map[string]any) (id string, err error) {
	named := map[string]any{option("app_name"): name, option("job_name"): name}
	for key, value := range options {
		named[option(key)] = value
	}
	settings, err := structpb.NewStruct(named)
	if err != nil {
		return "", fmt.Errorf("pipeline: options of the job: %w", err)
	}
	prepared, err := jobs.Prepare(ctx, &jobpb.PrepareJobRequest{Pipeline: model, PipelineOptions: settings, JobName: name})
	if err != nil {
		return "", fmt.Errorf("pipeline: the job service did not take the pipeline: %w", err)
	}
	run, err := jobs.Run(ctx, &jobpb.RunJobRequest{
		PreparationId: prepared.GetPreparationId(), RetrievalToken: prepared.GetStagingSessionToken(),
	})
	if err != nil {
		return "", fmt.Errorf("pipeline: the job service did not start the pipeline: %w", err)
	}
	return run.GetJobId(), nil
}

func option(name string) string { return "beam:option:" + name + ":v1" }

// flinkOptions are what the job is told. The names are of FlinkPipelineOptions; runners that don't know
// them pass over them.
func flinkOptions(s remote.Settings) map[string]any {
	options := map[string]any{
		"experiments": []any{"beam_fn_api"},
		// A slot that is lost takes no other with it: what it reads has been written down before.
		"execution_mode_for_batch": "BATCH_FORCED",
	}
	if s.Workers > 0 {
		options["parallelism"] = float64(s.Workers)
	}
	return options
}
