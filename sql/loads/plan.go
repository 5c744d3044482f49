package loads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// maxFiles bounds a round. A load job takes 10,000 URIs and 15 TB ("Quotas and limits", Load jobs:
// https://cloud.google.com/bigquery/quotas#load_jobs); a row's file has at most 16 MiB, so the second bound is
// never met: 10,000 of them are 0.17 TB.
const maxFiles = 10_000

// plan makes the round after the last one, which is settled, of as much as fits of what these simulations have
// that is in no round yet. It is nil if there is nothing, or if another loader was faster: look again.
func (l *Loader) plan(ctx context.Context, last *round, simulations []string) (made *round, beaten bool, err error) {
	next := &round{manifest: manifest{Version: manifestVersion, Round: 1, Table: l.Table, Source: l.Source}}
	if last != nil {
		next.Round, next.JobsBefore = last.Round+1, last.jobsAfter()
	}
	if err := l.gather(ctx, next, simulations); err != nil {
		return nil, false, err
	}
	if len(next.Simulations) == 0 {
		return nil, false, nil
	}
	if err := l.Store.Stage(ctx, next.paths()); err != nil {
		return nil, false, fmt.Errorf("loads: %w", err)
	}
	killpoint.Here("loads.staged")
	if err := l.mark(ctx, next); err != nil {
		return nil, false, err
	}
	next.MadeAt = l.Now().UTC()
	ours, err := l.writeOnce(ctx, l.roundFolder(next.Round)+"/"+manifestName, next.manifest)
	if err != nil || !ours {
		return nil, err == nil, err
	}
	killpoint.Here("loads.round_made")
	l.known.Store(next.Round)
	made, err = l.mustRead(ctx, next.Round)
	return made, false, err
}

// gather fills a round with simulations, whole if they fit. One that was in a round which was given up goes alone.
func (l *Loader) gather(ctx context.Context, next *round, simulations []string) error {
	room := maxFiles
	for _, id := range simulations {
		free, troubled, err := l.free(ctx, id)
		if err != nil {
			return err
		}
		alone := len(next.Simulations) == 0
		if len(free) == 0 || troubled && !alone || len(free) > room && !alone {
			continue
		}
		free = free[:min(len(free), room)]
		next.Simulations = append(next.Simulations, part{ID: id, Rows: free})
		if room -= len(free); room == 0 || troubled {
			return nil
		}
	}
	return nil
}

// mark leaves a mark at each simulation of a round that is about to be made: whoever looks at the simulation when
// the round is there finds it.
func (l *Loader) mark(ctx context.Context, next *round) error {
	for _, p := range next.Simulations {
		name := fmt.Sprintf("%s/%08d", l.marksFolder(p.ID), next.Round)
		err := l.Store.Create(ctx, name, []byte("this round may hold rows of this simulation\n"))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("loads: %w", err)
		}
		killpoint.Here("loads.marked")
	}
	return nil
}

// free is the rows of a simulation that are in no round, in order; troubled if one of them had been in a round
// that left it out, though nothing is wrong with it.
func (l *Loader) free(ctx context.Context, simulation string) (rows []string, troubled bool, err error) {
	m, err := l.membership(ctx, simulation)
	if err != nil {
		return nil, false, err
	}
	committed, err := l.Store.Rows(ctx, simulation)
	if err != nil {
		return nil, false, fmt.Errorf("loads: simulation %s: %w", simulation, err)
	}
	sortRows(committed)
	for _, row := range committed {
		name := row.String()
		if m.rounds[name] != nil {
			continue
		}
		if m.out[name] != "" {
			wrong, err := l.Store.Check(ctx, simulation, row)
			if err != nil {
				return nil, false, fmt.Errorf("loads: simulation %s: %w", simulation, err)
			}
			if wrong != "" {
				continue
			}
			troubled = true
		}
		rows = append(rows, name)
	}
	return rows, troubled, nil
}

// sortRows puts the same rows into the same order everywhere.
func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Attempt, b.Attempt))
	})
}

// membership is which rounds have which rows of a simulation.
type membership struct {
	rounds map[string]*round // by row: the round that it is in
	out    map[string]string // rows that a round left out and that are in no other: why
}

// completeMark is the name of a mark that all rows of a simulation were in settled rounds when the store had so
// many, up to an attempt. It says nothing of rows that come later, of the same attempt too: one that was given up
// may go on elsewhere for a while.
func completeMark(attempt int64, rows int) string {
	return fmt.Sprintf("complete.%d.%d", attempt, rows)
}

// lastAttempt is the highest attempt of rows, 0 of none.
func lastAttempt(rows []Row) (last int64) {
	for _, r := range rows {
		last = max(last, r.Attempt)
	}
	return last
}

// membership reads the rounds that are marked at a simulation. A mark of a round that was never made, or that
// another loader made of other simulations, says nothing.
func (l *Loader) membership(ctx context.Context, simulation string) (membership, error) {
	m := membership{rounds: map[string]*round{}, out: map[string]string{}}
	names, err := l.Store.List(ctx, l.marksFolder(simulation))
	if err != nil {
		return m, fmt.Errorf("loads: simulation %s: %w", simulation, err)
	}
	slices.Sort(names)
	for _, name := range names {
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			continue // it says that all is loaded, or is a file that is still being written
		}
		r, err := l.read(ctx, n)
		if err != nil {
			return m, err
		}
		if r != nil {
			m.add(r, simulation)
		}
	}
	return m, nil
}

// add takes in a round; they come in the order of their numbers.
func (m *membership) add(r *round, simulation string) {
	out := r.without()
	for _, row := range r.part(simulation) {
		if why, gone := out[fileOf{simulation, row}]; gone {
			m.out[row] = why
		} else {
			m.rounds[row] = r
			delete(m.out, row)
		}
	}
}

// Pending reports whether a simulation may have rows that are not known to be loaded: it lists its rows and its marks,
// and reads nothing.
func (l *Loader) Pending(ctx context.Context, simulation string) (bool, error) {
	rows, err := l.Store.Rows(ctx, simulation)
	if err != nil {
		return false, fmt.Errorf("loads: simulation %s: %w", simulation, err)
	}
	names, err := l.Store.List(ctx, l.marksFolder(simulation))
	if err != nil {
		return false, fmt.Errorf("loads: simulation %s: %w", simulation, err)
	}
	return !slices.Contains(names, completeMark(lastAttempt(rows), len(rows))), nil
}

// markComplete notes that all rows that an outcome has counted are in settled rounds.
func (l *Loader) markComplete(ctx context.Context, o Outcome) error {
	name := path.Join(l.marksFolder(o.Simulation), completeMark(o.attempt, o.Committed))
	err := l.Store.Create(ctx, name, []byte("these rows are all in settled rounds\n"))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("loads: %w", err)
	}
	return nil
}

// rowPath is the path of a row of a manifest.
func rowPath(simulation, row string) string {
	parsed, _ := parseRow(row) // it comes from Row.String or was checked when it was read
	return model.ResultPath(simulation, parsed.Variant, parsed.Attempt)
}
