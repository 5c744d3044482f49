package queue

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/results"
)

// oneJob is a job service with one job, which runs until the test ends it, whoever asks for its end.
// (Beam, JobService: https://github.com/apache/beam/blob/v2.62.0/model/job-management/src/main/proto/org/apache/beam/model/job_management/v1/beam_job_api.proto)
type oneJob struct {
	jobpb.UnimplementedJobServiceServer
	url     string
	refuses bool // to end it

	mu    sync.Mutex
	asked int // to end it
	ended bool
}

func newOneJob(t *testing.T, refuses bool) *oneJob {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	j, server := &oneJob{url: listener.Addr().String(), refuses: refuses}, grpc.NewServer()
	jobpb.RegisterJobServiceServer(server, j)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return j
}

func (j *oneJob) GetState(context.Context, *jobpb.GetJobStateRequest) (*jobpb.JobStateEvent, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return &jobpb.JobStateEvent{State: jobpb.JobState_CANCELLED}, nil
	}
	return &jobpb.JobStateEvent{State: jobpb.JobState_RUNNING}, nil
}

func (j *oneJob) Cancel(context.Context, *jobpb.CancelJobRequest) (*jobpb.CancelJobResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	if j.refuses {
		return nil, status.Error(codes.PermissionDenied, "not yours")
	}
	return &jobpb.CancelJobResponse{State: jobpb.JobState_CANCELLING}, nil
}

func (j *oneJob) timesAsked() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.asked
}

func (j *oneJob) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
}

// attemptElsewhere is the attempt of the job in these tests, above all that they need besides.
const attemptElsewhere = 70

// queueWithJob is a started queue that takes up, with each simulation, a job that the service runs. What is left
// when that has ended runs here.
func (r *room) queueWithJob(t *testing.T, service *oneJob) *Queue {
	t.Helper()
	q := r.queue(t, nil)
	var once sync.Once
	q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
		once.Do(func() { r.recordJob(t, o.SimulationID, service) })
		o.Timing.Elsewhere = pipeline.TimingElsewhere{Poll: 20 * time.Millisecond, Cancel: 200 * time.Millisecond}
		return pipeline.Run(ctx, o)
	}
	start(t, q)
	return q
}

// recordJob puts a job of all variants on record, as the launcher that started it left it.
func (r *room) recordJob(t *testing.T, simulation string, service *oneJob) {
	ctx := context.WithoutCancel(t.Context())
	plan, err := r.results.Plan(ctx, simulation)
	if err != nil {
		t.Error(err)
		return
	}
	name := "whatif-" + simulation + "-70"
	spec, err := json.Marshal(remote.Spec{Name: name, Settings: remote.Settings{Endpoint: service.url}})
	if err != nil {
		t.Error(err)
		return
	}
	job := results.Job{Attempt: attemptElsewhere, Runner: "flink", Name: name, Spec: spec, Created: r.now()}
	for _, v := range plan.Variants {
		job.Variants = append(job.Variants, v.ID)
	}
	if err := r.results.RecordJob(ctx, simulation, job); err != nil {
		t.Error(err)
	}
	if err := r.results.SubmitJob(ctx, simulation, attemptElsewhere, "job-70", r.now()); err != nil {
		t.Error(err)
	}
}

// awaitJob waits until the launcher has looked at the job of a simulation.
func (r *room) awaitJob(t *testing.T, id string) {
	t.Helper()
	r.await(t, id, "running", func(s store.Simulation) bool { return s.State == store.Running })
	r.until(t, func() bool {
		open, err := r.results.OpenJobs(t.Context(), id)
		return err == nil && len(open) == 1 && open[0].Submitted == "job-70"
	}, func() string { return "the job is not on record" })
}

// TestAJobThatDoesNotEndIsTold: whoever cancels or pauses a simulation reads that its job goes on, where, why, and
// what to do.
func TestAJobThatDoesNotEndIsTold(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]bool{"it may not be ended": true, "it is asked and does not end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newOneJob(t, refuses)
			says := []string{"flink at " + service.url, "cancel it there", "was asked to end and has not within"}
			if refuses {
				says = []string{"flink at " + service.url, "cancel it there", "could not be ended", "not yours"}
			}
			r := newRoom(t)
			r.queueWithJob(t, service)
			sim := r.submitStudy(t, writeStudy(t, bids(2), ""))
			r.awaitJob(t, sim.ID)

			if _, err := r.store.Pause(t.Context(), tenant0, sim.ID, "a test"); err != nil {
				t.Fatal(err)
			}
			paused := r.awaitState(t, sim.ID, store.Paused)
			if b := paused.Progress.Blocking; paused.Fault != nil || len(b) != 1 || b[0].Reason != "job_open" {
				t.Fatalf("fault %+v, blocking %+v", paused.Fault, b)
			}
			tells(t, paused.Progress.Blocking[0].Message, says)

			if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
				t.Fatal(err)
			}
			r.await(t, sim.ID, "running", func(s store.Simulation) bool { return s.State == store.Running })
			if _, err := r.store.Cancel(t.Context(), tenant0, sim.ID, "a test"); err != nil {
				t.Fatal(err)
			}
			end := r.awaitState(t, sim.ID, store.Cancelled)
			if end.Fault == nil || end.Fault.Reason != "job_open" {
				t.Fatalf("fault %+v", end.Fault)
			}
			tells(t, end.Fault.Message, says)
			if end.Counts != (store.Counts{Cancelled: 3}) || service.timesAsked() == 0 {
				t.Errorf("counts %+v; the job was asked to end %d times", end.Counts, service.timesAsked())
			}
		})
	}
}

func tells(t *testing.T, message string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("%q lacks %q", message, part)
		}
	}
}

// TestAJobThatIsEndingIsStoodAsideFor for as long as it takes, which is no trouble that is given up after some tries;
// nothing is computed twice meanwhile, and when it has ended the rest is.
func TestAJobThatIsEndingIsStoodAsideFor(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	r := newRoom(t)
	q := r.queueWithJob(t, service)
	config := writeStudy(t, bids(2), "")
	sim := r.submitStudy(t, config)
	r.awaitJob(t, sim.ID)
	if _, err := r.store.Pause(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	r.awaitState(t, sim.ID, store.Paused)
	if _, err := r.store.Resume(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}

	// A run looks after the job for 0.2 s and asks it once; so many runs would be the end of it, were they troubles.
	before := service.timesAsked()
	var since time.Time
	r.await(t, sim.ID, "standing aside", func(s store.Simulation) bool {
		if b := s.Progress.Blocking; len(b) == 1 && b[0].Reason == "" && since.IsZero() {
			since = s.Progress.Blocking[0].Since
		}
		return service.timesAsked() > before+maxTroubles+1 && len(s.Progress.Blocking) == 1
	})
	now, err := r.store.Simulation(t.Context(), tenant0, sim.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.State != store.Running || now.Counts != (store.Counts{Pending: 3}) {
		t.Errorf("it is %s with %+v", now.State, now.Counts)
	}
	tells(t, now.Progress.Blocking[0].Message, []string{"an earlier job of this simulation was asked to end", "flink at " + service.url})
	if b := now.Progress.Blocking[0]; b.Reason != "" || !b.Since.Equal(since) {
		t.Errorf("blocked by %+v, first since %s", b, since)
	}

	service.end()
	end := r.awaitState(t, sim.ID, store.Succeeded)
	if end.Counts != (store.Counts{Succeeded: 3}) || end.Fault != nil {
		t.Errorf("%+v, fault %+v", end.Counts, end.Fault)
	}
	for id, v := range r.variants(t, sim.ID) {
		if v.Tries != 1 {
			t.Errorf("variant %s has had %d tries", id, v.Tries)
		}
	}
	if open, err := r.results.OpenJobs(t.Context(), sim.ID); err != nil || len(open) != 0 {
		t.Errorf("open jobs %+v, %v", open, err)
	}
	if s := q.Stats(); s.DeadLetters != 0 {
		t.Errorf("stats %+v", s)
	}
	r.wantDigests(t, sim.ID, r.undisturbed(t, config))
}
