package results

import (
	"os"
	"sync"
)

// process is who has a lease: for people its host and number, for others on the same machine enough to tell
// whether it still lives.
type process struct {
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Machine string `json:"machine,omitempty"` // of one boot and one space of process numbers; empty: not known
	Started string `json:"started,omitempty"` // tells it from a later process of the same number
}

// thisProcess is this one.
var thisProcess = sync.OnceValue(func() process {
	host, err := os.Hostname()
	if err != nil {
		host = "a host without a name"
	}
	p := process{Host: host, PID: os.Getpid(), Machine: machine()}
	p.Started, _ = startOf(p.PID)
	return p
})

// gone tells whether a process is known to have ended, which only another on the same machine can say.
func (p process) gone() bool {
	if p.Machine == "" || p.Started == "" || p.Machine != machine() {
		return false
	}
	started, known := startOf(p.PID)
	return known && started != p.Started
}
