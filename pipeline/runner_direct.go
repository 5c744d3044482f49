package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/exec"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"
)

// directRunner executes a pipeline as one bundle in this process. Beam calls it deprecated, since it
// serialises nothing and so hides what would break elsewhere: every test of ours runs on Prism too.
// It opens no socket, which no other runner of Beam can say.
type directRunner struct{}

// directBundle names the bundle in whose context the counters are kept.
const directBundle = "direct"

func (directRunner) Start(ctx context.Context, p *beam.Pipeline) (Execution, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, fmt.Errorf("pipeline: build: %w", err)
	}
	plan, err := direct.Compile(edges)
	if err != nil {
		return nil, fmt.Errorf("pipeline: compile for the direct runner: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ctx = metrics.SetBundleID(ctx, directBundle)
	e := &directExecution{ctx: ctx, cancel: cancel, ended: make(chan struct{})}
	go e.run(plan)
	return e, nil
}

type directExecution struct {
	ctx    context.Context // holds the counters
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended is closed
}

func (e *directExecution) run(plan *exec.Plan) {
	defer close(e.ended)
	defer e.cancel()
	defer func() {
		if p := recover(); p != nil {
			e.err = fmt.Errorf("pipeline: the direct runner panicked: %v", p)
		}
	}()
	err := plan.Execute(e.ctx, "", exec.DataContext{})
	e.err = errors.Join(err, plan.Down(context.WithoutCancel(e.ctx)))
}

func (e *directExecution) Counters(context.Context) (Counters, bool) {
	return countersOf(metrics.ResultsExtractor(e.ctx))
}

func (e *directExecution) Cancel() { e.cancel() }

func (e *directExecution) Wait() error {
	<-e.ended
	return e.err
}
