package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms"
)

// order is what a supervisor writes to a job's standard input, as one line of JSON. After it come lines of
// text, and the end: the supervisor is gone.
//
//	alive          it still is there; four of them within the silence that the job endures
//	go v0001       the variant that the job wanted a token for has one
//	cancel         end soon
//	leave          be gone; a job elsewhere goes on
type order struct {
	Runner     string         `json:"runner"`
	Network    string         `json:"network"` // the supervisor's, where it has a name
	Job        transforms.Job `json:"job"`
	HeapBytes  int64          `json:"heap_bytes"`       // soft limit of the process's memory; 0: none
	TellEveryM int64          `json:"tell_every_ms"`    // between two progress events
	SilenceM   int64          `json:"silence_ms"`       // without a word of the supervisor, after which the job ends itself; 0: never
	Tokens     bool           `json:"tokens"`           // a variant is begun only after its `go`
	Errand     *errand        `json:"errand,omitempty"` // the job runs elsewhere
}

// The lines after the order.
const (
	cancelLine = "cancel"
	leaveLine  = "leave"
	aliveLine  = "alive"
	goLine     = "go " // and the variant's id
)

// message is what a job writes to its standard output, one JSON object a line.
type message struct {
	Kind      string       `json:"kind"` // want, started, committed, given_up, progress, job, end
	VariantID string       `json:"variant_id,omitempty"`
	Status    string       `json:"status,omitempty"`
	Reason    model.Reason `json:"reason,omitempty"`
	Retryable bool         `json:"retryable,omitempty"`
	Counters  *Counters    `json:"counters,omitempty"` // of progress
	Ending    ending       `json:"ending,omitempty"`   // of end
	Message   string       `json:"message,omitempty"`  // of a failed row or an ending that failed
	Job       *JobStatus   `json:"job,omitempty"`      // of job, and of the end of one elsewhere
}

const (
	kindWant     = "want" // a token for a variant
	kindProgress = "progress"
	kindJob      = "job" // how one elsewhere stands
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

	// Of the process that looks after a job elsewhere:
	endJob         ending = "job"         // that has ended
	endLeft        ending = "left"        // it goes on
	endCancelling  ending = "cancelling"  // it was asked to end, and has not been seen to
	endUnreachable ending = "unreachable" // nobody knows how it goes
)

// errand is what the process of a job elsewhere has to do: submit the job, or find it again, watch it, and tell
// of it as if it ran here. Nothing of it is lost with the process.
type errand struct {
	Spec      remote.Spec `json:"spec"`
	Watch     []string    `json:"watch"`     // variants whose fate is to be told
	Fresh     bool        `json:"fresh"`     // nobody has tried to submit it before
	Cancelled bool        `json:"cancelled"` // it is to end

	PollM     int64 `json:"poll_ms"`     // between two looks at most
	CancelM   int64 `json:"cancel_ms"`   // how long its end is waited for once it was asked to
	SubmitM   int64 `json:"submit_ms"`   // for how long a submission that gets no answer is made again
	PatienceM int64 `json:"patience_ms"` // for how long job or results may be out of reach
}

// JobStatus is how a job elsewhere stands.
type JobStatus struct {
	Runner  string       `json:"runner"`
	Name    string       `json:"name"`
	ID      string       `json:"id,omitempty"` // the runner's; empty: not submitted yet
	State   remote.State `json:"state,omitempty"`
	Message string       `json:"message,omitempty"` // why it waits or ended
}

// String is the job for people.
func (j JobStatus) String() string {
	text := j.Runner + " job " + j.Name
	if j.ID != "" && j.ID != j.Name {
		text += " (" + j.ID + ")"
	}
	return text
}

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
