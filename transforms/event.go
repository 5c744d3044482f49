package transforms

import (
	"sync"

	"github.com/whatif-machine/whatif/model"
)

// EventKind says what happened to a variant.
type EventKind string

// The events of a variant.
const (
	Started   EventKind = "started"   // its simulation begins
	Committed EventKind = "committed" // its row is durable
)

// Event is what a process that runs a job can say about a variant the moment it happens. Another
// process learns the same from the store.
type Event struct {
	Kind      EventKind
	VariantID string
	Status    string       // of a committed row
	Reason    model.Reason // of a failed one
	Retryable bool         // of a failed one
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
	}
	return e
}
