package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/whatif-machine/whatif/model"
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
}

// New is a reader of a result store.
func New(o Options) *Reader {
	o = o.withDefaults()
	r := &Reader{options: o, pool: newPool(o.Concurrent, o.Wait)}
	r.warehouses = &warehouses{
		open: r.openWarehouse, most: o.Concurrent, idle: o.Idle, held: map[snapshot]*opened{},
		lost: func(err error) { o.Logger.Warn("close a simulation that was read", "error", err) },
	}
	return r
}

// Close waits for the questions being answered and gives back what the reader holds. Later ones get ErrClosed.
func (r *Reader) Close() error {
	r.warehouses.close()
	return nil
}

func (r *Reader) openWarehouse(ctx context.Context, simulation string) (*warehouse.Warehouse, error) {
	return warehouse.OpenDuckDB(ctx, r.options.Results.URI(),
		warehouse.Simulation(simulation), warehouse.Memory(r.options.MemoryBytes), warehouse.Threads(r.options.Threads))
}

// Column is a column of an answer.
type Column struct {
	Name string
	Type string // STRING, INT64, FLOAT64, BOOL, DATE, TIMESTAMP, or ARRAY<STRUCT<..>> of these
}

// Answer is one page of rows.
type Answer struct {
	Columns  []Column
	Rows     [][]any           // values that JSON can carry: nil, bool, int64, float64, string, time.Time, []any, map[string]any
	NextPage string            // token of the page behind this one; empty: this is the last
	SQL      map[string]string // the whole answer as one statement, for duckdb and bigquery
}

// Read answers one page of a view.
func (r *Reader) Read(ctx context.Context, req Request) (*Answer, error) {
	q, err := r.prepare(req)
	if err != nil {
		return nil, err
	}
	size := req.PageSize
	if size <= 0 {
		size = DefaultPageSize
	}
	rows, next, err := r.batch(ctx, q, min(size, MaxPageSize), false)
	if err != nil {
		return nil, err
	}
	answer := &Answer{Columns: q.answered(), Rows: rows, SQL: q.statements()}
	if next != nil {
		answer.NextPage, err = next.token()
	}
	return answer, err
}

// question is a checked request and where in its answer the reading stands.
type question struct {
	*selection
	of       snapshot
	finished bool
	at       position
}

// prepare checks a request, and its page token against it.
func (r *Reader) prepare(req Request) (*question, error) {
	s, err := choose(req)
	if err != nil {
		return nil, err
	}
	of, err := binding(req, req.Revision)
	if err != nil {
		return nil, err
	}
	at, err := s.parseToken(req.PageToken, of)
	if err != nil {
		return nil, err
	}
	return &question{selection: s, of: snapshot{req.SimulationID, req.Revision}, finished: req.Finished, at: at}, nil
}

// batch reads the next rows of an answer and tells where it goes on; nil: nowhere.
func (r *Reader) batch(ctx context.Context, q *question, size int, begun bool) (rows [][]any, next *position, err error) {
	if q.top > 0 {
		size = min(size, q.most()-q.at.Given)
	}
	if size <= 0 {
		return [][]any{}, nil, nil
	}
	err = r.using(ctx, q.of, q.finished, begun, func(w *warehouse.Warehouse) error {
		rows, err = q.read(ctx, w, size+1)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	next = q.goesOn(rows, size)
	return q.shown(rows[:min(size, len(rows))]), next, nil
}

// most is how many rows the answer may have: of a comparison, those of the baseline and of Top variants.
func (s *selection) most() int {
	if s.view.name == "comparison" {
		return s.top + 1
	}
	return s.top
}

// goesOn is the position behind a page, if there is more: rows has one beyond the page then.
func (q *question) goesOn(rows [][]any, size int) *position {
	given := q.at.Given + size
	if len(rows) <= size || q.top > 0 && given >= q.most() {
		return nil
	}
	return &position{Of: q.at.Of, After: q.place(rows[size-1]), Given: given}
}

// read asks for the rows behind the position.
func (q *question) read(ctx context.Context, w *warehouse.Warehouse, limit int) ([][]any, error) {
	bound := &writer{dialect: duckDB, bound: true}
	text := q.page(bound, q.at.After, limit)
	found, err := w.Query(ctx, text, bound.args...)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for found.Next() {
		rows = append(rows, found.Values())
	}
	return rows, errors.Join(found.Err(), found.Close())
}

// using lends the warehouse of a snapshot for one question, in its turn. A simulation that has no
// results yet has no warehouse, and no rows. Results that were replaced meanwhile are opened again, once.
func (r *Reader) using(ctx context.Context, of snapshot, finished, begun bool, ask func(w *warehouse.Warehouse) error) error {
	leave, err := r.pool.enter(ctx, begun)
	if err != nil {
		return err
	}
	defer leave()
	err = r.usingNow(ctx, of, ask)
	if errors.Is(err, warehouse.ErrRemoved) {
		err = r.usingNow(ctx, of, ask)
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

// told says what an error means to who asked.
func told(err error) error {
	for cause, meaning := range map[error]error{
		warehouse.ErrNotFound: ErrNotFound, warehouse.ErrRemoved: ErrChanged, warehouse.ErrMemory: ErrTooLarge,
	} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", meaning, err)
		}
	}
	return err
}

// answered are the columns as an answer names them.
func (s *selection) answered() (list []Column) {
	for _, c := range s.columns {
		list = append(list, Column{Name: c.Name, Type: c.Type})
	}
	return list
}

// shown turns values into those of an answer, in place.
func (s *selection) shown(rows [][]any) [][]any {
	for _, row := range rows {
		for i, c := range s.columns {
			row[i] = shown(c, row[i])
		}
	}
	if rows == nil {
		return [][]any{} // a JSON list, not null
	}
	return rows
}

// statements are the whole answer in every dialect.
func (s *selection) statements() map[string]string {
	list := map[string]string{}
	for _, dialect := range []string{duckDB, bigQuery} {
		list[dialect] = s.statement(&writer{dialect: dialect})
	}
	return list
}

// Compact makes the reading of a finished simulation cheap: it writes the compacted copy of its results,
// if there is none yet, and the next question reads that.
func (r *Reader) Compact(ctx context.Context, simulation string) error {
	if err := warehouse.Compact(ctx, r.options.Results.URI(), simulation); err != nil {
		return told(err)
	}
	r.warehouses.dropAll(simulation)
	return nil
}

// Report writes the page of a simulation for people: one HTML file. Without a row there is none:
// report.ErrNoResults.
func (r *Reader) Report(ctx context.Context, simulation string, finished bool, revision string, out io.Writer) error {
	if !model.ValidSimulationID(simulation) {
		return bad("simulation", "%q is no simulation id", shortened(simulation))
	}
	asked := false
	err := r.using(ctx, snapshot{simulation, revision}, finished, false, func(w *warehouse.Warehouse) error {
		asked = true
		return report.Write(ctx, w, simulation, out)
	})
	if err == nil && !asked {
		return fmt.Errorf("simulation %s: %w", simulation, report.ErrNoResults)
	}
	return err
}
