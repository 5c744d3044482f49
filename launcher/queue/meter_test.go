package queue

import (
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
)

// TestMeter: ten variants of 100 slots, of which three had been done before: 300 decisions. From then on a
// variant takes two seconds, 50 decisions a second.
func TestMeter(t *testing.T) {
	now := at(t, "2026-05-01T10:00:00Z")
	sim := store.Simulation{Variants: 10, Slots: 100, Counts: store.Counts{Succeeded: 2, Failed: 1, Pending: 7}, Progress: store.Progress{Decisions: 300}}
	m := newMeter(sim, func() time.Time { return now })
	if p := m.progress(); p.Decisions != 300 || p.DecisionsPerSecond != 0 || !p.EstimatedEnd.IsZero() {
		t.Fatalf("at the beginning: %+v", p)
	}
	var p store.Progress
	for second := 1; second <= 12; second++ {
		now = now.Add(time.Second)
		m.hear(pipeline.Progress{Decisions: int64(second / 2 * 100)})
		m.stands(3 + second/2)
		p = m.progress()
	}
	if p.Decisions != 900 || p.DecisionsPerSecond != 50 {
		t.Errorf("after 12 s: %+v, want 900 decisions and 50 a second", p)
	}
	// One variant is left.
	if want := now.Add(2 * time.Second); !p.EstimatedEnd.Equal(want) {
		t.Errorf("estimated end %s, want %s", p.EstimatedEnd, want)
	}
	// Another process goes on: its decisions are counted from nothing.
	m.ended()
	m.hear(pipeline.Progress{})
	m.hear(pipeline.Progress{Decisions: 100})
	m.stands(10)
	now = now.Add(10 * time.Second)
	if p = m.progress(); p.Decisions != 1000 || p.DecisionsPerSecond != 10 || !p.EstimatedEnd.IsZero() {
		t.Errorf("at the end: %+v, want 1000 decisions, 10 a second and no end to wait for", p)
	}
	if made := m.made(); made != 700 {
		t.Errorf("%d decisions were made here, want 700", made)
	}
}

func TestWhatBlocksIsTold(t *testing.T) {
	now := at(t, "2026-05-01T10:00:00Z")
	m := newMeter(store.Simulation{Variants: 2}, func() time.Time { return now })
	m.hear(pipeline.Progress{Blocking: []pipeline.Blocker{{VariantID: "v0001", Attempt: 2, Since: now, NextRetry: now.Add(time.Second), Reason: "timed_out", Message: "slow"}}})
	want := store.Blocker{VariantID: "v0001", Attempt: 2, Since: now, NextRetry: now.Add(time.Second), Reason: "timed_out", Message: "slow"}
	if got := m.progress().Blocking; len(got) != 1 || got[0] != want {
		t.Errorf("blocking: %+v", got)
	}
	m.ended()
	if got := m.progress().Blocking; len(got) != 0 {
		t.Errorf("blocking after the end of the run: %+v", got)
	}
	m.held(now, "storage", "no disk")
	if got := m.progress().Blocking; len(got) != 1 || got[0] != (store.Blocker{Since: now, Reason: "storage", Message: "no disk"}) {
		t.Errorf("blocking while it waits: %+v", got)
	}
}
