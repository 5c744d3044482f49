package reading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

var (
	// ErrBusy is returned when too many questions are being answered; the same one may be asked again.
	ErrBusy = errors.New("too many questions are being answered; ask again in a moment")
	// ErrNotFound is in the chain of the error about a finished simulation whose results are not there
	// any more.
	ErrNotFound = errors.New("the results are not there")
	// ErrChanged is in the chain of the error about results that were removed while they were read.
	ErrChanged = errors.New("the results changed while they were read")
	// ErrTooLarge is in the chain of the error about a question that needs more memory than it may have.
	ErrTooLarge = errors.New("the answer needs more memory than it may have")
	// ErrClosed is returned by a reader that has been closed.
	ErrClosed = errors.New("the reader is closed")
)

// meanings are what errors of a warehouse mean to who asked, in words of their own: those of the warehouse
// name folders of this machine, which are the operator's business.
var meanings = []struct {
	cause, meaning error
	message        string
}{
	{warehouse.ErrRemoved, ErrChanged, "the results changed while they were read; ask again"},
	{warehouse.ErrNotFound, ErrNotFound, "the results are not there any more: they were removed from the result store"},
	{warehouse.ErrMemory, ErrTooLarge, "the answer needs more memory than it may have; ask for less: one variant, fewer metrics, or the first rows (top)"},
	{context.DeadlineExceeded, context.DeadlineExceeded, "the question was not answered in the time it had"},
	{context.Canceled, context.Canceled, "the question was given up"},
}

// meant is an error in words for who asked; what caused it is in its chain, not in its text.
type meant struct {
	message        string
	meaning, cause error
}

func (m meant) Error() string   { return m.message }
func (m meant) Unwrap() []error { return []error{m.meaning, m.cause} }

// told says what an error means to who asked. One that means nothing to him stays as it is, for the log.
func told(err error) error {
	if _, ok := errors.AsType[meant](err); ok || errors.Is(err, ErrTooLarge) {
		return err
	}
	for _, m := range meanings {
		if errors.Is(err, m.cause) {
			return meant{m.message, m.meaning, err}
		}
	}
	return err
}

// BadRequest is what is wrong with a request, in words for whoever sent it.
type BadRequest struct {
	Field   string // of the request: view, metric, sort, where, x, y, top, page_size, page_token
	Message string
}

func (b *BadRequest) Error() string { return b.Message }

func bad(field, format string, args ...any) error {
	return &BadRequest{Field: field, Message: fmt.Sprintf(format, args...)}
}

// mostQuoted bounds what an error repeats of a request.
const mostQuoted = 60

// unknown is the error about a name that is none of those there are.
func unknown(field, kind, written string, known []string) error {
	if len(written) > mostQuoted {
		written = strings.ToValidUTF8(written[:mostQuoted], "") + ".."
	}
	suggestion := model.DidYouMean(written, known)
	if suggestion != "" {
		suggestion = " " + suggestion
	}
	return bad(field, "there is no %s %q;%s there are %s", kind, written, suggestion, strings.Join(known, ", "))
}

// oneOf is nil if name is among those known.
func oneOf(field, kind, name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	return unknown(field, kind, name, known)
}
