package dataflow_test

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"

	"github.com/whatif-machine/whatif/pipeline/dataflow"
	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

func newRunner(sleep func(context.Context, time.Duration) error) remote.Runner {
	return dataflow.New(dataflow.Options{Sleep: sleep})
}

func clientOf(p *place) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(p.URL()), option.WithoutAuthentication()}
}

// often is a fault for as many requests as one question makes, and more.
func often(f *fake.Fault) []*fake.Fault { return slices.Repeat([]*fake.Fault{f}, 12) }

// storageFault refuses all that is done to objects of a name.
func storageFault(name string, status int) objecttest.Fault {
	return objecttest.Fault{Op: objecttest.Create, Name: name, Status: status, Times: objecttest.Always}
}

// TestRefusalsSayWhatToDo: each error of the service names what is wrong, what helps, and whether it may pass.
func TestRefusalsSayWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		faults []*fake.Fault
		says   []string
		passes bool
	}{
		"API not enabled": {often(fake.Disabled(project)), []string{"gcloud services enable dataflow.googleapis.com", project}, false},
		"permission":      {often(fake.Denied(project)), []string{"roles/dataflow.developer", project}, false},
		"act as":          {often(fake.NoActAs("w@x.iam.gserviceaccount.com")), []string{"roles/iam.serviceAccountUser"}, false},
		"quota":           {often(fake.QuotaUsedUp()), []string{"quota", "25 jobs", project}, true},
		"outage":          {often(fake.Unavailable()), []string{"may pass", "status.cloud.google.com"}, true},
		"no answer":       {often(fake.Lost()), []string{"no answer"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, untilCancelled)
			p.Inject(fake.List, test.faults...)
			_, err := p.runner.Submit(t.Context(), smallPipeline(), p.spec(t))
			expect(t, err, test.passes, test.says...)
			if !test.passes && len(p.waits.took) > 0 {
				t.Errorf("what will not pass was tried again after %v", p.waits.took)
			}
		})
	}
}

func expect(t *testing.T, err error, passes bool, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if isTemporary(err) != passes {
		t.Errorf("temporary is %t, want %t: %v", !passes, passes, err)
	}
}

func TestProjectsAndRegionsThereAreNot(t *testing.T) {
	p := newPlace(t, untilCancelled)
	spec := p.spec(t)
	spec.Settings.Region = "atlantis-west1"
	_, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
	expect(t, err, false, "region atlantis-west1", "cloud.google.com/dataflow/docs/resources/locations")
	spec = p.spec(t)
	spec.Settings.Project = "no-such-project"
	_, err = p.runner.Submit(t.Context(), smallPipeline(), spec)
	expect(t, err, false, "no-such-project", "--project")
}

// TestTooManyJobs: the service has as many active jobs as a project may have.
func TestTooManyJobs(t *testing.T) {
	p := newPlace(t, untilCancelled, func(o *fake.Options) { o.MaxActive = 1 })
	spec := p.spec(t)
	p.submit(t, spec)
	spec.Name = "whatif-20260701-abcdefgh23-2"
	_, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
	expect(t, err, true, "quota", "wait for jobs to end")
}

// TestStagingPlacesThatAreNone: the bucket is missing, may not be written to, or fails.
func TestStagingPlacesThatAreNone(t *testing.T) {
	t.Run("no bucket", func(t *testing.T) {
		p := newPlace(t, untilCancelled)
		spec := p.spec(t)
		spec.Settings.Staging = "gs://nowhere/jobs"
		_, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
		expect(t, err, false, "gs://nowhere/jobs", "bucket")
	})
	t.Run("permission", func(t *testing.T) {
		p := newPlace(t, untilCancelled)
		p.gcs.Break(storageFault("", 403))
		_, err := p.runner.Submit(t.Context(), smallPipeline(), p.spec(t))
		expect(t, err, false, "gs://staging/jobs/whatif-worker-")
	})
	t.Run("another program of the name", func(t *testing.T) {
		p := newPlace(t, untilCancelled)
		spec := p.spec(t)
		program, err := os.ReadFile(spec.Settings.WorkerBinary)
		if err != nil {
			t.Fatal(err)
		}
		p.gcs.Put("staging", "jobs/whatif-worker-"+sum256(program)+"/worker", []byte("another"))
		_, err = p.runner.Submit(t.Context(), smallPipeline(), spec)
		expect(t, err, false, "is not the worker program that its name says")
	})
}

// TestSettingsAreCheckedAtOnce: one error names all that is wrong, before anything is asked of anybody.
func TestSettingsAreCheckedAtOnce(t *testing.T) {
	p := newPlace(t, untilCancelled)
	_, err := p.runner.Submit(t.Context(), smallPipeline(), remote.Spec{Name: "What If", Settings: remote.Settings{
		Endpoint: "http://dataflow.example.com/", Project: "P", Region: "europe-west1-b", Staging: "/tmp/staging",
		ServiceAccount: "somebody", MachineType: "t2a-standard-4", Subnetwork: "private", Network: "a/b",
		Workers: 5000, MaxWorkers: 3, DiskGB: 10,
	}})
	expect(t, err, false, `job name "What If"`, `project "P"`, "its region is europe-west1", "staging", `"somebody"`,
		"ARM", `subnetwork "private"`, `network "a/b"`, "5000 workers", "a disk of 10 GB", "only https")
	_, err = p.runner.Submit(t.Context(), smallPipeline(), remote.Spec{Name: "a"})
	expect(t, err, false, "--project", "--region", "--staging")
	_, err = p.runner.Submit(t.Context(), smallPipeline(), remote.Spec{Name: "a", Settings: remote.Settings{
		Project: project, Region: region, Staging: "gs://staging", Subnetwork: "regions/us-east1/subnetworks/x", Workers: 9, MaxWorkers: 8,
	}})
	expect(t, err, false, "in region us-east1, the job in europe-west1", "9 workers to begin with")
	if n := p.Requests(fake.List) + p.Requests(fake.Create); n > 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

// TestProgramsThatWorkersCannotRun are refused before they are stored.
func TestProgramsThatWorkersCannotRun(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, says string }{
		"missing":   {filepath.Join(t.TempDir(), "none"), "there is no worker program"},
		"a text":    {text, "is none for Linux"},
		"processor": {program(t, elf.EM_AARCH64), "another processor"},
		"dynamic":   {program(t, elf.EM_X86_64, elf.PT_INTERP), "linked dynamically"},
		"default":   {"", "there is no worker program"}, // beside the test's program is none
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, untilCancelled)
			spec := p.spec(t)
			spec.Settings.WorkerBinary = test.file
			_, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
			expect(t, err, false, test.says, "CGO_ENABLED=0", "--worker-binary")
			if stored := p.gcs.Names("staging"); len(stored) > 0 {
				t.Errorf("stored %q", stored)
			}
		})
	}
}
