package proof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	df "google.golang.org/api/dataflow/v1b3"
)

// TestOneStudyEveryWay: embedded on disk, embedded in a bucket, and on Dataflow the same study gives the same
// figures, to the last bit of every variant. Flink, which has a cluster of its own, is held against the
// embedded runner by the proof of package portable.
func TestOneStudyEveryWay(t *testing.T) {
	variants := 5
	if full {
		variants = 200
	}
	s := newSite(t, 2000, variants)
	disk := filepath.Join(t.TempDir(), "results")
	s.must("run", filepath.Join(s.inputs, "study.yaml"), "--results", disk)
	want := s.digests(disk)
	if len(want) != variants+1 {
		t.Fatalf("%d variants have a row, want %d", len(want), variants+1)
	}
	seen := map[string]bool{}
	for _, digest := range want {
		seen[digest] = true
	}
	if len(seen) < 2 {
		t.Error("all variants come to the same figures: they would agree whatever a runner did")
	}

	bucket, cloud := s.newResults(), s.newResults()
	s.must("run", "gs://inputs/study.yaml", "--results", bucket)
	if diff := cmp.Diff(want, s.digests(bucket)); diff != "" {
		t.Error("in a bucket:", diff)
	}
	s.must(append([]string{"run", "gs://inputs/study.yaml", "--results", cloud, "--label", "owner=Ana"}, s.onDataflow()...)...)
	if diff := cmp.Diff(want, s.digests(cloud)); diff != "" {
		t.Error("on Dataflow:", diff)
	}
	jobs := s.cloud.Jobs()
	if len(jobs) != 1 || jobs[0].CurrentState != "JOB_STATE_DONE" || jobs[0].Labels["owner"] != "ana" {
		t.Errorf("the service had %d jobs: %+v", len(jobs), jobs)
	}
	s.checkStaged(t, jobs[0])
}

// checkStaged makes sure that the program that ran is whatif-worker, out of the bucket.
func (s *site) checkStaged(t *testing.T, job df.Job) {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(os.Getenv(programsVariable), "whatif-worker"))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(job.Environment.WorkerPools[0].Packages[0].Location, "gs://staging/")
	if stored, ok := s.gcs.Get("staging", name); !ok || string(stored) != string(program) {
		t.Errorf("%s is not the worker program", name)
	}
}
