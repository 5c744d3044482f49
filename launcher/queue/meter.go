package queue

import (
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
)

// meter keeps a simulation's progress: what the store is told with each heartbeat.
type meter struct {
	now      func() time.Time
	variants int
	slots    int64

	mu       sync.Mutex
	base     int64 // decisions of runs that have ended, by other launchers too
	own      int64 // decisions made here, in runs that have ended
	run      int64 // decisions of the run that is going on
	finished int   // variants
	blocking []store.Blocker
	samples  []sample // of the last minute, the oldest first
}

// sample is how many decisions had been made at a time.
type sample struct {
	at        time.Time
	decisions int64
}

// Windows of the rates.
const (
	lately  = 10 * time.Second // the throughput that is told
	outlook = 60 * time.Second // the throughput that the end is estimated by

	sampleEvery = 500 * time.Millisecond // at most, whoever asks how often
)

func newMeter(sim store.Simulation, now func() time.Time) *meter {
	done := sim.Counts.Succeeded + sim.Counts.Failed + sim.Counts.Cancelled
	m := &meter{now: now, variants: sim.Variants, slots: sim.Slots, base: sim.Progress.Decisions, finished: done}
	m.samples = []sample{{now(), m.base}}
	return m
}

// hear takes what the pipeline tells.
func (m *meter) hear(p pipeline.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.run = max(m.run, p.Decisions)
	m.blocking = m.blocking[:0:0]
	for _, b := range p.Blocking {
		m.blocking = append(m.blocking, store.Blocker{
			VariantID: b.VariantID, Attempt: b.Attempt, Since: b.Since, NextRetry: b.NextRetry,
			Reason: string(b.Reason), Message: short(b.Message),
		})
	}
}

// ended closes the books of a run.
func (m *meter) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base, m.own, m.run = m.base+m.run, m.own+m.run, 0
	m.blocking = nil
}

// held says why nothing runs though something should.
func (m *meter) held(since time.Time, reason, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocking = []store.Blocker{{Since: since, Reason: reason, Message: short(message)}}
}

// stands tells how many variants have ended.
func (m *meter) stands(finished int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finished = finished
}

// made is how many decisions were made here.
func (m *meter) made() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own + m.run
}

// progress is the progress as it is now. Rates look at the samples that earlier calls left.
func (m *meter) progress() store.Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	p := store.Progress{Decisions: m.base + m.run, Blocking: m.blocking}
	p.DecisionsPerSecond = m.rate(now, p.Decisions, lately)
	left := float64(m.variants-m.finished) * float64(m.slots)
	if pace := m.rate(now, p.Decisions, outlook); pace > 0 && left > 0 {
		if seconds := left / pace; seconds < maxOutlook.Seconds() {
			p.EstimatedEnd = now.Add(time.Duration(seconds * float64(time.Second)))
		}
	}
	if now.Sub(m.samples[len(m.samples)-1].at) >= sampleEvery {
		m.samples = append(m.samples, sample{now, p.Decisions})
	}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= outlook {
		m.samples = m.samples[1:]
	}
	return p
}

// maxOutlook is how far ahead an end is estimated at most.
const maxOutlook = 365 * 24 * time.Hour

// rate is decisions a second over a window, or since the first sample if that is shorter ago.
func (m *meter) rate(now time.Time, decisions int64, window time.Duration) float64 {
	from := m.samples[0]
	for _, s := range m.samples[1:] {
		if now.Sub(s.at) < window {
			break
		}
		from = s
	}
	if took := now.Sub(from.at).Seconds(); took > 0 {
		return float64(decisions-from.decisions) / took
	}
	return 0
}
