// Package remote is what package pipeline and the runners beyond this machine know of each other.
//
// A runner only starts jobs and answers questions about them, each in one call that may be made again
// after a lost answer; package pipeline polls, waits, cancels, and takes up jobs that run already.
//
//	Submit(name) --no job of that name--> starts it ----+
//	             --there is one---------> finds it -----+--> Job: Status, Status, .. Cancel
//
// The result store tells what became of each variant; a job's counters only say how it goes.
package remote

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// Spec names a job and says where it runs. It travels to the process that submits the job, as JSON.
type Spec struct {
	// Name is the job's own: the same simulation and attempt give the same one, no others do. It is one of
	// Dataflow's: [a-z]([-a-z0-9]*[a-z0-9])?
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels,omitempty"` // keys and values as Google Cloud takes them
	Settings Settings          `json:"settings"`

	// Known is the id that the runner gave the job when it took it: empty if nobody has seen that. A job that is
	// known is never started again, whatever has become of it: its Status tells.
	Known string `json:"known,omitempty"`
}

// Settings are what a runner is told by flags, environment or file. Which are needed, and what an empty one
// means, is the runner's.
type Settings struct {
	Endpoint string `json:"endpoint,omitempty"` // Flink: host:port of the Beam job service. Dataflow: URL of the API, default Google's

	// How workers of a portable runner come to be: `external=HOST:PORT` of a worker pool, or `process=COMMAND`.
	Environment string `json:"environment,omitempty"`

	Project        string `json:"project,omitempty"`
	Region         string `json:"region,omitempty"`
	Staging        string `json:"staging,omitempty"`       // gs:// prefix of the model and the worker binary
	WorkerBinary   string `json:"worker_binary,omitempty"` // path of whatif-worker for linux/amd64; default: beside this program
	WorkerImage    string `json:"worker_image,omitempty"`  // SDK container; default: Beam's of the same version
	ServiceAccount string `json:"service_account,omitempty"`
	MachineType    string `json:"machine_type,omitempty"`
	Network        string `json:"network,omitempty"`
	Subnetwork     string `json:"subnetwork,omitempty"`
	NoPublicIPs    bool   `json:"no_public_ips,omitempty"`
	Workers        int    `json:"workers,omitempty"` // to begin with
	MaxWorkers     int    `json:"max_workers,omitempty"`
	DiskGB         int    `json:"disk_gb,omitempty"`
}

// Runner starts jobs somewhere else.
type Runner interface {
	// Submit starts the job, or finds the one of that name that was started before, whatever has become of
	// it: a call whose answer was lost may be made again and starts no second job. The error is for people:
	// what was refused, and what to do.
	Submit(ctx context.Context, p *beam.Pipeline, spec Spec) (Job, error)
}

// Job is a job that was started.
type Job interface {
	// ID is the runner's, for people.
	ID() string
	// Status asks once. An error with a method Temporary that is true may pass.
	Status(ctx context.Context) (Status, error)
	// Cancel asks for the job's end; Status tells when it has come. A job that has ended is no error.
	Cancel(ctx context.Context) error
}

// State is where a job stands.
type State string

// The states of a job. The last five are final.
const (
	Pending   State = "pending"   // accepted, nothing runs yet
	Running   State = "running"   //
	Done      State = "done"      // every element went all the way
	Failed    State = "failed"    // it ran, and was given up
	Refused   State = "refused"   // it never ran, and never will as it is: quota, permission, staging
	Cancelled State = "cancelled" //
	Lost      State = "lost"      // the runner does not know it any more: what it came to says nothing of its work
)

// Final tells whether a job has ended.
func (s State) Final() bool { return s != Pending && s != Running }

// Status is where a job stands and what it has counted.
type Status struct {
	State    State
	Message  string           // of a job that failed, was refused, or waits: why
	Counters map[string]int64 // those of package transforms' namespace, by name; nil: not known
}
