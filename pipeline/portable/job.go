package portable

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms"
)

// job is one that was started.
type job struct {
	places
	name string
	id   string // in the job service; empty: only Flink knows it
}

func (j *job) ID() string {
	if j.id == "" {
		return j.name
	}
	return j.id
}

// Status asks the job service, and Flink if that one can't tell.
func (j *job) Status(ctx context.Context) (remote.Status, error) {
	if j.id == "" {
		return j.inFlink(ctx)
	}
	st, err := j.inService(ctx)
	if err == nil && st.State == remote.Cancelled && j.flink != "" {
		return j.inFlink(ctx) // Beam's job server calls a job cancelled before anybody has told Flink
	}
	if err == nil || ctx.Err() != nil {
		return st, err
	}
	var pass passing
	forgot := status.Code(err) == codes.NotFound
	switch {
	case j.flink != "" && (forgot || errors.As(err, &pass)):
		return j.inFlink(ctx)
	case forgot:
		return remote.Status{State: remote.Lost, Message: fmt.Sprintf(
			"the job service at %s does not know job %s any more: it was started again; Flink may still have the job: "+
				"see its own page, and say `flink=HOST:PORT` after the endpoint so that it is found there", j.service, j.id)}, nil
	}
	return st, err
}

func (j *job) inService(ctx context.Context) (st remote.Status, err error) {
	err = j.service.call(ctx, func(ctx context.Context, jobs jobpb.JobServiceClient) error {
		answer, err := jobs.GetState(ctx, &jobpb.GetJobStateRequest{JobId: j.id})
		if err != nil {
			return err
		}
		st.State = stateOf(answer.GetState())
		if st.State == remote.Failed {
			st.Message, err = errorsOf(ctx, jobs, j.id)
			if err != nil {
				return err
			}
		}
		m, err := jobs.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: j.id})
		if err != nil {
			return nil //nolint:nilerr // they are for looking at
		}
		st.Counters = Counters(m.GetMetrics())
		return nil
	})
	return st, err
}

// inFlink asks Flink by the job's name.
func (j *job) inFlink(ctx context.Context) (remote.Status, error) {
	found, ok, err := j.flink.job(ctx, j.name)
	if err != nil {
		return remote.Status{}, err
	}
	if !ok {
		return remote.Status{State: remote.Lost, Message: fmt.Sprintf(
			"neither the job service at %s nor Flink at %s knows job %s: they were started again", j.service, j.flink, j.name)}, nil
	}
	st := remote.Status{State: found.state()}
	if st.State == remote.Failed {
		st.Message, err = j.flink.failure(ctx, found.ID)
	}
	return st, err
}

// Cancel asks for the job's end wherever it is known. Beam's job server for Flink lets go of a job and has
// Flink go on with it (JobInvocation.cancel ends the wait for its result, nothing more), so Flink is told
// too: where its address is not known the job runs on there, and its rows are as good as any.
func (j *job) Cancel(ctx context.Context) error {
	var err error
	if j.id != "" {
		err = j.service.call(ctx, func(ctx context.Context, jobs jobpb.JobServiceClient) error {
			_, err := jobs.Cancel(ctx, &jobpb.CancelJobRequest{JobId: j.id})
			return err
		})
		if status.Code(err) == codes.NotFound {
			err = nil // it has forgotten the job
		}
	}
	if j.flink == "" {
		return err
	}
	found, ok, err := j.flink.job(ctx, j.name) // whatever the service said: Flink has the job
	if err != nil || !ok || found.state().Final() {
		return err
	}
	return j.flink.cancel(ctx, found.ID)
}

// stateOf is a state of Beam's in ours.
func stateOf(s jobpb.JobState_Enum) remote.State {
	switch s {
	case jobpb.JobState_STOPPED, jobpb.JobState_STARTING:
		return remote.Pending
	case jobpb.JobState_DONE, jobpb.JobState_DRAINED, jobpb.JobState_UPDATED:
		return remote.Done
	case jobpb.JobState_FAILED:
		return remote.Failed
	case jobpb.JobState_CANCELLED:
		return remote.Cancelled
	}
	return remote.Running
}

// The names of a counter of ours among the metrics of a job.
const (
	userSum        = "beam:metric:user:sum_int64:v1"
	labelNamespace = "NAMESPACE"
	labelName      = "NAME"
	labelStep      = "PTRANSFORM"
)

// Counters are our counters among a job's metrics, added up over its steps; nil if there are none.
func Counters(m *jobpb.MetricResults) map[string]int64 {
	type key struct{ step, name string }
	highest := map[key]int64{} // attempted or committed, what is known
	for _, infos := range [][]*pipepb.MonitoringInfo{m.GetAttempted(), m.GetCommitted()} {
		for _, info := range infos {
			labels := info.GetLabels()
			if info.GetUrn() != userSum || labels[labelNamespace] != transforms.Namespace {
				continue
			}
			if value, err := coder.DecodeVarInt(bytes.NewReader(info.GetPayload())); err == nil {
				k := key{labels[labelStep], labels[labelName]}
				highest[k] = max(highest[k], value)
			}
		}
	}
	if len(highest) == 0 {
		return nil
	}
	counters := map[string]int64{}
	for k, value := range highest {
		counters[k.name] += value
	}
	return counters
}
