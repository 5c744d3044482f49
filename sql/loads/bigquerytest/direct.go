package bigquerytest

import (
	"context"
	"errors"
	"io"
	"net/http"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquery"
)

// Fault is what happens to a request.
type Fault int

// The faults. The error table says that requests may be answered with 5xx before or after they were carried out,
// and that they may be sent again ("Error messages", backendError and internalError:
// https://cloud.google.com/bigquery/docs/error-messages).
const (
	None        Fault = iota
	LostRequest       // the connection breaks before the service has it
	LostAnswer        // the connection breaks when the service has carried it out
	Unavailable       // 503 backendError, not carried out
	Internal          // 500 internalError, carried out
	RateLimited       // 403 rateLimitExceeded
	OverQuota         // 403 quotaExceeded
	Foreign           // 403 accessDenied: the job is another account's ("Method: jobs.get": https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get)
)

// Refused is the answer that the service gives instead; nil: it gives its own, if it arrives.
func (f Fault) refused() error {
	switch f {
	case Unavailable:
		return failure(http.StatusServiceUnavailable, "backendError", "Error encountered during execution. Retrying may solve the problem.")
	case RateLimited:
		return failure(http.StatusForbidden, "rateLimitExceeded", "Exceeded rate limits: too many table update operations for this table.")
	case OverQuota:
		return failure(http.StatusForbidden, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports or query appends per table.")
	case Foreign:
		return failure(http.StatusForbidden, "accessDenied", "Access Denied: Job: Permission bigquery.jobs.get denied on job (or it may not exist).")
	}
	return nil
}

// Direct is a table of a service without a network, as package loads sees one.
type Direct struct {
	Service                           *Service
	Project, Dataset, Table, Location string
	// Fault decides about each request: jobs.get or jobs.insert.
	Fault func(ctx context.Context, request string) (Fault, error)
}

var _ loads.Warehouse = (*Direct)(nil)

// Prepare is nil: the test has made the table.
func (d *Direct) Prepare(context.Context) error { return nil }

// Job asks for a job.
func (d *Direct) Job(ctx context.Context, id string) (loads.Job, error) {
	var got *bq.Job
	err := d.try(ctx, "jobs.get", func() (err error) {
		got, err = d.Service.GetJob(d.Project, id, d.Location)
		return err
	})
	if isCode(err, http.StatusNotFound) {
		return loads.Job{}, loads.ErrNoJob
	}
	if err != nil {
		return loads.Job{}, bigquery.OfJob(err)
	}
	job := loads.Job{Done: got.Status.State == done}
	if e := got.Status.ErrorResult; e != nil {
		job.Err = bigquery.JobError(e.Reason, e.Message)
	} else if job.Done {
		job.Rows = got.Statistics.Load.OutputRows
	}
	return job, nil
}

// Load starts a job.
func (d *Direct) Load(ctx context.Context, id string, uris []string) error {
	err := d.try(ctx, "jobs.insert", func() error {
		_, err := d.Service.InsertJob(d.Project, &bq.Job{
			JobReference: &bq.JobReference{JobId: id},
			Configuration: &bq.JobConfiguration{Load: &bq.JobConfigurationLoad{
				SourceUris:       uris,
				DestinationTable: &bq.TableReference{ProjectId: d.Project, DatasetId: d.Dataset, TableId: d.Table},
			}},
		})
		return err
	})
	if isCode(err, http.StatusConflict) {
		return loads.ErrJobExists
	}
	return bigquery.Explained(err)
}

// try makes a request with the fault that is due.
func (d *Direct) try(ctx context.Context, request string, call func() error) error {
	fault, err := d.Fault(ctx, request)
	if err != nil {
		return err
	}
	if err := fault.refused(); err != nil {
		return err
	}
	if fault == LostRequest {
		return io.ErrUnexpectedEOF
	}
	err = call()
	switch fault {
	case LostAnswer:
		return io.ErrUnexpectedEOF
	case Internal:
		return failure(http.StatusInternalServerError, "internalError", "An internal error occurred and the request could not be completed.")
	}
	return err
}

func isCode(err error, code int) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == code
}
