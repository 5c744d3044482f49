package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
)

// RunOptions say which simulation is run and with what of this machine.
type RunOptions struct {
	Results      string // the result store
	SimulationID string // submitted to it before

	Runner      string   // one of Runners; default: the configuration's, else DefaultRunner, else direct
	Parallelism int      // variants at a time on this machine; default: one a core
	MemoryBytes int64    // state that variants in flight may hold together; default: half of what is free
	Retry       []string // only these variants, which must count as failed
	RetryAll    bool     // only those that count as failed, all of them
	Simulator   string   // name of a registered simulator; default: the engine
	Command     []string // argv of a job's process; default: this program and run-job
	Timing      Timing

	// DefaultRunner is the runner of a configuration that names none.
	DefaultRunner string
	// Elsewhere is for runners beyond this machine.
	Elsewhere Elsewhere
	// Leave tells by what ended ctx whether a job elsewhere goes on, to be taken up by the next run of the
	// simulation. Default: it is cancelled.
	Leave func(cause error) bool

	// Ending says that the simulation is not to be run on: the jobs that it has elsewhere are asked to end, their
	// ends are waited for, what they have done is accounted for, and nothing is begun.
	Ending bool
	// Only are the variants to be run, exactly these, whatever rows they have from before; nil: those without
	// a row, or what Retry says.
	Only []Todo
	// NextAttempt numbers the next job's attempts, above atLeast and every number it gave before. Default: the
	// result store's markers, which are written in any case.
	NextAttempt func(ctx context.Context, atLeast int64) (int64, error)
	// Tokens are asked before each variant that runs on this machine; default: none is needed.
	Tokens Tokens
	// Shared takes the simulation's lock shared: for who makes sure in another way that one process at a time
	// runs it, and must not be held up by one that was stopped.
	Shared bool
	// Silence is how long a job goes on without a word of its supervisor before it ends itself; 0: for ever.
	Silence time.Duration
	// RetryBudget bounds the retries of all variants of a run together; 0: ten, or a fifth of the variants if
	// that is more.
	RetryBudget int

	// Observe is told what happens to variants, in order, from one goroutine.
	Observe func(VariantEvent)
	// Progress is told whenever something has happened, from one goroutine at a time.
	Progress func(Progress)
}

// Timing are the waits of a run; a zero one has its default.
type Timing struct {
	Grace       time.Duration // how long a variant may ignore that its time is over; default 5 s
	CancelGrace time.Duration // how long a process may take to end when asked; default 1 s
	BackoffBase time.Duration // bound of the first delay before another try; default 1 s
	BackoffMax  time.Duration // bound of any; default 30 s
	Tell        time.Duration // between two progress messages of a job; default 250 ms
	Elsewhere   TimingElsewhere
	Now         func() time.Time
	Random      func() float64 // in [0, 1)
}

// TimingElsewhere are the waits for jobs beyond this machine.
type TimingElsewhere struct {
	Poll     time.Duration // between two looks at most; default 5 s
	Cancel   time.Duration // how long a job's end is waited for when it was asked to; default 30 s
	Submit   time.Duration // for how long a submission that gets no answer is made again; default 1 min
	Patience time.Duration // for how long job or results may be out of reach; default 10 min
}

// Progress is where a simulation stands.
type Progress struct {
	Total     int   // variants of the simulation
	Succeeded int   // with figures, from earlier runs too
	Failed    int   // without, for good
	Running   int   // simulated right now
	Waiting   int   // failed once, to be tried again
	Decisions int64 // slots decided by this run, in finished variants
	Processes int   // started by this run so far

	Job *JobStatus // of the job elsewhere, if there is one

	Blocking []Blocker // what the end waits for, the longest first, at most ten
}

// Summary is what a run came to.
type Summary struct {
	Total     int // variants of the simulation
	Succeeded int // count as succeeded, from earlier runs too
	Failed    int // count as failed
	Skipped   int // have no row: never started, or cancelled
	Ran       int // got a row in this run
	Decisions int64
	Processes int
	Reasons   map[model.Reason]int // of the failures of this run
	Stopped   string               // why it stopped early; empty: it did not
}

// minRetryBudget is what a run of few variants may retry: all of them, about.
const minRetryBudget = 10

// defaults fills in what is not set, for a plan of so many variants.
func (o RunOptions) defaults(config *model.Config, variants int) (RunOptions, error) {
	if o.Runner == "" {
		o.Runner = config.Execution.Runner
	}
	o.Runner = cmp.Or(o.Runner, o.DefaultRunner, Direct)
	if err := CheckSettings(o.Runner, o.Elsewhere); err != nil {
		return o, err
	}
	if o.Leave == nil {
		o.Leave = func(error) bool { return false }
	}
	if o.Parallelism < 0 || o.Elsewhere.Parallelism < 0 || o.MemoryBytes < 0 || o.Silence < 0 || o.RetryBudget < 0 {
		return o, errors.New("pipeline: parallelism, memory, silence and the retry budget can't be negative")
	}
	if o.Parallelism == 0 {
		o.Parallelism = runtime.GOMAXPROCS(0)
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = freeMemory() / 2
	}
	if o.Simulator == "" {
		o.Simulator = transforms.Engine
	}
	if len(o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("pipeline: which program to start jobs with: %w", err)
		}
		o.Command = []string{self, "run-job"}
	}
	if len(o.Only) > 0 && (o.RetryAll || len(o.Retry) > 0) {
		return o, errors.New("pipeline: a run has either a list of variants (Only) or retries (Retry, RetryAll)")
	}
	if o.RetryBudget == 0 {
		o.RetryBudget = max(minRetryBudget, variants/5)
	}
	if o.Observe == nil {
		o.Observe = func(VariantEvent) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	o.Timing = o.Timing.defaults()
	return o, nil
}

func (t Timing) defaults() Timing {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.Grace, 5*time.Second)
	set(&t.CancelGrace, time.Second)
	set(&t.BackoffBase, time.Second)
	set(&t.BackoffMax, 30*time.Second)
	set(&t.Tell, 250*time.Millisecond)
	set(&t.Elsewhere.Poll, 5*time.Second)
	set(&t.Elsewhere.Cancel, 30*time.Second)
	set(&t.Elsewhere.Submit, time.Minute)
	set(&t.Elsewhere.Patience, 10*time.Minute)
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.Random == nil {
		t.Random = rand.Float64
	}
	return t
}
