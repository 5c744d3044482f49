package queue

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// lines is a log as text, of several at a time.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with counts the lines that have all of some parts.
func (l *lines) with(parts ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			n++
		}
	}
	return n
}

// impatientQueue is a queue that waits for the ends of jobs for a moment only, and tries soon again.
func (r *room) impatientQueue(t *testing.T, log *lines) *Queue {
	t.Helper()
	q := r.queue(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	q.endEvery = 10 * time.Millisecond
	q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
		o.Timing.Elsewhere = pipeline.TimingElsewhere{Poll: 20 * time.Millisecond, Cancel: 100 * time.Millisecond}
		return pipeline.Run(ctx, o)
	}
	return q
}

// overWithJob is a simulation that has ended and has a job that nobody has asked to end, left by a launcher that died.
func (r *room) overWithJob(t *testing.T, service *oneJob) (id string) {
	t.Helper()
	q := r.run(t, nil)
	id = r.submitStudy(t, writeStudy(t, bids(1), "")).ID
	r.awaitState(t, id, store.Succeeded)
	stop(t, q)
	r.recordJob(t, id, service)
	if err := r.results.Reserve(t.Context(), id, "dead"); err != nil {
		t.Fatal(err)
	}
	return id
}

func (r *room) openJobs(t *testing.T, id string) []results.Job {
	t.Helper()
	open, err := r.results.OpenJobs(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return open
}

func (r *room) isReserved(t *testing.T, id string) bool {
	t.Helper()
	is, err := r.results.Reserved(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// TestTheJobOfACancelledSimulationIsEnded although it had not when it was cancelled: it is asked again until it has,
// by this launcher and by one that comes after it. Retention gets the simulation then.
func TestTheJobOfACancelledSimulationIsEnded(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	r := newRoom(t)
	var log lines
	q := r.impatientQueue(t, &log)
	var once sync.Once
	run := q.run
	q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
		once.Do(func() { r.recordJob(t, o.SimulationID, service) })
		return run(ctx, o)
	}
	start(t, q)
	sim := r.submitStudy(t, writeStudy(t, bids(2), ""))
	r.awaitJob(t, sim.ID)
	if _, err := r.store.Cancel(t.Context(), tenant0, sim.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	end := r.awaitState(t, sim.ID, store.Cancelled)
	if end.Fault == nil || end.Fault.Reason != store.JobOpen {
		t.Errorf("fault %+v", end.Fault)
	}
	asked := service.timesAsked()
	askedAgain := func() {
		r.until(t, func() bool { return service.timesAsked() > asked+2 }, func() string { return "the job is not asked again" })
		asked = service.timesAsked()
	}
	askedAgain()
	if n := log.with("has not been ended", sim.ID); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	if removed := r.collect(t); len(removed) != 0 || !r.isReserved(t, sim.ID) {
		t.Errorf("retention got %v while a job is open", removed)
	}
	stop(t, q)

	start(t, r.impatientQueue(t, &log))
	askedAgain()
	service.end()
	r.until(t, func() bool { return len(r.openJobs(t, sim.ID)) == 0 && !r.isReserved(t, sim.ID) }, func() string { return "the job has ended, and is open" })
	if removed := r.collect(t); !slices.Equal(removed, []string{sim.ID}) {
		t.Errorf("retention got %v", removed)
	}
}

// tryToEnd is one try at each of the jobs that are to be ended, due or not.
func (r *room) tryToEnd(t *testing.T, q *Queue) {
	t.Helper()
	for _, one := range q.remnants.due(r.now().Add(time.Hour)) {
		q.endJobsOf(t.Context(), one)
	}
}

// TestAJobIsEndedByOneAtATime, on record before it is asked. Without settings of this launcher's: where it runs is on
// record.
func TestAJobIsEndedByOneAtATime(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	r := newRoom(t)
	id := r.overWithJob(t, service)
	var log lines
	q := r.impatientQueue(t, &log)
	q.unreserve(id)
	try := func() { r.tryToEnd(t, q) }

	release, err := r.results.LockShared(t.Context(), id) // as the run of another launcher has it
	if err != nil {
		t.Fatal(err)
	}
	try()
	if n := service.timesAsked(); n != 0 || !q.remnants.has(id) || log.with("has not been ended") != 0 {
		t.Errorf("while another has it the job is asked %d times", n)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	try()
	if open := r.openJobs(t, id); len(open) != 1 || !open[0].Cancelled || service.timesAsked() == 0 {
		t.Errorf("asked %d times; open are %+v", service.timesAsked(), open)
	}
	if n := log.with("has not been ended", "was asked to end and has not", id); n != 1 || !q.remnants.has(id) || !r.isReserved(t, id) {
		t.Errorf("it is told %d times", n)
	}
	service.end()
	try()
	if open := r.openJobs(t, id); len(open) != 0 || q.remnants.has(id) || r.isReserved(t, id) {
		t.Errorf("open are %+v", open)
	}
}

// TestAJobThatMayNotBeEndedIsToldOfOnce: where it goes on, why, and what to do.
func TestAJobThatMayNotBeEndedIsToldOfOnce(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, true)
	r := newRoom(t)
	id := r.overWithJob(t, service)
	var log lines
	q := r.impatientQueue(t, &log)
	q.unreserve(id)
	for range 2 {
		r.tryToEnd(t, q)
	}
	if n := log.with("has not been ended", "could not be ended", "not yours", "flink at "+service.url, "cancel it there"); n != 1 || service.timesAsked() != 2 {
		t.Errorf("asked %d times and told %d times: %s", service.timesAsked(), n, log.text.String())
	}
}

// TestTheJobOfARetriedSimulationIsItsOwn: it goes on with it.
func TestTheJobOfARetriedSimulationIsItsOwn(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	r := newRoom(t)
	first := r.run(t, func(o *Options) { o.Simulator = paced })
	sim := r.midway(t)
	stop(t, first)
	r.recordJob(t, sim.ID, service)
	q := r.impatientQueue(t, new(lines))
	q.remnants.add(sim.ID, tenant0)
	q.endJobsOf(t.Context(), q.remnants.due(r.now())[0])
	if open := r.openJobs(t, sim.ID); len(open) != 1 || open[0].Cancelled || service.timesAsked() != 0 || q.remnants.has(sim.ID) {
		t.Errorf("a job of a simulation that is paused: asked %d times, open are %+v", service.timesAsked(), open)
	}
}

// TestADeletedSimulationGoesWhenItsJobHasEnded, which it is made to. What it waits for is told once.
func TestADeletedSimulationGoesWhenItsJobHasEnded(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	r := newRoom(t)
	id := r.overWithJob(t, service)
	if err := r.store.Delete(t.Context(), tenant0, id, "a test"); err != nil {
		t.Fatal(err)
	}
	var log lines
	q := r.impatientQueue(t, &log)
	round := func() {
		t.Helper()
		if err := q.removeDeleted(t.Context()); err != nil {
			t.Error(err)
		}
		r.tryToEnd(t, q)
	}
	deleted := func() []string {
		t.Helper()
		ids, err := r.store.Deleted(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	round()
	round()
	if n := log.with("are removed later", id, "whatif-"+id+"-70", "flink"); n != 1 {
		t.Errorf("it is told %d times what the results stay for", n)
	}
	if ids := deleted(); !slices.Equal(ids, []string{id}) || service.timesAsked() < 2 {
		t.Errorf("to be removed are %v; the job is asked %d times", ids, service.timesAsked())
	}
	service.end()
	round()
	if open := r.openJobs(t, id); len(open) != 0 {
		t.Errorf("open are %+v", open)
	}
	round()
	if _, err := os.Stat(r.results.Path(model.SimulationPath(id))); !os.IsNotExist(err) || len(deleted()) != 0 || q.remnants.has(id) {
		t.Errorf("its results: %v; to be removed are %v", err, deleted())
	}
}

// TestWhatADeadLauncherReservedIsFoundInTheEnd also by one that was there before: not at each look, which asks for
// every simulation, but after an hour.
func TestWhatADeadLauncherReservedIsFoundInTheEnd(t *testing.T) {
	t.Parallel()
	service := newOneJob(t, false)
	service.end()
	clock := newClock()
	r := newRoomAt(t, clock.now)
	q := r.impatientQueue(t, new(lines))
	q.tidyRound(t.Context())
	id := r.overWithJob(t, service)
	clock.forward(inheritEvery / 2)
	q.tidyRound(t.Context())
	if q.remnants.has(id) {
		t.Error("it was looked for too soon")
	}
	clock.forward(inheritEvery / 2)
	q.tidyRound(t.Context())
	list := q.remnants.due(clock.now())
	if len(list) != 1 || list[0].id != id || list[0].tenant != tenant0 {
		t.Fatalf("found are %+v", list)
	}
	q.endJobsOf(t.Context(), list[0])
	if open := r.openJobs(t, id); len(open) != 0 || r.isReserved(t, id) {
		t.Errorf("open are %+v", open)
	}
}

// TestTriesGetRarer: twice as long each time, ten minutes at most. One that was not made changes nothing.
func TestTriesGetRarer(t *testing.T) {
	r, now := remnants{of: map[string]*remnant{}}, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	r.add("a", tenant0)
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600, 600} {
		if len(r.due(now)) != 1 {
			t.Fatalf("try %d: it is not due", i)
		}
		if tries := r.later("a", now, 10*time.Second, true); tries != i+1 {
			t.Errorf("%d tries, want %d", tries, i+1)
		}
		if i == 1 {
			r.later("a", now, 10*time.Second, false)
		}
		now = now.Add(want*time.Second - 1)
		if len(r.due(now)) != 0 {
			t.Errorf("try %d: it is due before %d s", i, want)
		}
		now = now.Add(1)
	}
	r.add("a", tenant0) // is there
	r.add("b", "")
	if list := r.due(now); len(list) != 2 || list[0].id != "b" || list[1].tries != 12 {
		t.Errorf("due are %+v", list)
	}
	r.drop("a")
	if r.has("a") || !r.has("b") || r.later("a", now, time.Second, true) != 0 {
		t.Error("a is there still")
	}
}
