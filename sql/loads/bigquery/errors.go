package bigquery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/whatif-machine/whatif/sql/loads"
)

// passing are the reasons that go away by themselves, and quota those that need longer ("Error messages":
// https://cloud.google.com/bigquery/docs/error-messages).
var (
	passing = map[string]bool{
		"backendError": true, "jobBackendError": true, "internalError": true, "jobInternalError": true, "tableUnavailable": true,
		"timeout": true, "resourceInUse": true, "stopped": true,
	}
	quota = map[string]bool{"quotaExceeded": true, "rateLimitExceeded": true, "jobRateLimitExceeded": true, "resourcesExceeded": true}
)

// advice is what to do about reasons that somebody has to do something about.
var advice = map[string]string{
	"accessDenied":      "give the account that loads the roles of docs/bigquery.md: BigQuery Job User on the project, Data Editor on the dataset, Storage Object Viewer on the bucket",
	"billingNotEnabled": "enable billing for the project",
	"quotaExceeded":     "nothing is lost: it is loaded when the quota is there again",
	"rateLimitExceeded": "nothing is lost: it is loaded a little later",
	"notFound":          "make the dataset first, in the bucket's location: bq mk --location=LOCATION PROJECT:DATASET",
	"invalid":           "see docs/bigquery.md, \"When a load fails\"",
}

// JobError is why a job failed.
func JobError(reason, message string) *loads.Error {
	e := &loads.Error{Reason: reason, Message: message, Advice: advice[reason]}
	switch {
	case passing[reason]:
		e.Kind = loads.Passing
	case quota[reason]:
		e.Kind = loads.Quota
	case reason == "notFound" && strings.Contains(message, "gs://"), reason == "invalid" && !ofTable(message):
		e.Kind, e.Advice = loads.Content, ""
	default:
		e.Kind = loads.Refused
	}
	return e
}

// ofTable tells an error about the table from one about a file: both are "invalid" ("Provided Schema does not
// match Table" is what BigQuery says of columns that don't fit).
func ofTable(message string) bool { return strings.Contains(message, "Schema does not match") }

// Explained is an error of a request in the words of package loads.
func Explained(err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answered(answer)
	}
	_, network := errors.AsType[net.Error](err)
	_, request := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case network, request, errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &loads.Error{Kind: loads.Passing, Message: err.Error(), Advice: "check the network; nothing is lost by trying again"}
	}
	return &loads.Error{Kind: loads.Refused, Message: err.Error(),
		Advice: "if it is about credentials: `gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS"}
}

// answered explains an answer of the service.
func answered(answer *googleapi.Error) error {
	reason := ""
	if len(answer.Errors) > 0 {
		reason = answer.Errors[0].Reason
	}
	e := JobError(reason, answer.Message)
	switch {
	case e.Kind == loads.Content: // no job: nothing was read
		e.Kind, e.Advice = loads.Refused, advice[reason]
	case e.Kind == loads.Refused && (answer.Code >= http.StatusInternalServerError || answer.Code == http.StatusRequestTimeout):
		e.Kind = loads.Passing
	case e.Kind == loads.Refused && answer.Code == http.StatusTooManyRequests:
		e.Kind = loads.Quota
	}
	return e
}

// OfJob is an error of jobs.get: "Requires that you're the person who ran the job, or have the Is Owner project role"
// (Method: jobs.get: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get), that is bigquery.jobs.get on
// the project. Who may start jobs may ask for one's own only.
func OfJob(err error) error {
	explained := Explained(err)
	if e, ok := errors.AsType[*loads.Error](explained); ok && e.Kind == loads.Refused && hasCode(err, http.StatusForbidden) {
		e.Advice = "another account started this job, and everything waits for it: give this account bigquery.jobs.get on the project " +
			"(BigQuery Resource Viewer, roles/bigquery.resourceViewer), or have the other account run `whatif load` again: when the round is settled nobody needs to ask"
	}
	return explained
}

// hasCode reports whether the service answered with an HTTP status.
func hasCode(err error, code int) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == code
}
