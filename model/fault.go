package model

import "errors"

// Reason is the category of a failure that the result row, the HTTP answer and the command share.
type Reason string

// The reasons of results.md.
const (
	InvalidInput Reason = "invalid_input"
	InputChanged Reason = "input_changed"
	TimedOut     Reason = "timed_out"
	OutOfMemory  Reason = "out_of_memory"
	Panicked     Reason = "panic"
	Crashed      Reason = "crashed"
	Storage      Reason = "storage"
	Internal     Reason = "internal"
)

// Retryable reports whether another attempt at the same work may succeed.
func (r Reason) Retryable() bool {
	switch r {
	case Storage, Crashed, TimedOut, OutOfMemory:
		return true
	}
	return false
}

// Fault is why an attempt failed: the error record of a result row, and a Go error.
type Fault struct {
	Reason    string `parquet:"reason" bigquery:"reason" json:"reason"`
	Message   string `parquet:"message" bigquery:"message" json:"message"`
	Retryable bool   `parquet:"retryable" bigquery:"retryable" json:"retryable"`
}

// NewFault makes a fault of a reason.
func NewFault(r Reason, message string) *Fault {
	return &Fault{Reason: string(r), Message: message, Retryable: r.Retryable()}
}

func (f *Fault) Error() string { return f.Reason + ": " + f.Message }

// FaultOf finds the fault in an error's chain; an error without one is an internal fault.
func FaultOf(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return NewFault(Internal, err.Error())
}
