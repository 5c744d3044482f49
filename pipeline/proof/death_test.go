package proof

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// moments are those that whatif passes on its way through a job on Dataflow, in either of its processes.
var moments = []string{
	// The supervisor's.
	"results.leased", "pipeline.job_recorded", "pipeline.process_started", "pipeline.heard_committed", "pipeline.job_accounted", "pipeline.round_ended",
	// Those of the process that submits and polls.
	"pipeline.job_order_read", "pipeline.errand_submitting", "dataflow.not_found", "dataflow.worker_staged", "dataflow.model_staged",
	"dataflow.create_answered", "dataflow.created", "pipeline.errand_submitted", "pipeline.errand_looked", "pipeline.job_ended",
	// Those of both: an object is made, of the plan, the record, the program, the model.
	"objects.create", "objects.created", "objects.created#3", "objects.uploaded",
}

// few are those of them that the short proof dies at: in the middle of the job's creation, and of its rows.
var few = []string{"dataflow.create_answered", "pipeline.heard_committed"}

// TestDeathAtEachMoment: whatif or the process of its job is killed at a moment; whatever is left to do, one
// more command does. Each variant has one row, and the service made one job.
func TestDeathAtEachMoment(t *testing.T) {
	s := newSite(t, 500, 2)
	undisturbed := s.newResults()
	s.must("run", "gs://inputs/study.yaml", "--results", undisturbed)
	want := s.digests(undisturbed)
	dieAt := few
	if full {
		dieAt = moments
	}
	for _, moment := range dieAt {
		t.Run(moment, func(t *testing.T) {
			s.t = t
			s.removeProgram()
			at, before, once := s.newResults(), len(s.cloud.Jobs()), filepath.Join(t.TempDir(), "passed")
			env := []string{"WHATIF_KILLPOINT=" + moment, "WHATIF_KILLPOINT_ONCE=" + once}
			said, err := s.run(env, append([]string{"run", "gs://inputs/study.yaml", "--results", at}, s.onDataflow()...)...)
			if _, missed := os.Stat(once); missed != nil {
				t.Fatalf("nothing passed the moment: %v\n%s", err, said)
			}
			if err != nil && !killed(err) {
				t.Errorf("the death of the job's process was not made good: %v\n%s", err, said)
			}
			s.resume(at)
			if diff := cmp.Diff(want, s.digests(at)); diff != "" {
				t.Error(diff)
			}
			if made := len(s.cloud.Jobs()) - before; made != 1 {
				t.Errorf("the service made %d jobs", made)
			}
		})
	}
}

// resume goes on with what a store has, or starts what it has not.
func (s *site) resume(at string) {
	s.t.Helper()
	if len(planned(s, at)) == 0 {
		s.must(append([]string{"run", "gs://inputs/study.yaml", "--results", at}, s.onDataflow()...)...)
		return
	}
	s.must(append([]string{"run", "--resume", "latest", "--results", at}, s.onDataflow()...)...)
}

// planned are the plans in a store.
func planned(s *site, at string) (plans []string) {
	prefix := strings.TrimPrefix(at, "gs://results/") + "/"
	for _, name := range s.gcs.Names("results") {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, "/_plan.json") {
			plans = append(plans, name)
		}
	}
	return plans
}

// TestTroubleOnTheWay: answers are lost, services fail for a while, workers die at the moment of a row. The run
// goes on by itself; each variant has one row, and the service made one job.
func TestTroubleOnTheWay(t *testing.T) {
	s := newSite(t, 500, 2)
	undisturbed := s.newResults()
	s.must("run", "gs://inputs/study.yaml", "--results", undisturbed)
	want := s.digests(undisturbed)
	rows := func(f objecttest.Fault) *objecttest.Fault {
		f.Op, f.Name = objecttest.Create, "attempt=*.parquet"
		return s.gcs.Break(f)
	}
	// Each brings trouble about, and says what is to have happened.
	for name, trouble := range map[string]func() []*objecttest.Fault{
		"lost answers of the service": func() []*objecttest.Fault {
			s.cloud.Inject(fake.Create, fake.Lost(), fake.Lost())
			s.cloud.Inject(fake.Get, fake.Unavailable(), fake.QuotaUsedUp(), fake.Lost(), fake.Lost())
			return nil
		},
		"lost answers of the storage": func() []*objecttest.Fault {
			s.removeProgram()
			return []*objecttest.Fault{
				s.gcs.Break(objecttest.Fault{Op: objecttest.Chunk, Skip: 1, LostAnswer: true}), // of the program, which is large
				s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "model", LostAnswer: true}),
				rows(objecttest.Fault{LostAnswer: true}),
			}
		},
		"a torn row":                     func() []*objecttest.Fault { return []*objecttest.Fault{rows(objecttest.Fault{Torn: true})} },
		"a worker killed before its row": func() []*objecttest.Fault { return []*objecttest.Fault{rows(objecttest.Fault{Do: s.killWorkers})} },
		"a worker killed after its row": func() []*objecttest.Fault {
			return []*objecttest.Fault{rows(objecttest.Fault{Do: s.killWorkers, Skip: 1})}
		},
	} {
		if !full && name != "lost answers of the storage" && name != "a worker killed after its row" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s.t = t
			at, before := s.newResults(), len(s.cloud.Jobs())
			faults := trouble()
			t.Cleanup(s.gcs.Heal)
			s.must(append([]string{"run", "gs://inputs/study.yaml", "--results", at}, s.onDataflow()...)...)
			for _, f := range faults {
				if s.gcs.Happened(f) == 0 {
					t.Errorf("%s of %s has met no trouble", f.Op, f.Name)
				}
			}
			if left := s.cloud.Waiting(); left > 0 {
				t.Errorf("%d answers were to be lost, and nobody asked", left)
			}
			if diff := cmp.Diff(want, s.digests(at)); diff != "" {
				t.Error(diff)
			}
			if made := len(s.cloud.Jobs()) - before; made != 1 {
				t.Errorf("the service made %d jobs", made)
			}
		})
	}
}

// removeProgram takes the worker program out of the bucket, if it is there: it has to be stored again.
func (s *site) removeProgram() {
	s.t.Helper()
	for _, name := range s.gcs.Names("staging") {
		if !strings.HasSuffix(name, "/worker") {
			continue
		}
		if err := s.gcs.Remove("staging", name); err != nil {
			s.t.Fatal(err)
		}
	}
}

// killWorkers kills the workers that run now, if any do.
func (s *site) killWorkers() {
	pids, _ := s.prism.Workers()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended
	}
}

// TestRefusalsEndTheRun with what to do, and nothing to be cleaned up.
func TestRefusalsEndTheRun(t *testing.T) {
	s := newSite(t, 500, 1)
	s.cloud.Inject(fake.List, fake.Disabled(project))
	said, err := s.run(nil, append([]string{"run", "gs://inputs/study.yaml", "--results", s.newResults()}, s.onDataflow()...)...)
	if err == nil || killed(err) || !strings.Contains(said, "gcloud services enable dataflow.googleapis.com") {
		t.Errorf("got %v\n%s", err, said)
	}
	if jobs := s.cloud.Jobs(); len(jobs) != 0 {
		t.Errorf("the service made %d jobs", len(jobs))
	}
}

// TestAnInterruptedRunCancelsItsJob and a later one runs the rest in another.
func TestAnInterruptedRunCancelsItsJob(t *testing.T) {
	s := newSite(t, 500, 2)
	held := make(chan struct{})
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "attempt=*.parquet", Skip: 1, Times: objecttest.Always, Until: held})
	at := s.newResults()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, nil, append([]string{"run", "gs://inputs/study.yaml", "--results", at, "--quiet"}, s.onDataflow()...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitState("JOB_STATE_RUNNING")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("an interrupted run ended with %v", cmd.ProcessState)
	}
	s.awaitState("JOB_STATE_CANCELLED")
	close(held)
	s.gcs.Heal()
	s.resume(at)
	if n := len(s.digests(at)); n != 3 {
		t.Errorf("%d variants have a row", n)
	}
}
