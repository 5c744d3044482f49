package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// lineEvery is how often progress says a line where there is no terminal to draw a bar on.
const lineEvery = 5 * time.Second

// meter shows how far a long piece of work is: a live bar on a terminal, a line every few seconds
// elsewhere, nothing with --quiet. update may be called from one goroutine at a time, as often as
// one likes; done must be called once.
type meter struct {
	out      io.Writer
	noun     string // what is counted: "variants"
	bars     *mpb.Progress
	bar      *mpb.Bar
	mu       sync.Mutex
	note     string
	started  time.Time
	first    int64 // done when the pace began to be measured; -1: not yet told
	lastLine time.Time
	silent   bool
}

// newMeter starts a meter over total things; the clock is the caller's.
func (c *console) newMeter(noun string, total int64, now time.Time) *meter {
	m := &meter{out: c.err, noun: noun, started: now, first: -1, lastLine: now, silent: c.quiet}
	if _, ok := terminal(c.err); !ok || c.quiet {
		return m
	}
	m.bars = mpb.New(mpb.WithOutput(c.err), mpb.WithWidth(40))
	m.bar = m.bars.AddBar(total,
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d "+noun)),
		mpb.AppendDecorators(
			decor.Percentage(),
			decor.Any(func(decor.Statistics) string { return m.remark() }),
		),
	)
	return m
}

func (m *meter) remark() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.note == "" {
		return ""
	}
	return "  " + m.note
}

// update says that done of total are finished, with a remark beside it.
func (m *meter) update(done, total int64, note string, now time.Time) {
	if m.silent {
		return
	}
	if m.bar != nil {
		m.mu.Lock()
		m.note = note
		m.mu.Unlock()
		m.bar.SetTotal(total, false)
		m.bar.SetCurrent(done)
		return
	}
	if now.Sub(m.lastLine) < lineEvery {
		return
	}
	m.lastLine = now
	if note != "" {
		note = ", " + note
	}
	fmt.Fprintf(m.out, "%s of %s %s%s\n", grouped(done), grouped(total), m.noun, note)
}

// done takes the bar down, leaving what it showed last.
func (m *meter) done() {
	if m.bar == nil {
		return
	}
	if !m.bar.Completed() {
		m.bar.Abort(false)
	}
	m.bars.Wait()
}

// remaining estimates the time left from the pace so far; 0 when there is none to go by. What was
// done when it was first asked is not of this pace: a resumed run begins with it.
func (m *meter) remaining(done, total int64, now time.Time) time.Duration {
	if m.first < 0 {
		m.first = done
	}
	if done <= m.first || total <= done {
		return 0
	}
	return time.Duration(float64(now.Sub(m.started)) / float64(done-m.first) * float64(total-done))
}
