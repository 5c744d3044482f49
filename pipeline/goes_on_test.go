package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/whatif-machine/whatif/pipeline/remote"
)

// TestACancelThatIsNotCarriedOut is told of, with where the job goes on and what to do: whoever cancels must not
// believe that nothing computes any more.
func TestACancelThatIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, _ := undisturbed(t, config)
	n := 1
	for name, f := range map[string]fault{"it is not allowed": refused, "there is no answer": lost} {
		n++
		plan := submitTo(t, store, config, n)
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.fault = func(r request) fault {
				if r.Kind == "cancel" {
					return f
				}
				return none
			}
			o, _ := c.options(store, plan)
			o.Simulator, o.Timing.Elsewhere.Cancel = paced, 300*time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var once sync.Once
			o.Observe = func(VariantEvent) { once.Do(cancel) }
			_, err := Run(ctx, o)
			goesOn, told := errors.AsType[*JobGoesOn](err)
			if !told || !errors.Is(err, context.Canceled) {
				t.Fatalf("%v", err)
			}
			if goesOn.Job.ID != "job-1" || goesOn.Ending != (f == lost) {
				t.Errorf("%+v", goesOn)
			}
			where := "go on at cluster at " + o.Elsewhere.Settings.Endpoint
			why := "the cluster does not answer"
			if f == refused {
				where, why = strings.Replace(where, "go", "goes", 1), "the cluster refused: no quota"
			}
			for _, part := range []string{why, where, "cancel it there", "`whatif run --resume " + plan.SimulationID} {
				if !strings.Contains(goesOn.Error(), part) {
					t.Errorf("%s\nlacks %q", goesOn, part)
				}
			}
			if open, err := store.OpenJobs(t.Context(), plan.SimulationID); err != nil || len(open) != 1 || !open[0].Cancelled {
				t.Errorf("%+v, %v", open, err)
			}
		})
	}
}

// silentRunner never answers a submission.
type silentRunner struct{}

func (silentRunner) Submit(ctx context.Context, _ *beam.Pipeline, _ remote.Spec) (remote.Job, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestASubmissionBrokenOffIsNotRefused: the job may be there.
func TestASubmissionBrokenOffIsNotRefused(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errAsked)
	s := &sentry{errand: errand{Fresh: true, CancelM: 10, SubmitM: 60_000, PollM: 50}, tell: func(message) {}}
	if end := s.run(ctx, silentRunner{}); end.Ending != endCancelling {
		t.Errorf("%+v, job %+v", end, end.Job)
	}
}
