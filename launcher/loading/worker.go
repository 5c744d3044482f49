package loading

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/sql/loads"
)

// Loader loads simulations.
type Loader interface {
	Load(ctx context.Context, wait bool, simulations ...string) ([]loads.Outcome, error)
	Pending(ctx context.Context, simulation string) (bool, error)
}

// Options say what a worker loads.
type Options struct {
	Loader Loader
	// Backlog lists the simulations of this launcher's store that have ended, the newest first; with all false
	// only those that may have changed lately.
	Backlog func(ctx context.Context, all bool) ([]string, error)
	Logger  *slog.Logger
	// Failed is called for each load that failed.
	Failed func()
}

// Waits of a worker.
const (
	gather     = 3 * time.Second // what ends within it shares a round
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	lookEvery  = 30 * time.Minute // for what other launchers left behind
	mostATime  = 500              // simulations in one call
)

// Worker loads what is told to it, and what it finds. Make it with New.
type Worker struct {
	Options
	ctx  context.Context
	end  context.CancelFunc
	runs sync.WaitGroup
	more chan struct{} // has room for one word that there is more

	mu      sync.Mutex
	waiting map[string]*wait
}

// wait is a simulation that is to be loaded.
type wait struct {
	since time.Time
	due   time.Time
	pause time.Duration // before the next try, after one that failed
	again bool          // it has ended once more while it was being loaded
}

// New makes a worker. Nothing happens before Start.
func New(o Options) *Worker {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Failed == nil {
		o.Failed = func() {}
	}
	w := &Worker{Options: o, more: make(chan struct{}, 1), waiting: map[string]*wait{}}
	w.ctx, w.end = context.WithCancel(context.Background())
	return w
}

// Start begins to look and load. Stop ends it.
func (w *Worker) Start() {
	w.runs.Go(func() { w.look(w.ctx) })
	w.runs.Go(func() { w.run(w.ctx) })
}

// Stop ends what is under way and waits for it; what was started in BigQuery goes on there, and is found again.
func (w *Worker) Stop() {
	w.end()
	w.runs.Wait()
}

// Add says that a simulation has ended. It returns at once.
func (w *Worker) Add(simulation string) {
	now := time.Now()
	w.mu.Lock()
	if have := w.waiting[simulation]; have != nil {
		have.again = true
	} else {
		w.waiting[simulation] = &wait{since: now, due: now.Add(gather)}
	}
	w.mu.Unlock()
	w.wake()
}

func (w *Worker) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// Waiting is how many simulations are not known to be loaded, and for how long the oldest of them has waited.
func (w *Worker) Waiting() (n int, oldest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.waiting {
		oldest = max(oldest, time.Since(one.since))
	}
	return len(w.waiting), oldest
}

// run loads what is due.
func (w *Worker) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.more:
		case <-timer.C:
		}
		for due := w.due(); len(due) > 0 && ctx.Err() == nil; due = w.due() {
			w.load(ctx, due)
		}
		timer.Reset(w.untilDue())
	}
}

// due are simulations whose time has come, those that wait longest first. Once there is one, all that have not
// been tried yet go with it.
func (w *Worker) due() (ids []string) {
	now, ripe := time.Now(), false
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, one := range w.waiting {
		is := !one.due.After(now)
		ripe = ripe || is
		if is || one.pause == 0 {
			ids = append(ids, id)
		}
	}
	if !ripe {
		return nil
	}
	slices.SortFunc(ids, func(a, b string) int { return w.waiting[a].since.Compare(w.waiting[b].since) })
	ids = ids[:min(len(ids), mostATime)]
	for _, id := range ids {
		w.waiting[id].again = false
	}
	return ids
}

// untilDue is how long nothing is due.
func (w *Worker) untilDue() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := lookEvery
	for _, one := range w.waiting {
		next = min(next, max(0, time.Until(one.due)))
	}
	return next
}

// load loads simulations in as few rounds as can be, and notes which of them have to be tried again.
func (w *Worker) load(ctx context.Context, ids []string) {
	outcomes, err := w.Loader.Load(ctx, true, ids...)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.Failed()
		w.Logger.Warn("loading into BigQuery failed; it is tried again", "simulations", len(ids), "error", err)
	}
	left := map[string]bool{}
	for _, id := range ids {
		left[id] = true
	}
	for _, o := range outcomes {
		left[o.Simulation] = !o.Complete()
		if err == nil {
			w.tell(o)
		}
	}
	w.note(left)
}

// tell logs what became of a simulation.
func (w *Worker) tell(o loads.Outcome) {
	if len(o.LeftOut) > 0 {
		w.Failed()
		w.Logger.Error("rows can't be loaded into BigQuery", "simulation_id", o.Simulation, "rows", len(o.LeftOut), "first", o.LeftOut[0].Path, "why", o.LeftOut[0].Why)
	}
	for _, r := range o.Rounds {
		if r.State == loads.Loaded {
			w.Logger.Info("loaded into BigQuery", "simulation_id", o.Simulation, "rows", r.Rows, "round", r.Round, "job", r.Job)
		}
	}
}

// note forgets what is loaded, and has the rest tried again, later each time.
func (w *Worker) note(left map[string]bool) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, again := range left {
		one := w.waiting[id]
		switch {
		case again:
			one.pause = min(max(firstRetry, 2*one.pause), lastRetry)
			one.due = now.Add(one.pause)
		case one.again:
			w.waiting[id] = &wait{since: now, due: now.Add(gather)}
		default:
			delete(w.waiting, id)
		}
	}
}

// look finds what is not known to be loaded: at the start among all simulations, later among the young ones.
func (w *Worker) look(ctx context.Context) {
	for all := true; ; {
		err := w.find(ctx, all)
		if ctx.Err() != nil {
			return
		}
		pause := lookEvery
		if err != nil {
			w.Logger.Warn("looking for simulations that are not loaded failed; it is tried again", "error", err)
			pause = firstRetry
		} else {
			all = false
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (w *Worker) find(ctx context.Context, all bool) error {
	ids, err := w.Backlog(ctx, all)
	errs := []error{err}
	for _, id := range ids {
		pending, err := w.Loader.Pending(ctx, id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if pending {
			w.Add(id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
