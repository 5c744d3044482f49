package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
)

// TestARetryRunsOnlyWhatFailed: two of five variants fail, one of them after a second try. With the engine as it
// should be they succeed, and nothing else is run again.
func TestARetryRunsOnlyWhatFailed(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, []string{"1.0", faultyBid(bidPanic), "1.1", faultyBid(bidMemory)}, "execution: {retries: 1}\n")
	q := r.run(t, func(o *Options) { o.Simulator = faulty })
	sim := r.submitStudy(t, config)
	end := r.awaitState(t, sim.ID, store.PartiallyFailed)
	if end.Counts != (store.Counts{Succeeded: 3, Failed: 2}) || end.Fault != nil {
		t.Fatalf("it ended with %+v, fault %v", end.Counts, end.Fault)
	}
	before := r.variants(t, sim.ID)
	if v := before["v0002"]; v.Reason != string(model.Panicked) || v.Tries != 1 || !strings.Contains(v.Message, "a slot too many") {
		t.Errorf("the variant that panicked: %+v", v)
	}
	if v := before["v0004"]; v.Reason != string(model.OutOfMemory) || v.Tries != 2 {
		t.Errorf("the variant that needs too much memory: %+v", v)
	}
	if s := q.Stats(); s.DeadLetters != 2 {
		t.Errorf("stats %+v, want two dead letters", s)
	}
	stop(t, q)

	if _, err := r.store.Retry(t.Context(), tenant0, sim.ID, "a test", nil); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	r.awaitState(t, sim.ID, store.Succeeded)
	for id, v := range r.variants(t, sim.ID) {
		switch was := before[id]; {
		case v.State != store.VariantSucceeded || v.Tries != 1:
			t.Errorf("variant %s after the retry: %+v", id, v)
		case was.State == store.VariantSucceeded && v.Attempt != was.Attempt:
			t.Errorf("variant %s had succeeded with attempt %d and was run again", id, was.Attempt)
		}
	}
	r.wantDigests(t, sim.ID, r.undisturbed(t, config))
}

// TestTooManyFailures: with one token the variants run one after the other, and the second failure is one too many.
func TestTooManyFailures(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.run(t, func(o *Options) { o.Simulator, o.Parallelism = faulty, 1 })
	sim := r.submitStudy(t, writeStudy(t, append([]string{faultyBid(bidPanic), "2.000001"}, bids(30)...), "execution: {max_failed_variants: 0}\n"))
	end := r.await(t, sim.ID, "over", func(s store.Simulation) bool { return s.State.Finished() })
	if end.Fault == nil || end.Fault.Reason != "stopped" || !strings.Contains(end.Fault.Message, "max_failed_variants") {
		t.Errorf("fault %+v", end.Fault)
	}
	if c := end.Counts; c.Failed == 0 || c.Cancelled == 0 || c.Pending+c.Running > 0 {
		t.Errorf("counts %+v", c)
	}
}

// TestChangedInputsEndIt: an input that is not as it was at the submission.
func TestChangedInputsEndIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	config := writeStudy(t, bids(2), "")
	sub := r.submission(t, config)
	snapshot := filepath.Join(filepath.Dir(config), "slots.parquet")
	if err := os.WriteFile(snapshot, []byte("something else"), 0o666); err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	end := r.awaitState(t, r.submit(t, sub).ID, store.Failed)
	if end.Fault == nil || end.Fault.Reason != string(model.InputChanged) || end.Counts != (store.Counts{Cancelled: 3}) {
		t.Errorf("fault %+v, counts %+v", end.Fault, end.Counts)
	}
}

// TestAnotherEnginesPlanIsRefused: figures of two versions would not be comparable.
func TestAnotherEnginesPlanIsRefused(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.run(t, nil)
	sub := r.submission(t, writeStudy(t, bids(2), ""))
	sub.Inputs.EngineVersion = "0"
	end := r.awaitState(t, r.submit(t, sub).ID, store.Failed)
	if end.Fault == nil || !strings.Contains(end.Fault.Message, "version 0") || !strings.Contains(end.Fault.Message, "submit") {
		t.Errorf("fault %+v", end.Fault)
	}
}

// troubled replaces the pipeline's run by one that ends in each of the errors first.
func troubled(q *Queue, errs ...error) *int {
	runs := 0
	q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
		runs++
		if runs <= len(errs) {
			return pipeline.Summary{}, errs[runs-1]
		}
		return pipeline.Run(ctx, o)
	}
	return &runs
}

// TestTroubleThatPassesIsWaitedFor, and trouble that doesn't ends it with its reason.
func TestTroubleThatPassesIsWaitedFor(t *testing.T) {
	t.Parallel()
	full := model.NewFault(model.Storage, "no space left")
	r := newRoom(t)
	q := r.queue(t, nil)
	troubled(q, full, errors.New("a job ended without getting anywhere"), full)
	start(t, q)
	config := writeStudy(t, bids(1), "")
	r.awaitState(t, r.submitStudy(t, config).ID, store.Succeeded)
	stop(t, q)

	q = r.queue(t, nil)
	runs := troubled(q, full, full, full, full, full, full, full, full)
	start(t, q)
	end := r.awaitState(t, r.submitStudy(t, config).ID, store.Failed)
	if end.Fault == nil || *end.Fault != (store.Fault{Reason: "storage", Message: "no space left"}) || *runs != 1+maxTroubles {
		t.Errorf("fault %+v after %d runs", end.Fault, *runs)
	}
}

// TestAPanicEndsOnlyItsSimulation: the next one is run as if nothing had happened.
func TestAPanicEndsOnlyItsSimulation(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.queue(t, nil)
	first := true
	q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
		if first {
			first = false
			panic("off by one")
		}
		return pipeline.Run(ctx, o)
	}
	start(t, q)
	config := writeStudy(t, bids(1), "")
	end := r.awaitState(t, r.submitStudy(t, config).ID, store.Failed)
	if end.Fault == nil || end.Fault.Reason != string(model.Internal) || !strings.Contains(end.Fault.Message, "off by one") {
		t.Errorf("fault %+v", end.Fault)
	}
	r.awaitState(t, r.submitStudy(t, config).ID, store.Succeeded)
}

// TestASilentRunIsNoSuccess: a run that says it is done and leaves variants without a row is trouble.
func TestASilentRunIsNoSuccess(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	q := r.queue(t, nil)
	q.run = func(context.Context, pipeline.RunOptions) (pipeline.Summary, error) { return pipeline.Summary{}, nil }
	start(t, q)
	end := r.awaitState(t, r.submitStudy(t, writeStudy(t, bids(1), "")).ID, store.Failed)
	if end.Fault == nil || end.Fault.Reason != string(model.Internal) {
		t.Errorf("fault %+v", end.Fault)
	}
}

// TestItStandsAside while another process has the simulation for itself, says so, and goes on then.
func TestItStandsAside(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	sub := r.submission(t, writeStudy(t, bids(1), ""))
	plan, err := pipeline.PlanOf(&sub.Inputs, sub.Simulation.ID, tenant0, sub.Simulation.SubmittedAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.results.WritePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	release, err := r.results.Lock(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, nil)
	r.submit(t, sub)
	r.await(t, sub.Simulation.ID, "said to wait", func(s store.Simulation) bool {
		return len(s.Progress.Blocking) == 1 && strings.Contains(s.Progress.Blocking[0].Message, "another process")
	})
	if err := release(); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, sub.Simulation.ID, store.Succeeded)
}

// TestADelayedSimulationStartsAtItsTime: within a second of it, and not before.
func TestADelayedSimulationStartsAtItsTime(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.run(t, nil)
	sub := r.submission(t, writeStudy(t, bids(1), ""))
	due := time.Now().Add(1500 * time.Millisecond)
	sub.Simulation.RunAt = &due
	if sim := r.submit(t, sub); sim.State != store.Scheduled {
		t.Fatalf("it is %s", sim.State)
	}
	end := r.awaitState(t, sub.Simulation.ID, store.Succeeded)
	if late := end.StartedAt.Sub(due); late < 0 || late > time.Second {
		t.Errorf("it started %s after its time", late)
	} else {
		t.Logf("it started %s after its time", late)
	}
}
