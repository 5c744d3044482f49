package dataflow

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/whatif-machine/whatif/model"
)

// trouble is an error as people are told it.
type trouble struct {
	error
	passes bool
}

// Temporary says to package pipeline whether the same may be asked again.
func (t *trouble) Temporary() bool { return t.passes }

func (t *trouble) Unwrap() error { return t.error }

// temporary tells whether an error says of itself that it may pass.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func asAPIError(err error) (*googleapi.Error, bool) {
	return errors.AsType[*googleapi.Error](err)
}

// explain says what the service, or the way to it, refused and what to do, and whether that may pass. What
// has been explained stays as it is.
func (s *service) explain(what string, err error) error {
	if _, done := errors.AsType[*trouble](err); done {
		return err
	}
	if api, ok := asAPIError(err); ok {
		return &trouble{fmt.Errorf("dataflow: %s: %s: %w", what, s.advice(api), err), passes(api.Code)}
	}
	if refusedCredentials(err) {
		return &trouble{fmt.Errorf("dataflow: %s: the credentials are refused: %w; log in again with `gcloud auth application-default login`", what, err), false}
	}
	// No answer: nobody knows whether the service heard the question.
	return &trouble{fmt.Errorf("dataflow: %s: no answer: %w", what, err), true}
}

// passes tells which answers may be others next time: "Errors", https://cloud.google.com/apis/design/errors.
func passes(code int) bool {
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
}

// refusedCredentials tells whether it was Google's accounts that refused, not the network.
func refusedCredentials(err error) bool {
	return strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "could not find default credentials")
}

// advice is what to do about an answer of the API: "Troubleshoot Dataflow permissions",
// https://cloud.google.com/dataflow/docs/guides/troubleshoot-permissions, and "Quotas and limits",
// https://cloud.google.com/dataflow/quotas.
func (s *service) advice(e *googleapi.Error) string {
	switch {
	case e.Code == http.StatusUnauthorized:
		return "the credentials are refused; log in with `gcloud auth application-default login`, or run with a service account"
	case e.Code == http.StatusForbidden && disabled(e):
		return fmt.Sprintf("the Dataflow API is not enabled; enable it: gcloud services enable dataflow.googleapis.com compute.googleapis.com --project %s", s.project)
	case e.Code == http.StatusForbidden && strings.Contains(e.Message, "act as"), strings.Contains(e.Message, "iam.serviceAccounts.actAs"):
		return "you may not run jobs as the workers' service account; grant yourself roles/iam.serviceAccountUser on it"
	case e.Code == http.StatusForbidden:
		return fmt.Sprintf("permission denied in project %s; roles/dataflow.developer, and roles/iam.serviceAccountUser on the workers' service account, are needed", s.project)
	case e.Code == http.StatusNotFound:
		return fmt.Sprintf("there is no such thing in project %s, region %s; check both (--project, --region)", s.project, s.region)
	case e.Code == http.StatusTooManyRequests:
		return fmt.Sprintf("a quota of project %s is used up (25 jobs at a time unless raised); wait for jobs to end, or ask for more: https://console.cloud.google.com/iam-admin/quotas?project=%s", s.project, s.project)
	case e.Code == http.StatusBadRequest && names(e.Message, "region", "location", s.region):
		return fmt.Sprintf("the service does not take region %s; https://cloud.google.com/dataflow/docs/resources/locations lists them", s.region)
	case e.Code == http.StatusBadRequest:
		return "the service does not take these settings"
	case passes(e.Code):
		return "the service is in trouble; this may pass, https://status.cloud.google.com tells"
	}
	return "the service refused"
}

// disabled tells whether the API is not enabled in the project: "Troubleshooting", SERVICE_DISABLED,
// https://cloud.google.com/service-usage/docs/enable-disable.
func disabled(e *googleapi.Error) bool {
	return names(e.Message, "has not been used in project", "it is disabled") || strings.Contains(e.Body, "SERVICE_DISABLED")
}

// names tells whether a text has one of the words in it.
func names(text string, words ...string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if strings.Contains(text, strings.ToLower(word)) {
			return true
		}
	}
	return false
}

// staging explains why something could not be stored; what the storage says may pass, may pass.
func staging(what, uri string, err error) error {
	fault, ok := errors.AsType[*model.Fault](err)
	return &trouble{fmt.Errorf("dataflow: store %s at %s: %w", what, uri, err), ok && fault.Retryable}
}
