package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// Bounds of the server's connections. Bodies and answers have deadlines that move with them (package api).
const (
	headerPatience = 10 * time.Second
	idlePatience   = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Waits of a graceful stop.
const (
	answerGrace = 10 * time.Second // for requests under way
	stopGrace   = 10 * time.Second // for jobs to end and leases to be given back
)

// Run is the life of a launcher: it returns when ctx is done and everything has been put down in order,
// or when it can't go on.
func Run(ctx context.Context, c Config) (err error) {
	c, err = c.settled()
	if err != nil {
		return err
	}
	// What is collected more eagerly need not be shed: the bound on the heap lies well below that on the process,
	// which has DuckDB's memory too.
	before := debug.SetMemoryLimit(c.MaxMemoryBytes / 4 * 3)
	defer debug.SetMemoryLimit(before)
	p, err := assemble(ctx, c)
	if err == nil {
		err = p.run(ctx)
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	return errors.Join(err, p.close(stopping))
}

// run serves until ctx is done.
func (p *parts) run(ctx context.Context) error {
	if p.queue != nil {
		if err := p.queue.Start(ctx); err != nil {
			return fmt.Errorf("launcher: %w", err)
		}
	}
	if p.loading != nil {
		p.loading.Start()
	}
	p.hooks.Start(context.WithoutCancel(ctx))
	server := &http.Server{
		Handler: p.api, ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug),
	}
	// Event streams would keep the server from stopping.
	server.RegisterOnShutdown(p.api.Close)
	served := make(chan error, 1)
	// Whoever gets an answer finds this line in the log: connections wait from the listening on.
	p.Logger.Info("ready", "address", p.listener.Addr().String(), "version", p.Version, "accept_only", p.AcceptOnly)
	go func() { served <- server.Serve(p.listener) }()
	p.Ready(p.listener.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("launcher: the server ended: %w", err)
	case <-ctx.Done():
	}
	p.Logger.Info("stopping")
	return p.stopServing(server, served)
}

// stopServing takes no more requests, and gives those under way some time.
func (p *parts) stopServing(server *http.Server, served <-chan error) error {
	grace, cancel := context.WithTimeout(context.Background(), answerGrace)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		p.Logger.Warn("requests that took too long were cut off")
		err = server.Close()
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
