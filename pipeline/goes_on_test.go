package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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

// TestJobsOfASimulationThatIsNotRunOn are ended, though nothing could be begun any more: the snapshot is gone. What
// they have done stays, and nothing is begun.
func TestJobsOfASimulationThatIsNotRunOn(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, plan := submit(t, config)
	c := newCluster(t)
	o, _ := c.options(store, plan)
	o.Simulator, o.Leave = paced, func(error) bool { return true }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p Progress) {
		if p.Succeeded >= 2 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) || c.asked("cancel") != 0 {
		t.Fatalf("%v; it was asked to end %d times", err, c.asked("cancel"))
	}
	if err := os.Remove(filepath.Join(filepath.Dir(config), "slots.parquet")); err != nil {
		t.Fatal(err)
	}
	o, _ = c.options(store, plan)
	o.Ending = true
	sum, err := Run(t.Context(), o)
	if err != nil || sum.Succeeded < 2 || sum.Failed != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if open, err := store.OpenJobs(t.Context(), plan.SimulationID); err != nil || len(open) != 0 || c.asked("cancel") != 1 {
		t.Errorf("open %+v, %v; it was asked to end %d times", open, err, c.asked("cancel"))
	}
	c.wantJobs(store, plan, 1)
	if sum, err := Run(t.Context(), o); err != nil || sum.Ran != 0 || len(c.all()) != 1 {
		t.Errorf("once more: %+v, %v, %d jobs", sum, err, len(c.all()))
	}
}
