package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/report"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

// baselineID as an answer has it.
var baselineID any = model.BaselineID

// Options of a reader; zero values are the defaults.
type Options struct {
	Results     *results.Store
	MemoryBytes int64         // that DuckDB may hold for the questions to one simulation; default 128 MiB
	Threads     int           // of DuckDB, for each question; default 2
	Concurrent  int           // questions answered at a time; default 2
	Wait        time.Duration // for a turn, at most; default 5 s
	Idle        time.Duration // that a simulation stays open after a question; default 1 min
	Dataset     sql.Dataset   // of BigQuery that printed statements name; none: they name views alone
	Logger      *slog.Logger  // told of errors that no request is behind; default: none
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = 128 << 20
	}
	if o.Threads <= 0 {
		o.Threads = 2
	}
	if o.Concurrent <= 0 {
		o.Concurrent = 2
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Reader answers questions about the result store. It is safe for concurrent use.
type Reader struct {
	options    Options
	pool       *pool
	warehouses *warehouses
	background *background
	folders    *folders
}

// New is a reader of a result store.
func New(o Options) *Reader {
	o = o.withDefaults()
	r := &Reader{options: o, pool: newPool(o.Concurrent, o.Wait), folders: newFolders(o.Results, o.Logger)}
	r.warehouses = &warehouses{
		open: r.openWarehouse, most: o.Concurrent, idle: o.Idle, held: map[snapshot]*opened{},
		lost: func(err error) { o.Logger.Warn("close a simulation that was read", "error", err) },
	}
	r.background = newBackground(r.Compact, func(simulation string, err error) {
		o.Logger.Warn("compact a simulation that is read from its result files", "simulation_id", simulation, "error", err)
	})
	return r
}

// Close waits for the questions being answered and gives back what the reader holds. Later ones get ErrClosed.
func (r *Reader) Close() error {
	r.background.close()
	r.warehouses.close()
	r.folders.close()
	return nil
}

// openWarehouse opens a simulation, whose files stay until they are let go.
func (r *Reader) openWarehouse(ctx context.Context, simulation string) (w *warehouse.Warehouse, letGo func(), err error) {
	folder, letGo, err := r.folders.of(ctx, simulation, false)
	if err != nil {
		return nil, nil, err
	}
	w, err = warehouse.OpenDuckDB(ctx, folder,
		warehouse.Simulation(simulation), warehouse.Memory(r.options.MemoryBytes), warehouse.Threads(r.options.Threads))
	if err != nil {
		letGo()
		return nil, nil, err
	}
	return w, letGo, nil
}

// snapshot is the rows that a request is about: those of its revision, or those there are now. Where a
// simulation that still runs took long to open, it is not opened again for every row that lands: the rows
// of a moment ago will do.
func (r *Reader) snapshot(ctx context.Context, req Request) (snapshot, error) {
	if req.Revision != "" {
		return snapshot{req.SimulationID, req.Revision}, nil
	}
	if recent, ok := r.warehouses.recent(req.SimulationID); ok && !req.Finished {
		return recent, nil
	}
	folder, letGo, err := r.folders.of(ctx, req.SimulationID, req.Finished)
	if err != nil {
		return snapshot{}, told(err)
	}
	defer letGo()
	revision, err := warehouse.Revision(folder, req.SimulationID)
	if errors.Is(err, warehouse.ErrNotFound) && !req.Finished {
		err = nil
	}
	return snapshot{req.SimulationID, revision}, told(err)
}

// using lends the warehouse of a snapshot for one question, in its turn. A simulation that has no
// results yet has no warehouse, and no rows. Results that were replaced meanwhile are opened again, once.
func (r *Reader) using(ctx context.Context, of snapshot, finished, begun bool, ask func(w *warehouse.Warehouse) error) error {
	leave, err := r.pool.enter(ctx, begun)
	if err != nil {
		return err
	}
	defer leave()
	missesCopy := false
	once := func() error {
		return r.usingNow(ctx, of, func(w *warehouse.Warehouse) error {
			missesCopy = finished && w.Files() >= manyFiles && !w.Copied()
			return ask(w)
		})
	}
	if err = once(); errors.Is(err, warehouse.ErrRemoved) {
		err = once()
	}
	if missesCopy {
		r.background.want(of)
	}
	if errors.Is(err, warehouse.ErrNotFound) && !finished {
		return nil
	}
	return told(err)
}

func (r *Reader) usingNow(ctx context.Context, of snapshot, ask func(w *warehouse.Warehouse) error) error {
	o, err := r.warehouses.acquire(ctx, of)
	if err != nil {
		return err
	}
	defer r.warehouses.release(o)
	err = ask(o.Warehouse)
	if errors.Is(err, warehouse.ErrRemoved) {
		r.warehouses.drop(o)
	}
	return err
}

// Compact makes the reading of a finished simulation cheap: it writes the compacted copy of its results,
// if there is none yet, and the next question reads that.
func (r *Reader) Compact(ctx context.Context, simulation string) error {
	folder, letGo, err := r.folders.of(ctx, simulation, true)
	if err != nil {
		return told(err)
	}
	defer letGo()
	if err := warehouse.Compact(ctx, folder, simulation); err != nil {
		return told(err)
	}
	r.warehouses.dropAll(simulation)
	return nil
}

// Report writes the page of a simulation for people: one HTML file. Without a row there is none:
// report.ErrNoResults. The page is made whole before its first byte is sent: who takes it slowly keeps
// nobody else from an answer, and an error can still be told in another way.
func (r *Reader) Report(ctx context.Context, simulation string, finished bool, revision string, out io.Writer) (err error) {
	if !model.ValidSimulationID(simulation) {
		return bad("simulation", "%q is no simulation id", shortened(simulation))
	}
	of, err := r.snapshot(ctx, Request{SimulationID: simulation, Finished: finished, Revision: revision})
	if err != nil {
		return err
	}
	page, err := newSpool(mostReport)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.close()) }()
	asked := false
	err = r.using(ctx, of, finished, false, func(w *warehouse.Warehouse) error {
		asked = true
		if err := page.restart(); err != nil { // the results were replaced while they were read
			return err
		}
		return report.Write(ctx, w, simulation, page)
	})
	switch {
	case err != nil:
		return err
	case !asked:
		return fmt.Errorf("simulation %s: %w", simulation, report.ErrNoResults)
	}
	return page.send(out)
}
