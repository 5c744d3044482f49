package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/metricsx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// speaker says words on a stream, from several goroutines.
type speaker struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *speaker) say(w word) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// An error means that nobody listens any more, and then this process is ended.
	_ = json.NewEncoder(s.out).Encode(w)
}

// runOnPrism is the life of a run's process: it runs the container of the order on Prism and says how it goes.
func runOnPrism(orderFile string, out io.Writer) error {
	if err := onlyLoopback(); err != nil {
		return err
	}
	text, err := os.ReadFile(orderFile)
	if err != nil {
		return err
	}
	var c container
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("fake dataflow: the order: %w", err)
	}
	c.folder = filepath.Dir(orderFile)
	s := &speaker{out: out}
	end := ""
	if err := c.run(context.Background(), s); err != nil {
		end = err.Error()
	}
	s.say(word{End: &end})
	return nil
}

// run runs the model on Prism, with workers that are the job's own program.
func (c *container) run(ctx context.Context, s *speaker) error {
	workers, err := startPool(c, s)
	if err != nil {
		return err
	}
	defer workers.stop()
	model, err := c.model(workers.address)
	if err != nil {
		return err
	}
	jobs, err := prism.CreateJobServer(ctx, prism.Options{})
	if err != nil {
		return fmt.Errorf("start Prism: %w", err)
	}
	id, err := submit(ctx, jobs, model)
	if err != nil {
		return err
	}
	stop := tellCounters(ctx, jobs, model, id, s)
	err = follow(ctx, jobs, id, s)
	stop()
	if err != nil {
		return fmt.Errorf("%w%s", err, workers.lastWords())
	}
	return nil
}

// model is the pipeline with workers from our pool instead of containers. What the containers fetch is there.
func (c *container) model(pool string) (*pipepb.Pipeline, error) {
	p := &pipepb.Pipeline{}
	if err := proto.Unmarshal(c.Pipeline, p); err != nil {
		return nil, err
	}
	external, err := proto.Marshal(&pipepb.ExternalPayload{Endpoint: &pipepb.ApiServiceDescriptor{Url: pool}})
	if err != nil {
		return nil, err
	}
	for _, e := range p.GetComponents().GetEnvironments() {
		if e.GetUrn() != graphx.URNEnvDocker {
			return nil, fmt.Errorf("the model's environment is %s; the service runs containers", e.GetUrn())
		}
		e.Urn, e.Payload, e.Dependencies = graphx.URNEnvExternal, external, nil
	}
	return p, nil
}

func submit(ctx context.Context, jobs jobpb.JobServiceClient, p *pipepb.Pipeline) (id string, err error) {
	options, err := structpb.NewStruct(map[string]any{
		"beam:option:app_name:v1": "whatif",
		// Without it Prism splits a bundle under way, and counters stand still.
		"beam:option:experiments:v1": []any{"prism_disable_sdf_split", "beam_fn_api"},
	})
	if err != nil {
		return "", err
	}
	prepared, err := jobs.Prepare(ctx, &jobpb.PrepareJobRequest{Pipeline: p, PipelineOptions: options, JobName: "whatif"})
	if err != nil {
		return "", fmt.Errorf("Prism did not take the pipeline: %w", err)
	}
	run, err := jobs.Run(ctx, &jobpb.RunJobRequest{PreparationId: prepared.GetPreparationId(), RetrievalToken: prepared.GetStagingSessionToken()})
	if err != nil {
		return "", fmt.Errorf("Prism did not start the pipeline: %w", err)
	}
	return run.GetJobId(), nil
}

// follow hears the job until it has ended.
func follow(ctx context.Context, jobs jobpb.JobServiceClient, id string, s *speaker) error {
	stream, err := jobs.GetMessageStream(ctx, &jobpb.JobMessagesRequest{JobId: id})
	if err != nil {
		return err
	}
	var said []string
	for failed := false; ; {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) || failed && len(said) > 0 {
			return fmt.Errorf("the job failed: %s", strings.Join(said, "; "))
		}
		if err != nil {
			return err
		}
		if m := answer.GetMessageResponse(); m.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR {
			said = append(said, m.GetMessageText())
		}
		switch answer.GetStateResponse().GetState() {
		case jobpb.JobState_RUNNING:
			s.say(word{Running: true})
		case jobpb.JobState_DONE:
			return nil
		case jobpb.JobState_FAILED:
			failed = true
		}
	}
}

// tellEvery is how often the counters are told. The service tells of them with a delay too.
const tellEvery = 100 * time.Millisecond

// tellCounters tells of the counters until it is stopped, and a last time then.
func tellCounters(ctx context.Context, jobs jobpb.JobServiceClient, p *pipepb.Pipeline, id string, s *speaker) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	tell := func() {
		answer, err := jobs.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: id})
		if err != nil {
			return // they are for looking at
		}
		m := answer.GetMetrics()
		if counters := countersOf(*metricsx.FromMonitoringInfos(p, m.GetAttempted(), m.GetCommitted())); len(counters) > 0 {
			s.say(word{Counters: counters})
		}
	}
	go func() {
		defer close(ended)
		ticker := time.NewTicker(tellEvery)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				tell()
				return
			case <-ticker.C:
				tell()
			}
		}
	}()
	return func() { close(quit); <-ended }
}

func countersOf(results metrics.Results) (counters []Counter) {
	for _, c := range results.AllMetrics().Counters() {
		counters = append(counters, Counter{Step: c.Key.Step, Namespace: c.Namespace(), Name: c.Name(), Tentative: c.Attempted, Committed: c.Committed})
	}
	slices.SortFunc(counters, func(a, b Counter) int { return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Name, b.Name)) })
	return counters
}
