package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness/init" // the worker's entry points
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/metricsx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"
	"google.golang.org/protobuf/types/known/structpb"
)

// prismRunner runs a pipeline on Beam's own local runner, which serialises every step and element as
// a cluster would. Only a process with a network of its own may start it.
type prismRunner struct{ outside string }

// prismName is the job's name in Prism, and of the option that names it.
const prismName = "whatif"

func (r prismRunner) Start(ctx context.Context, p *beam.Pipeline) (Execution, error) {
	if err := isolate(r.outside); err != nil {
		return nil, err
	}
	workers, err := extworker.StartLoopback(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("pipeline: start the worker for Prism: %w", err)
	}
	e := &prismExecution{workers: workers}
	if err := e.submit(ctx, p); err != nil {
		return nil, errors.Join(err, workers.Stop(ctx))
	}
	return e, nil
}

// prismExecution is one job on a Prism of its own.
type prismExecution struct {
	workers  *extworker.Loopback
	jobs     jobpb.JobServiceClient
	pipeline *pipepb.Pipeline
	id       string
}

// submit marshals the pipeline for workers in this process and starts it.
func (e *prismExecution) submit(ctx context.Context, p *beam.Pipeline) error {
	edges, _, err := p.Build()
	if err != nil {
		return fmt.Errorf("pipeline: build: %w", err)
	}
	environment, err := graphx.CreateEnvironment(ctx, graphx.URNEnvExternal, e.workers.EnvironmentConfig)
	if err != nil {
		return fmt.Errorf("pipeline: environment for Prism: %w", err)
	}
	environment.Dependencies = nil // the workers are this process: nothing to stage
	e.pipeline, err = graphx.Marshal(edges, &graphx.Options{Environment: environment})
	if err != nil {
		return fmt.Errorf("pipeline: marshal: %w", err)
	}
	e.jobs, err = prism.CreateJobServer(ctx, prism.Options{})
	if err != nil {
		return fmt.Errorf("pipeline: start Prism: %w", err)
	}
	return e.start(ctx)
}

func (e *prismExecution) start(ctx context.Context) error {
	options, err := structpb.NewStruct(map[string]any{
		"beam:option:app_name:v1": prismName,
		// Without it Prism splits a bundle under way: counters stand still and the pool's bound is lost.
		"beam:option:experiments:v1": []any{"prism_disable_sdf_split", "beam_fn_api"},
	})
	if err != nil {
		return fmt.Errorf("pipeline: options for Prism: %w", err)
	}
	prepared, err := e.jobs.Prepare(ctx, &jobpb.PrepareJobRequest{Pipeline: e.pipeline, PipelineOptions: options, JobName: prismName})
	if err != nil {
		return fmt.Errorf("pipeline: Prism did not take the pipeline: %w", err)
	}
	run, err := e.jobs.Run(ctx, &jobpb.RunJobRequest{PreparationId: prepared.GetPreparationId(), RetrievalToken: prepared.GetStagingSessionToken()})
	if err != nil {
		return fmt.Errorf("pipeline: Prism did not start the pipeline: %w", err)
	}
	e.id = run.GetJobId()
	return nil
}

func (e *prismExecution) Counters(ctx context.Context) (Counters, bool) {
	answer, err := e.jobs.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: e.id})
	if err != nil {
		return Counters{}, false // they are for looking at; the job goes on
	}
	m := answer.GetMetrics()
	return countersOf(*metricsx.FromMonitoringInfos(e.pipeline, m.GetAttempted(), m.GetCommitted()))
}

// Cancel ends the job in Prism and the contexts of the steps, which Prism does not.
func (e *prismExecution) Cancel() {
	ctx := context.Background()
	// Either fails only if the job has ended; Wait tells.
	_, _ = e.jobs.Cancel(ctx, &jobpb.CancelJobRequest{JobId: e.id})
	_ = e.workers.Stop(ctx)
}

// Wait follows the job's messages until it has ended.
func (e *prismExecution) Wait() error {
	ctx := context.Background()
	stream, err := e.jobs.GetMessageStream(ctx, &jobpb.JobMessagesRequest{JobId: e.id})
	if err != nil {
		return fmt.Errorf("pipeline: follow the job on Prism: %w", err)
	}
	var said []string
	failed := false
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) || failed && len(said) > 0 {
			return e.failure(said)
		}
		if err != nil {
			return fmt.Errorf("pipeline: follow the job on Prism: %w", err)
		}
		if m := answer.GetMessageResponse(); m.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR {
			said = append(said, m.GetMessageText())
		}
		switch answer.GetStateResponse().GetState() {
		case jobpb.JobState_DONE:
			return nil
		case jobpb.JobState_CANCELLED:
			return context.Canceled
		case jobpb.JobState_FAILED:
			failed = true
		}
	}
}

func (e *prismExecution) failure(said []string) error {
	return fmt.Errorf("pipeline: Prism: the job failed: %s", strings.Join(said, "; "))
}
