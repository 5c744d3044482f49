package pipeline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// These tests run simulations as a launcher does: with tokens, numbers and a shared lock of its own.

// purse are so many tokens, counted.
type purse struct {
	free chan struct{}

	mu                  sync.Mutex
	taken, given, inUse int
	most                int
}

func purseOf(n int) *purse { return &purse{free: make(chan struct{}, n)} }

func (p *purse) Acquire(ctx context.Context) (func(), error) {
	select {
	case p.free <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken++
	p.inUse++
	p.most = max(p.most, p.inUse)
	return func() {
		p.mu.Lock()
		p.given++
		p.inUse--
		p.mu.Unlock()
		<-p.free
	}, nil
}

// TestEachVariantHasAToken while it is in flight, and every token comes back: of variants that succeed, fail,
// bring their process down or are given up.
func TestEachVariantHasAToken(t *testing.T) {
	for _, runner := range []string{Direct, Prism} {
		t.Run(runner, func(t *testing.T) {
			all := slices.Concat(bids(6), []string{"1.000001", "1.000003", "1.000004"}) // panics, has no room, kills its process
			store, plan := submit(t, writeStudy(t, all, "execution: {retries: 1}\n"))
			tokens := purseOf(2)
			o := options(store, plan)
			o.Simulator, o.Runner, o.Parallelism, o.Tokens = faulty, runner, 4, tokens
			inFlight := map[string]bool{}
			o.Observe = func(e VariantEvent) {
				delete(inFlight, e.VariantID)
				if e.Kind == VariantStarted {
					inFlight[e.VariantID] = true
				}
				if len(inFlight) > 2 {
					t.Errorf("in flight with two tokens: %v", inFlight)
				}
			}
			sum := run(t, o)
			if sum.Succeeded != 7 || sum.Failed != 3 {
				t.Errorf("%+v", sum)
			}
			// One each and one for each further try: of the second at least one, of the third two.
			if tokens.taken < 13 || tokens.given != tokens.taken || tokens.most != 2 {
				t.Errorf("%d taken, %d given back, %d at most", tokens.taken, tokens.given, tokens.most)
			}
		})
	}
}

// TestTokensGoToTheLongestVariantFirst: traffic decides how long one takes.
func TestTokensGoToTheLongestVariantFirst(t *testing.T) {
	config := writeStudy(t, bids(1), "")
	text := "name: t\ninventory: slots.parquet\n" + campaignsYAML +
		"parameters:\n  traffic: {edit: slots.traffic}\nsweep:\n  grid: {traffic: [0.5, 2, 1.5]}\n"
	writeText(t, config, text)
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Tokens = purseOf(1)
	var order []string
	o.Observe = func(e VariantEvent) {
		if e.Kind == VariantStarted {
			order = append(order, e.VariantID)
		}
	}
	run(t, o)
	if want := []string{"v0002", "v0003", "baseline", "v0001"}; !slices.Equal(order, want) {
		t.Errorf("started %v, want %v", order, want)
	}
}

// miser has no token for anybody.
type miser struct {
	asked chan struct{}
	err   error // at once; nil: waits
}

func (m *miser) Acquire(ctx context.Context) (func(), error) {
	select {
	case m.asked <- struct{}{}:
	default:
	}
	if m.err != nil {
		return nil, m.err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestTokensThatAreRefusedEndTheRun, with the reason, before anything has begun.
func TestTokensThatAreRefusedEndTheRun(t *testing.T) {
	store, plan := submit(t, writeStudy(t, bids(3), ""))
	closed := errors.New("the bank is closed")
	o := options(store, plan)
	o.Tokens = &miser{err: closed}
	if sum, err := Run(t.Context(), o); !errors.Is(err, closed) || sum.Ran != 0 || sum.Processes != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	run(t, options(store, plan))
}

// TestCancellingTakesLessThanTwoSeconds whatever is going on: a variant that heeds its context, one that
// does not, one that waits for a token, and a process that was stopped. Nobody is blamed, and nothing of
// it holds up the next run.
func TestCancellingTakesLessThanTwoSeconds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bid     string
		stopped bool
		waits   bool
	}{
		"heeds":   {bid: "1.000005"},
		"spins":   {bid: "1.000002"},
		"waits":   {bid: "1", waits: true},
		"stopped": {bid: "1.000005", stopped: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, plan := submit(t, writeStudy(t, []string{c.bid}, ""))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			file := filepath.Join(t.TempDir(), "pid")
			o := options(store, plan)
			o.Simulator, o.Command, o.Timing = faulty, withPid(file), Timing{} // as in the product
			var began time.Time
			end := func() {
				if !began.IsZero() {
					return
				}
				if c.stopped {
					if err := syscall.Kill(pidIn(t, file), syscall.SIGSTOP); err != nil {
						t.Error(err)
					}
				}
				began = time.Now()
				cancel()
			}
			var last []VariantEvent
			o.Observe = func(e VariantEvent) { last = append(last, e) }
			o.Progress = func(p Progress) {
				if p.Running == 1 && p.Succeeded == 1 {
					end()
				}
			}
			if c.waits {
				m := &miser{asked: make(chan struct{}, 1)}
				o.Tokens = m
				go func() { <-m.asked; end() }()
			}
			sum, err := Run(ctx, o)
			if took := time.Since(began); !errors.Is(err, context.Canceled) || took > 2*time.Second {
				t.Errorf("%v after %v", err, took)
			}
			if c.waits {
				if len(last) != 0 || sum.Ran != 0 {
					t.Errorf("a variant without a token: %v", last)
				}
			} else if e := last[len(last)-1]; e.Kind != VariantGivenUp || e.VariantID != "v0001" || e.Attempt != 1 {
				t.Errorf("its last event: %+v", e)
			}
			checkMarkers(t, store, plan)
			o = options(store, plan)
			o.Simulator = harmless
			if sum := run(t, o); sum.Succeeded != 2 {
				t.Errorf("resumed: %+v", sum)
			}
		})
	}
}

// TestAJobOutlivesAStoppedSupervisorByItsSilence only: whether its variant heeds its context or not, and
// the simulation goes on under another one.
func TestAJobOutlivesAStoppedSupervisorByItsSilence(t *testing.T) {
	t.Parallel()
	for name, bid := range map[string]string{"heeds": "1.000005", "spins": "1.000002"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, plan := submit(t, writeStudy(t, []string{bid}, ""))
			file := filepath.Join(t.TempDir(), "pid")
			cmd := superviseUntil(t, supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: faulty, PidFile: file, Silence: time.Second}, 1)
			if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			awaitDeath(t, pidIn(t, file))
			if took := time.Since(began); took < 500*time.Millisecond || took > 5*time.Second {
				t.Errorf("its job is gone after %v, want one to two seconds or a little more", took)
			}
			o := options(store, plan)
			o.Simulator, o.Shared = harmless, true
			if _, err := Run(t.Context(), o); !errors.Is(err, results.ErrRunning) {
				t.Errorf("beside a supervisor with a lock of its own: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed, as wanted
			if sum := run(t, o); sum.Succeeded != 2 {
				t.Errorf("resumed: %+v", sum)
			}
		})
	}
}

// TestSilenceIsCountedFromTheLastWord: with a word every quarter of it a job goes on for ever; without, it
// is cancelled after nine eighths of it at most, and gone a second later.
func TestSilenceIsCountedFromTheLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, supervisor := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		c := &conversation{teller: &teller{out: io.Discard}, cancel: cancel, turns: map[string]chan struct{}{}}
		go c.listen(bufio.NewReader(in))
		died := make(chan time.Time, 1)
		stop := c.watch(8*time.Second, func() { died <- time.Now() })
		for range 100 {
			<-time.After(2 * time.Second)
			if _, err := io.WriteString(supervisor, aliveLine+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		if ctx.Err() != nil {
			t.Fatal("cancelled though its supervisor is there")
		}
		last := time.Now()
		<-ctx.Done()
		if silence := time.Since(last); silence < 8*time.Second || silence > 9*time.Second {
			t.Errorf("cancelled after %v", silence)
		}
		cancelled := time.Now()
		if gone := (<-died).Sub(cancelled); gone != goneAfter {
			t.Errorf("gone after %v", gone)
		}
		stop()
		if err := supervisor.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// story is what was observed of a variant, without its times.
func story(events []VariantEvent, id string) string {
	var b strings.Builder
	for _, e := range events {
		if e.VariantID == id {
			fmt.Fprintf(&b, "%s %d %s\n", e.Kind, e.Attempt, e.Reason)
		}
	}
	return b.String()
}

// TestWhatIsObservedOfVariants: v0001 succeeds, v0002 panics, v0003 never has room, v0004 kills its process.
// With one token they are begun in this order, each after the row of the one before, so that round 1 ends
// with the first death, round 2 has v0003 and v0004, and in round 3, the last, v0004 is alone.
func TestWhatIsObservedOfVariants(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"2", "1.000001", "1.000003", "1.000004"}, "execution: {retries: 1}\n"))
	o := options(store, plan)
	o.Simulator, o.Parallelism, o.Tokens = faulty, 1, purseOf(1)
	var events []VariantEvent
	o.Observe = func(e VariantEvent) { events = append(events, e) }
	run(t, o)
	for id, want := range map[string]string{
		"baseline": "started 1 \nsucceeded 1 \n",
		"v0001":    "started 1 \nsucceeded 1 \n",
		"v0002":    "started 1 \nfailed 1 panic\n",
		"v0003":    "started 1 \nretrying 1 out_of_memory\nstarted 2 \nfailed 2 out_of_memory\n",
		"v0004":    "started 1 \nretrying 1 crashed\nstarted 2 \nretrying 2 crashed\nstarted 3 \nfailed 3 crashed\n",
	} {
		if got := story(events, id); got != want {
			t.Errorf("%s:\n%swant\n%s", id, got, want)
		}
	}
	for i, e := range events {
		failed := e.Kind == VariantFailed || e.Kind == VariantRetrying
		if e.At.IsZero() || (e.Message != "") != failed || len(e.Message) > 2<<10 || (e.NextRetry.IsZero()) != (e.Kind != VariantRetrying) {
			t.Errorf("event %d: %+v", i, e)
		}
		if e.Reason == model.Panicked && !strings.HasPrefix(e.Message, "a slot too many") {
			t.Errorf("of a panic: %s", e.Message)
		}
	}
}

// TestWhatBlocksTheEnd is named: what runs, and what waits for another try.
func TestWhatBlocksTheEnd(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"1.000003"}, "execution: {retries: 1}\n"))
	o := options(store, plan)
	o.Simulator, o.Parallelism = faulty, 1
	seen := map[string]bool{}
	o.Progress = func(p Progress) {
		switch {
		case len(p.Blocking) == 0:
		case p.Running == 1 && p.Waiting == 0:
			b := p.Blocking[0]
			seen["runs "+b.VariantID] = b.Attempt == 1 && !b.Since.IsZero() && b.NextRetry.IsZero() && b.Reason == ""
		case p.Running == 0 && p.Waiting == 1:
			b := p.Blocking[0]
			seen["waits "+b.VariantID] = b.Attempt == 1 && !b.NextRetry.Before(b.Since) && b.Reason == model.OutOfMemory && strings.Contains(b.Message, "of state")
		case p.Running == 1 && p.Waiting == 1:
			b := p.Blocking[0]
			seen["again "+b.VariantID] = b.Attempt == 2 && b.Reason == model.OutOfMemory
		}
	}
	run(t, o)
	if want := map[string]bool{"runs baseline": true, "runs v0001": true, "waits v0001": true, "again v0001": true}; !maps.Equal(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
}

// TestTheLongestBlockersAreTold, ten at most.
func TestTheLongestBlockersAreTold(t *testing.T) {
	s := &supervisor{number: 7, began: map[string]time.Time{}, failures: map[string]VariantEvent{}}
	for i := range 12 {
		s.began[fmt.Sprintf("v%04d", 20-i)] = noon.Add(time.Duration(i) * time.Minute)
	}
	s.failures["v0030"] = VariantEvent{Attempt: 3, At: noon.Add(90 * time.Second), NextRetry: noon.Add(time.Hour), Reason: model.Storage, Message: "full"}
	got := s.blocking()
	if len(got) != 10 || got[0].VariantID != "v0020" || got[1].VariantID != "v0019" || got[3].VariantID != "v0018" || got[0].Attempt != 7 {
		t.Errorf("%+v", got)
	}
	if want := (Blocker{"v0030", 3, noon.Add(90 * time.Second), noon.Add(time.Hour), model.Storage, "full"}); got[2] != want {
		t.Errorf("%+v, want %+v", got[2], want)
	}
}

// TestARunOfAFewVariantsOnly: a retry that was asked for from attempt 1 on, and one whose row has come
// since, which is told and not computed again.
func TestARunOfAFewVariantsOnly(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"1.000001", "1.000001", "2"}, ""))
	o := options(store, plan)
	o.Simulator = faulty
	run(t, o)
	o = options(store, plan)
	o.Simulator, o.Only = harmless, []Todo{{"v0001", 1}, {"v0002", 0}}
	var events []VariantEvent
	o.Observe = func(e VariantEvent) { events = append(events, e) }
	if sum := run(t, o); sum.Ran != 1 || sum.Succeeded != 3 || sum.Failed != 1 {
		t.Errorf("%+v", sum)
	}
	if story(events, "v0001") != "started 2 \nsucceeded 2 \n" || story(events, "v0002") != "failed 1 panic\n" || len(events) != 3 {
		t.Errorf("%+v", events)
	}
	if e := events[0]; e.VariantID != "v0002" || !strings.HasPrefix(e.Message, "a slot too many") {
		t.Errorf("what was there is told first: %+v", e)
	}
	o.RetryAll = true
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "either") {
		t.Errorf("a list and a retry: %v", err)
	}
}

// TestRetriesThatAreUsedUpAreTold: three variants without room, two retries for all of them.
func TestRetriesThatAreUsedUpAreTold(t *testing.T) {
	store, plan := submit(t, writeStudy(t, slices.Repeat([]string{"1.000003"}, 3), "execution: {retries: 5}\n"))
	o := options(store, plan)
	o.Simulator, o.RetryBudget = faulty, 2
	final := 0
	o.Observe = func(e VariantEvent) {
		if e.Kind == VariantFailed && strings.HasSuffix(e.Message, "(not tried again: the run has used up its 2 retries)") {
			final++
		}
	}
	if sum := run(t, o); sum.Reasons[model.OutOfMemory] != 5 || final != 3 {
		t.Errorf("%+v, %d told why they are not tried again", sum, final)
	}
}

// TestNumbersOfWhoeverStartedTheRun are taken above all that is known, and never come again in a run that
// has none.
func TestNumbersOfWhoeverStartedTheRun(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"1.000001"}, ""))
	var asked []int64
	o := options(store, plan)
	o.Simulator = faulty
	o.NextAttempt = func(ctx context.Context, atLeast int64) (int64, error) {
		asked = append(asked, atLeast)
		if len(asked) == 1 { // another process takes this one
			if _, err := store.TakeAttempt(t.Context(), plan.SimulationID, 40); err != nil {
				t.Error(err)
			}
			return 40, nil
		}
		return atLeast + 1, nil
	}
	run(t, o)
	if !slices.Equal(asked, []int64{0, 40}) {
		t.Errorf("asked for numbers above %v", asked)
	}
	o.NextAttempt, o.RetryAll = nil, true
	run(t, o)
	rows, err := store.Rows(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, r := range rows {
		numbers = append(numbers, r.Attempt)
	}
	if !slices.Equal(numbers, []int64{41, 41, 42}) {
		t.Errorf("attempts %v", numbers)
	}
	o.NextAttempt = func(_ context.Context, atLeast int64) (int64, error) { return atLeast, nil }
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "given attempt 42, but 42") {
		t.Errorf("a number that was taken: %v", err)
	}
}

// TestTwoSupervisorsOfOneSimulation do no harm to each other: a launcher that was thought dead, and the one
// that took over.
func TestTwoSupervisorsOfOneSimulation(t *testing.T) {
	config := writeStudy(t, bids(8), "")
	store, want := undisturbed(t, config)
	plan := submitTo(t, store, config, 2)
	var number atomic.Int64
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			o := options(store, plan)
			o.Simulator, o.Shared = paced, true
			o.NextAttempt = func(context.Context, int64) (int64, error) { return number.Add(1), nil }
			if sum, err := Run(t.Context(), o); err != nil || sum.Succeeded != 9 {
				t.Errorf("%+v, %v", sum, err)
			}
		})
	}
	both.Wait()
	wantDigests(t, store, plan, want)
	checkNames(t, store, plan)
}
