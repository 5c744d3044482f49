package transforms

import (
	"cmp"
	"runtime"
	"sync"
)

// Worker is what a process that works for a runner elsewhere can do. A job that was made on another machine
// leaves it open.
type Worker struct {
	Parallelism int   // variants at a time; default: one a core
	MemoryBytes int64 // state that they may hold together; default 1 GiB
	// Retire ends the process, so that the runner starts another one. Without it the bundle fails.
	Retire func(why error)
}

// assumedMemory is what a process may hold that does not say.
const assumedMemory = 1 << 30

var worker = struct {
	sync.Mutex
	Worker
}{}

// SetWorker says what this process can do. It is called before its first job.
func SetWorker(w Worker) {
	worker.Lock()
	defer worker.Unlock()
	worker.Worker = w
}

// settled is the job with what it leaves open filled in by the process that runs it.
func (j Job) settled() Job {
	worker.Lock()
	defer worker.Unlock()
	j.Parallelism = cmp.Or(j.Parallelism, worker.Parallelism, runtime.GOMAXPROCS(0))
	j.MemoryBytes = cmp.Or(j.MemoryBytes, worker.MemoryBytes, assumedMemory)
	return j
}

// retire ends the process, if it is one that can be ended.
func retire(why error) {
	worker.Lock()
	end := worker.Retire
	worker.Unlock()
	if end != nil {
		end(why)
	}
}
