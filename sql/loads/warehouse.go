package loads

import (
	"context"
	"errors"
	"fmt"
)

// Warehouse is a table that load jobs append to. Every call may be made again after a lost answer.
type Warehouse interface {
	// Prepare sees to it that the table is there and has all columns.
	Prepare(ctx context.Context) error
	// Job asks for a job; ErrNoJob if there is none of that id.
	Job(ctx context.Context, id string) (Job, error)
	// Load starts the job that appends these files, all of them or none. ErrJobExists if the id was used before,
	// whatever became of that job.
	Load(ctx context.Context, id string, uris []string) error
}

// Job is how a load job stands.
type Job struct {
	Done bool
	Err  *Error // of a job that is done: why it failed, and so loaded nothing; nil: it loaded everything
	Rows int64  // that it loaded
}

var (
	// ErrNoJob says that the warehouse knows no job of that id.
	ErrNoJob = errors.New("no such job")
	// ErrJobExists says that a job's id was used before.
	ErrJobExists = errors.New("a job of that id exists")
)

// Kind is what an error of the warehouse calls for.
type Kind int

// The kinds of errors.
const (
	Passing Kind = iota // of the service or the network: trying again helps
	Quota               // too much for now: trying again helps later
	Refused             // somebody has to do something about it
	Content             // a job could not read its files
)

// Error is what a warehouse says of a request or a job that failed.
type Error struct {
	Kind    Kind
	Reason  string // the warehouse's own word: backendError, quotaExceeded, ..
	Message string
	Advice  string // what to do
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Reason, e.Message)
	if e.Reason == "" {
		text = e.Message
	}
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// Temporary reports whether trying again, now or later, may help without anybody doing anything.
func (e *Error) Temporary() bool { return e.Kind == Passing || e.Kind == Quota }

// kindOf is the kind of an error of the warehouse; an error without one is the caller's own.
func kindOf(err error) (Kind, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return Refused, false
	}
	return e.Kind, true
}
