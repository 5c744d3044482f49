package pipeline

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// process is a job's process seen from its supervisor.
type process struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	messages chan message // closed when the process has ended
	errors   *tail

	outbox chan string   // lines to be written to it, first of all the order
	alive  time.Duration // between two lines that say that the supervisor is there; 0: none
	grace  time.Duration // that it has to end once it is told to

	waited error // of the process, once messages is closed
	kill   sync.Once
}

// startProcess starts a job and gives it its order. The process dies with this one: by the kernel
// where it can, else when its standard input ends.
func startProcess(command []string, o order, grace time.Duration) (*process, error) {
	cmd := exec.Command(command[0], command[1:]...)
	errs := &tail{}
	cmd.Stderr = errs
	if err := setAttributes(cmd, o.Runner == Prism); err != nil {
		return nil, err
	}
	line, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("pipeline: the job's order: %w", err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pipeline: start the job's process: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("pipeline: start the job's process: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, messages: make(chan message, 64), errors: errs, grace: grace,
		outbox: make(chan string, o.Job.Parallelism+spareLines), alive: time.Duration(o.SilenceM) * time.Millisecond / 4}
	p.say(string(line))
	started := make(chan error, 1)
	go p.live(started, stdout)
	if err := <-started; err != nil {
		return nil, startError(command, o.Runner, err)
	}
	return p, nil
}

// live starts the process and stays until it has ended, all on one thread: the kernel takes the death
// of the thread that started a process for the death of its parent.
func (p *process) live(started chan<- error, stdout io.Reader) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	defer close(p.messages)
	ended, written := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		p.write(ended)
	}()
	p.read(stdout)
	p.waited = p.cmd.Wait() // closes standard input, so that nobody writes any more
	close(ended)
	<-written
}

// spareLines is how many lines wait to be written besides one a variant in flight.
const spareLines = 16

// write passes lines on until the process has ended. It is the only writer: one that does not read, because
// it was stopped, holds up nobody else.
func (p *process) write(ended <-chan struct{}) {
	var alive <-chan time.Time
	if p.alive > 0 {
		ticker := time.NewTicker(p.alive)
		defer ticker.Stop()
		alive = ticker.C
	}
	for {
		line := aliveLine
		select {
		case <-ended:
			return
		case line = <-p.outbox:
		case <-alive:
		}
		if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
			return // it has ended; what it left says more than the broken pipe
		}
	}
}

// say has a line written to the process. One that has so many lines unread that another finds no place does
// not listen, and is ended.
func (p *process) say(line string) {
	select {
	case p.outbox <- line:
	default:
		p.end()
	}
}

// maxMessage bounds a line of a job's output.
const maxMessage = 1 << 20

// read passes messages on until the output ends. Lines that are none are kept for the report of a death.
func (p *process) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil || m.Kind == "" {
			p.errors.note(lines.Text())
			continue
		}
		p.messages <- m
	}
	if err := lines.Err(); err != nil {
		p.errors.note("reading its messages: " + err.Error())
		// Nobody listens any more: it would block on its next word.
		p.end()
		_, _ = io.Copy(io.Discard, stdout) // until it has gone
	}
}

// end kills the process, whatever it is doing.
func (p *process) end() {
	p.kill.Do(func() {
		// An error means that it has ended already.
		_ = p.cmd.Process.Kill()
	})
}

// death describes how a process ended that said nothing.
func (p *process) death() string {
	how := "its process ended without a word"
	if p.waited != nil {
		how = "its process died: " + p.waited.Error()
	}
	if last := p.errors.String(); last != "" {
		how += "; its last words: " + last
	}
	return how
}

// maxTail is how much is kept of either end of a process's standard error: both fit into a fault's message.
const maxTail = 3 << 10

// tail keeps the beginning of what a process says on standard error, where a crashing Go program
// says why, and the end of it.
type tail struct {
	mu   sync.Mutex
	head []byte
	last []byte
	lost bool // what was said between them
}

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := data
	if room := maxTail - len(t.head); room > 0 {
		n := min(room, len(rest))
		t.head, rest = append(t.head, rest[:n]...), rest[n:]
	}
	t.last = append(t.last, rest...)
	if over := len(t.last) - maxTail; over > 0 {
		t.lost = true
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(data), nil
}

func (t *tail) note(line string) { _, _ = t.Write([]byte(line + "\n")) } // never fails

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.lost {
		return strings.ToValidUTF8(string(t.head)+string(t.last), "")
	}
	// Either end may stop within a character.
	return strings.ToValidUTF8(string(t.head), "") + " .. " + strings.ToValidUTF8(string(t.last), "")
}
