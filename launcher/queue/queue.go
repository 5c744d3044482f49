package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// Queue runs the simulations of a store. Make it with New.
type Queue struct {
	Options
	book     book
	run      func(context.Context, pipeline.RunOptions) (pipeline.Summary, error)
	backoff  time.Duration // before a simulation in trouble is tried again, the first time
	endEvery time.Duration // between two looks for jobs to be ended of simulations that are over, and before the second try
	tokens   *tokens

	open   context.Context // until Stop: then nothing new begins, and what runs is let go of
	shut   context.CancelFunc
	alive  context.Context // until Stop has waited long enough
	kill   context.CancelFunc
	loops  sync.WaitGroup
	claims sync.WaitGroup

	mu         sync.Mutex
	claimed    map[store.Lease]*claim
	complained map[string]time.Time // what was in trouble, and when that was last logged

	freed chan struct{} // has room for one word that a place has come free
	after *aftermath

	reserved  reserved
	inherited time.Time // when it was last looked for what others reserved; tidy's alone
	remnants  remnants
	awaited   sync.Map // ids of deleted simulations that wait for something, which was logged

	decisions   atomic.Int64 // of claims that have ended
	taken       atomic.Int64
	takenOver   atomic.Int64
	deadLetters atomic.Int64
}

// New makes a queue. Nothing happens before Start.
func New(o Options) (*Queue, error) {
	o, err := o.defaults()
	if err != nil {
		return nil, err
	}
	q := &Queue{Options: o, book: o.Store, run: pipeline.Run, backoff: time.Second, endEvery: sweepEvery, tokens: newTokens(o.Parallelism, o.Now),
		claimed: map[store.Lease]*claim{}, complained: map[string]time.Time{}, freed: make(chan struct{}, 1), after: newAftermath(o.Finished),
		reserved: reserved{ids: map[string]string{}}, remnants: remnants{of: map[string]*remnant{}}}
	q.open, q.shut = context.WithCancel(context.Background())
	q.alive, q.kill = context.WithCancel(context.Background())
	return q, nil
}

// Start begins to claim and run. The leases that a launcher of this name left when it died are void at once.
// The context bounds the start only; Stop ends what it began.
func (q *Queue) Start(ctx context.Context) error {
	n, err := q.book.Surrender(ctx, q.Name)
	if err != nil {
		return fmt.Errorf("queue: give up the leases of an earlier launcher %s: %w", q.Name, err)
	}
	if n > 0 {
		q.Logger.Info("simulations that a launcher of this name was running are gone on with", "simulations", n)
	}
	q.loops.Go(func() { q.dispatch(q.open) })
	q.loops.Go(func() { q.sweep(q.open) })
	q.loops.Go(func() { q.tidy(q.open) })
	q.loops.Go(func() { q.endJobs(q.open) })
	q.loops.Go(func() { q.after.run(q.open) })
	if q.Options.Fire != nil {
		q.loops.Go(func() { q.schedule(q.open) })
	}
	return nil
}

// Stop claims nothing more, ends what runs, gives the leases back and waits until all is over. Once ctx is
// done it waits for the store no longer: leases run out by themselves. It may be called twice.
func (q *Queue) Stop(ctx context.Context) error {
	q.shut()
	over := make(chan struct{})
	go func() {
		q.loops.Wait()
		q.claims.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	}
	q.kill()
	select {
	case <-over: // no process of ours takes longer than it is given to end
		return nil
	case <-time.After(killed):
		return fmt.Errorf("queue: stop: %w", errors.Join(context.Cause(ctx), errors.New("something that was told to end has not")))
	}
}

// killed is how long Stop waits, when its time is over, for processes that it has killed.
const killed = 5 * time.Second

const (
	pollEvery  = 250 * time.Millisecond // what other launchers change is looked for that often
	claimEvery = 10 * time.Millisecond  // between two claims at least, after one that found nothing
	awayFor    = time.Second            // a store that can't be reached is left alone
)

// dispatch claims simulations while there is a place for them, and queues delayed ones at their time.
func (q *Queue) dispatch(ctx context.Context) {
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		changed := q.book.Changed()
		idle, err := q.fill(ctx)
		if err != nil {
			q.complain(ctx, "claiming simulations", err)
			idle = awayFor
		}
		if sleep(ctx, idle) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-q.freed:
		case <-poll.C:
			poll.Reset(q.promote(ctx))
		}
	}
}

// complainEvery is how often the same trouble is logged while it lasts.
const complainEvery = 30 * time.Second

// complain logs an error of the store, unless it is that of our end or was logged lately.
func (q *Queue) complain(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	q.mu.Lock()
	last, again := q.complained[doing]
	now := q.Now()
	if again = again && now.Sub(last) < complainEvery; !again {
		q.complained[doing] = now
	}
	q.mu.Unlock()
	if !again {
		q.Logger.Warn(doing+" failed; it is tried again", "error", err)
	}
}

// promote queues what is due and returns how long until it should be called again.
func (q *Queue) promote(ctx context.Context) time.Duration {
	next, err := q.book.Promote(ctx)
	if err != nil {
		q.complain(ctx, "queueing delayed simulations", err)
		return awayFor
	}
	if next.IsZero() {
		return pollEvery
	}
	return min(pollEvery, max(next.Sub(q.Now()), claimEvery))
}

// fill claims until every place is taken or nothing waits, and returns how long to leave the store alone.
func (q *Queue) fill(ctx context.Context) (time.Duration, error) {
	for q.running() < q.MaxRunning && ctx.Err() == nil {
		before := q.Now()
		taken, err := q.book.Claim(ctx, q.Name, q.Lease)
		if err != nil {
			return 0, err
		}
		if taken == nil {
			return claimEvery, nil
		}
		killpoint.Here("queue.claimed")
		q.begin(*taken, before)
	}
	return 0, nil
}

func (q *Queue) running() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.claimed)
}

// begin runs a simulation that was claimed.
func (q *Queue) begin(taken store.Claimed, before time.Time) {
	c := q.newClaim(taken)
	sim := taken.Simulation
	if taken.TakenOver {
		q.takenOver.Add(1)
	}
	if waited := q.Now().Sub(value(sim.QueuedAt)); sim.QueuedAt != nil && sim.Attempts == 0 && !taken.TakenOver {
		q.Started(max(0, waited))
	}
	q.taken.Add(1)
	q.mu.Lock()
	q.claimed[taken.Lease] = c
	q.mu.Unlock()
	c.log.Info("claimed a simulation", "variants", sim.Variants, "taken_over", taken.TakenOver)
	q.claims.Go(func() {
		defer q.left(c)
		c.live(before)
	})
}

func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// left frees the place of a claim that is over.
func (q *Queue) left(c *claim) {
	q.mu.Lock()
	delete(q.claimed, c.Lease)
	q.decisions.Add(c.meter.made())
	q.mu.Unlock()
	select {
	case q.freed <- struct{}{}:
	default:
	}
}

// finished has the end of a simulation looked after.
func (q *Queue) finished(id string) { q.after.add(id) }
