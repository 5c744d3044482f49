package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
)

// Todo is a variant to be run. Rows of attempts up to After are of the time before: they neither settle it
// nor count as tries. Later ones do, so that a run goes on where one was interrupted.
type Todo struct {
	VariantID string
	After     int64
}

// Tokens bound how many variants compute at a time, over all simulations of a launcher.
type Tokens interface {
	// Acquire waits for a token. It returns at once with ctx's error when ctx is done; any other error ends the run.
	// Release is called once.
	Acquire(ctx context.Context) (release func(), err error)
}

// VariantEvent is what happened to a variant.
type VariantEvent struct {
	VariantID string
	Kind      VariantEventKind
	Attempt   int64
	Reason    model.Reason // of a failed attempt
	Message   string       // of a failed attempt, at most 2 KiB
	NextRetry time.Time    // of one that will be tried again: not before
	At        time.Time
}

// VariantEventKind names what happened to a variant.
type VariantEventKind string

// What happens to variants.
const (
	VariantStarted   VariantEventKind = "started"
	VariantSucceeded VariantEventKind = "succeeded" // its row is durable
	VariantRetrying  VariantEventKind = "retrying"  // the attempt failed, there will be another
	VariantFailed    VariantEventKind = "failed"    // for good; its row is durable
	VariantGivenUp   VariantEventKind = "given_up"  // cancelled in flight: no row, and no blame
)

// Blocker is a variant that the end of a simulation waits for.
type Blocker struct {
	VariantID string
	Attempt   int64        // that runs, or failed last
	Since     time.Time    // it runs, or failed last
	NextRetry time.Time    // of one that waits for another try
	Reason    model.Reason // of its last failure, if it had one
	Message   string
}

// maxBlockers bounds how many blockers are told.
const maxBlockers = 10

// blocking lists what runs and what waits for another try, the longest first.
func (s *supervisor) blocking() []Blocker {
	var found []Blocker
	for id, began := range s.began {
		b := Blocker{VariantID: id, Attempt: s.number, Since: began}
		if last, failed := s.failures[id]; failed {
			b.Reason, b.Message = last.Reason, last.Message
		}
		found = append(found, b)
	}
	for id, last := range s.failures {
		if _, runs := s.began[id]; !runs {
			found = append(found, Blocker{id, last.Attempt, last.At, last.NextRetry, last.Reason, last.Message})
		}
	}
	slices.SortFunc(found, func(a, b Blocker) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.VariantID), []byte(b.VariantID))
	})
	return found[:min(len(found), maxBlockers)]
}

// observe tells what happened to a variant of the job that runs.
func (s *supervisor) observe(e VariantEvent) {
	if e.Attempt == 0 {
		e.Attempt = s.number
	}
	e.At, e.Message = s.Timing.Now(), transforms.Short(e.Message)
	switch e.Kind {
	case VariantRetrying:
		s.failures[e.VariantID] = e
	case VariantSucceeded, VariantFailed:
		delete(s.failures, e.VariantID)
	}
	s.Observe(e)
}
