package model

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

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

// maxFaultMessage bounds the message of a fault, in bytes.
const maxFaultMessage = 8 << 10

// NewFault makes a fault of a reason. The message is what a program said, perhaps while it went down:
// it is made valid UTF-8, without which no reader takes the results, and cut to 8 KiB.
func NewFault(r Reason, message string) *Fault {
	return &Fault{Reason: string(r), Message: cut(strings.ToValidUTF8(message, "\ufffd"), maxFaultMessage), Retryable: r.Retryable()}
}

// cut is the beginning of a valid text, of at most n bytes, in whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func (f *Fault) Error() string { return f.Reason + ": " + f.Message }

// Invalid is a mistake of the caller: an error that reads as its message alone and whose chain holds a fault of
// the reason invalid_input, and what %w wraps.
func Invalid(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &mistake{err, NewFault(InvalidInput, err.Error())}
}

type mistake struct {
	err   error
	fault *Fault
}

func (m *mistake) Error() string   { return m.err.Error() }
func (m *mistake) Unwrap() []error { return []error{m.fault, m.err} }

// FaultOf finds the fault in an error's chain; an error without one is an internal fault.
func FaultOf(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return NewFault(Internal, err.Error())
}
