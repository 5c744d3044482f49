package results

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Job is the record of a job that runs beyond this machine. It is written before the job is submitted, so
// that whoever takes the simulation up later finds the job again, whatever its supervisor came to.
//
//	_jobs/<attempt>.json            there is such a job, or there was to be
//	_jobs/<attempt>.submitted.json  its runner has taken it
//	_jobs/<attempt>.cancelled.json  it was asked to end, by us
//	_jobs/<attempt>.ended.json      it has ended and is accounted for
type Job struct {
	Attempt  int64           `json:"attempt"`
	Runner   string          `json:"runner"`
	Name     string          `json:"name"`
	Spec     json.RawMessage `json:"spec"`     // where it runs, in the runner's words
	Variants []string        `json:"variants"` // ids of those to be run
	Created  time.Time       `json:"created"`

	Submitted string `json:"-"` // the runner's id; empty: nobody knows whether it took the job
	Cancelled bool   `json:"-"` // it was asked to end
}

// JobEnd is what a job came to, for people: that the record is there is what counts.
type JobEnd struct {
	State   string    `json:"state"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
}

// The files of a job's record, after its attempt's number.
const (
	jobSuffix       = ".json"
	submittedSuffix = ".submitted.json"
	cancelledSuffix = ".cancelled.json"
	endedSuffix     = ".ended.json"
)

func jobsFolder(simulation string) string { return model.SimulationPath(simulation) + "/_jobs" }

func jobPath(simulation string, attempt int64, suffix string) string {
	return jobsFolder(simulation) + "/" + strconv.FormatInt(attempt, 10) + suffix
}

// RecordJob makes the record of a job durable. Another record under the same attempt is refused (ErrTaken).
func (s *Store) RecordJob(ctx context.Context, simulation string, job Job) error {
	return s.writeJob(ctx, simulation, job.Attempt, jobSuffix, job)
}

// submission is what a runner answered.
type submission struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// SubmitJob records that the runner has taken a job, under an id of its own. The first word counts.
func (s *Store) SubmitJob(ctx context.Context, simulation string, attempt int64, id string, at time.Time) error {
	return s.first(s.writeJob(ctx, simulation, attempt, submittedSuffix, submission{id, at}))
}

// CancelJob records that a job is asked to end. Recording it again succeeds.
func (s *Store) CancelJob(ctx context.Context, simulation string, attempt int64, at time.Time) error {
	return s.first(s.writeJob(ctx, simulation, attempt, cancelledSuffix, map[string]time.Time{"at": at}))
}

// EndJob records that a job has ended and every variant of it is accounted for. The first word counts.
func (s *Store) EndJob(ctx context.Context, simulation string, attempt int64, end JobEnd) error {
	return s.first(s.writeJob(ctx, simulation, attempt, endedSuffix, end))
}

// first takes it for done that somebody else wrote the file before.
func (s *Store) first(err error) error {
	if errors.Is(err, ErrTaken) {
		return nil
	}
	return err
}

func (s *Store) writeJob(ctx context.Context, simulation string, attempt int64, suffix string, content any) error {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(content, "", " ")
	if err != nil {
		return fmt.Errorf("results: encode the record of job %d of %s: %w", attempt, simulation, err)
	}
	return s.place.create(ctx, jobPath(simulation, attempt, suffix), data)
}

// HasJobs reports whether a simulation has ever had a job elsewhere, whose workers may still write.
func (s *Store) HasJobs(ctx context.Context, simulation string) (bool, error) {
	names, err := s.jobFiles(ctx, simulation)
	return len(names) > 0, err
}

// jobFiles are the names of a simulation's files on jobs elsewhere.
func (s *Store) jobFiles(ctx context.Context, simulation string) ([]string, error) {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return nil, err
	}
	dir := jobsFolder(simulation)
	names, err := s.place.list(ctx, dir)
	if err != nil {
		return nil, failed("list", s.Path(dir), err)
	}
	return names, nil
}

// OpenJobs are the jobs of a simulation that are not known to have ended, by attempt.
func (s *Store) OpenJobs(ctx context.Context, simulation string) ([]Job, error) {
	names, err := s.jobFiles(ctx, simulation)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, name := range names {
		number, plain := strings.CutSuffix(name, jobSuffix)
		attempt, err := strconv.ParseInt(number, 10, 64)
		if !plain || err != nil || slices.Contains(names, number+endedSuffix) {
			continue
		}
		job, err := s.readJob(ctx, simulation, attempt)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, number+submittedSuffix) {
			var taken submission
			if err := s.readRecord(ctx, jobPath(simulation, attempt, submittedSuffix), &taken); err != nil {
				return nil, err
			}
			job.Submitted = taken.ID
		}
		job.Cancelled = slices.Contains(names, number+cancelledSuffix)
		jobs = append(jobs, job)
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.Attempt, b.Attempt) })
	return jobs, nil
}

func (s *Store) readJob(ctx context.Context, simulation string, attempt int64) (job Job, err error) {
	path := jobPath(simulation, attempt, jobSuffix)
	if err := s.readRecord(ctx, path, &job); err != nil {
		return job, err
	}
	if job.Attempt != attempt {
		err = fmt.Errorf("it is the record of attempt %d", job.Attempt)
	}
	for _, id := range job.Variants {
		err = errors.Join(err, CheckVariantID(id))
	}
	if err != nil {
		return job, s.spoiled(path, err)
	}
	return job, nil
}

func (s *Store) readRecord(ctx context.Context, path string, into any) error {
	data, err := s.place.read(ctx, path)
	if err != nil {
		return failed("read", s.Path(path), err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return s.spoiled(path, err)
	}
	return nil
}

// spoiled is the error of a record that is not as it was written.
func (s *Store) spoiled(path string, err error) error {
	return fmt.Errorf("results: %s: %w: %w; it was written whole, so another program or the disk changed it", s.Path(path), ErrDamaged, err)
}

// Conflict says that one attempt at a variant was computed twice, by two workers, with different figures.
// That is a defect of this program or of a machine.
type Conflict struct {
	VariantID    string `json:"variant_id"`
	Attempt      int64  `json:"attempt"`
	ResultSHA256 string `json:"result_sha256"` // of the row that was there first, and stays
	OtherSHA256  string `json:"other_sha256"`
}

func conflictsFolder(simulation string) string {
	return model.SimulationPath(simulation) + "/_conflicts"
}

// RecordConflict makes a conflict durable, so that the simulation's user hears of it. The first word counts.
func (s *Store) RecordConflict(ctx context.Context, simulation string, c Conflict) error {
	if err := errors.Join(checkIDs(simulation, c.VariantID), ctx.Err()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("results: encode a conflict of variant %s: %w", c.VariantID, err)
	}
	return s.first(s.place.create(ctx, fmt.Sprintf("%s/%s.%d.json", conflictsFolder(simulation), c.VariantID, c.Attempt), data))
}

// Conflicts are all that were recorded of a simulation, by variant.
func (s *Store) Conflicts(ctx context.Context, simulation string) (conflicts []Conflict, err error) {
	if err := errors.Join(CheckSimulationID(simulation), ctx.Err()); err != nil {
		return nil, err
	}
	dir := conflictsFolder(simulation)
	names, err := s.place.list(ctx, dir)
	if err != nil {
		return nil, failed("list", s.Path(dir), err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") || isTemporary(name) {
			continue
		}
		data, err := s.place.read(ctx, dir+"/"+name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var c Conflict
		if err == nil {
			err = json.Unmarshal(data, &c)
		}
		if err != nil {
			return nil, failed("read", s.Path(dir+"/"+name), err)
		}
		conflicts = append(conflicts, c)
	}
	return conflicts, nil
}

// Standing is how far an attempt has come, by the names in the store alone.
type Standing struct {
	Started map[string]bool // variants with a marker of it
	Rows    map[string]bool // variants with a row of it
}

// Standing looks how far an attempt at many variants has come: a request or two for each thousand names.
// Rows of variants that are known are left out.
func (s *Store) Standing(ctx context.Context, simulation string, attempt int64, known map[string]bool) (st Standing, err error) {
	started, err := s.Started(ctx, simulation)
	if err != nil {
		return st, err
	}
	st = Standing{Started: map[string]bool{}, Rows: map[string]bool{}}
	for id, attempts := range started {
		if slices.Contains(attempts, attempt) {
			st.Started[id] = true
		}
	}
	rows, err := s.rowPaths(ctx, simulation)
	for _, row := range rows {
		if row.Attempt == attempt && !known[row.VariantID] {
			st.Rows[row.VariantID] = true
		}
	}
	return st, err
}
