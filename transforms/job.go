package transforms

import (
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/transforms/results"
)

// Job says which part of which simulation a pipeline runs, and within what bounds. It travels with
// every step, so all of it is exported and can be serialised.
type Job struct {
	Results      string   // URI of the result store
	SimulationID string   //
	Attempt      int64    // the number of every attempt of this job, taken from the store
	Only         []string // ids of the variants to run; none: all of the plan
	Simulator    string   // name of a registered simulator

	// Elsewhere: a runner beyond this machine has it, which may run a bundle again, or twice at a time: what has a
	// row of this attempt is skipped, and of two rows the first counts.
	Elsewhere bool

	Parallelism int           // variants simulated at a time in one process, >= 1; elsewhere 0: as the worker can
	MemoryBytes int64         // state that the variants of one process may hold together, > 0; elsewhere 0: as the worker can
	Timeout     time.Duration // of one variant, > 0
	Grace       time.Duration // how long a variant may ignore that its time is over, > 0
}

// Check is nil if the job can be run.
func (j *Job) Check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("transforms: job: %s", what))
		}
	}
	errs = append(errs, results.CheckSimulationID(j.SimulationID))
	for _, id := range j.Only {
		errs = append(errs, results.CheckVariantID(id))
	}
	need(j.Results != "", "the result store has no address")
	need(j.Attempt >= 1, "the attempt's number must be at least 1")
	need(j.Parallelism >= 1 || j.Elsewhere && j.Parallelism == 0, "the parallelism must be at least 1")
	need(j.MemoryBytes > 0 || j.Elsewhere && j.MemoryBytes == 0, "the memory bound must be positive")
	need(j.Timeout > 0 && j.Grace > 0, "the time limit and its grace must be positive")
	_, err := simulator(j.Simulator)
	return errors.Join(append(errs, err)...)
}

// key tells jobs of one process apart.
func (j *Job) key() jobKey { return jobKey{j.Results, j.SimulationID, j.Attempt} }

type jobKey struct {
	results, simulation string
	attempt             int64
}
