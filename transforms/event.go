package transforms

import (
	"strings"
	"sync"

	"github.com/whatif-machine/whatif/model"
)

// EventKind says what happened to a variant.
type EventKind string

// The events of a variant.
const (
	Started   EventKind = "started"   // its simulation begins
	Computed  EventKind = "computed"  // it has come to figures or a failure, which nobody else knows yet
	Committed EventKind = "committed" // its row is durable
	GivenUp   EventKind = "given_up"  // it was cancelled and leaves no row
)

// Event is what a process that runs a job can say about a variant the moment it happens. Another
// process learns the same from the store.
type Event struct {
	Kind      EventKind
	VariantID string
	Status    string       // of a committed row
	Reason    model.Reason // of a failed one
	Retryable bool         // of a failed one
	Message   string       // of a failed one, at most MaxEventMessage bytes
}

// MaxEventMessage bounds the message of an event; the row has all of it.
const MaxEventMessage = 2 << 10

// Short is the beginning of a message, as an event carries it.
func Short(message string) string {
	if len(message) <= MaxEventMessage {
		return message
	}
	return strings.ToValidUTF8(message[:MaxEventMessage], "") // the last character may be cut
}

var watchers = struct {
	sync.Mutex
	of map[jobKey]func(Event)
}{of: map[jobKey]func(Event){}}

// Watch has the events of a job in this process told to a function until stop is called. The
// function is called from several goroutines at once.
func Watch(job Job, tell func(Event)) (stop func()) {
	watchers.Lock()
	defer watchers.Unlock()
	watchers.of[job.key()] = tell
	return func() {
		watchers.Lock()
		defer watchers.Unlock()
		delete(watchers.of, job.key())
	}
}

func (s *study) notify(e Event) {
	watchers.Lock()
	tell := watchers.of[s.job.key()]
	watchers.Unlock()
	if tell != nil {
		tell(e)
	}
}

func committed(row *model.VariantResult) Event {
	e := Event{Kind: Committed, VariantID: row.VariantID, Status: row.Status}
	if row.Error != nil {
		e.Reason, e.Retryable = model.Reason(row.Error.Reason), row.Error.Retryable
		e.Message = Short(row.Error.Message)
	}
	return e
}
