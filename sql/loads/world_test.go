package loads_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
)

const (
	project, dataset, tableName = "project", "whatif", "variant_results"
	table                       = project + "." + dataset + "." + tableName
	source                      = "gs://bucket/results"
)

var (
	errCrash = errors.New("this process is dead")
	errStore = errors.New("the store's answer was lost")
)

// world is a result store in memory and a warehouse beside it. It outlives every process.
type world struct {
	mu      sync.Mutex
	files   map[string][]byte          // of the rounds
	folders map[string]map[string]bool // names in each
	rows    map[string][]loads.Row     // by simulation
	damaged map[string]string          // paths: what is wrong
	gone    map[string]bool            // simulations that were deleted
	service *bigquerytest.Service
}

func newWorld(o bigquerytest.Options) *world {
	w := &world{folders: map[string]map[string]bool{}, files: map[string][]byte{}, rows: map[string][]loads.Row{}, damaged: map[string]string{}, gone: map[string]bool{}}
	o.Files = w.file
	w.service = bigquerytest.New(o)
	must(w.service.InsertDataset(project, &bq.Dataset{DatasetReference: &bq.DatasetReference{DatasetId: dataset}}))
	must(w.service.InsertTable(project, dataset, &bq.Table{TableReference: &bq.TableReference{TableId: tableName}, Schema: &bq.TableSchema{}}))
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// file is what the warehouse finds at a URI: one row, whose key is the file's path.
func (w *world) file(uri string) (bigquerytest.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, ok := strings.CutPrefix(uri, source+"/")
	simulation, variant, attempt, isRow := model.ParseResultPath(name)
	if !ok || !isRow || !slices.Contains(w.rows[simulation], loads.Row{Variant: variant, Attempt: attempt}) {
		return bigquerytest.File{}, fs.ErrNotExist
	}
	return bigquerytest.File{Keys: []string{name}, Broken: w.damaged[name]}, nil
}

// commit adds rows of a simulation.
func (w *world) commit(simulation string, rows ...loads.Row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gone[simulation] {
		w.rows[simulation] = append(w.rows[simulation], rows...)
	}
}

func (w *world) remove(simulation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.rows, simulation)
	w.gone[simulation] = true
}

func (w *world) damage(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.damaged[name] = "a flipped bit"
}

// whole are the paths of all rows that are there and whole.
func (w *world) whole() (paths []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for simulation, rows := range w.rows {
		for _, r := range rows {
			if name := model.ResultPath(simulation, r.Variant, r.Attempt); w.damaged[name] == "" {
				paths = append(paths, name)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// process is a loader's process: what it asks may be slow, fail, get lost, or be the last that it did.
type process struct {
	w      *world
	random *rand.Rand // nil: nothing ever goes wrong
	crash  float64    // chance of dying at a step
	lose   float64    // chance of a lost answer
	mu     sync.Mutex
	dead   bool
}

// step is a moment in the process's life: before and after each thing it does.
func (p *process) step(ctx context.Context) (lost bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return false, errCrash
	}
	if p.random == nil {
		return false, nil
	}
	if p.random.Float64() < p.crash {
		p.dead = true
		return false, errCrash
	}
	lost = p.random.Float64() < p.lose
	pause := time.Duration(p.random.Int64N(int64(400 * time.Millisecond)))
	p.mu.Unlock()
	time.Sleep(pause) // virtual: what others do meanwhile comes in between
	p.mu.Lock()
	return lost, ctx.Err()
}

// do is one request to the store: it may be lost on its way there or back.
func (p *process) do(ctx context.Context, request func() error) error {
	lost, err := p.step(ctx)
	if err != nil || lost {
		return errors.Join(err, lostIf(lost))
	}
	p.w.mu.Lock()
	done := request()
	p.w.mu.Unlock()
	if lost, err = p.step(ctx); err != nil || lost {
		return errors.Join(err, lostIf(lost))
	}
	return done
}

func lostIf(lost bool) error {
	if lost {
		return errStore
	}
	return nil
}

func (p *process) Create(ctx context.Context, name string, data []byte) error {
	return p.do(ctx, func() error {
		if have, ok := p.w.files[name]; ok && !bytes.Equal(have, data) {
			return fs.ErrExist
		}
		p.w.files[name] = bytes.Clone(data)
		dir, base := path.Split(name)
		dir = strings.TrimSuffix(dir, "/")
		if p.w.folders[dir] == nil {
			p.w.folders[dir] = map[string]bool{}
		}
		p.w.folders[dir][base] = true
		return nil
	})
}

func (p *process) Read(ctx context.Context, name string) (data []byte, err error) {
	err = p.do(ctx, func() error {
		have, ok := p.w.files[name]
		if !ok {
			return fs.ErrNotExist
		}
		data = bytes.Clone(have)
		return nil
	})
	return data, err
}

func (p *process) List(ctx context.Context, folder string) (names []string, err error) {
	err = p.do(ctx, func() error {
		names = slices.Sorted(maps.Keys(p.w.folders[folder]))
		return nil
	})
	return names, err
}

func (p *process) Rows(ctx context.Context, simulation string) (rows []loads.Row, err error) {
	err = p.do(ctx, func() error { rows = slices.Clone(p.w.rows[simulation]); return nil })
	return rows, err
}

func (p *process) Check(ctx context.Context, simulation string, row loads.Row) (wrong string, err error) {
	err = p.do(ctx, func() error {
		wrong = p.w.damaged[model.ResultPath(simulation, row.Variant, row.Attempt)]
		if !slices.Contains(p.w.rows[simulation], row) {
			wrong = "it is gone"
		}
		return nil
	})
	return wrong, err
}

func (p *process) Stage(ctx context.Context, paths []string) error {
	return p.do(ctx, func() error {
		if len(paths) == 0 {
			return errors.New("nothing is staged")
		}
		return nil
	})
}

// fault is what happens to a request to the warehouse.
func (p *process) fault(ctx context.Context, _ string) (bigquerytest.Fault, error) {
	lost, err := p.step(ctx)
	if err != nil || !lost {
		return bigquerytest.None, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return []bigquerytest.Fault{
		bigquerytest.LostRequest, bigquerytest.LostAnswer, bigquerytest.LostAnswer, bigquerytest.Unavailable, bigquerytest.Internal, bigquerytest.RateLimited, bigquerytest.OverQuota,
	}[p.random.IntN(7)], nil
}

// loader starts a loader in the process.
func (p *process) loader() *loads.Loader {
	return must(loads.New(loads.Options{
		Store: p, Table: table, Source: source, Now: time.Now,
		Warehouse: &bigquerytest.Direct{Service: p.w.service, Project: project, Dataset: dataset, Table: tableName, Location: "US", Fault: p.fault},
	}))
}

// simulationID is the id of the nth simulation.
func simulationID(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	return fmt.Sprintf("20260701-aaaaaaa%c%c%c", letters[n/676%26], letters[n/26%26], letters[n%26])
}

// onInsert is a fault of every jobs.insert.
func onInsert(fault bigquerytest.Fault) func(context.Context, string) (bigquerytest.Fault, error) {
	return func(_ context.Context, request string) (bigquerytest.Fault, error) {
		if request == "jobs.insert" {
			return fault, nil
		}
		return bigquerytest.None, nil
	}
}
