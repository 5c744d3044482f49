package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness/init" // the worker's entry points
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"

	"github.com/whatif-machine/whatif/pipeline/portable"
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
	workers *extworker.Loopback
	jobs    jobpb.JobServiceClient
	id      string
}

// submit marshals the pipeline for workers in this process and starts it.
func (e *prismExecution) submit(ctx context.Context, p *beam.Pipeline) error {
	environment, err := portable.External(e.workers.EnvironmentConfig(ctx))
	if err != nil {
		return err
	}
	model, err := portable.Model(p, environment)
	if err != nil {
		return err
	}
	e.jobs, err = prism.CreateJobServer(ctx, prism.Options{})
	if err != nil {
		return fmt.Errorf("pipeline: start Prism: %w", err)
	}
	e.id, err = portable.Start(ctx, e.jobs, model, prismName, map[string]any{
		// Without it Prism splits a bundle under way: counters stand still and the pool's bound is lost.
		"experiments": []any{"prism_disable_sdf_split", "beam_fn_api"},
	})
	return err
}

func (e *prismExecution) Counters(ctx context.Context) (Counters, bool) {
	answer, err := e.jobs.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: e.id})
	if err != nil {
		return Counters{}, false // they are for looking at; the job goes on
	}
	named := portable.Counters(answer.GetMetrics())
	if named == nil {
		return Counters{}, false
	}
	return *countersNamed(named), true
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
