package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/limit"
)

// call is what is known of one request on its way: middlewares and routes fill it in, the log and the
// metrics read it.
type call struct {
	id         string
	caller     access.Identity
	simulation string // that it is about
	code       code   // of the problem it was answered with
	failure    error  // behind an internal one
	streams    bool   // stays open: its duration says nothing

	place *limit.Place // among the requests in flight; nil: not there yet
	hold  *limit.Hold  // of the memory for bodies
	body  *patientBody // nil: none
}

// leave gives back what the request has of the launcher's room. More calls do nothing.
func (c *call) leave() {
	if c.place != nil {
		c.place.Leave()
	}
	c.hold.Keep(0)
}

type callKey struct{}

// callOf is the call of a context of a request.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{} // a context from elsewhere: nothing is kept
}

// name is who called, for what they leave behind: notes, wishes, links.
func (c *call) name() string { return c.caller.KeyName }

// about notes the simulation that a request is about.
func about(ctx context.Context, id string) (tenant string) {
	c := callOf(ctx)
	c.simulation = id
	return c.caller.Tenant
}

// Waits of a connection.
const (
	writePatience = 30 * time.Second // for a client to take a piece of an answer
	readPatience  = 15 * time.Second // for the next piece of a body
)

// recorder is a ResponseWriter that remembers what was answered and moves the connection's deadline with
// each piece: a client that reads slowly is cut off, a long answer is not.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

func newRecorder(w http.ResponseWriter) *recorder {
	r := &recorder{ResponseWriter: w, control: http.NewResponseController(w)}
	r.patience()
	return r
}

// patience moves the deadline. A writer without one (in tests) needs none.
func (r *recorder) patience() { _ = r.control.SetWriteDeadline(time.Now().Add(writePatience)) }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
		r.patience()
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.patience()
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// patientBody is a request's body that may come slowly, but not stand still, and not for ever.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	until   time.Time
	read    int64 // bytes that have come
}

func (b *patientBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(readPatience)
	if deadline.After(b.until) {
		deadline = b.until
	}
	_ = b.control.SetReadDeadline(deadline) // a connection without one needs none
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err != nil {
		// The connection is watched for its end from here on; a deadline would look like one.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
