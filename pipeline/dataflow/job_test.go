package dataflow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	df "google.golang.org/api/dataflow/v1b3"

	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/pipeline/remote"
)

// TestAJobsWay from its creation to its end, with what it says on the way.
func TestAJobsWay(t *testing.T) {
	start, end := make(chan struct{}), make(chan struct{})
	p := newPlace(t, func(_ context.Context, _ df.Job, tell fake.Teller) error {
		tell.Message(fake.Basic, "Starting 1 worker")
		tell.Message(fake.Warning, "the network has no route")
		<-start
		tell.Running()
		tell.Counters([]fake.Counter{
			{Step: "Match", Namespace: "whatif", Name: "variants_succeeded", Tentative: 7, Committed: 5},
			{Step: "Again", Namespace: "whatif", Name: "variants_succeeded", Tentative: 2, Committed: 3},
			{Step: "Match", Namespace: "whatif", Name: "slots_decided", Tentative: 1_000_000, Committed: 0},
			{Step: "Match", Namespace: "beam", Name: "variants_succeeded", Tentative: 100, Committed: 100},
		})
		<-end
		return nil
	})
	job := p.submit(t, p.spec(t))
	status := await(t, job, remote.Pending)
	for status.Message == "" {
		status = await(t, job, remote.Pending)
	}
	if status.Message != "the network has no route" || len(status.Counters) > 0 {
		t.Errorf("a job that waits: %+v", status)
	}
	close(start)
	status = await(t, job, remote.Running)
	for len(status.Counters) == 0 { // nothing counted yet, or the service not asked in time
		status = await(t, job, remote.Running)
	}
	// 7 of one step and 3 of the other, what is settled being less or more than what is under way.
	if diff := cmp.Diff(map[string]int64{"variants_succeeded": 10, "slots_decided": 1_000_000}, status.Counters); diff != "" {
		t.Error(diff)
	}
	close(end)
	await(t, job, remote.Done)
}

// TestWhyAJobFailed: its last messages are told; one that never got to a variant, for a reason that stays, was
// refused, with advice. The messages are those of the service's documents.
func TestWhyAJobFailed(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		started int64
		state   remote.State
		says    string
	}{
		"quota": {"Project ads-research has insufficient quota(s) to execute this workflow with 1 instances in region europe-west1. Quota summary (required/available): 1/24 instances, 4/0 CPUs", 0, remote.Refused, "--max-workers"},
		"API":   {"Some Cloud APIs need to be enabled for your project in order for Cloud Dataflow to run this job.", 0, remote.Refused, "gcloud services enable"},
		"bucket": {`Calling GetObjectMetadata with file "/bigstore/staging/jobs/model": workers@ads-research.iam.gserviceaccount.com does not have storage.objects.get access`, 0,
			remote.Refused, "roles/storage.objectUser"},
		"account":     {"Current user cannot act as service account 12345-compute@developer.gserviceaccount.com.", 0, remote.Refused, "roles/iam.serviceAccountUser"},
		"no machines": {"Startup of the worker pool in zone europe-west1-b failed to bring up any of the desired 1 workers. ZONE_RESOURCE_POOL_EXHAUSTED", 0, remote.Failed, "ZONE_RESOURCE_POOL_EXHAUSTED"},
		"lost workers": {"A work item was attempted 4 times without success. Each time the worker eventually lost contact with the service. Permission denied", 3,
			remote.Failed, "lost contact"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, func(_ context.Context, _ df.Job, tell fake.Teller) error {
				tell.Counters([]fake.Counter{{Step: "Match", Namespace: "whatif", Name: "variants_started", Committed: test.started}})
				return errors.New(test.message)
			})
			status := await(t, p.submit(t, p.spec(t)), test.state)
			if !strings.Contains(status.Message, test.says) || !strings.Contains(status.Message, test.message) {
				t.Errorf("the message is %q", status.Message)
			}
		})
	}
}

// TestNobodyKnowsWhetherItBegan: a job whose counters can't be had is not taken for one that never got to a variant.
func TestNobodyKnowsWhetherItBegan(t *testing.T) {
	p := newPlace(t, func(context.Context, df.Job, fake.Teller) error { return errors.New("Permission denied") })
	job := p.submit(t, p.spec(t))
	await(t, job, remote.Refused)
	p.Inject(fake.Metrics, fake.Denied(project))
	if status, err := job.Status(t.Context()); err != nil || status.State != remote.Failed {
		t.Errorf("%+v, %v", status, err)
	}
}

// TestAKnownJobIsNotStartedAgain when the service has forgotten it.
func TestAKnownJobIsNotStartedAgain(t *testing.T) {
	p := newPlace(t, untilCancelled)
	spec := p.spec(t)
	spec.Known = "2026-07-01_00_00_00-1"
	status, err := p.submit(t, spec).Status(t.Context())
	if err != nil || status.State != remote.Lost || !strings.Contains(status.Message, spec.Known) {
		t.Errorf("%+v, %v", status, err)
	}
}

// TestTheLastOfManyMessages: the service tells them page by page, the oldest first.
func TestTheLastOfManyMessages(t *testing.T) {
	p := newPlace(t, func(_ context.Context, _ df.Job, tell fake.Teller) error {
		for i := range 11 {
			tell.Message(fake.Error, fmt.Sprintf("error %02d", i))
		}
		return errors.New("all over")
	})
	status := await(t, p.submit(t, p.spec(t)), remote.Failed)
	if !strings.Contains(status.Message, "error 07; error 08; error 09; error 10; Workflow failed. Causes: all over") || strings.Contains(status.Message, "error 06") {
		t.Errorf("the message is %q", status.Message)
	}
}

// TestQuestionsMayFail: an outage is an error that may pass, and nothing that nobody can answer hides a state.
func TestQuestionsMayFail(t *testing.T) {
	p := newPlace(t, func(context.Context, df.Job, fake.Teller) error { return errors.New("all over") })
	job := p.submit(t, p.spec(t))
	await(t, job, remote.Failed)

	p.Inject(fake.Get, fake.Unavailable())
	_, err := job.Status(t.Context())
	expect(t, err, true, "503")
	p.Inject(fake.Get, fake.Lost(), fake.Lost()) // Go's client asks again on a new connection, once
	_, err = job.Status(t.Context())
	expect(t, err, true, "no answer")
	// Why it failed is worth another question.
	p.Inject(fake.Messages, fake.Unavailable())
	_, err = job.Status(t.Context())
	expect(t, err, true, "503")

	p.Inject(fake.Messages, fake.Denied(project))
	p.Inject(fake.Metrics, fake.Denied(project))
	status, err := job.Status(t.Context())
	if err != nil || status.State != remote.Failed || status.Counters != nil || !strings.Contains(status.Message, "does not say why") {
		t.Errorf("got %+v, %v", status, err)
	}
}

// TestCancelling a job that runs, again, after a lost answer, and after it has ended.
func TestCancelling(t *testing.T) {
	p := newPlace(t, untilCancelled)
	job := p.submit(t, p.spec(t))
	await(t, job, remote.Running)
	p.Inject(fake.Update, fake.Denied(project), fake.Lost())
	expect(t, job.Cancel(t.Context()), false, "permission denied")
	expect(t, job.Cancel(t.Context()), true, "no answer")
	for !awaitFinal(t, job) {
	}
	if err := job.Cancel(t.Context()); err != nil {
		t.Errorf("a job that has ended: %v", err)
	}
	await(t, job, remote.Cancelled)
}

func awaitFinal(t *testing.T, job remote.Job) bool {
	t.Helper()
	status, err := job.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.State.Final()
}
