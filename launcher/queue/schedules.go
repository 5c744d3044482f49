package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/calendar"
	"github.com/whatif-machine/whatif/launcher/store"
)

const (
	dueAtATime    = 100 // schedules that are looked at together
	firingsAtOnce = 4   // each resolves its inputs, which can take a while
)

// firings are the schedules being fired by this launcher now.
type firings struct {
	places chan struct{}
	mu     sync.Mutex
	under  map[string]bool // way, by schedule
	all    sync.WaitGroup
}

func newFirings() *firings {
	return &firings{places: make(chan struct{}, firingsAtOnce), under: map[string]bool{}}
}

// begin fires in a goroutine of its own, unless the schedule is being fired already.
func (f *firings) begin(id string, fire func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.under[id] {
		return
	}
	f.under[id] = true
	f.all.Go(func() {
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.under, id)
		}()
		f.places <- struct{}{}
		defer func() { <-f.places }()
		fire()
	})
}

// schedule fires the schedules at their times.
func (q *Queue) schedule(ctx context.Context) {
	f := newFirings()
	defer f.all.Wait()
	for sleep(ctx, q.fireDue(ctx, f)) == nil {
	}
}

// fireDue begins every firing that is due and returns how long until the next look.
func (q *Queue) fireDue(ctx context.Context, f *firings) time.Duration {
	due, next, err := q.book.DueSchedules(ctx, dueAtATime)
	if err != nil {
		q.complain(ctx, "looking for schedules that are due", err)
		return awayFor
	}
	for _, c := range due {
		f.begin(c.ID, func() { q.fire(ctx, c) })
	}
	if next.IsZero() {
		return pollEvery
	}
	return min(pollEvery, max(next.Sub(q.Now()), claimEvery))
}

// fire does what is due of a schedule, once: another launcher may be about to do the same, and the store lets one.
func (q *Queue) fire(ctx context.Context, c store.Schedule) {
	log := q.Logger.With("schedule", c.ID, "tenant", c.Tenant)
	times, err := calendar.Parse(c.Cron, c.Timezone)
	f := firing{at: c.NextAt}
	if err == nil {
		f = firingOf(times.Next, c.Missed, c.NextAt, q.Now())
	}
	var sub *store.Submission
	if err == nil && !f.skip {
		sub, err = q.submission(ctx, c, f.at)
	}
	if ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, errChanged) {
		return // says nothing of the schedule: it is still due, or will be seen as it is now
	}
	problem := ""
	if err != nil {
		problem = short(err.Error())
	}
	sim, fired, err := q.book.Fire(ctx, c, f.at, f.next, sub, problem)
	switch {
	case errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || err == nil && !fired:
		// Another launcher did it, or the schedule was changed or deleted meanwhile.
	case err != nil:
		q.complain(ctx, "firing a schedule", err)
	case f.skip:
		log.Info("skipped a firing that was missed", "fire_time", f.at, "next", f.next)
	case problem != "":
		log.Warn("a schedule could not be fired", "fire_time", f.at, "next", f.next, "problem", problem)
	default:
		log.Info("fired a schedule", "fire_time", f.at, "next", f.next, "simulation_id", sim.ID)
	}
}

// errChanged says that a schedule was changed, deleted or fired since it was found due.
var errChanged = errors.New("queue: the schedule is not any more as it was found")

// submission is a firing's simulation. A panic is an error of it. The configuration's text is read here, where few
// are at a time: what is due together may be large together.
func (q *Queue) submission(ctx context.Context, c store.Schedule, at time.Time) (sub *store.Submission, err error) {
	defer func() {
		if p := recover(); p != nil {
			q.Logger.Error("a firing panicked", "schedule", c.ID, "panic", p, "stack", string(debug.Stack()))
			sub, err = nil, fmt.Errorf("a defect of this program: %v", p)
		}
	}()
	whole, err := q.book.Schedule(ctx, c.Tenant, c.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && whole.Version != c.Version {
		return nil, errChanged
	}
	if err != nil {
		return nil, err
	}
	sub, err = q.Options.Fire(ctx, whole, at)
	if err != nil {
		return nil, err
	}
	if sub == nil {
		return nil, errors.New("the configuration came to no submission")
	}
	sub.FireTime, sub.Simulation.ScheduleID, sub.Simulation.Tenant = at, c.ID, c.Tenant
	return sub, nil
}
