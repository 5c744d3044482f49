package portable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/whatif-machine/whatif/pipeline/portable"
	"github.com/whatif-machine/whatif/pipeline/remote"
)

// jobService does what Beam's InMemoryJobService and JobInvocation do: jobs in memory, found by id; a name is
// only a name; unknown ids are NOT_FOUND; a job that is cancelled is CANCELLED at once; the messages of a job
// that has ended are told again, and the stream ends.
// (Beam, runners/java-job-service: https://github.com/apache/beam/tree/v2.62.0/runners/java-job-service)
type jobService struct {
	jobpb.UnimplementedJobServiceServer

	mu         sync.Mutex
	prepared   map[string]*jobpb.PrepareJobRequest
	jobs       []*jobpb.JobInfo
	ran        []*jobpb.PrepareJobRequest
	loseAnswer bool // of the next Run, after it has started the job
	metrics    *jobpb.MetricResults
}

func startService(t *testing.T) (*jobService, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, server := &jobService{prepared: map[string]*jobpb.PrepareJobRequest{}}, grpc.NewServer()
	jobpb.RegisterJobServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, listener.Addr().String()
}

func (s *jobService) Prepare(_ context.Context, r *jobpb.PrepareJobRequest) (*jobpb.PrepareJobResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("%s_p%d", r.GetJobName(), len(s.prepared))
	s.prepared[id] = r
	return &jobpb.PrepareJobResponse{PreparationId: id, StagingSessionToken: "token"}, nil
}

func (s *jobService) Run(_ context.Context, r *jobpb.RunJobRequest) (*jobpb.RunJobResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	prepared := s.prepared[r.GetPreparationId()]
	if prepared == nil {
		return nil, status.Errorf(codes.NotFound, "Unknown Preparation Id %q.", r.GetPreparationId())
	}
	// The name is the one of the options: FlinkPipelineOptions.getJobName.
	name := prepared.GetPipelineOptions().GetFields()["beam:option:job_name:v1"].GetStringValue()
	id := fmt.Sprintf("%s_%d", name, len(s.jobs))
	s.jobs = append(s.jobs, &jobpb.JobInfo{JobId: id, JobName: name, State: jobpb.JobState_RUNNING})
	s.ran = append(s.ran, prepared)
	if s.loseAnswer {
		s.loseAnswer = false
		return nil, status.Error(codes.Unavailable, "connection reset")
	}
	return &jobpb.RunJobResponse{JobId: id}, nil
}

func (s *jobService) GetJobs(context.Context, *jobpb.GetJobsRequest) (*jobpb.GetJobsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &jobpb.GetJobsResponse{JobInfo: s.jobs}, nil
}

// job is called with the lock held.
func (s *jobService) job(id string) (*jobpb.JobInfo, error) {
	for _, j := range s.jobs {
		if j.GetJobId() == id {
			return j, nil
		}
	}
	return nil, status.Error(codes.NotFound, "NOT_FOUND")
}

func (s *jobService) GetState(_ context.Context, r *jobpb.GetJobStateRequest) (*jobpb.JobStateEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.job(r.GetJobId())
	return &jobpb.JobStateEvent{State: j.GetState()}, err
}

func (s *jobService) Cancel(_ context.Context, r *jobpb.CancelJobRequest) (*jobpb.CancelJobResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.job(r.GetJobId())
	if err != nil {
		return nil, err
	}
	j.State = jobpb.JobState_CANCELLED
	return &jobpb.CancelJobResponse{State: j.GetState()}, nil
}

func (s *jobService) GetMessageStream(r *jobpb.JobMessagesRequest, out jobpb.JobService_GetMessageStreamServer) error {
	say := func(importance jobpb.JobMessage_MessageImportance, text string) error {
		return out.Send(&jobpb.JobMessagesResponse{Response: &jobpb.JobMessagesResponse_MessageResponse{
			MessageResponse: &jobpb.JobMessage{Importance: importance, MessageText: text},
		}})
	}
	if err := say(jobpb.JobMessage_JOB_MESSAGE_DEBUG, "a whole stack trace"); err != nil {
		return err
	}
	return say(jobpb.JobMessage_JOB_MESSAGE_ERROR, "java.io.IOException: no space left on device")
}

func (s *jobService) GetJobMetrics(context.Context, *jobpb.GetJobMetricsRequest) (*jobpb.GetJobMetricsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &jobpb.GetJobMetricsResponse{Metrics: s.metrics}, nil
}

// set puts a job into a state.
func (s *jobService) set(state jobpb.JobState_Enum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[len(s.jobs)-1].State = state
}

// restart has the service forget all, as a process that was started again.
func (s *jobService) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared, s.jobs = map[string]*jobpb.PrepareJobRequest{}, nil
}

func (s *jobService) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ran)
}

// flinkREST answers as Flink's REST interface does.
// (Flink, "REST API": https://nightlies.apache.org/flink/flink-docs-stable/docs/ops/rest_api/)
type flinkREST struct {
	mu        sync.Mutex
	jobs      []map[string]any
	cancelled []string
}

func startFlink(t *testing.T) (*flinkREST, string) {
	t.Helper()
	f := &flinkREST{jobs: []map[string]any{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, strings.TrimPrefix(server.URL, "http://")
}

func (f *flinkREST) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var answer any
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/jobs/overview":
		answer = map[string]any{"jobs": f.jobs}
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/exceptions"):
		answer = map[string]any{"root-exception": "org.apache.flink.runtime.JobException: Recovery is suppressed"}
	case r.Method == http.MethodPatch && r.URL.Query().Get("mode") == "cancel":
		f.cancelled = append(f.cancelled, strings.TrimPrefix(r.URL.Path, "/jobs/"))
		w.WriteHeader(http.StatusAccepted)
		answer = map[string]any{}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(err) // the test's own answer
	}
}

func (f *flinkREST) is(jobs ...map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = jobs
}

func job(id, name, state string, start int) map[string]any {
	return map[string]any{"jid": id, "name": name, "state": state, "start-time": start}
}

const name = "whatif-20260701-abcdefgh23-1"

func submit(t *testing.T, settings remote.Settings) (remote.Job, error) {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	beam.Impulse(s)
	return portable.New().Submit(t.Context(), p, remote.Spec{Name: name, Settings: settings})
}

func mustSubmit(t *testing.T, endpoint string) remote.Job {
	t.Helper()
	j, err := submit(t, remote.Settings{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantStatus(t *testing.T, j remote.Job, want remote.State, says string) {
	t.Helper()
	st, err := j.Status(t.Context())
	if err != nil || st.State != want || !strings.Contains(st.Message, says) {
		t.Errorf("%+v, %v; want %s, saying %q", st, err, want, says)
	}
}

// TestAJobIsStartedOnce however often it is submitted, and by whom.
func TestAJobIsStartedOnce(t *testing.T) {
	s, endpoint := startService(t)
	s.loseAnswer = true
	if _, err := submit(t, remote.Settings{Endpoint: endpoint}); err == nil || !temporary(err) {
		t.Fatalf("a lost answer: %v", err)
	}
	first := mustSubmit(t, endpoint)
	s.set(jobpb.JobState_DONE)
	second := mustSubmit(t, endpoint)
	if s.started() != 1 || first.ID() != second.ID() {
		t.Errorf("%d jobs; %s, %s", s.started(), first.ID(), second.ID())
	}
	wantStatus(t, second, remote.Done, "")
}

func temporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// TestWhatAJobIsTold: where its workers are, into how many shares it goes, and how it stands losing one.
func TestWhatAJobIsTold(t *testing.T) {
	s, endpoint := startService(t)
	for _, settings := range []remote.Settings{
		{Endpoint: endpoint, Environment: "external=10.0.0.1:50000", Workers: 7},
		{Endpoint: endpoint},
		{Endpoint: endpoint, Environment: "process=/opt/whatif-worker"},
	} {
		s.restart()
		if _, err := submit(t, settings); err != nil {
			t.Fatal(err)
		}
	}
	wants := []struct{ urn, payload, parallelism string }{
		{"beam:env:external:v1", "10.0.0.1:50000", "number_value:7"},
		{"beam:env:external:v1", "localhost:50000", "<nil>"},
		{"beam:env:process:v1", "/opt/whatif-worker", "<nil>"},
	}
	for i, want := range wants {
		fields := s.ran[i].GetPipelineOptions().GetFields()
		if got := fmt.Sprint(fields["beam:option:parallelism:v1"]); got != want.parallelism {
			t.Errorf("parallelism %s, want %s", got, want.parallelism)
		}
		if mode := fields["beam:option:execution_mode_for_batch:v1"].GetStringValue(); mode != "BATCH_FORCED" {
			t.Errorf("exchanges %q", mode)
		}
		for _, e := range s.ran[i].GetPipeline().GetComponents().GetEnvironments() {
			if e.GetUrn() != want.urn || !strings.Contains(string(e.GetPayload()), want.payload) || len(e.GetDependencies()) != 0 {
				t.Errorf("environment %v, want %+v and nothing to stage", e, want)
			}
		}
	}
}

// TestStates of a job service in ours, with what a failed job says.
func TestStates(t *testing.T) {
	s, endpoint := startService(t)
	j := mustSubmit(t, endpoint)
	for beams, want := range map[jobpb.JobState_Enum]remote.State{
		jobpb.JobState_STOPPED: remote.Pending, jobpb.JobState_STARTING: remote.Pending,
		jobpb.JobState_RUNNING: remote.Running, jobpb.JobState_CANCELLING: remote.Running,
		jobpb.JobState_DONE: remote.Done, jobpb.JobState_CANCELLED: remote.Cancelled,
	} {
		s.set(beams)
		wantStatus(t, j, want, "")
	}
	s.set(jobpb.JobState_FAILED)
	wantStatus(t, j, remote.Failed, "no space left on device")
	if st, _ := j.Status(t.Context()); strings.Contains(st.Message, "stack trace") {
		t.Errorf("a failed job says %q", st.Message)
	}
}

// TestAForgottenJob is told honestly where nobody else can be asked.
func TestAForgottenJob(t *testing.T) {
	s, endpoint := startService(t)
	j := mustSubmit(t, endpoint)
	s.restart()
	wantStatus(t, j, remote.Lost, "was started again")
	if err := j.Cancel(t.Context()); err != nil {
		t.Errorf("cancelling it: %v", err)
	}
	before := s.started()
	again, err := portable.New().Submit(t.Context(), nil, remote.Spec{Name: name, Settings: remote.Settings{Endpoint: endpoint}, Known: j.ID()})
	if err != nil || s.started() != before {
		t.Fatalf("%v; %d jobs, want %d", err, s.started(), before)
	}
	wantStatus(t, again, remote.Lost, "was started again")
}

// TestFlinkIsAskedWhereTheServiceForgot: for the job, its state, its failure, its end.
func TestFlinkIsAskedWhereTheServiceForgot(t *testing.T) {
	s, endpoint := startService(t)
	f, address := startFlink(t)
	j := mustSubmit(t, endpoint+",flink="+address)
	s.restart()
	f.is(job("a", "another", "RUNNING", 9), job("b", name, "FAILED", 3), job("c", name, "RUNNING", 1))
	wantStatus(t, j, remote.Running, "")
	again := mustSubmit(t, endpoint+",flink="+address)
	if s.started() != 1 {
		t.Errorf("%d jobs", s.started())
	}
	if err := again.Cancel(t.Context()); err != nil || fmt.Sprint(f.cancelled) != "[c]" {
		t.Errorf("cancelled %v, %v", f.cancelled, err)
	}
	f.is(job("c", name, "CANCELED", 1))
	wantStatus(t, again, remote.Cancelled, "")
	f.is(job("c", name, "FAILED", 1))
	wantStatus(t, again, remote.Failed, "Recovery is suppressed")
	f.is()
	wantStatus(t, again, remote.Lost, "neither")
}

// TestACancelledJobHasEndedWhenFlinkSaysSo, not when the service does.
func TestACancelledJobHasEndedWhenFlinkSaysSo(t *testing.T) {
	_, endpoint := startService(t)
	f, address := startFlink(t)
	j := mustSubmit(t, endpoint+",flink="+address)
	f.is(job("c", name, "RUNNING", 1))
	if err := j.Cancel(t.Context()); err != nil || len(f.cancelled) != 1 {
		t.Fatalf("%v, %v", f.cancelled, err)
	}
	f.is(job("c", name, "CANCELLING", 1))
	wantStatus(t, j, remote.Running, "")
	f.is(job("c", name, "CANCELED", 1))
	wantStatus(t, j, remote.Cancelled, "")
}

// TestNobodyAnswers: the error may pass, and says where was asked.
func TestNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := submit(t, remote.Settings{Endpoint: endpoint}); !temporary(err) || !strings.Contains(err.Error(), endpoint) {
		t.Errorf("%v", err)
	}
}

// TestSettingsThatMeanNothing are refused before anything is asked.
func TestSettingsThatMeanNothing(t *testing.T) {
	for says, settings := range map[string]remote.Settings{
		"--endpoint":         {},
		"flink=HOST:PORT":    {Endpoint: "127.0.0.1:1,spark=127.0.0.1:2"},
		"external=HOST:PORT": {Endpoint: "127.0.0.1:1", Environment: "docker=image"},
	} {
		if _, err := submit(t, settings); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", settings, err)
		}
	}
}

// TestCounters adds up our own over the steps, by the higher of attempted and committed.
func TestCounters(t *testing.T) {
	s, endpoint := startService(t)
	j := mustSubmit(t, endpoint)
	if st, err := j.Status(t.Context()); err != nil || st.Counters != nil {
		t.Errorf("before there are any: %v, %v", st.Counters, err)
	}
	info := func(space, name, step string, varint ...byte) *pipepb.MonitoringInfo {
		return &pipepb.MonitoringInfo{
			Urn: "beam:metric:user:sum_int64:v1", Payload: varint,
			Labels: map[string]string{"NAMESPACE": space, "NAME": name, "PTRANSFORM": step},
		}
	}
	s.mu.Lock()
	// 0xac 0x02 is 300. (Protocol Buffers, "Encoding")
	s.metrics = &jobpb.MetricResults{
		Attempted: []*pipepb.MonitoringInfo{
			info("whatif", "variants_started", "e1", 0xac, 0x02), info("whatif", "variants_started", "e2", 1),
			info("other", "variants_started", "e1", 5), info("whatif", "torn", "e1", 0x80),
		},
		Committed: []*pipepb.MonitoringInfo{info("whatif", "variants_started", "e1", 7)},
	}
	s.mu.Unlock()
	st, err := j.Status(t.Context())
	if err != nil || fmt.Sprint(st.Counters) != "map[variants_started:301]" {
		t.Errorf("%v, %v", st.Counters, err)
	}
}
