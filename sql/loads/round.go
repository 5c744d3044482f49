package loads

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// round is a round as far as it has been read. What has been read of one never changes; more may come.
type round struct {
	manifest
	data        []byte // of the manifest, which the jobs' ids are made of
	generations []generation
	settled     *settlement
}

// read reads a round; nil if there is none of that number.
func (l *Loader) read(ctx context.Context, n int64) (*round, error) {
	r, known := l.rounds.get(n)
	if known && r.settled != nil {
		return r, nil // nothing more comes
	}
	names, err := l.Store.List(ctx, l.roundFolder(n))
	if err != nil {
		return nil, fmt.Errorf("loads: round %d: %w", n, err)
	}
	if !slices.Contains(names, manifestName) {
		return nil, nil
	}
	more := &round{}
	if known {
		*more = *r
		more.generations = slices.Clone(r.generations)
	} else if err := l.readManifest(ctx, n, more); err != nil {
		return nil, err
	}
	for g := more.generation() + 1; slices.Contains(names, generationName(g)); g++ {
		var next generation
		if err := l.readJSON(ctx, l.roundFolder(n)+"/"+generationName(g), &next); err != nil {
			return nil, err
		}
		more.generations = append(more.generations, next)
	}
	if slices.Contains(names, settledName) {
		more.settled = new(settlement)
		if err := l.readJSON(ctx, l.roundFolder(n)+"/"+settledName, more.settled); err != nil {
			return nil, err
		}
	}
	l.rounds.put(n, more)
	return more, nil
}

func (l *Loader) readManifest(ctx context.Context, n int64, into *round) (err error) {
	name := l.roundFolder(n) + "/" + manifestName
	if into.data, err = l.Store.Read(ctx, name); err != nil {
		return fmt.Errorf("loads: %w", err)
	}
	if err := decode(name, into.data, &into.manifest); err != nil {
		return err
	}
	return into.check(name, l.Table, n)
}

func (l *Loader) readJSON(ctx context.Context, name string, into any) error {
	data, err := l.Store.Read(ctx, name)
	if err != nil {
		return fmt.Errorf("loads: %w", err)
	}
	return decode(name, data, into)
}

// writeOnce makes a file of a round; made is false if another loader's stands there.
func (l *Loader) writeOnce(ctx context.Context, name string, v any) (made bool, err error) {
	data, err := encode(v)
	if err != nil {
		return false, err
	}
	err = l.Store.Create(ctx, name, data)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("loads: %w", err)
	}
	return true, nil
}

// generation is the number of the latest one, from 1.
func (r *round) generation() int { return 1 + len(r.generations) }

// job is the id of the latest generation's job.
func (r *round) job() string { return jobID(r.Round, r.generation(), r.data) }

// lastJobAt is when the latest generation was made.
func (r *round) lastJobAt() time.Time {
	if len(r.generations) > 0 {
		return r.generations[len(r.generations)-1].MadeAt
	}
	return r.MadeAt
}

// jobsAfter is the jobs of all rounds up to this one.
func (r *round) jobsAfter() int64 { return r.JobsBefore + int64(r.generation()) }

// paths are the files of the latest generation, in order.
func (r *round) paths() []string {
	out := r.without()
	var paths []string
	for _, p := range r.Simulations {
		for _, text := range p.Rows {
			if _, gone := out[fileOf{p.ID, text}]; gone {
				continue
			}
			row, _ := parseRow(text) // checked when it was read
			paths = append(paths, model.ResultPath(p.ID, row.Variant, row.Attempt))
		}
	}
	return paths
}

// fileOf names a file of a round.
type fileOf struct{ simulation, row string }

// without is what the latest generation leaves out, and why.
func (r *round) without() map[fileOf]string {
	out := map[fileOf]string{}
	for _, g := range r.generations {
		for _, left := range g.Without {
			out[fileOf{left.Simulation, left.Row}] = left.Why
		}
	}
	return out
}

// part is what the round's manifest has of a simulation.
func (r *round) part(simulation string) []string {
	for _, p := range r.Simulations {
		if p.ID == simulation {
			return p.Rows
		}
	}
	return nil
}

// mostRemembered bounds the rounds kept in memory: one of 10,000 files is about 200 KB.
const mostRemembered = 64

// memory keeps rounds that were read lately.
type memory struct {
	mu     sync.Mutex
	rounds map[int64]*round
}

func (m *memory) get(n int64) (*round, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rounds[n]
	return r, ok
}

func (m *memory) put(n int64, r *round) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rounds == nil || len(m.rounds) >= mostRemembered {
		m.rounds = map[int64]*round{}
	}
	m.rounds[n] = r
}
