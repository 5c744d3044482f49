package dataflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	df "google.golang.org/api/dataflow/v1b3"

	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms"
)

// job is a job of the service, asked by its id.
type job struct {
	*service
	id string
}

// ID is the service's, as its pages and gcloud show it.
func (j *job) ID() string { return j.id }

// states are the service's in package remote's words: projects.locations.jobs, JobState,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate. Those of streaming jobs
// never come; a job that was drained or replaced by somebody has not done all it was to do.
var states = map[string]remote.State{
	"JOB_STATE_UNKNOWN": remote.Pending, "JOB_STATE_STOPPED": remote.Pending,
	"JOB_STATE_PENDING": remote.Pending, "JOB_STATE_QUEUED": remote.Pending,
	"JOB_STATE_RUNNING": remote.Running, "JOB_STATE_CANCELLING": remote.Running, "JOB_STATE_DRAINING": remote.Running,
	"JOB_STATE_RESOURCE_CLEANING_UP": remote.Running, "JOB_STATE_PAUSING": remote.Running, "JOB_STATE_PAUSED": remote.Running,
	"JOB_STATE_DONE": remote.Done, "JOB_STATE_FAILED": remote.Failed,
	"JOB_STATE_CANCELLED": remote.Cancelled, "JOB_STATE_DRAINED": remote.Cancelled, "JOB_STATE_UPDATED": remote.Cancelled,
}

// Status asks for the state, the counters, and, where a job does not run, the service's messages.
func (j *job) Status(ctx context.Context) (remote.Status, error) {
	said, err := j.state(ctx)
	if api, ok := asAPIError(err); ok && api.Code == http.StatusNotFound {
		return remote.Status{State: remote.Lost, Message: fmt.Sprintf("the service does not know job %s of project %s, region %s, any more", j.id, j.project, j.region)}, nil
	}
	if err != nil {
		return remote.Status{}, err
	}
	state, known := states[said]
	if !known {
		state = remote.Running // a state of tomorrow: what ends a job is known
	}
	status := remote.Status{State: state, Counters: j.counters(ctx)}
	switch {
	case said == "JOB_STATE_PAUSED":
		status.Message = "the job is paused; resume or cancel it: gcloud dataflow jobs --help"
	case state == remote.Failed:
		return j.failed(ctx, status)
	case state == remote.Pending:
		// It waits for something: what, is for people only.
		status.Message, _ = j.messages(ctx, "JOB_MESSAGE_WARNING")
	}
	return status, nil
}

func (j *job) state(ctx context.Context) (state string, err error) {
	err = j.once(ctx, "ask for the job "+j.id, func(ctx context.Context) error {
		answer, err := j.Get(j.project, j.region, j.id).View("JOB_VIEW_SUMMARY").Context(ctx).Do()
		if err == nil {
			state = answer.CurrentState
		}
		return err
	})
	return state, err
}

// failed says why a job failed. A job that never got to a variant, for a reason that will be there again, was
// refused.
func (j *job) failed(ctx context.Context, status remote.Status) (remote.Status, error) {
	said, err := j.messages(ctx, "JOB_MESSAGE_ERROR")
	switch {
	case temporary(err):
		return remote.Status{}, err // nobody asks again once it is known that the job has failed
	case err != nil:
		status.Message = "the service does not say why: " + err.Error()
		return status, nil //nolint:nilerr // the state is known, and is the answer
	case said == "":
		status.Message = "the service does not say why; the logs of its workers may: " + j.logs()
		return status, nil
	}
	status.Message = said + "; logs of the workers: " + j.logs()
	if why := refusal(said); why != "" && status.Counters != nil && status.Counters[transforms.CounterStarted] == 0 {
		status.State, status.Message = remote.Refused, why+": "+said
	}
	return status, nil
}

func (j *job) logs() string {
	return fmt.Sprintf("https://console.cloud.google.com/dataflow/jobs/%s/%s?project=%s", j.region, j.id, j.project)
}

// refusals are the reasons of a job that never ran and will not without somebody's help, by what the service
// says of them: "Troubleshoot Dataflow errors", https://cloud.google.com/dataflow/docs/guides/common-errors,
// and "Troubleshoot Dataflow permissions",
// https://cloud.google.com/dataflow/docs/guides/troubleshoot-permissions.
var refusals = []struct {
	words  []string
	advice string
}{
	{[]string{"insufficient quota", "quota exceeded", "quota_exceeded"}, "a quota of Compute Engine is too small for the workers; ask for fewer or smaller ones (--max-workers, --machine-type), or raise it"},
	{[]string{"apis need to be enabled"}, "an API is not enabled; enable it: gcloud services enable dataflow.googleapis.com compute.googleapis.com storage.googleapis.com"},
	{[]string{"cannot act as service account", "iam.serviceaccounts.actas"}, "you may not run jobs as the workers' service account; grant yourself roles/iam.serviceAccountUser on it"},
	{[]string{"getobjectmetadata", "storage.objects.", "unable to read the job file", "staging"}, "the workers' service account can't read what was staged; grant it roles/storage.objectUser on the bucket"},
	{[]string{"subnetwork", "network interface", "compute.subnetworks.use"}, "the workers' network is not usable; check --network, --subnetwork and who may use it"},
	{[]string{"machine type"}, "the machine type is not to be had there; choose another (--machine-type)"},
	{[]string{"permission", "does not have", "denied"}, "a permission is missing; the workers' service account needs roles/dataflow.worker"},
}

// refusal is what to do about the messages of a job that never ran; empty: they say nothing of the kind.
func refusal(said string) string {
	for _, r := range refusals {
		if names(said, r.words...) {
			return r.advice
		}
	}
	return ""
}

// Bounds of the messages that are read and kept.
const (
	maxMessagePages = 20
	keptMessages    = 5
	maxMessageBytes = 2 << 10
)

var errEnough = errors.New("enough")

// messages are the last ones of an importance, the latest at the end.
func (j *job) messages(ctx context.Context, importance string) (string, error) {
	var said []string
	err := j.once(ctx, "read the messages of the job "+j.id, func(ctx context.Context) error {
		said = nil
		pages := 0
		list := j.Messages.List(j.project, j.region, j.id).MinimumImportance(importance)
		err := list.Pages(ctx, func(page *df.ListJobMessagesResponse) error {
			for _, m := range page.JobMessages {
				said = append(said, m.MessageText)
			}
			said = said[max(0, len(said)-keptMessages):]
			if pages++; pages == maxMessagePages {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	text := strings.Join(said, "; ")
	if over := len(text) - maxMessageBytes; over > 0 {
		text = ".." + strings.ToValidUTF8(text[over:], "") // the last say most
	}
	return text, err
}

// counters are those of our steps, added up over the steps; empty if nothing was counted, nil if the service does
// not tell.
func (j *job) counters(ctx context.Context) map[string]int64 {
	var answer *df.JobMetrics
	err := j.once(ctx, "ask for the counters of the job "+j.id, func(ctx context.Context) (err error) {
		answer, err = j.GetMetrics(j.project, j.region, j.id).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil // they are for looking at; the job goes on
	}
	return sum(answer.Metrics)
}

// sum adds the steps' counters up. The service tells of each twice: what work under way has counted
// (tentative), and what is settled; the larger is nearer to the truth.
func sum(updates []*df.MetricUpdate) map[string]int64 {
	type step struct{ step, counter string }
	largest := map[step]int64{}
	for _, m := range updates {
		if m.Name == nil || m.Name.Context["namespace"] != transforms.Namespace {
			continue
		}
		if value, ok := whole(m.Scalar); ok {
			key := step{m.Name.Context["step"], m.Name.Name}
			largest[key] = max(largest[key], value)
		}
	}
	counters := map[string]int64{}
	for key, value := range largest {
		counters[key.counter] += value
	}
	return counters
}

// whole reads a scalar, which JSON has as a number, or as a text when it is large.
func whole(scalar any) (int64, bool) {
	switch v := scalar.(type) {
	case float64:
		return int64(v), true
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Cancel asks the service to end the job. Workers stop soon after; rows that are committed stay.
func (j *job) Cancel(ctx context.Context) error {
	err := j.once(ctx, "cancel the job "+j.id, func(ctx context.Context) error {
		_, err := j.Update(j.project, j.region, j.id, &df.Job{RequestedState: "JOB_STATE_CANCELLED"}).Context(ctx).Do()
		return err
	})
	if err == nil {
		return nil
	}
	api, ok := asAPIError(err)
	if !ok || api.Code != http.StatusBadRequest && api.Code != http.StatusConflict {
		return err
	}
	// A job in a terminal state takes no other: it has ended meanwhile, which is what was asked for.
	said, unknown := j.state(ctx)
	if unknown == nil && states[said].Final() && states[said] != "" {
		return nil
	}
	return errors.Join(err, unknown)
}
