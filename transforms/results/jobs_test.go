package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

// TestAJobsRecord from before it is submitted to after it has ended: each step is a file of its own, which is never
// changed, and the job is open until the last one.
func TestAJobsRecord(t *testing.T) { everywhere(t, testAJobsRecord) }

func testAJobsRecord(t *testing.T, s *bench) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	ofThree(t, s)
	if must[bool](t)(s.HasJobs(t.Context(), newest)) {
		t.Error("it has had jobs")
	}
	job := Job{Attempt: 12, Runner: "flink", Name: "whatif-x-12", Spec: json.RawMessage(`{"name":"whatif-x-12"}`), Variants: []string{"baseline", "v0001"}, Created: at}
	other := Job{Attempt: 9, Runner: "dataflow", Name: "whatif-x-9", Spec: json.RawMessage(`{}`), Variants: []string{"v0002"}, Created: at}
	open := func(want ...Job) {
		t.Helper()
		for _, store := range []*Store{s.Store, s.again(t)} {
			got := must[[]Job](t)(store.OpenJobs(t.Context(), newest))
			for i := range got {
				got[i].Spec = compact(t, got[i].Spec)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("open jobs: %s", diff)
			}
		}
	}
	open()
	if err := errors.Join(s.RecordJob(t.Context(), newest, job), s.RecordJob(t.Context(), newest, other)); err != nil {
		t.Fatal(err)
	}
	open(other, job) // by attempt, as numbers
	changed := job
	changed.Name = "whatif-y-12"
	if err := s.RecordJob(t.Context(), newest, changed); !errors.Is(err, ErrTaken) {
		t.Errorf("another record: %v", err)
	}

	// Whoever comes second learns nothing and changes nothing: the first word counts.
	if err := errors.Join(s.SubmitJob(t.Context(), newest, 12, "job-1", at), s.SubmitJob(t.Context(), newest, 12, "job-2", at)); err != nil {
		t.Error(err)
	}
	job.Submitted = "job-1"
	open(other, job)
	if err := errors.Join(s.CancelJob(t.Context(), newest, 12, at), s.CancelJob(t.Context(), newest, 12, at.Add(time.Hour))); err != nil {
		t.Error(err)
	}
	job.Cancelled = true
	open(other, job)
	if err := errors.Join(s.EndJob(t.Context(), newest, 9, JobEnd{State: "done", At: at}), s.EndJob(t.Context(), newest, 9, JobEnd{State: "lost", At: at})); err != nil {
		t.Error(err)
	}
	open(job)
	if err := s.EndJob(t.Context(), newest, 12, JobEnd{State: "cancelled", At: at}); err != nil {
		t.Error(err)
	}
	open()
	if !must[bool](t)(s.HasJobs(t.Context(), newest)) {
		t.Error("its workers may still write")
	}

	folder := model.SimulationPath(newest) + "/_jobs/"
	files := s.below(t, folder)
	if want := []string{"12.cancelled.json", "12.ended.json", "12.json", "12.submitted.json", "9.ended.json", "9.json"}; !slices.Equal(files, prefixed(folder, want)) {
		t.Errorf("there are %v", files)
	}
	var word struct {
		ID string
		At time.Time
	}
	if err := json.Unmarshal([]byte(s.files(t)[folder+"12.submitted.json"]), &word); err != nil || word.ID != "job-1" || !word.At.Equal(at) {
		t.Errorf("%+v, %v", word, err)
	}
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = prefix + name
	}
	return out
}

// compact is a job's settings without the line breaks of its record.
func compact(t *testing.T, spec json.RawMessage) json.RawMessage {
	t.Helper()
	var v any
	if err := json.Unmarshal(spec, &v); err != nil {
		t.Fatal(err)
	}
	return must[[]byte](t)(json.Marshal(v))
}

// TestManySubmitAJob: each is told that it is written down, and one id is.
func TestManySubmitAJob(t *testing.T) { everywhere(t, testManySubmitAJob) }

func testManySubmitAJob(t *testing.T, s *bench) {
	ofThree(t, s)
	if err := s.RecordJob(t.Context(), newest, Job{Attempt: 1, Runner: "flink", Name: "x", Spec: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		ids[i] = fmt.Sprint("job-", i)
		all.Go(func() {
			if err := s.SubmitJob(t.Context(), newest, 1, ids[i], time.Unix(0, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first := must[[]Job](t)(s.OpenJobs(t.Context(), newest))
	if len(first) != 1 || !slices.Contains(ids, first[0].Submitted) {
		t.Fatalf("%+v", first)
	}
	if err := s.SubmitJob(t.Context(), newest, 1, "job-99", time.Unix(0, 0)); err != nil {
		t.Error(err)
	}
	if later := must[[]Job](t)(s.OpenJobs(t.Context(), newest)); later[0].Submitted != first[0].Submitted {
		t.Errorf("it was %s and is %s", first[0].Submitted, later[0].Submitted)
	}
}

// TestAJobsRecordThatIsDamaged is an error that says which file, and is not taken for a job nobody submitted.
func TestAJobsRecordThatIsDamaged(t *testing.T) { everywhere(t, testAJobsRecordThatIsDamaged) }

func testAJobsRecordThatIsDamaged(t *testing.T, s *bench) {
	ofThree(t, s)
	folder := model.SimulationPath(newest) + "/_jobs/"
	if err := s.RecordJob(t.Context(), newest, Job{Attempt: 3, Runner: "flink", Name: "x", Spec: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	s.put(t, folder+"3.submitted.json", []byte(`{"id": "job`))
	if jobs, err := s.OpenJobs(t.Context(), newest); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), s.Path(folder+"3.submitted.json")) {
		t.Errorf("%+v, %v", jobs, err)
	}
	for _, id := range []string{"", "../x", "20260701"} {
		if err := s.SubmitJob(t.Context(), id, 3, "job-1", time.Unix(0, 0)); err == nil {
			t.Errorf("a simulation %q", id)
		}
	}
}
