package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/whatif-machine/whatif/model"
)

var (
	// ErrChanged is wrapped when an object is not at the generation it was to be.
	ErrChanged = errors.New("has changed meanwhile")
	// ErrTooLarge is wrapped when an object is larger than its reader takes.
	ErrTooLarge = errors.New("is too large")
	// ErrNoBucket is wrapped when there is no such bucket. It is not fs.ErrNotExist: a store in a bucket that
	// is missing is not an empty one.
	ErrNoBucket = errors.New("there is no such bucket")
)

// failure says what was being done to which object, why it failed and what to do. Its chain holds what that
// means, the cause, and a storage fault where trying later may help.
type failure struct {
	doing, uri string
	cause      error
}

// failed wraps the cause of a failed operation.
func failed(doing, uri string, cause error) error { return &failure{doing, uri, cause} }

func (f *failure) Error() string {
	text := fmt.Sprintf("objects: %s %s: %s", f.doing, f.uri, plain(f.cause))
	if advice := advice(f.cause); advice != "" {
		text += "; " + advice
	}
	return text
}

func (f *failure) Unwrap() []error {
	chain := []error{f.cause}
	switch {
	case isNoBucket(f.cause):
		return append(chain, ErrNoBucket)
	case status(f.cause) == http.StatusNotFound:
		return append(chain, fs.ErrNotExist)
	case transient(f.cause) && !errors.Is(f.cause, context.Canceled) && !errors.Is(f.cause, context.DeadlineExceeded):
		return append(chain, model.NewFault(model.Storage, f.Error()))
	}
	return chain
}

// status is that of the service's answer, 0 where an error is none.
func status(err error) int {
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		return e.Code
	}
	return 0
}

// isNoBucket tells the missing bucket from the missing object, which both are a 404: by the message, as in
// "404—Not Found" (https://cloud.google.com/storage/docs/json_api/v1/status-codes#404-not-found).
func isNoBucket(err error) bool {
	e, ok := errors.AsType[*googleapi.Error](err)
	return errors.Is(err, storage.ErrBucketNotExist) || errors.Is(err, ErrNoBucket) ||
		ok && e.Code == http.StatusNotFound && strings.Contains(e.Message+e.Body, "bucket does not exist")
}

// isTaken tells whether a precondition was not met.
func isTaken(err error) bool { return status(err) == http.StatusPreconditionFailed }

// plain is an error as its reader needs it: the service's own words, without the request's headers and body.
func plain(err error) string {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return err.Error()
	}
	if e.Message == "" {
		return fmt.Sprintf("the service answered %d %s", e.Code, http.StatusText(e.Code))
	}
	return fmt.Sprintf("the service answered %d: %s", e.Code, e.Message)
}

// advice is what to do about a cause.
func advice(cause error) string {
	switch code := status(cause); {
	case isNoBucket(cause):
		return "make the bucket, or correct its name; none is made for you"
	case code == http.StatusForbidden:
		return "give this program's account the role Storage Object User (roles/storage.objectUser) on the bucket"
	case code == http.StatusUnauthorized || strings.Contains(cause.Error(), "default credentials") || strings.Contains(cause.Error(), "cannot fetch token"):
		return "log in with `gcloud auth application-default login`, or name a service account's key file in GOOGLE_APPLICATION_CREDENTIALS; " +
			"on Google Cloud give the machine a service account"
	case transient(cause):
		return "what has been written is safe; try again later"
	}
	return ""
}
