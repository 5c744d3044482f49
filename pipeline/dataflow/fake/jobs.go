package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	df "google.golang.org/api/dataflow/v1b3"
)

// job is one job of the service.
type job struct {
	said   df.Job // as the API tells it
	made   int    // which one it was
	ended  int    // which one ended, for the order of lists
	hidden int    // lists that leave it out yet
	cancel context.CancelFunc

	counters []Counter
	messages []*df.JobMessage
}

// The states of a job: projects.locations.jobs, JobState,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate.
const (
	pending    = "JOB_STATE_PENDING"
	running    = "JOB_STATE_RUNNING"
	cancelling = "JOB_STATE_CANCELLING"
	done       = "JOB_STATE_DONE"
	failed     = "JOB_STATE_FAILED"
	cancelled  = "JOB_STATE_CANCELLED"
)

func (j *job) terminal() bool {
	return slices.Contains([]string{done, failed, cancelled}, j.said.CurrentState)
}

// legalName is that of a job: projects.locations.jobs, name.
var legalName = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

// maxBody is the largest job the service takes: "Request quotas", Jobs,
// https://cloud.google.com/dataflow/docs/request-quotas.
const maxBody = 20 << 20

// create makes a job and has the engine run it, unless there is one: projects.locations.jobs.create.
func (s *Server) create(ctx context.Context, r *http.Request) (any, *Fault) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, &Fault{Code: http.StatusRequestEntityTooLarge, Status: "INVALID_ARGUMENT", Message: "The request is too large."}
	}
	var asked df.Job
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, badRequest("Invalid JSON payload received: %v", err)
	}
	if !legalName.MatchString(asked.Name) || len(asked.Name) > 1024 {
		return nil, badRequest("The job name %q is invalid.", asked.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, refused := s.twin(&asked); there != nil || refused != nil {
		return there, refused
	}
	if s.active() >= s.options.MaxActive {
		return nil, QuotaUsedUp()
	}
	j := s.add(asked, r.PathValue("region"))
	runs, cancel := context.WithCancel(ctx)
	j.cancel = cancel
	s.running.Go(func() { s.run(runs, j) })
	answer := j.said
	return &answer, nil
}

// twin is the job that there is already, or the refusal to make another: one of the same client's id and name
// whatever has become of it, or an active one of the same name.
func (s *Server) twin(asked *df.Job) (any, *Fault) {
	for _, j := range s.jobs {
		switch {
		case j.said.Name != asked.Name:
		case asked.ClientRequestId != "" && j.said.ClientRequestId == asked.ClientRequestId:
			return nil, knownRequest(asked.Name, asked.ClientRequestId)
		case !j.terminal() && s.options.ReturnExisting:
			answer := j.said
			return &answer, nil
		case !j.terminal():
			return nil, activeName(asked.Name)
		}
	}
	return nil, nil
}

func (s *Server) active() int {
	n := 0
	for _, j := range s.jobs {
		if !j.terminal() {
			n++
		}
	}
	return n
}

// add makes a job of what was asked for. Ids look like the service's.
func (s *Server) add(asked df.Job, region string) *job {
	j := &job{said: asked, made: len(s.jobs), hidden: s.options.ListLag}
	j.said.Id = fmt.Sprintf("2026-07-01_06_00_00-%d", 1_000_000+len(s.jobs))
	j.said.ProjectId, j.said.Location = s.options.Project, region
	j.said.CreateTime = s.now()
	j.said.CurrentState, j.said.CurrentStateTime = pending, j.said.CreateTime
	s.jobs = append(s.jobs, j)
	return j
}

// pageLength is how many jobs or messages one answer holds at most: the server's own limit,
// projects.locations.jobs.list, pageSize.
const pageLength = 2

// list tells of jobs: projects.locations.jobs.list. Running ones come first, by their creation, then those
// that have ended, by their end. It returns summaries.
func (s *Server) list(_ context.Context, r *http.Request) (any, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	var found []*job
	for _, j := range s.jobs {
		if j.hidden > 0 {
			j.hidden--
			continue
		}
		wanted := map[string]bool{"": true, "ALL": true, "ACTIVE": !j.terminal(), "TERMINATED": j.terminal()}
		if name := query.Get("name"); wanted[query.Get("filter")] && (name == "" || name == j.said.Name) && j.said.Location == r.PathValue("region") {
			found = append(found, j)
		}
	}
	slices.SortFunc(found, func(a, b *job) int { return cmp.Or(cmp.Compare(a.ended, b.ended), cmp.Compare(a.made, b.made)) })
	page, next, refused := pageOf(found, query.Get("pageToken"))
	answer := &df.ListJobsResponse{NextPageToken: next}
	for _, j := range page {
		answer.Jobs = append(answer.Jobs, &df.Job{
			Id: j.said.Id, Name: j.said.Name, ProjectId: j.said.ProjectId, Location: j.said.Location, Labels: j.said.Labels, Type: j.said.Type,
			CurrentState: j.said.CurrentState, CurrentStateTime: j.said.CurrentStateTime, CreateTime: j.said.CreateTime,
		})
	}
	return answer, refused
}

// pageOf is a part of a list, and the token of the next one.
func pageOf[T any](all []T, token string) (page []T, next string, refused *Fault) {
	from := 0
	if token != "" {
		var err error
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(all) {
			return nil, "", badRequest("The page token %q is invalid.", token)
		}
	}
	page = all[from:min(len(all), from+pageLength)]
	if end := from + len(page); end < len(all) {
		next = strconv.Itoa(end)
	}
	return page, next, nil
}

func (s *Server) job(r *http.Request) (*job, *Fault) {
	for _, j := range s.jobs {
		if j.said.Id == r.PathValue("id") {
			return j, nil
		}
	}
	return nil, &Fault{Code: http.StatusNotFound, Status: "NOT_FOUND", Message: fmt.Sprintf("Information about job %s could not be found in our system.", r.PathValue("id"))}
}

// get tells of one job: projects.locations.jobs.get.
func (s *Server) get(_ context.Context, r *http.Request) (any, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, refused := s.job(r)
	if refused != nil {
		return nil, refused
	}
	answer := j.said
	if r.URL.Query().Get("view") == "JOB_VIEW_SUMMARY" {
		answer.Environment = nil
	}
	return &answer, nil
}

// update cancels a job: projects.locations.jobs.update, requestedState. One in a terminal state takes no
// other.
func (s *Server) update(_ context.Context, r *http.Request) (any, *Fault) {
	var asked df.Job
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&asked); err != nil {
		return nil, badRequest("Invalid JSON payload received: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j, refused := s.job(r)
	switch {
	case refused != nil:
		return nil, refused
	case asked.RequestedState != cancelled:
		return nil, badRequest("The requested state %q is not supported.", asked.RequestedState)
	case j.terminal():
		return nil, terminated(j.said.Id)
	}
	j.said.CurrentState, j.said.RequestedState = cancelling, asked.RequestedState
	j.cancel()
	answer := j.said
	return &answer, nil
}
