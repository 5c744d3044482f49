package launcher

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/api"
	"github.com/whatif-machine/whatif/launcher/hooks"
	"github.com/whatif-machine/whatif/launcher/inputs"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/launcher/queue"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/web"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/transforms/results"
)

// parts are what a launcher is made of, and how to take it apart again.
type parts struct {
	Config
	listener net.Listener
	store    *store.Store
	results  *results.Store
	access   *access.Access
	limiter  limit.Limiter
	shedder  *limit.Shedder
	inputs   *inputs.Inputs
	reader   *reading.Reader
	hooks    *hooks.Hooks
	queue    *queue.Queue    // nil: AcceptOnly
	loading  *loading.Worker // nil: nothing is loaded from here
	// warehouse is nil if there is none, and else asks whether it is well.
	warehouse func(context.Context) error
	metrics   *api.Metrics
	api       *api.API
	closers   []func(context.Context) error // to be called last to first
}

// assemble makes the parts. What was made before an error is taken apart by close all the same.
func assemble(ctx context.Context, c Config) (*parts, error) {
	p := &parts{Config: c, metrics: api.NewMetrics()}
	for _, step := range []func(context.Context) error{
		p.openStore, p.checkKeys, p.listen, p.openResults, p.makeAdmission, p.makeLoading, p.makeQueue, p.makeHooks, p.makeAPI,
	} {
		if err := step(ctx); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *parts) onClose(f func(context.Context) error) { p.closers = append(p.closers, f) }

// close takes the parts apart, the last first.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i](ctx))
	}
	p.closers = nil
	return errors.Join(errs...)
}

func (p *parts) openStore(ctx context.Context) (err error) {
	url := p.StoreURL()
	if path, file := sqlitePath(url); file {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("launcher: the store's folder: %w", err)
		}
	}
	if p.store, err = store.Open(ctx, url, store.Options{}); err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(func(context.Context) error { return p.store.Close() })
	return nil
}

// checkKeys refuses to answer beyond this machine as long as anybody may ask anything.
func (p *parts) checkKeys(ctx context.Context) error {
	local, err := loopback(p.Listen)
	if err != nil || local {
		return err
	}
	keys, err := p.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	if len(keys) == 0 {
		return fmt.Errorf("launcher: %s can be reached from other machines, and without API keys anybody there could do anything; "+
			"make one first with `whatif keys create --name NAME`, or listen on %s", p.Listen, defaultListen)
	}
	return nil
}

func (p *parts) listen(ctx context.Context) (err error) {
	if p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", p.Listen); err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(func(context.Context) error {
		if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (p *parts) openResults(context.Context) (err error) {
	if p.results, err = results.Open(p.Results); err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	if p.Runner != "" {
		if err := pipeline.CheckReach(p.Runner, p.Elsewhere, p.results.URI(), nil); err != nil {
			return fmt.Errorf("launcher: %w", err)
		}
	}
	p.inputs, err = inputs.New(inputs.Options{
		Roots: p.InputRoots, Results: p.results.URI(), MaxUploadBytes: p.MaxUploadBytes, Logger: p.Logger,
		Catalog: func(ctx context.Context, files []model.PinnedInput, o inventory.Options, most pipeline.CatalogBounds) (model.Catalog, error) {
			return pipeline.ReadCatalog(ctx, nil, files, o, most)
		},
	})
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(func(context.Context) error { p.inputs.Close(); return nil })
	dataset := sql.Dataset{} // that statements beside answers name
	if p.LoadTo.Dataset != "" {
		if dataset, err = sql.ParseDataset(p.LoadTo.Dataset); err != nil {
			return fmt.Errorf("launcher: load results: %w", err)
		}
	}
	p.reader = reading.New(reading.Options{Results: p.results, Dataset: dataset, Logger: p.Logger})
	p.onClose(func(context.Context) error { return p.reader.Close() })
	return nil
}

func (p *parts) makeAdmission(context.Context) error {
	p.access = access.New(access.Options{Store: p.store, Logger: p.Logger})
	p.onClose(func(context.Context) error { p.access.Close(); return nil })
	p.shedder = limit.NewShedder(limit.ShedderOptions{MaxMemory: p.MaxMemoryBytes})
	p.onClose(func(context.Context) error { p.shedder.Stop(); return nil })
	if p.Limiter == "" {
		p.limiter = limit.NewLocal(nil, 0)
		return nil
	}
	shared, err := limit.NewShared(p.Limiter, limit.SharedOptions{Logger: p.Logger})
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.limiter = shared
	p.onClose(func(context.Context) error { return shared.Close() })
	return nil
}

// source is where a tenant's configurations find what they name.
func (p *parts) source(tenant string) pipeline.Source { return &source{p.inputs.For(tenant), p} }

// source is a tenant's inputs, and the launcher's runners.
type source struct {
	pipeline.Source
	parts *parts
}

// CheckRunner refuses a runner that this launcher has no settings for.
func (s *source) CheckRunner(runner string, snapshot []model.PinnedInput) error {
	p := s.parts
	return pipeline.CheckReach(cmp.Or(runner, p.Runner, pipeline.Direct), p.Elsewhere, p.results.URI(), snapshot)
}

func (p *parts) makeQueue(context.Context) (err error) {
	if p.AcceptOnly {
		return nil
	}
	p.queue, err = queue.New(queue.Options{
		Store: p.store, Results: p.results, Name: p.Name, Parallelism: p.Parallelism, MaxRunning: p.MaxRunning, MemoryBytes: p.MemoryBytes,
		Lease: p.Lease, Runner: p.Runner, Elsewhere: p.Elsewhere, Command: p.JobCommand, Simulator: p.Simulator, Logger: p.Logger, Fire: p.fire,
		Finished: p.finished,
		Started:  func(waited time.Duration) { p.metrics.StartLatency.Observe(waited.Seconds()) },
	})
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(p.queue.Stop)
	p.countQueue(p.queue.Stats)
	return nil
}

// fire is called once the queue has been started, with all parts there.
func (p *parts) fire(ctx context.Context, c store.Schedule, at time.Time) (*store.Submission, error) {
	return p.api.Fire(ctx, c, at)
}

// compactWithin bounds how long a finished simulation's compacted copy may take.
const compactWithin = 10 * time.Minute

// compact makes the reading of a simulation that has finished cheap. Without its copy it is read as before. One whose
// results were removed meanwhile needs none, and what a stop ended is made up for when it is read. So is one of a
// bucket, which must be downloaded for it: many are never looked at.
func (p *parts) compact(queue context.Context, id string) {
	if !p.results.IsLocal() {
		return
	}
	ctx, cancel := context.WithTimeout(queue, compactWithin)
	defer cancel()
	err := p.reader.Compact(ctx, id)
	if err == nil || queue.Err() != nil {
		return
	}
	if _, gone := p.results.Plan(ctx, id); !errors.Is(gone, results.ErrNotFound) {
		p.Logger.Warn("a finished simulation has no compacted copy: reading it takes longer", "simulation_id", id, "error", err)
	}
}

func (p *parts) countQueue(stats func() queue.Stats) {
	p.metrics.Counter("whatif_decisions_total", "Slots decided by jobs of this launcher.", nil, func() float64 { return float64(stats().Decisions) })
	p.metrics.Gauge("whatif_decisions_per_second", "Slots decided a second, lately, by jobs of this launcher.", func() float64 { return stats().DecisionsPerSecond })
	p.metrics.Gauge("whatif_cpu_tokens", "Variants that this launcher may run at a time.", func() float64 { return float64(stats().Tokens) })
	p.metrics.Gauge("whatif_cpu_tokens_in_use", "Variants that this launcher runs.", func() float64 { return float64(stats().TokensInUse) })
	p.metrics.Counter("whatif_claims_total", "Simulations that this launcher began to run.", nil, func() float64 { return float64(stats().Claims) })
}

func (p *parts) makeHooks(context.Context) (err error) {
	p.hooks, err = hooks.New(hooks.Options{Store: p.store, Name: p.Name, Hosts: p.WebhookHosts, Secret: p.WebhookSecret, Logger: p.Logger})
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(func(context.Context) error { p.hooks.Stop(); return nil })
	for result, read := range map[string]func(hooks.Stats) int64{
		"delivered": func(s hooks.Stats) int64 { return s.Delivered }, "retried": func(s hooks.Stats) int64 { return s.Retried },
		"dead": func(s hooks.Stats) int64 { return s.Dead },
	} {
		p.metrics.Counter("whatif_webhook_deliveries_total", "Tries to deliver webhooks, by what came of them.",
			prometheus.Labels{"result": result}, func() float64 { return float64(read(p.hooks.Stats())) })
	}
	return nil
}

func (p *parts) makeAPI(ctx context.Context) error {
	pages, err := web.Handler()
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	trace, stop, err := tracing(ctx, p.Version)
	if err != nil {
		return err
	}
	p.onClose(stop)
	o := api.Options{
		Store: p.store, Results: p.results, Reader: p.reader, Identify: p.access.IdentifyRequest, Limiter: p.limiter, Shedder: p.shedder,
		Guard: access.GuardOptions{Listen: p.listener.Addr().String(), Hosts: p.AllowedHosts, Origins: p.AllowedOrigins},
		Trace: trace, Web: pages, Metrics: p.metrics, Source: p.source, Upload: p.upload, Warehouse: p.warehouse,
		CheckWebhook: func(url string) error { return hooks.CheckURL(url, p.WebhookHosts) },
		Version:      p.Version, MaxUploadBytes: p.MaxUploadBytes, Logger: p.Logger, Now: time.Now, Random: rand.Reader,
	}
	if p.queue != nil {
		o.Live = p.queue.Progress
	}
	if p.api, err = api.New(o); err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	p.onClose(func(context.Context) error { p.api.Close(); return nil })
	return nil
}

func (p *parts) upload(ctx context.Context, tenant string, body io.Reader) (wire.Upload, error) {
	up, err := p.inputs.Upload(ctx, tenant, body)
	return wire.Upload{URI: "upload:" + up.SHA256, SHA256: up.SHA256, Size: up.Size, Kind: up.Kind}, err
}
