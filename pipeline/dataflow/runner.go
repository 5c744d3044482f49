package dataflow

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/api/option"

	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Options are what a process gives the runner of its own; all have defaults.
type Options struct {
	// HTTP is asked instead of a client with the application default credentials.
	HTTP *http.Client
	// Sleep waits before another try, or until the context is done.
	Sleep func(context.Context, time.Duration) error
}

// New is the runner of Google Cloud Dataflow. Credentials are the application's default ones; no request is
// made before the first job.
func New(o Options) remote.Runner {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &runner{o}
}

type runner struct{ options Options }

// Submit finds the job of the name, or stores what it needs and creates it.
func (r *runner) Submit(ctx context.Context, p *beam.Pipeline, spec remote.Spec) (remote.Job, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	api, err := r.service(ctx, spec.Settings)
	if err != nil {
		return nil, err
	}
	if spec.Known != "" {
		return api.job(&df.Job{Id: spec.Known}), nil
	}
	found, err := api.find(ctx, spec.Name)
	if err != nil || found != nil {
		return api.job(found), err
	}
	killpoint.Here("dataflow.not_found")
	description, err := stage(ctx, p, spec)
	if err != nil {
		return nil, err
	}
	created, err := api.create(ctx, description)
	if err != nil {
		return nil, err
	}
	killpoint.Here("dataflow.created")
	return api.job(created), nil
}

// service is the API of one project and region.
type service struct {
	*df.ProjectsLocationsJobsService
	project, region string
	sleep           func(context.Context, time.Duration) error
}

func (r *runner) service(ctx context.Context, s remote.Settings) (*service, error) {
	how := []option.ClientOption{option.WithScopes(df.CloudPlatformScope), option.WithUserAgent("whatif")}
	if s.Endpoint != "" {
		how = append(how, option.WithEndpoint(s.Endpoint))
		if u, err := url.Parse(s.Endpoint); err == nil && u.Scheme == "http" && loopback(u) {
			how = append(how, option.WithoutAuthentication())
		}
	}
	if r.options.HTTP != nil {
		how = append(how, option.WithHTTPClient(r.options.HTTP))
	}
	// The client lives as long as the job's questions, whatever becomes of the submission's context.
	client, err := df.NewService(context.WithoutCancel(ctx), how...)
	if err != nil {
		return nil, fmt.Errorf("dataflow: no credentials for Google Cloud: %w; log in with `gcloud auth application-default login`, or run with a service account", err)
	}
	return &service{client.Projects.Locations.Jobs, s.Project, s.Region, r.options.Sleep}, nil
}

// find is the job of a name that this program created, whatever has become of it; nil if there is none.
func (s *service) find(ctx context.Context, name string) (*df.Job, error) {
	var found []*df.Job
	err := s.again(ctx, "look for the job "+name, func(ctx context.Context) error {
		found = nil
		list := s.List(s.project, s.region).Filter("ALL").Name(name)
		return list.Pages(ctx, func(page *df.ListJobsResponse) error {
			for _, job := range page.Jobs {
				if job.Name == name && ours(job, name) {
					found = append(found, job)
				}
			}
			return nil
		})
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	// There is one. Somebody may have cloned it by hand: the first is the one that was asked for.
	return slices.MinFunc(found, func(a, b *df.Job) int {
		return cmp.Or(cmp.Compare(a.CreateTime, b.CreateTime), cmp.Compare(a.Id, b.Id))
	}), nil
}

// ours tells whether a job may be the one of this name that this program created. Lists may leave the
// client's id out.
func ours(job *df.Job, name string) bool {
	return job.ClientRequestId == "" || job.ClientRequestId == requestID(name)
}

// requestID is the client's id of a job, which makes its creation idempotent. The name says all there is to
// say: it is one attempt's.
func requestID(name string) string { return name }

// create has the service make the job, or finds the one that it made when the answer was lost.
func (s *service) create(ctx context.Context, description *df.Job) (job *df.Job, err error) {
	name, made := description.Name, false // made: the job may be there, whatever is said from now on
	err = s.again(ctx, "create the job "+name, func(ctx context.Context) error {
		job, err = s.Create(s.project, s.region, description).Context(ctx).Do()
		killpoint.Here("dataflow.create_answered")
		made = made || exists(err) || !refused(err)
		if !exists(err) {
			return err
		}
		job, err = s.find(ctx, name)
		if err == nil && job == nil {
			// The list may lag behind what the service knows.
			err = &trouble{fmt.Errorf("dataflow: the service knows a job %s of project %s, region %s, and does not list it: it was created by another program, or a moment ago",
				name, s.project, s.region), true}
		}
		return err
	})
	if err != nil && made && !temporary(err) {
		// Whoever took this for a refusal would leave a job alone that may be running.
		err = &trouble{fmt.Errorf("%w; an earlier request may have created the job", err), true}
	}
	if err != nil {
		return nil, err
	}
	if !ours(job, name) {
		return nil, fmt.Errorf("dataflow: another program's job %s has the name %s in project %s, region %s: wait until it has ended, or cancel it",
			job.Id, name, s.project, s.region)
	}
	return job, nil
}

// exists tells whether the service refused a job because it has one of that name or client's id.
func exists(err error) bool {
	api, ok := asAPIError(err)
	return ok && api.Code == http.StatusConflict
}

// refused tells whether the service answered that it did not do what it was asked to. An outage is no such
// answer.
func refused(err error) bool {
	api, ok := asAPIError(err)
	return ok && api.Code < http.StatusInternalServerError
}

// job is a job that was started, as package remote knows it.
func (s *service) job(j *df.Job) remote.Job {
	if j == nil {
		return nil
	}
	return &job{service: s, id: j.Id}
}

// Tries and waits of a question that is asked again.
const (
	tries     = 6 // half a minute
	firstWait = time.Second
	// answerTime is how long the service may take for one answer.
	answerTime = time.Minute
)

// again asks until there is an answer, or an error that will not pass.
func (s *service) again(ctx context.Context, what string, ask func(context.Context) error) error {
	wait := firstWait
	for try := 1; ; try++ {
		err := s.once(ctx, what, ask)
		if err == nil || !temporary(err) || try == tries {
			return err
		}
		if stopped := s.sleep(ctx, wait); stopped != nil {
			return stopped
		}
		wait *= 2
	}
}

// once asks once, for a bounded time, and says what went wrong for people.
func (s *service) once(ctx context.Context, what string, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := ask(limited)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("dataflow: %s: %w", what, context.Cause(ctx))
	}
	return s.explain(what, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
