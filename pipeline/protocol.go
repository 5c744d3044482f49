package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
)

// order is what a supervisor writes to a job's standard input, as one line of JSON. After it come lines of
// text, and the end: the supervisor is gone.
//
//	alive          it still is there; four of them within the silence that the job endures
//	go v0001       the variant that the job wanted a token for has one
//	cancel         end soon
type order struct {
	Runner     string         `json:"runner"`
	Network    string         `json:"network"` // the supervisor's, where it has a name
	Job        transforms.Job `json:"job"`
	HeapBytes  int64          `json:"heap_bytes"`    // soft limit of the process's memory; 0: none
	TellEveryM int64          `json:"tell_every_ms"` // between two progress events
	SilenceM   int64          `json:"silence_ms"`    // without a word of the supervisor, after which the job ends itself; 0: never
	Tokens     bool           `json:"tokens"`        // a variant is begun only after its `go`
}

// The lines after the order.
const (
	cancelLine = "cancel"
	aliveLine  = "alive"
	goLine     = "go " // and the variant's id
)

// message is what a job writes to its standard output, one JSON object a line.
type message struct {
	Kind      string       `json:"kind"` // want, started, committed, given_up, progress, end
	VariantID string       `json:"variant_id,omitempty"`
	Status    string       `json:"status,omitempty"`
	Reason    model.Reason `json:"reason,omitempty"`
	Retryable bool         `json:"retryable,omitempty"`
	Counters  *Counters    `json:"counters,omitempty"` // of progress
	Ending    ending       `json:"ending,omitempty"`   // of end
	Message   string       `json:"message,omitempty"`  // of a failed row or an ending that failed
}

const (
	kindWant     = "want" // a token for a variant
	kindProgress = "progress"
	kindEnd      = "end"
)

// ending is how a job's process came to its end.
type ending string

const (
	endDone      ending = "done"      // every variant of the job has a row
	endRecycle   ending = "recycle"   // a variant ignores that its time is over; the rest wants a fresh process
	endCancelled ending = "cancelled" // as the supervisor asked
	endFailed    ending = "failed"    // results could not be stored, or the plan not be read
	endDied      ending = "died"      // without a word
)

// teller writes messages from several goroutines, a line each.
type teller struct {
	mu  sync.Mutex
	out io.Writer
	err error // the first failure; nothing is written after it
}

func (t *teller) tell(m message) {
	line, err := json.Marshal(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	if t.err == nil {
		_, t.err = t.out.Write(append(line, '\n'))
	}
}

func (t *teller) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return fmt.Errorf("pipeline: telling the supervisor: %w", t.err)
	}
	return nil
}
