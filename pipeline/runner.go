package pipeline

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"

	"github.com/whatif-machine/whatif/transforms"
)

// Runner runs Beam pipelines in this process.
type Runner interface {
	// Start begins a pipeline and returns at once. The context must have no deadline: Beam's runners
	// bring their process down at one.
	Start(ctx context.Context, p *beam.Pipeline) (Execution, error)
}

// Execution is a pipeline that was started.
type Execution interface {
	// Counters are the job's live counters; ok is false as long as there are none.
	Counters(ctx context.Context) (c Counters, ok bool)
	// Cancel asks it to end soon; Wait tells when it has.
	Cancel()
	// Wait returns when the pipeline has ended: nil only if every element went all the way.
	Wait() error
}

// Counters are what a job counts while it runs.
type Counters struct {
	Started   int64 `json:"started"`   // variants handed over
	Succeeded int64 `json:"succeeded"` // variants with figures
	Failed    int64 `json:"failed"`    // variants without
	Decisions int64 `json:"decisions"` // slots decided in finished variants
}

// The runners that work on one machine.
const (
	Direct = "direct" // in the process, no socket at all; the default
	Prism  = "prism"  // Beam's portable local runner, in a network namespace of its own
)

// runnerNamed is the runner of this machine that a configuration or flag names. Outside names the network of the supervisor,
// which a runner that listens must not share.
func runnerNamed(name, outside string) (Runner, error) {
	switch name {
	case Direct:
		return directRunner{}, nil
	case Prism:
		return prismRunner{outside}, nil
	}
	return nil, CheckRunner(name)
}

// countersOf picks our counters from Beam's, adding up what the steps counted.
func countersOf(results metrics.Results) (c Counters, ok bool) {
	for _, counter := range results.AllMetrics().Counters() {
		if counter.Namespace() != transforms.Namespace {
			continue
		}
		ok = true
		c.add(counter.Name(), max(counter.Attempted, counter.Committed))
	}
	return c, ok
}

// add counts what a step counted under a name.
func (c *Counters) add(name string, value int64) {
	switch name {
	case transforms.CounterStarted:
		c.Started += value
	case transforms.CounterSucceeded:
		c.Succeeded += value
	case transforms.CounterFailed:
		c.Failed += value
	case transforms.CounterDecisions:
		c.Decisions += value
	}
}
