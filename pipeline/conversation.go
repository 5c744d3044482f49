package pipeline

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// conversation is a job's side of what it and its supervisor say to each other (protocol.go).
type conversation struct {
	teller *teller
	cancel context.CancelCauseFunc
	heard  atomic.Bool // a word of the supervisor since the watch last looked

	mu    sync.Mutex
	turns map[string]chan struct{} // of variants that want a token: closed once they have it
}

// Why a job's process ends early: what becomes of a job elsewhere depends on it.
var (
	errAsked = errors.New("the supervisor asked for the end")
	errLeave = errors.New("the supervisor leaves the job alone")
	errGone  = errors.New("the supervisor is gone")
)

// listen takes note of every line until the supervisor is gone, which ends the job too.
func (c *conversation) listen(lines *bufio.Reader) {
	defer c.cancel(errGone)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		c.heard.Store(true)
		line = strings.TrimSpace(line)
		if id, ok := strings.CutPrefix(line, goLine); ok {
			c.admit(id)
			continue
		}
		switch line {
		case cancelLine:
			c.cancel(errAsked)
		case leaveLine:
			c.cancel(errLeave)
		}
	}
}

// want asks for a token for a variant. The channel is closed when it is there.
func (c *conversation) want(id string) <-chan struct{} {
	turn := make(chan struct{})
	c.mu.Lock()
	c.turns[id] = turn
	c.mu.Unlock()
	c.teller.tell(message{Kind: kindWant, VariantID: id})
	return turn
}

func (c *conversation) admit(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if turn, ok := c.turns[id]; ok {
		delete(c.turns, id)
		close(turn)
	}
}

// pass tells the supervisor what happened to a variant.
func (c *conversation) pass(e transforms.Event) {
	switch e.Kind {
	case transforms.Computed:
		killpoint.Here("pipeline.job_variant_computed")
		return
	case transforms.Started:
		killpoint.Here("pipeline.job_variant_started")
	}
	c.teller.tell(message{Kind: string(e.Kind), VariantID: e.VariantID, Status: e.Status, Reason: e.Reason, Retryable: e.Retryable, Message: e.Message})
}

// Silence is counted in ticks and not by the clock: a job that was stopped itself hears nothing in that
// time, and must not take that for its supervisor's silence when it goes on.
const silentTicks = 8

// What a job does at the end of its patience: it cancels itself, says so while it still can, and is gone.
const (
	lastWordsAfter = 800 * time.Millisecond
	goneAfter      = time.Second
)

// watch ends the job when its supervisor has been silent for so long: one that is stopped does not close
// its end, and its job would compute for ever. It watches until stop is called.
func (c *conversation) watch(silence time.Duration, die func()) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if !c.awaitSilence(silence, quit) {
			return
		}
		c.cancel(errGone)
		words, gone := time.NewTimer(lastWordsAfter), time.NewTimer(goneAfter)
		defer words.Stop()
		defer gone.Stop()
		for {
			select {
			case <-quit:
				return
			case <-words.C:
				// In a goroutine of its own, since the pipe may be full. What ends so is held against no variant.
				go c.teller.tell(message{Kind: kindEnd, Ending: endCancelled})
			case <-gone.C:
				die()
				return
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// awaitSilence is true once the supervisor has been silent for long enough, false when quit is closed.
func (c *conversation) awaitSilence(silence time.Duration, quit <-chan struct{}) bool {
	ticker := time.NewTicker(max(silence/silentTicks, time.Millisecond))
	defer ticker.Stop()
	for silent := 0; silent < silentTicks; {
		select {
		case <-quit:
			return false
		case <-ticker.C:
		}
		silent++
		if c.heard.Swap(false) {
			silent = 0
		}
	}
	return true
}

// endMyself kills this process, whatever it is doing.
func endMyself() {
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
		select {} // the signal is on its way
	}
	os.Exit(1)
}
