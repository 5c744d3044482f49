package fake

import (
	"fmt"
	"net/http"
)

// Fault is what happens to one request instead of its answer. Errors are written as Google's APIs do:
// "Errors", https://cloud.google.com/apis/design/errors.
type Fault struct {
	Lost bool // the request is carried out, and its answer lost

	Code    int    // HTTP
	Status  string // google.rpc.Code
	Reason  string // of google.rpc.ErrorInfo; empty: without
	Message string
}

// Inject has the next requests of an operation meet these faults, one each.
func (s *Server) Inject(op Operation, faults ...*Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults[op] = append(s.faults[op], *f)
	}
}

// Waiting is how many faults no request has met yet.
func (s *Server) Waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		n += len(f)
	}
	return n
}

// next counts a request and takes the fault it is to meet; nil: none.
func (s *Server) next(op Operation) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[op]++
	waiting := s.faults[op]
	if len(waiting) == 0 {
		return nil
	}
	s.faults[op] = waiting[1:]
	return &waiting[0]
}

func (f *Fault) write(w http.ResponseWriter) {
	inner := map[string]any{
		"code": f.Code, "status": f.Status, "message": f.Message,
		"errors": []any{map[string]any{"message": f.Message, "domain": "global", "reason": f.Reason}},
	}
	if f.Reason != "" {
		inner["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": f.Reason, "domain": "googleapis.com",
		}}
	}
	write(w, f.Code, map[string]any{"error": inner})
}

// Lost is an answer that does not arrive.
func Lost() *Fault { return &Fault{Lost: true} }

// Unavailable is an outage: UNAVAILABLE, "Errors", https://cloud.google.com/apis/design/errors.
func Unavailable() *Fault {
	return &Fault{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Message: "The service is currently unavailable."}
}

// Disabled is a project whose API is not enabled: "Enabling and disabling services", SERVICE_DISABLED,
// https://cloud.google.com/service-usage/docs/enable-disable.
func Disabled(project string) *Fault {
	return &Fault{Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "SERVICE_DISABLED", Message: fmt.Sprintf(
		"Dataflow API has not been used in project %s before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/dataflow.googleapis.com/overview?project=%s then retry.", project, project)}
}

// Denied is a user without roles/dataflow.developer: "Troubleshoot Dataflow permissions",
// https://cloud.google.com/dataflow/docs/guides/troubleshoot-permissions.
func Denied(project string) *Fault {
	return &Fault{Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Message: fmt.Sprintf(
		"(a1b2c3d4e5f60718): Could not create workflow; user does not have write access to project: %s Causes: (a1b2c3d4e5f60e21): Permission 'dataflow.jobs.create' denied on project: '%s'", project, project)}
}

// NoActAs is a user who may not run jobs as the workers' account: "Troubleshoot Dataflow permissions", as
// above.
func NoActAs(account string) *Fault {
	return &Fault{Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Message: fmt.Sprintf(
		"Current user cannot act as service account \"%s\".", account)}
}

// QuotaUsedUp is a project with as many jobs or requests as it may have: RESOURCE_EXHAUSTED, "Errors",
// https://cloud.google.com/apis/design/errors, and "Quotas and limits",
// https://cloud.google.com/dataflow/quotas.
func QuotaUsedUp() *Fault {
	return &Fault{Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED", Reason: "RATE_LIMIT_EXCEEDED",
		Message: "Quota exceeded for quota metric 'Concurrent jobs' of service 'dataflow.googleapis.com'."}
}

// NoProject is a project there is not, or that the user may not see.
func NoProject(project string) *Fault {
	return &Fault{Code: http.StatusNotFound, Status: "NOT_FOUND", Message: fmt.Sprintf("Requested project %s was not found.", project)}
}

// NoRegion is a region without the service: "Dataflow locations",
// https://cloud.google.com/dataflow/docs/resources/locations.
func NoRegion(region string) *Fault {
	return &Fault{Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: fmt.Sprintf("The region %s is not a valid Dataflow location.", region)}
}

// activeName is the refusal of a second active job of a name, and knownRequest that of a second job of one
// client's id: projects.locations.jobs, name and clientRequestId,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs. The words are those that
// users report.
func activeName(name string) *Fault {
	return &Fault{Code: http.StatusConflict, Status: "ALREADY_EXISTS", Reason: "alreadyExists", Message: fmt.Sprintf(
		"(78f666ea16e50f79): There is already an active job named %s. If you want to submit a second job, try again by setting a different name.", name)}
}

func knownRequest(name, request string) *Fault {
	return &Fault{Code: http.StatusConflict, Status: "ALREADY_EXISTS", Reason: "alreadyExists", Message: fmt.Sprintf(
		"(78f666ea16e50f80): A job named %s has been created with the client request id %s before.", name, request)}
}

func badRequest(format string, args ...any) *Fault {
	return &Fault{Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: fmt.Sprintf(format, args...)}
}

// terminated is the refusal to change a job that has ended: projects.locations.jobs, currentState, as above.
func terminated(id string) *Fault {
	return &Fault{Code: http.StatusBadRequest, Status: "FAILED_PRECONDITION", Message: fmt.Sprintf(
		"(b7c5d1f0a9e83311): Could not modify workflow; the job %s has terminated.", id)}
}
