package bigquerytest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"
)

// Limits of the service ("Quotas and limits", Load jobs: https://cloud.google.com/bigquery/quotas#load_jobs).
const (
	JobsPerTableAndDay   = 1_500 // "including failures"
	jobsPerProjectAndDay = 100_000
	urisPerJob           = 10_000
)

// jobsKept is how long jobs are known ("Managing jobs": "BigQuery saves a six-month job history for all projects",
// https://cloud.google.com/bigquery/docs/managing-jobs).
const jobsKept = 180 * 24 * time.Hour

// The states of a job ("Job resource", status.state: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatus).
const (
	pending = "PENDING"
	running = "RUNNING"
	done    = "DONE"
)

// Options say what the service does that its documentation leaves open.
type Options struct {
	Now   func() time.Time
	Files func(uri string) (File, error) // what lies in Cloud Storage; the error: there is nothing
	// Pace is how long a job is pending and then runs.
	Pace func(job *bq.Job) (pending, running time.Duration)
	// Fail is why a job fails that could succeed; nil: it doesn't.
	Fail func(job *bq.Job) *bq.ErrorProto
}

// File is what a file holds.
type File struct {
	Keys   []string               // one a row
	Schema []*bq.TableFieldSchema // nil: that of the table
	Broken string                 // why it can't be read
}

// Row is a row of a table and the job that loaded it.
type Row struct{ Key, Job string }

// Service is the model. It is safe for concurrent use.
type Service struct {
	Options
	mu       sync.Mutex
	datasets map[string]*bq.Dataset // by PROJECT.DATASET
	tables   map[string]*table      // by PROJECT.DATASET.TABLE
	jobs     map[string]*job        // by PROJECT.LOCATION.ID
	order    []*job                 // as they were made
	refused  int                    // requests, for the quota
}

type table struct {
	*bq.Table
	rows    []Row
	version int
}

type job struct {
	*bq.Job
	key            string
	made           time.Time
	starts, ends   time.Time
	project, table string
}

// New is a service without datasets.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // a server for tests, which go by the real clock unless they say otherwise
	}
	if o.Pace == nil {
		o.Pace = func(*bq.Job) (time.Duration, time.Duration) { return 0, 0 }
	}
	if o.Fail == nil {
		o.Fail = func(*bq.Job) *bq.ErrorProto { return nil }
	}
	return &Service{Options: o, datasets: map[string]*bq.Dataset{}, tables: map[string]*table{}, jobs: map[string]*job{}}
}

// failure is an answer that is none: HTTP status, reason and message ("Error messages":
// https://cloud.google.com/bigquery/docs/error-messages).
func failure(code int, reason, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &googleapi.Error{Code: code, Message: message, Errors: []googleapi.ErrorItem{{Reason: reason, Message: message}}}
}

// InsertJob is jobs.insert of a load job.
func (s *Service) InsertJob(project string, asked *bq.Job) (*bq.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if asked.JobReference == nil || asked.JobReference.JobId == "" || asked.Configuration == nil || asked.Configuration.Load == nil {
		return nil, failure(http.StatusBadRequest, "invalid", "a load job with a job id is needed")
	}
	load := asked.Configuration.Load
	of := load.DestinationTable
	dataset := s.datasets[of.ProjectId+"."+of.DatasetId]
	if dataset == nil {
		return nil, failure(http.StatusNotFound, "notFound", "Not found: Dataset %s:%s", of.ProjectId, of.DatasetId)
	}
	key := project + "." + dataset.Location + "." + asked.JobReference.JobId
	// "409 duplicate: .. you're trying to create a job, dataset, or table that already exists" (Error messages). An id
	// is used up whatever became of its job ("Running jobs programmatically", Generating a job ID).
	if s.jobs[key] != nil {
		return nil, failure(http.StatusConflict, "duplicate", "Already Exists: Job %s", key)
	}
	j := &job{Job: asked, key: key, made: s.Now(), project: project, table: tableKey(of)}
	if err := s.admit(j, load); err != nil {
		s.refused++
		return nil, err
	}
	waits, runs := s.Pace(asked)
	j.starts = j.made.Add(waits)
	j.ends = j.starts.Add(runs)
	asked.JobReference.ProjectId, asked.JobReference.Location = project, dataset.Location
	asked.Id = fmt.Sprintf("%s:%s.%s", project, dataset.Location, asked.JobReference.JobId)
	asked.Status = &bq.JobStatus{State: pending}
	asked.Statistics = &bq.JobStatistics{CreationTime: j.made.UnixMilli()}
	s.jobs[key] = j
	s.order = append(s.order, j)
	s.settle()
	return copied(j.Job), nil
}

// admit refuses a job for its size or the quota.
func (s *Service) admit(j *job, load *bq.JobConfigurationLoad) error {
	if len(load.SourceUris) == 0 || len(load.SourceUris) > urisPerJob {
		return failure(http.StatusBadRequest, "invalid", "a load job takes 1 to %d source URIs, not %d", urisPerJob, len(load.SourceUris))
	}
	ofTable, ofProject := 0, 0
	for _, other := range slices.Backward(s.order) {
		if s.Now().Sub(other.made) >= 24*time.Hour {
			break
		}
		if other.table == j.table {
			ofTable++
		}
		if other.project == j.project {
			ofProject++
		}
	}
	// "If a BigQuery operation fails because of a quota limit, the API returns the HTTP 403 Forbidden status code"
	// (Troubleshooting quota and limit errors: https://cloud.google.com/bigquery/docs/troubleshoot-quotas). The
	// documentation says a day; that it slides is the harder case.
	if ofTable >= JobsPerTableAndDay || ofProject >= jobsPerProjectAndDay {
		return failure(http.StatusForbidden, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports or query appends per table.")
	}
	return nil
}

// GetJob is jobs.get. The location may be left out where it is US or EU ("Specifying locations":
// https://cloud.google.com/bigquery/docs/locations#specify_locations).
func (s *Service) GetJob(project, id, location string) (*bq.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	locations := []string{strings.ToUpper(location), location}
	if location == "" {
		locations = []string{"US", "EU"}
	}
	for _, l := range locations {
		if j := s.jobs[project+"."+l+"."+id]; j != nil {
			return copied(j.Job), nil
		}
	}
	return nil, failure(http.StatusNotFound, "notFound", "Not found: Job %s:%s", project, id)
}

// settle brings every job to where it is by now, in the order in which they end, and forgets old ones.
func (s *Service) settle() {
	now := s.Now()
	var ended []*job
	for _, j := range s.order {
		switch {
		case j.Status.State == done || now.Before(j.starts):
		case now.Before(j.ends):
			j.Status.State = running
		default:
			ended = append(ended, j)
		}
	}
	slices.SortStableFunc(ended, func(a, b *job) int { return a.ends.Compare(b.ends) })
	for _, j := range ended {
		s.finish(j)
	}
	for len(s.order) > 0 && now.Sub(s.order[0].made) > jobsKept {
		delete(s.jobs, s.order[0].key)
		s.order = s.order[1:]
	}
}

// finish ends a job: "load jobs are atomic and consistent; if a load job fails, none of the data is available,
// and if a load job succeeds, all of the data is available" ("Introduction to loading data", Load job:
// https://cloud.google.com/bigquery/docs/loading-data#batch_loading).
func (s *Service) finish(j *job) {
	j.Status.State = done
	j.Statistics.StartTime, j.Statistics.EndTime = j.starts.UnixMilli(), j.ends.UnixMilli()
	rows, problem := s.readAll(j)
	if problem == nil {
		problem = s.Fail(j.Job)
	}
	if problem != nil {
		j.Status.ErrorResult, j.Status.Errors = problem, []*bq.ErrorProto{problem}
		return
	}
	t := s.tables[j.table]
	for _, key := range rows {
		t.rows = append(t.rows, Row{key, j.JobReference.JobId})
	}
	j.Statistics.Load = &bq.JobStatistics3{InputFiles: int64(len(j.Configuration.Load.SourceUris)), OutputRows: int64(len(rows)), ForceSendFields: []string{"OutputRows"}}
}

// readAll reads a job's files, and checks them against the table.
func (s *Service) readAll(j *job) (keys []string, problem *bq.ErrorProto) {
	load := j.Configuration.Load
	t := s.tables[j.table]
	if t == nil { // "CREATE_NEVER: The table must already exist. If it does not, a 'notFound' error is returned in the job result" (Job resource)
		return nil, &bq.ErrorProto{Reason: "notFound", Message: "Not found: Table " + j.table}
	}
	for _, uri := range load.SourceUris {
		file, err := s.Files(uri)
		if err != nil {
			return nil, &bq.ErrorProto{Reason: "notFound", Message: "Not found: URI " + uri}
		}
		if file.Broken != "" {
			return nil, &bq.ErrorProto{Reason: "invalid", Location: uri, Message: "Error while reading data, error message: " + file.Broken + " File: " + uri}
		}
		if file.Schema != nil {
			if problem := mismatch(t.Schema.Fields, file.Schema, ""); problem != "" {
				return nil, &bq.ErrorProto{Reason: "invalid", Message: fmt.Sprintf("Provided Schema does not match Table %s. %s", j.table, problem)}
			}
		}
		keys = append(keys, file.Keys...)
	}
	return keys, nil
}

// mismatch is what of a file's columns a table can't take without schema update options ("Modifying table
// schemas": https://cloud.google.com/bigquery/docs/managing-table-schemas).
func mismatch(table, file []*bq.TableFieldSchema, path string) string {
	seen := map[string]bool{}
	for _, f := range file {
		i := slices.IndexFunc(table, func(t *bq.TableFieldSchema) bool { return strings.EqualFold(t.Name, f.Name) })
		if i < 0 {
			return "Cannot add fields (field: " + path + f.Name + ")"
		}
		t := table[i]
		seen[t.Name] = true
		switch {
		case t.Type != f.Type:
			return fmt.Sprintf("Field %s%s has changed type from %s to %s", path, f.Name, t.Type, f.Type)
		case mode(t) != mode(f) && (mode(t) != "NULLABLE" || mode(f) != "REQUIRED"):
			return fmt.Sprintf("Field %s%s has changed mode from %s to %s", path, f.Name, mode(t), mode(f))
		}
		if nested := mismatch(t.Fields, f.Fields, path+f.Name+"."); nested != "" {
			return nested
		}
	}
	for _, t := range table {
		if mode(t) == "REQUIRED" && !seen[t.Name] {
			return "Field " + path + t.Name + " is missing in new schema"
		}
	}
	return ""
}

func mode(f *bq.TableFieldSchema) string {
	if f.Mode == "" {
		return "NULLABLE"
	}
	return f.Mode
}

func tableKey(t *bq.TableReference) string { return t.ProjectId + "." + t.DatasetId + "." + t.TableId }

// copied keeps callers from what the service changes later.
func copied(j *bq.Job) *bq.Job {
	out := *j
	status, statistics := *j.Status, *j.Statistics
	out.Status, out.Statistics = &status, &statistics
	return &out
}

// Rows are those of a table, PROJECT.DATASET.TABLE, at this moment.
func (s *Service) Rows(table string) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if t := s.tables[table]; t != nil {
		return slices.Clone(t.rows)
	}
	return nil
}

// Jobs are the ids of all jobs that were made, in order, and how many more were refused.
func (s *Service) Jobs() (ids []string, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.order {
		ids = append(ids, j.JobReference.JobId)
	}
	return ids, s.refused
}

func (t *table) etag() string { return strconv.Itoa(t.version) }
