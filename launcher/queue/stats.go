package queue

import "github.com/whatif-machine/whatif/launcher/store"

// Stats are a queue's figures for metrics. Totals count since the start.
type Stats struct {
	Running       int // simulations
	MaxRunning    int
	Tokens        int // CPU tokens there are
	TokensInUse   int
	TokensWaiting int // claims to one that wait

	Decisions          int64   // total
	DecisionsPerSecond float64 // lately, of what runs
	Claims             int64   // total, take-overs included
	TakeOvers          int64   // total: claims of what a launcher left when it died
	DeadLetters        int64   // total: variants that failed for good
}

// Stats are the figures as they are now.
func (q *Queue) Stats() Stats {
	s := Stats{
		MaxRunning: q.MaxRunning, Tokens: q.Parallelism,
		Claims: q.taken.Load(), TakeOvers: q.takenOver.Load(), DeadLetters: q.deadLetters.Load(),
	}
	s.TokensInUse, s.TokensWaiting = q.tokens.inUse()
	q.mu.Lock()
	defer q.mu.Unlock()
	s.Running = len(q.claimed)
	s.Decisions = q.decisions.Load()
	for _, c := range q.claimed {
		s.Decisions += c.meter.made()
		s.DecisionsPerSecond += c.meter.progress().DecisionsPerSecond
	}
	return s
}

// Progress is how far a simulation is that runs here; false: it does not. The store is told the same with
// each heartbeat.
func (q *Queue) Progress(id string) (store.Progress, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for lease, c := range q.claimed {
		if lease.SimulationID == id && c.held.Err() == nil {
			return c.meter.progress(), true
		}
	}
	return store.Progress{}, false
}
