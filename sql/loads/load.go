package loads

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Outcome is how a simulation stands after a call of Load.
type Outcome struct {
	Simulation string
	Rounds     []RoundOf // that have rows of it, in order
	Waiting    int       // rows in no round yet
	LeftOut    []BadRow  // rows that can't be loaded as they are
	Committed  int       // rows that the store has

	attempt int64 // the highest of the rows
}

// RoundOf is what a round has of a simulation.
type RoundOf struct {
	Round int64
	Job   string // the latest
	Rows  int
	State State
}

// State is where a round stands.
type State string

// The states of a round.
const (
	There  State = "already there" // it was settled before this call
	Loaded State = "loaded"        // this call saw it settled
	Open   State = "running"       // its job has not ended, or has yet to be tried again
)

// BadRow is a row that was left out.
type BadRow struct{ Path, Why string }

// Complete reports whether all rows that the store has are in the table.
func (o Outcome) Complete() bool {
	return o.Waiting == 0 && len(o.LeftOut) == 0 && !slices.ContainsFunc(o.Rounds, func(r RoundOf) bool { return r.State == Open })
}

// Load sees to it that all rows of these simulations that are committed by now are loaded: it sees the last
// round through, and makes further ones of what is in none. Without wait it starts what can be started and
// leaves it running. The outcomes, in the order of the simulations, are those at the end, of an error too.
//
// An error that holds an *Error whose Temporary is true may pass; nothing is lost by trying again, ever.
func (l *Loader) Load(ctx context.Context, wait bool, simulations ...string) ([]Outcome, error) {
	first, loadErr := l.load(ctx, wait, simulations)
	outcomes := make([]Outcome, 0, len(simulations))
	for _, id := range simulations {
		o, err := l.outcome(ctx, id, first)
		if err == nil && o.Complete() {
			err = l.markComplete(ctx, o)
		}
		if err != nil {
			return outcomes, errors.Join(loadErr, err)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, loadErr
}

// load returns the first round that was not settled before it.
func (l *Loader) load(ctx context.Context, wait bool, simulations []string) (first int64, err error) {
	if err := l.prepare(ctx); err != nil {
		return 0, err
	}
	last, err := l.tail(ctx)
	if err != nil {
		return 0, err
	}
	first = 1
	if last != nil {
		first = last.Round
		if last.settled != nil {
			first++
		}
	}
	submitted := map[string]bool{}
	for {
		if last != nil && last.settled == nil {
			v := &visit{Loader: l, wait: wait, submitted: submitted}
			last, err = v.settle(ctx, last)
			if err != nil || v.running {
				if kind, known := kindOf(err); known && kind == Refused {
					l.ready.Store(false) // perhaps it is the table: it is looked at again
				}
				return first, err
			}
			simulations = exceptGivenUp(simulations, last, submitted)
		}
		more, err := l.advance(ctx, wait, last, simulations)
		if err != nil || !more {
			return first, err
		}
		if last, err = l.tail(ctx); err != nil {
			return first, err
		}
	}
}

// exceptGivenUp leaves out a simulation that this call has tried alone in a round which had to be given up: it
// would come to the same end at once.
func exceptGivenUp(simulations []string, last *round, submitted map[string]bool) []string {
	tried := slices.ContainsFunc(last.generations, func(g generation) bool { return submitted[g.FailedJob] })
	if last.settled.Job != "" || len(last.Simulations) != 1 || !tried {
		return simulations
	}
	return slices.DeleteFunc(slices.Clone(simulations), func(id string) bool { return id == last.Simulations[0].ID })
}

// prepare looks at the table once.
func (l *Loader) prepare(ctx context.Context) error {
	if l.ready.Load() {
		return nil
	}
	if err := l.Warehouse.Prepare(ctx); err != nil {
		return fmt.Errorf("loads: table %s: %w", l.Table, err)
	}
	l.ready.Store(true)
	return nil
}

// advance makes the next round, at the pace that jobs may have; more is false if there is nothing to make it of.
func (l *Loader) advance(ctx context.Context, wait bool, last *round, simulations []string) (more bool, err error) {
	pause, err := l.pace(ctx, last)
	if err != nil {
		return false, err
	}
	if pause > 0 {
		waiting, err := l.anyWaiting(ctx, simulations)
		if err != nil || !waiting || !wait {
			return false, err
		}
		return true, l.Sleep(ctx, pause)
	}
	made, beaten, err := l.plan(ctx, last, simulations)
	return made != nil || beaten, err
}

// anyWaiting reports whether one of the simulations has rows in no round.
func (l *Loader) anyWaiting(ctx context.Context, simulations []string) (bool, error) {
	for _, id := range simulations {
		o, err := l.outcome(ctx, id, 0)
		if err != nil || o.Waiting > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// outcome is how a simulation stands; rounds from first on are news.
func (l *Loader) outcome(ctx context.Context, simulation string, first int64) (o Outcome, err error) {
	o.Simulation = simulation
	m, err := l.membership(ctx, simulation)
	if err != nil {
		return o, err
	}
	committed, err := l.Store.Rows(ctx, simulation)
	if err != nil {
		return o, fmt.Errorf("loads: simulation %s: %w", simulation, err)
	}
	sortRows(committed)
	o.Committed, o.attempt = len(committed), lastAttempt(committed)
	for _, row := range committed {
		name := row.String()
		why, out := m.out[name]
		switch {
		case m.rounds[name] != nil:
		case out:
			o.LeftOut = append(o.LeftOut, BadRow{rowPath(simulation, name), why})
		default:
			o.Waiting++
		}
	}
	o.Rounds = roundsOf(m, first)
	return o, nil
}

// roundsOf are the rounds that have rows, by number.
func roundsOf(m membership, first int64) (list []RoundOf) {
	rows := map[*round]int{}
	for _, r := range m.rounds {
		rows[r]++
	}
	for r, n := range rows {
		of := RoundOf{Round: r.Round, Job: r.job(), Rows: n, State: Open}
		switch {
		case r.settled != nil && r.Round < first:
			of.State = There
		case r.settled != nil:
			of.State = Loaded
		}
		list = append(list, of)
	}
	slices.SortFunc(list, func(a, b RoundOf) int { return int(a.Round - b.Round) })
	return list
}
