package fake

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	df "google.golang.org/api/dataflow/v1b3"
)

// Prism is the engine that runs jobs for real, each run in a process of its own: Prism brings its process
// down at what it does not expect, and leaves things behind.
//
//	this process: fetches model and worker program --order--> process: Prism, pool --starts--> worker program
//	              <--running, worker, counters, end ---------
type Prism struct {
	Folder string // for what is fetched; the caller's to remove
	// Attempts at a job; 0: 4, as often as the service tries a bundle: "Troubleshoot Dataflow errors",
	// Pipeline errors, https://cloud.google.com/dataflow/docs/guides/common-errors.
	Attempts int

	mu      sync.Mutex
	workers map[int]bool // process ids of the worker programs that run
	changed chan struct{}
}

// Workers are the process ids of the worker programs that run now, and a channel that is closed when that
// changes.
func (p *Prism) Workers() (pids []int, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	for pid := range p.workers {
		pids = append(pids, pid)
	}
	return pids, p.changed
}

func (p *Prism) note(pid int, runs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil {
		p.workers = map[int]bool{}
	}
	if runs {
		p.workers[pid] = true
	} else {
		delete(p.workers, pid)
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Run fetches what the job needs and runs it, again and again when it fails.
func (p *Prism) Run(ctx context.Context, job df.Job, tell Teller) error {
	folder, err := os.MkdirTemp(p.Folder, "job-")
	if err != nil {
		return err
	}
	c, err := openContainer(ctx, &job, folder)
	if err != nil {
		return err
	}
	attempts := p.Attempts
	if attempts == 0 {
		attempts = 4
	}
	for n := 1; ; n++ {
		err := p.attempt(ctx, c, tell)
		if err == nil || ctx.Err() != nil || n == attempts {
			return err
		}
		tell.Message(Error, err.Error())
	}
}

// attempt runs the job once, in a process of its own that the context ends.
func (p *Prism) attempt(ctx context.Context, c *container, tell Teller) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	order, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file := filepath.Join(c.folder, "order.json")
	if err := os.WriteFile(file, order, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+prismRole, orderVariable+"="+file)
	cmd.Dir, cmd.Stderr = c.folder, os.Stderr
	dieTogether(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	release, err := start(cmd)
	if err != nil {
		return fmt.Errorf("start Prism's process: %w", err)
	}
	defer release()
	ended, heard := p.hear(out, tell)
	err = errors.Join(heard, cmd.Wait())
	switch {
	case ended == nil && err == nil:
		return errors.New("Prism's process ended without a word")
	case ended == nil:
		return fmt.Errorf("Prism's process died: %w", err)
	case *ended != "":
		return errors.New(*ended)
	}
	return nil
}

// word is one thing that a run's process says, a line of JSON.
type word struct {
	Running  bool      `json:"running,omitempty"`
	Started  int       `json:"started,omitempty"` // process id of a worker program
	Gone     int       `json:"gone,omitempty"`
	Counters []Counter `json:"counters,omitempty"`
	End      *string   `json:"end,omitempty"` // empty: done; else why it failed
}

// hear passes on what a run's process says until it has ended.
func (p *Prism) hear(out io.Reader, tell Teller) (ended *string, err error) {
	pids := map[int]bool{}
	defer func() {
		for pid := range pids {
			p.note(pid, false)
		}
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var w word
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			continue // something of a library's
		}
		switch {
		case w.Running:
			tell.Running()
		case w.Started != 0:
			pids[w.Started] = true
			p.note(w.Started, true)
		case w.Gone != 0:
			delete(pids, w.Gone)
			p.note(w.Gone, false)
		case w.Counters != nil:
			tell.Counters(w.Counters)
		case w.End != nil:
			ended = w.End
		}
	}
	return ended, lines.Err()
}
