package portable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// Pool starts a worker process for whoever asks: Beam's external worker pool, one beside each task manager.
// (Beam, "Container environments": https://beam.apache.org/documentation/runtime/sdk-harness-config/)
//
// It starts one program only, whatever it is asked for. Who may reach it may start that, so it listens on
// the loopback alone. Its workers end when they are told to, when they lose whom they work for, and with
// the pool: however that ends, since each reads a pipe of which the pool holds the other end.
type Pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	command []string
	logs    io.Writer
	server  *grpc.Server
	served  chan error

	mu      sync.Mutex
	workers map[string]*worker // nil: the pool has ended
}

// worker is a process of the pool.
type worker struct {
	cmd   *exec.Cmd
	leash io.Closer
	ended chan struct{}
}

// parting is how long a worker has to end by itself before it is killed.
const parting = 5 * time.Second

// StartPool listens at an address of the loopback and starts the command for each worker, with Beam's
// flags after it. What workers write goes to logs. Stop ends it.
func StartPool(listen string, command []string, logs io.Writer) (*Pool, error) {
	listener, err := listenLoopback(listen)
	if err != nil {
		return nil, err
	}
	p := &Pool{command: command, logs: logs, server: grpc.NewServer(), served: make(chan error, 1), workers: map[string]*worker{}}
	fnpb.RegisterBeamFnExternalWorkerPoolServer(p.server, p)
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("worker pool: listen at %q: %w; say HOST:PORT", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("worker pool: listen at %q: whoever reaches a pool starts programs, "+
			"so it listens on the loopback only: 127.0.0.1, beside the task manager", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("worker pool: %w", err)
	}
	return listener, nil
}

// StartWorker starts a process that works for the services in the request.
func (p *Pool) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	if err := p.start(r); err != nil {
		return &fnpb.StartWorkerResponse{Error: err.Error()}, nil
	}
	return &fnpb.StartWorkerResponse{}, nil
}

func (p *Pool) start(r *fnpb.StartWorkerRequest) error {
	id := r.GetWorkerId()
	if r.GetControlEndpoint().GetUrl() == "" || r.GetLoggingEndpoint().GetUrl() == "" {
		return fmt.Errorf("worker pool: worker %q: the request names no control and logging endpoint", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil {
		return errors.New("worker pool: it is ending")
	}
	// Each task manager numbers its workers from 1, and several may share a pool.
	key := keyOf(id, r.GetControlEndpoint().GetUrl())
	if p.workers[key] != nil {
		return fmt.Errorf("worker pool: there is a worker %q already", id)
	}
	w, err := p.spawn(
		"--worker=true", "--id="+id,
		"--logging_endpoint="+r.GetLoggingEndpoint().GetUrl(), "--control_endpoint="+r.GetControlEndpoint().GetUrl(),
	)
	if err != nil {
		return err
	}
	p.workers[key] = w
	go p.bury(key, w)
	return nil
}

// keyOf tells workers apart: each task manager numbers its own from 1, and several may share a pool.
func keyOf(id, control string) string { return id + " of " + control }

// spawn starts the pool's program.
func (p *Pool) spawn(flags ...string) (*worker, error) {
	cmd := exec.Command(p.command[0], append(p.command[1:len(p.command):len(p.command)], flags...)...)
	cmd.Env = append(os.Environ(), leashed+"=1")
	cmd.Stdout, cmd.Stderr = p.logs, p.logs
	dieWithMe(cmd)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("worker pool: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("worker pool: start %s: %w", p.command[0], err)
	}
	return &worker{cmd: cmd, leash: leash, ended: make(chan struct{})}, nil
}

// bury waits for a worker's end.
func (p *Pool) bury(key string, w *worker) {
	if err := w.cmd.Wait(); err != nil {
		// Nobody else would say how it went; that a worker is ended by force is how most end.
		fmt.Fprintf(p.logs, "worker pool: worker %s: %v\n", key, err)
	}
	close(w.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers[key] == w {
		delete(p.workers, key)
	}
}

// StopWorker ends the workers of that id. Where task managers share a pool it may mean several: then
// nothing is done, for a worker ends by itself once its services are gone.
func (p *Pool) StopWorker(ctx context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	var meant []*worker
	for key, w := range p.workers {
		if id, _, _ := strings.Cut(key, " of "); id == r.GetWorkerId() {
			meant = append(meant, w)
		}
	}
	p.mu.Unlock()
	if len(meant) == 1 {
		meant[0].end(ctx)
	}
	return &fnpb.StopWorkerResponse{}, nil
}

// end lets go of a worker's leash, and kills it if it has not ended in time.
func (w *worker) end(ctx context.Context) {
	_ = w.leash.Close() // fails only if it has ended
	late := time.NewTimer(parting)
	defer late.Stop()
	select {
	case <-w.ended:
		return
	case <-late.C:
	case <-ctx.Done():
	}
	_ = w.cmd.Process.Kill() // likewise
	<-w.ended
}

// Wait returns when the pool has ended: nil if by Stop.
func (p *Pool) Wait() error { return <-p.served }

// Stop ends the pool and its workers.
func (p *Pool) Stop() {
	p.mu.Lock()
	workers := slices.Collect(maps.Values(p.workers))
	p.workers = nil
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() { w.end(context.Background()) })
	}
	all.Wait()
	p.server.Stop()
}
