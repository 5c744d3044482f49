package fake

import (
	"context"
	"net/http"
	"slices"

	df "google.golang.org/api/dataflow/v1b3"
)

// Engine runs the pipelines of jobs.
type Engine interface {
	// Run runs a job until it has ended: nil if every element went all the way. It ends soon when the context
	// does.
	Run(ctx context.Context, job df.Job, tell Teller) error
}

// Scripted is an engine that does what a test says.
type Scripted func(ctx context.Context, job df.Job, tell Teller) error

// Run does it.
func (f Scripted) Run(ctx context.Context, job df.Job, tell Teller) error { return f(ctx, job, tell) }

// Counter is what one step of a job has counted.
type Counter struct {
	Step, Namespace, Name string
	Tentative, Committed  int64 // by work under way and done; by work done
}

// Importance is that of a message: projects.locations.jobs.messages, JobMessageImportance,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.messages/list.
type Importance string

// Importances, the least first.
const (
	Basic   Importance = "JOB_MESSAGE_BASIC"
	Warning Importance = "JOB_MESSAGE_WARNING"
	Error   Importance = "JOB_MESSAGE_ERROR"
)

var importances = []Importance{"JOB_MESSAGE_DEBUG", "JOB_MESSAGE_DETAILED", Basic, Warning, Error}

// Teller is how an engine tells of a job.
type Teller struct {
	server *Server
	job    *job
}

// Running says that the job's workers have started.
func (t Teller) Running() {
	t.change(func(j *job) {
		if j.said.CurrentState == pending {
			j.state(running, t.server.now())
		}
	})
}

// Counters says what the steps have counted.
func (t Teller) Counters(counters []Counter) {
	t.change(func(j *job) { j.counters = counters })
}

// Message says something to people.
func (t Teller) Message(importance Importance, text string) {
	t.change(func(j *job) {
		j.messages = append(j.messages, &df.JobMessage{
			MessageImportance: string(importance), MessageText: text, Time: t.server.now(),
		})
	})
}

func (t Teller) change(how func(*job)) {
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	how(t.job)
}

func (j *job) state(to, now string) { j.said.CurrentState, j.said.CurrentStateTime = to, now }

// run has the engine run a job and notes its end. A job whose engine gives up fails with the reason among
// its messages: "Troubleshoot Dataflow errors", https://cloud.google.com/dataflow/docs/guides/common-errors.
func (s *Server) run(ctx context.Context, j *job) {
	t := Teller{s, j}
	s.mu.Lock()
	asked := j.said
	s.mu.Unlock()
	err := s.options.Engine.Run(ctx, asked, t)
	if err != nil && ctx.Err() == nil {
		t.Message(Error, "Workflow failed. Causes: "+err.Error())
	}
	t.change(func(j *job) {
		switch {
		case err == nil:
			j.state(done, s.now())
		case ctx.Err() != nil:
			j.state(cancelled, s.now())
		default:
			j.state(failed, s.now())
		}
		for _, other := range s.jobs {
			j.ended = max(j.ended, other.ended)
		}
		j.ended++
	})
	j.cancel()
}

// metrics tells of counters: projects.locations.jobs.getMetrics,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/getMetrics. Each comes
// twice, tentative and not, as Beam's runners read them; numbers without a fraction are JSON numbers.
func (s *Server) metrics(_ context.Context, r *http.Request) (any, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, refused := s.job(r)
	if refused != nil {
		return nil, refused
	}
	answer := &df.JobMetrics{MetricTime: s.now(), Metrics: []*df.MetricUpdate{
		// The service's own are among them.
		{Name: &df.MetricStructuredName{Origin: "dataflow/v1b3", Name: "CurrentVcpuCount"}, Scalar: 4},
	}}
	for _, c := range j.counters {
		answer.Metrics = append(answer.Metrics, c.update(c.Committed, false), c.update(c.Tentative, true))
	}
	return answer, nil
}

func (c Counter) update(value int64, tentative bool) *df.MetricUpdate {
	where := map[string]string{"namespace": c.Namespace, "step": c.Step}
	if tentative {
		where["tentative"] = "true"
	}
	return &df.MetricUpdate{Name: &df.MetricStructuredName{Origin: "user", Name: c.Name, Context: where}, Scalar: value}
}

// messages tells what the service has to say: projects.locations.jobs.messages.list. They ascend in time.
func (s *Server) messages(_ context.Context, r *http.Request) (any, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, refused := s.job(r)
	if refused != nil {
		return nil, refused
	}
	least := slices.Index(importances, Importance(r.URL.Query().Get("minimumImportance")))
	wanted := slices.DeleteFunc(slices.Clone(j.messages), func(m *df.JobMessage) bool {
		return slices.Index(importances, Importance(m.MessageImportance)) < least
	})
	page, next, refused := pageOf(wanted, r.URL.Query().Get("pageToken"))
	return &df.ListJobMessagesResponse{JobMessages: page, NextPageToken: next}, refused
}
