package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

// refusal is an error that knows its code.
type refusal struct {
	code     code
	detail   string
	problems []wire.Problem
	after    time.Duration // when to try again; 0: says nothing
	header   http.Header   // of the answer, besides Retry-After
	cause    error
}

func (r *refusal) Error() string { return r.detail }
func (r *refusal) Unwrap() error { return r.cause }

// refuse makes an error of a code.
func refuse(c code, format string, args ...any) *refusal {
	err := fmt.Errorf(format, args...)
	return &refusal{code: c, detail: err.Error(), cause: errors.Unwrap(err)}
}

// later says when to try again.
func (r *refusal) later(after time.Duration) *refusal {
	r.after = after
	return r
}

// field is a mistake in one field of a request.
func field(location, path, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &refusal{
		code: invalidRequest, detail: path + ": " + message,
		problems: []wire.Problem{{Message: message, Location: location, Path: path}},
	}
}

// retryLater is what a caller is told to wait for something that passes soon.
const retryLater = time.Second

// refusalOf says which code an error has. What is not foreseen is internal: its text is for the log only.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if problems, ok := errors.AsType[model.Problems](err); ok {
		return &refusal{code: invalidConfiguration, detail: counted(len(problems), "mistake"), problems: problemsOf(problems), cause: err}
	}
	if bad, ok := errors.AsType[*reading.BadRequest](err); ok {
		return &refusal{code: invalidRequest, detail: bad.Message, problems: []wire.Problem{{Message: bad.Message, Location: "query", Path: bad.Field}}, cause: err}
	}
	if throttled, ok := errors.AsType[*access.Throttled](err); ok {
		return &refusal{code: rateLimited, detail: err.Error(), after: throttled.RetryAfter, cause: err}
	}
	for _, k := range foreseen {
		if errors.Is(err, k.err) {
			return &refusal{code: k.code, detail: told(err), after: k.after, cause: err}
		}
	}
	return &refusal{code: internalError, detail: "something went wrong that is not the request's fault", cause: err}
}

// told is what an error says, without the words of ErrWrongState: the state and what would have been right
// stand around them.
func told(err error) string {
	return strings.Replace(err.Error(), ": "+store.ErrWrongState.Error()+": ", ": ", 1)
}

// foreseen are the errors of other rooms that have a code. What they say is for the caller to read.
var foreseen = []struct {
	err   error
	code  code
	after time.Duration
}{
	{store.ErrGone, gone, 0},
	{store.ErrNotFound, notFound, 0},
	{store.ErrWrongState, wrongState, 0},
	{store.ErrKeyReused, keyReused, 0},
	{store.ErrConflict, conflict, 0},
	{store.ErrUnavailable, storeUnavailable, retryLater},
	{store.ErrPageToken, invalidRequest, 0},
	{store.ErrInvalid, invalidRequest, 0},
	{access.ErrNoKey, unauthenticated, 0},
	{access.ErrMalformed, unauthenticated, 0},
	{access.ErrUnknown, unauthenticated, 0},
	{access.ErrRevoked, unauthenticated, 0},
	{reading.ErrBusy, overloaded, retryLater},
	{reading.ErrClosed, overloaded, retryLater},
	{reading.ErrChanged, overloaded, retryLater},
	{reading.ErrNotFound, notFound, 0},
	{reading.ErrTooLarge, answerTooLarge, 0},
	{context.DeadlineExceeded, overloaded, retryLater},
	{context.Canceled, overloaded, retryLater}, // the caller has gone, or the launcher is about to
}

// body is the problem as it is sent.
func (r *refusal) body(requestID string) *wire.Error {
	m := codes[r.code]
	return &wire.Error{
		Type: "/docs#" + string(r.code), Title: m.title, Status: m.status, Detail: r.detail,
		Instance: requestID, Code: string(r.code), Errors: r.problems,
	}
}

// headers are the fields that go with the problem.
func (r *refusal) headers() http.Header {
	h := r.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if r.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(r.after.Seconds()))))
	}
	if r.code == unauthenticated {
		h.Set("WWW-Authenticate", access.Challenge(r.cause))
	}
	return h
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	refused := note(r.Context(), err)
	for name, values := range refused.headers() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(codes[refused.code].status)
	// An error of writing means that the caller has gone; nobody is left to be told.
	_ = json.NewEncoder(w).Encode(refused.body(callOf(r.Context()).id))
}

// note finds an error's refusal and keeps it for the request's line in the log.
func note(ctx context.Context, err error) *refusal {
	refused := refusalOf(err)
	c := callOf(ctx)
	c.code = refused.code
	if refused.code == internalError {
		c.failure = err
	}
	return refused
}

// problemsOf are a configuration's mistakes or warnings as they are sent.
func problemsOf(list model.Problems) []wire.Problem {
	var out []wire.Problem
	for _, p := range list {
		out = append(out, wire.Problem{Message: p.Message, Location: place(p.Position), Path: p.Path, Suggestion: p.Suggestion})
	}
	return out
}

// place is a position as file:line:column.
func place(at model.Position) string {
	if at.Line == 0 {
		return at.File
	}
	return fmt.Sprintf("%s:%d:%d", at.File, at.Line, at.Column)
}
