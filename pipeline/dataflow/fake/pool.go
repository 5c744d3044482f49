package fake

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
)

// pool starts the job's worker program for Prism, as Beam's container starts it: "boot.go",
// https://github.com/apache/beam/blob/v2.77.0/sdks/go/container/boot.go.
type pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer
	container *container
	speaker   *speaker
	options   string // file with the pipeline's options
	address   string
	server    *grpc.Server
	serving   chan error
	alive     sync.WaitGroup // workers

	mu      sync.Mutex
	workers map[string]*exec.Cmd
	stderr  bytes.Buffer
}

func startPool(c *container, s *speaker) (*pool, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the worker pool: %w", err)
	}
	p := &pool{
		container: c, speaker: s, options: filepath.Join(c.folder, "pipeline_options.json"), address: listener.Addr().String(),
		server: grpc.NewServer(), serving: make(chan error, 1), workers: map[string]*exec.Cmd{},
	}
	if err := os.WriteFile(p.options, c.Options, 0o600); err != nil {
		return nil, err
	}
	fnpb.RegisterBeamFnExternalWorkerPoolServer(p.server, p)
	go func() { p.serving <- p.server.Serve(listener) }()
	return p, nil
}

// StartWorker starts a worker. A program that can't be started is a worker that has died: Prism brings its
// process down at an error of the pool.
func (p *pool) StartWorker(ctx context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	info, err := tools.ProvisionInfo(grpcx.WriteWorkerID(ctx, r.GetWorkerId()), r.GetProvisionEndpoint().GetUrl())
	if err != nil {
		_, _ = fmt.Fprintln(p, "failed to obtain provisioning information:", err)
		return &fnpb.StartWorkerResponse{}, nil
	}
	cmd := exec.Command(p.container.Program,
		"--worker=true",
		"--id="+r.GetWorkerId(),
		"--logging_endpoint="+r.GetLoggingEndpoint().GetUrl(),
		"--control_endpoint="+r.GetControlEndpoint().GetUrl(),
		"--semi_persist_dir="+p.container.folder)
	cmd.Env = append(withoutRole(os.Environ()),
		"PIPELINE_OPTIONS_FILE="+p.options,
		"RUNNER_CAPABILITIES="+strings.Join(info.GetRunnerCapabilities(), " "))
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.container.folder, p, p
	dieTogether(cmd)
	release, err := start(cmd)
	if err != nil {
		_, _ = fmt.Fprintln(p, "start the worker program:", err)
		return &fnpb.StartWorkerResponse{}, nil
	}
	p.speaker.say(word{Started: cmd.Process.Pid})
	p.alive.Go(func() {
		defer release()
		_ = cmd.Wait() // how a worker ended, Prism finds out by its silence
		p.speaker.say(word{Gone: cmd.Process.Pid})
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers[r.GetWorkerId()] = cmd
	return &fnpb.StartWorkerResponse{}, nil
}

// StopWorker ends a worker.
func (p *pool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cmd := p.workers[r.GetWorkerId()]; cmd != nil {
		_ = cmd.Process.Kill() // an error means that it has ended
	}
	return &fnpb.StopWorkerResponse{}, nil
}

// stop ends the pool and its workers.
func (p *pool) stop() {
	p.server.Stop()
	<-p.serving //nolint:errcheck // whether it was stopped well matters to nobody: its process ends
	p.mu.Lock()
	for _, cmd := range p.workers {
		_ = cmd.Process.Kill() // an error means that it has ended
	}
	p.mu.Unlock()
	p.alive.Wait()
}

// Write keeps what the workers say.
func (p *pool) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(text)
}

// lastWords are the last of what the workers said.
func (p *pool) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	const most = 2 << 10
	said := bytes.TrimSpace(p.stderr.Bytes())
	if len(said) == 0 {
		return ""
	}
	return "; the workers said: " + string(said[max(0, len(said)-most):])
}
