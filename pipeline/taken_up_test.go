package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestARecordThatNothingIsLeftOf is closed, and starts no job.
func TestARecordThatNothingIsLeftOf(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(3), "")
	store, _ := undisturbed(t, config)
	c := newCluster(t)
	plan := submitTo(t, store, config, 2)
	o, _ := c.options(store, plan)
	run(t, o)
	record(t, store, plan, o, 7)
	run(t, o)
	c.wantJobs(store, plan, 1)
}

// TestARecordOfAnotherProgramsRunner is left to that program.
func TestARecordOfAnotherProgramsRunner(t *testing.T) {
	store, plan := submit(t, writeStudy(t, bids(1), ""))
	record := results.Job{Attempt: 1, Runner: "spark", Name: "whatif-x-1", Spec: json.RawMessage("{}"), Variants: []string{"v0001"}}
	if err := store.RecordJob(t.Context(), plan.SimulationID, record); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), options(store, plan)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", "spark")) {
		t.Errorf("%v", err)
	}
}

// record leaves a job on record with all variants of a simulation.
func record(t *testing.T, store *results.Store, plan *model.Plan, o RunOptions, attempt int64) {
	t.Helper()
	name := "whatif-" + plan.SimulationID + "-7"
	spec, err := json.Marshal(remote.Spec{Name: name, Settings: o.Elsewhere.Settings})
	if err != nil {
		t.Fatal(err)
	}
	job := results.Job{Attempt: attempt, Runner: o.Runner, Name: name, Spec: spec}
	for _, v := range plan.Variants {
		job.Variants = append(job.Variants, v.ID)
	}
	if err := store.RecordJob(t.Context(), plan.SimulationID, job); err != nil {
		t.Fatal(err)
	}
}

// forgetful knows no job, and starts none that was started before.
type forgetful struct{}

func init() { outposts["forgetful"] = outpost{runner: func() remote.Runner { return forgetful{} }} }

func (forgetful) Submit(_ context.Context, _ *beam.Pipeline, spec remote.Spec) (remote.Job, error) {
	if spec.Known != "job-7" {
		return nil, errors.New("it would be started again")
	}
	return forgetful{}, nil
}
func (forgetful) ID() string                   { return "job-7" }
func (forgetful) Cancel(context.Context) error { return nil }
func (forgetful) Status(context.Context) (remote.Status, error) {
	return remote.Status{State: remote.Lost, Message: "the service was started again"}, nil
}

// TestAJobThatIsLost blames none of the variants it began, whatever it has come to, and another one does the rest.
func TestAJobThatIsLost(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(3), "")
	store, _ := undisturbed(t, config)
	c := newCluster(t)
	plan := submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	past := o
	past.Runner = "forgetful"
	record(t, store, plan, past, 7)
	err := errors.Join(store.SubmitJob(t.Context(), plan.SimulationID, 7, "job-7", time.Unix(0, 0)),
		store.MarkStarted(t.Context(), plan.SimulationID, "v0002", 7))
	if err != nil {
		t.Fatal(err)
	}
	if sum := run(t, o); sum.Succeeded != 4 {
		t.Errorf("%+v", sum)
	}
	for _, e := range *events {
		if e.Kind == VariantRetrying || e.Kind == VariantFailed {
			t.Errorf("%+v", e)
		}
	}
	if len(c.all()) != 1 {
		t.Errorf("%d jobs", len(c.all()))
	}
	checkMarkers(t, store, plan)
}

type taken chan struct{}

func (h taken) Lost() <-chan struct{} { return h }

// TestASimulationTakenOver is begun nothing of any more, and its job elsewhere is left to who has it.
func TestASimulationTakenOver(t *testing.T) {
	held := make(taken)
	ctx, done := whileHeld(t.Context(), held)
	defer done()
	close(held)
	<-ctx.Done()
	s := &supervisor{RunOptions: RunOptions{Leave: func(error) bool { return false }}}
	if word := s.farewell(ctx, &results.Job{}); word != leaveLine {
		t.Errorf("its job is told to %s", word)
	}
	if err := s.round(ctx, []string{"v0001"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
