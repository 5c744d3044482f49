package pipeline

import (
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// agenda is what a run has left to do: a plain state machine without clock, process or disk. doc.go
// draws what moves a variant.
type agenda struct {
	order    []string // ids in the plan's order
	variants map[string]*item
	retries  int                         // of one variant
	budget   int                         // retries left for all of them together
	delay    func(try int) time.Duration // before the try after that many failed ones
}

// item is a variant's standing.
type item struct {
	settled bool // has a row that counts, and nothing more is done about it
	failed  bool // of a settled one
	skipped bool // not part of this run: it neither has a row nor gets one
	tries   int  // retryable failures in this run
	deaths  int  // of processes with it in flight
	due     time.Time
}

// Deaths of a process with a variant in flight: after two it runs alone, the third is its failure.
const (
	deathsUntilAlone  = 2
	deathsUntilFailed = 3
)

// newAgenda takes a simulation up where its rows leave it. With again, exactly those variants are run
// anew, which count as failed; without, all that have no row.
func newAgenda(plan *model.Plan, rows []results.Row, started map[string][]int64, again map[string]bool) *agenda {
	a := &agenda{variants: map[string]*item{}}
	counted := results.CountedOf(rows)
	committed := map[string]map[int64]bool{}
	for _, row := range rows {
		if committed[row.VariantID] == nil {
			committed[row.VariantID] = map[int64]bool{}
		}
		committed[row.VariantID][row.Attempt] = true
	}
	for _, v := range plan.Variants {
		row, has := counted[v.ID]
		it := &item{settled: has && !again[v.ID], failed: has && row.Status == model.StatusFailed, skipped: !has && again != nil}
		for _, n := range started[v.ID] {
			if !committed[v.ID][n] {
				it.deaths++
			}
		}
		// A process may have died with its supervisor or the machine, which nobody saw: such deaths
		// call for caution, but only one that was seen can be the variant's failure.
		it.deaths = min(it.deaths, deathsUntilAlone)
		a.order, a.variants[v.ID] = append(a.order, v.ID), it
	}
	return a
}

// limit has the agenda run exactly some variants, each with its rows and deaths after an attempt only.
// Rows that are there settle it, or count as tries.
func (a *agenda) limit(only []Todo, rows []results.Row, started map[string][]int64) error {
	for _, it := range a.variants {
		it.skipped = !it.settled
	}
	for _, todo := range only {
		it := a.variants[todo.VariantID]
		if it == nil {
			return fmt.Errorf("pipeline: the plan has no variant %s", todo.VariantID)
		}
		*it = item{}
		committed := map[int64]bool{}
		for _, row := range rows {
			if row.VariantID == todo.VariantID && row.Attempt > todo.After {
				committed[row.Attempt] = true
				it.count(row.Status, row.Reason, a.retries)
			}
		}
		for _, n := range started[todo.VariantID] {
			if n > todo.After && !committed[n] {
				it.deaths = min(it.deaths+1, deathsUntilAlone)
			}
		}
	}
	return nil
}

// count takes a row of an earlier run for what it would have meant in this one.
func (it *item) count(status string, fault model.Reason, retries int) {
	switch {
	case it.settled && !it.failed:
	case status == model.StatusSucceeded:
		it.settled, it.failed = true, false
	case transient(fault) && it.tries < retries:
		it.tries++
	default:
		it.settled, it.failed = true, true
	}
}

// transient reports whether another attempt of the same run may do better. Three processes were lost to a
// crashed variant already: those were its tries.
func transient(fault model.Reason) bool { return fault.Retryable() && fault != model.Crashed }

func (it *item) open() bool { return !it.settled && !it.skipped }

// next is the next round: every variant that is due, or one that must run alone. Without any it says
// how long until one is due; done when nothing is left.
func (a *agenda) next(now time.Time) (round []string, wait time.Duration, done bool) {
	done = true
	alone := ""
	for _, id := range a.order {
		it := a.variants[id]
		if !it.open() {
			continue
		}
		if until := it.due.Sub(now); until > 0 {
			if done || until < wait {
				wait = until
			}
			done = false
			continue
		}
		if it.deaths >= deathsUntilAlone {
			if alone == "" {
				alone = id
			}
			continue
		}
		round = append(round, id)
	}
	if len(round) == 0 && alone != "" {
		round = []string{alone}
	}
	if len(round) > 0 {
		return round, 0, false
	}
	return nil, wait, done
}

// verdict is what a row means for its variant.
type verdict struct {
	again  bool      // it will be tried again
	due    time.Time // not before
	budget bool      // it would be, were the run's retries not used up
}

// commit notes a row. A transient failure is due again after a delay, as long as the variant has tries
// left and the run has retries.
func (a *agenda) commit(id string, status string, fault model.Reason, retryable bool, now time.Time) (v verdict) {
	it := a.variants[id]
	if it == nil || it.settled {
		return v
	}
	if status == model.StatusFailed && retryable && transient(fault) && it.tries < a.retries {
		if a.budget > 0 {
			a.budget--
			it.tries++
			it.due = now.Add(a.delay(it.tries))
			return verdict{again: true, due: it.due}
		}
		v.budget = true
	}
	it.settled, it.failed = true, status == model.StatusFailed
	return v
}

// die notes that a process died with a variant in flight, and tells whether that is its failure.
func (a *agenda) die(id string) (crashed bool) {
	it := a.variants[id]
	if it == nil || it.settled {
		return false
	}
	it.deaths++
	return it.deaths >= deathsUntilFailed
}

// standing counts the simulation's variants: those with figures, those without for good, those that
// wait for another try, and those this run leaves alone.
func (a *agenda) standing() (succeeded, failed, waiting, left int) {
	for _, it := range a.variants {
		switch {
		case it.settled && it.failed:
			failed++
		case it.settled:
			succeeded++
		case it.tries > 0:
			waiting++
			left++
		default:
			left++
		}
	}
	return succeeded, failed, waiting, left
}

// backoff delays tries exponentially, with full jitter: anything up to the bound is as likely, so
// that what failed together does not come back together.
type backoff struct {
	base, max time.Duration
	random    func() float64 // in [0, 1)
}

func (b backoff) delay(try int) time.Duration {
	bound := b.max
	if shift := try - 1; shift < 32 && b.base<<shift < b.max {
		bound = b.base << shift
	}
	return time.Duration(b.random() * float64(bound))
}
