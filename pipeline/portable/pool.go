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
	"sync"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
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
	workers map[workerKey]*worker // nil: the pool has ended
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
	p := &Pool{command: command, logs: logs, server: grpc.NewServer(), served: make(chan error, 1), workers: map[workerKey]*worker{}}
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
func (p *Pool) StartWorker(ctx context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	if err := p.start(caller(ctx), r); err != nil {
		return &fnpb.StartWorkerResponse{Error: err.Error()}, nil //nolint:nilerr // the answer carries it
	}
	return &fnpb.StartWorkerResponse{}, nil
}

func (p *Pool) start(by string, r *fnpb.StartWorkerRequest) error {
	id := r.GetWorkerId()
	if r.GetControlEndpoint().GetUrl() == "" || r.GetLoggingEndpoint().GetUrl() == "" {
		return fmt.Errorf("worker pool: worker %q: the request names no control and logging endpoint", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil {
		return errors.New("worker pool: it is ending")
	}
	key := workerKey{by, id}
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

// workerKey tells workers apart. Each task manager numbers its own from 1, and several may share a pool: by
// the connection that a worker was asked for, which its end is asked by as well.
type workerKey struct{ caller, id string }

func caller(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}

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
func (p *Pool) bury(key workerKey, w *worker) {
	if err := w.cmd.Wait(); err != nil {
		// Nobody else would say how it went; that a worker is ended by force is how most end.
		fmt.Fprintf(p.logs, "worker pool: worker %s: %v\n", key.id, err)
	}
	close(w.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers[key] == w {
		delete(p.workers, key)
	}
}

// StopWorker ends a worker. One that is not there, or was asked for by another connection, is no error: a
// worker ends by itself once its services are gone.
func (p *Pool) StopWorker(ctx context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	w := p.workers[workerKey{caller(ctx), r.GetWorkerId()}]
	p.mu.Unlock()
	if w != nil {
		w.end(ctx)
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
