package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

const succeeded = "started 1 \nsucceeded 1 \n"

// TestAJobElsewhere comes to the same rows, and its events are those of a run here.
func TestAJobElsewhere(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, append(bids(9), "1.000001"), "")
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Simulator = faulty
	run(t, o)
	want := digests(t, store, plan)

	c := newCluster(t)
	plan = submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	o.Simulator, o.Tokens = faulty, &miser{asked: make(chan struct{}, 1)} // it takes no token
	var last Progress
	o.Progress = func(p Progress) { last = p }
	sum := run(t, o)
	if sum.Succeeded != 10 || sum.Failed != 1 || sum.Processes != 1 || sum.Decisions != 1000 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	wantStories(t, *events, plan, succeeded, map[string]string{"v0010": "started 1 \nfailed 1 panic\n"})
	c.wantJobs(store, plan, 1)
	if j := last.Job; j == nil || j.Name != c.all()[0].Name || j.ID != "job-1" || j.State != "done" {
		t.Errorf("%+v", j)
	}
	if e := (*events)[len(*events)-1]; e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	// It may be run on, and retried, as if it had run here.
	o, _ = c.options(store, plan)
	o.Simulator, o.RetryAll = harmless, true
	if sum := run(t, o); sum.Ran != 1 || sum.Succeeded != 11 {
		t.Errorf("the retry: %+v", sum)
	}
	c.wantJobs(store, plan, 2)
}

// TestNoSecondJob whatever gets lost on the way between the poller and the cluster, and whoever dies on it: a
// supervisor that was killed is resumed.
func TestNoSecondJob(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, want := undisturbed(t, config)
	killed := func(pid int) fault {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		return lost
	}
	poller := func(r request) fault { return killed(r.Poller) }
	supervisor := func(r request) fault { return killed(r.Supervisor) }
	away := func(request) fault { return lost }
	at := func(kind string, n int, does func(request) fault) func(request) fault {
		return func(r request) fault {
			if r.Kind == kind && r.N == n {
				return does(r)
			}
			return none
		}
	}
	n := 1
	for name, f := range map[string]func(request) fault{
		"the submission is lost":                    at("submit", 1, away),
		"its answer is lost":                        at("submitted", 1, away),
		"the poller dies before the submission":     at("submit", 1, poller),
		"the poller dies before the answer":         at("submitted", 1, poller),
		"the poller dies later":                     at("status", 3, poller),
		"the supervisor dies before the submission": at("submit", 1, supervisor),
		"the supervisor dies before the answer":     at("submitted", 1, supervisor),
		"the supervisor dies later":                 at("status", 3, supervisor),
		"the cluster is away a few times":           func(r request) fault { return map[bool]fault{true: lost}[r.N%3 != 0] },
		"the poller dies, and then the next one, both": func(r request) fault {
			return map[bool]func(request) fault{true: poller, false: func(request) fault { return none }}[r.Kind == "status" && (r.N == 2 || r.N == 4)](r)
		},
	} {
		n++
		plan := submitTo(t, store, config, n)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.fault = f
			text, err := json.Marshal(supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: t.TempDir() + "/pid", Endpoint: c.url()})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "supervise", string(text))
			out, err := cmd.CombinedOutput()
			if dies := strings.Contains(name, "supervisor"); dies == (err == nil) {
				t.Fatalf("%v: %s", err, out)
			}
			o, events := c.options(store, plan)
			o.Simulator = paced
			if sum := run(t, o); sum.Succeeded != 13 {
				t.Errorf("%+v", sum)
			}
			wantDigests(t, store, plan, want)
			oneRowEach(t, store, plan, 1)
			c.wantJobs(store, plan, 1)
			checkMarkers(t, store, plan)
			for _, e := range *events {
				if e.Kind != VariantStarted && e.Kind != VariantSucceeded {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// TestAWorkerThatIsLost costs nobody anything, as long as the cluster starts another one.
func TestAWorkerThatIsLost(t *testing.T) {
	t.Setenv("WHATIF_TEST_FICKLE", t.TempDir())
	config := writeStudy(t, append(bids(4), "1.000004", "2.000004"), "")
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Simulator = harmless
	run(t, o)
	want := digests(t, store, plan)
	c := newCluster(t)
	plan = submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	o.Simulator = fickle
	if sum := run(t, o); sum.Succeeded != 7 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	wantStories(t, *events, plan, succeeded, nil)
	oneRowEach(t, store, plan, 1)
	c.wantJobs(store, plan, 1)
	if _, n := c.all()[0].standing(); n != 3 {
		t.Errorf("%d workers were started, want 3", n)
	}
}

// TestAJobThatFails is the death of what was in flight: it is tried in another job, after two such deaths alone
// in one, and failed at the third. With one variant at a time only the killer is in flight, and what is behind it
// is not reached before it has to wait for its turn alone.
func TestAJobThatFails(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, []string{"1", "1.000004", "3"}, "")
	c := newCluster(t)
	c.tries = 1
	store, plan := submit(t, config)
	o, events := c.options(store, plan)
	o.Simulator = faulty
	if sum := run(t, o); sum.Succeeded != 3 || sum.Failed != 1 || sum.Reasons[model.Crashed] != 1 {
		t.Errorf("%+v", sum)
	}
	wantStories(t, *events, plan, succeeded, map[string]string{
		"v0002": "started 1 \nretrying 1 crashed\nstarted 2 \nretrying 2 crashed\nstarted 4 \nfailed 4 crashed\n",
		"v0003": "started 3 \nsucceeded 3 \n",
	})
	c.wantJobs(store, plan, 4)
	if alone := c.all()[3].Job.Only; !slices.Equal(alone, []string{"v0002"}) {
		t.Errorf("the last job had %v", alone)
	}
	row, err := store.Read(t.Context(), plan.SimulationID, "v0002", 4)
	if err != nil || !strings.Contains(row.Error.Message, "its cluster job whatif-"+plan.SimulationID+"-4 (job-4) failed: a bundle failed 1 times") {
		t.Errorf("%v, %v", row, err)
	}
}

// TestAVariantThatIgnoresItsEnd has its worker replaced, once what else was in flight there has its row.
func TestAVariantThatIgnoresItsEnd(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, []string{"1", "1.000002", "3", "4"}, "execution: {retries: 0, variant_timeout: 1s}\n")
	c := newCluster(t)
	store, plan := submit(t, config)
	o, events := c.options(store, plan)
	o.Simulator = faulty
	if sum := run(t, o); sum.Succeeded != 4 || sum.Failed != 1 {
		t.Errorf("%+v", sum)
	}
	wantStories(t, *events, plan, succeeded, map[string]string{"v0002": "started 1 \nfailed 1 timed_out\n"})
	oneRowEach(t, store, plan, 1)
	c.wantJobs(store, plan, 1)
	if _, n := c.all()[0].standing(); n != 2 {
		t.Errorf("%d workers were started, want 2", n)
	}
}

// TestTwoWorkersOfOneJob compute everything twice at a time, as when one was taken for lost: the first row counts.
func TestTwoWorkersOfOneJob(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(10), "")
	store, want := undisturbed(t, config)
	c := newCluster(t)
	c.workers = 2
	plan := submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	o.Simulator = paced
	if sum := run(t, o); sum.Succeeded != 11 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	wantStories(t, *events, plan, succeeded, nil)
	oneRowEach(t, store, plan, 1)
	c.wantJobs(store, plan, 1)
}

// TestDifferentFiguresAreADefect that nobody can miss. The liars wait for each other, so that both have begun
// with a variant before either is done with it.
func TestDifferentFiguresAreADefect(t *testing.T) {
	t.Setenv("WHATIF_TEST_FICKLE", t.TempDir())
	c := newCluster(t)
	c.workers = 2
	store, plan := submit(t, writeStudy(t, bids(2), ""))
	o, _ := c.options(store, plan)
	o.Simulator = liar
	_, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "came to different figures for variant") {
		t.Errorf("%v", err)
	}
	if fault := model.FaultOf(err); fault.Retryable {
		t.Errorf("%+v", fault)
	}
}

// TestAJobThatIsRefused blames nobody, and says why; with what was amiss put right the simulation goes on.
func TestAJobThatIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.fault = func(r request) fault {
		if r.Kind == "submit" && r.N == 1 {
			return refused
		}
		return none
	}
	store, plan := submit(t, writeStudy(t, bids(2), ""))
	o, events := c.options(store, plan)
	_, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "was refused: the cluster refused: no quota") || model.FaultOf(err).Retryable {
		t.Errorf("%v", err)
	}
	if len(*events) != 0 {
		t.Errorf("%v", *events)
	}
	if sum := run(t, o); sum.Succeeded != 3 || len(c.all()) != 1 {
		t.Errorf("%+v", sum)
	}
	oneRowEach(t, store, plan, 2)
}

// TestAJobThatSomebodyElseCancelled is told of, blames nobody, and the rest is another job's when that is asked for.
func TestAJobThatSomebodyElseCancelled(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, want := undisturbed(t, config)
	c := newCluster(t)
	plan := submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	o.Simulator = paced
	o.Progress = func(p Progress) {
		if p.Succeeded == 3 {
			c.all()[0].end("cancelled", "by an operator")
		}
	}
	_, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "was cancelled, not by this program: by an operator") || model.FaultOf(err).Retryable {
		t.Errorf("%v", err)
	}
	for _, e := range *events {
		if e.Kind == VariantRetrying || e.Kind == VariantFailed {
			t.Errorf("%+v", e)
		}
	}
	checkMarkers(t, store, plan)
	if sum := run(t, o); sum.Succeeded != 13 || sum.Failed != 0 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	c.wantJobs(store, plan, 2)
}

// TestCancellingEndsTheJob and accounts for it: what is left is another job's, and nobody is blamed.
func TestCancellingEndsTheJob(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, want := undisturbed(t, config)
	c := newCluster(t)
	plan := submitTo(t, store, config, 2)
	o, events := c.options(store, plan)
	o.Simulator = paced
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p Progress) {
		if p.Succeeded >= 3 && p.Running > 0 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.wantJobs(store, plan, 1)
	if state, _ := c.all()[0].standing(); state != "cancelled" {
		t.Errorf("the job is %s", state)
	}
	checkMarkers(t, store, plan)
	for _, e := range *events {
		if e.Kind == VariantRetrying || e.Kind == VariantFailed {
			t.Errorf("%+v", e)
		}
	}
	o.Progress = nil
	if sum := run(t, o); sum.Succeeded != 13 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	c.wantJobs(store, plan, 2)
}

// TestAJobThatDoesNotEndInTime stays on record as cancelled. The next run waits for its end, takes it for nobody
// else's doing, and starts another one for the rest.
func TestAJobThatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, append(bids(3), "1.000005"), "execution: {variant_timeout: 1h}\n") // the last would take an hour
	store, want := undisturbed(t, config)
	c := newCluster(t)
	var deaf atomic.Bool
	c.fault = func(r request) fault {
		if deaf.Load() && r.Kind == "cancel" {
			return lost
		}
		return none
	}
	deaf.Store(true)
	plan := submitTo(t, store, config, 2)
	o, _ := c.options(store, plan)
	o.Simulator, o.Timing.Elsewhere.Cancel = faulty, 300*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.Once
	o.Observe = func(e VariantEvent) { once.Do(cancel) }
	began := time.Now()
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	open, err := store.OpenJobs(t.Context(), plan.SimulationID)
	if err != nil || len(open) != 1 || !open[0].Cancelled || open[0].Attempt != 1 {
		t.Errorf("%+v, %v", open, err)
	}
	deaf.Store(false)
	o.Simulator = harmless
	if sum := run(t, o); sum.Succeeded != 5 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	c.wantJobs(store, plan, 2)
}

// TestAJobIsLeftAlone by who says so, and taken up by the next run.
func TestAJobIsLeftAlone(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(12), "")
	store, want := undisturbed(t, config)
	c := newCluster(t)
	plan := submitTo(t, store, config, 2)
	o, _ := c.options(store, plan)
	stops := errors.New("the launcher stops")
	o.Simulator, o.Shared, o.Silence = paced, true, time.Minute
	o.Leave = func(cause error) bool { return errors.Is(cause, stops) }
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	o.Progress = func(p Progress) {
		if p.Succeeded >= 2 {
			cancel(stops)
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	o, events := c.options(store, plan)
	o.Simulator = paced
	if sum := run(t, o); sum.Succeeded != 13 {
		t.Errorf("%+v", sum)
	}
	wantDigests(t, store, plan, want)
	oneRowEach(t, store, plan, 1)
	c.wantJobs(store, plan, 1)
	for _, e := range *events {
		if e.Attempt != 1 {
			t.Errorf("%+v", e)
		}
	}
	if n := c.asked("cancel"); n != 0 {
		t.Errorf("it was asked to end %d times", n)
	}
}

// TestAJobOutOfReach goes on: the run's error says what can't be reached and how to go on, and so it does.
func TestAJobOutOfReach(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, bids(6), "")
	store, want := undisturbed(t, config)
	n := 1
	for name, kind := range map[string]string{"from the beginning": "submit", "later": "status"} {
		n++
		plan := submitTo(t, store, config, n)
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			var away atomic.Bool
			away.Store(true)
			c.fault = func(r request) fault {
				if away.Load() && r.Kind == kind {
					return lost
				}
				return none
			}
			o, events := c.options(store, plan)
			o.Simulator, o.Timing.Elsewhere.Patience, o.Timing.Elsewhere.Submit = paced, 500*time.Millisecond, 300*time.Millisecond
			var said string
			o.Progress = func(p Progress) {
				if p.Job != nil && p.Job.Message != "" {
					said = p.Job.Message
				}
			}
			_, err := Run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.url()+" it goes on there, and `whatif run --resume "+plan.SimulationID) || !strings.Contains(said, "does not answer") {
				t.Errorf("%v; said meanwhile: %s", err, said)
			}
			away.Store(false)
			o.Only = nil // what is not known to have ended, as a launcher goes on
			for _, v := range plan.Variants {
				if !strings.Contains(story(*events, v.ID), "succeeded") {
					o.Only = append(o.Only, Todo{VariantID: v.ID})
				}
			}
			sum := run(t, o)
			if sum.Succeeded != 7 {
				t.Errorf("%+v", sum)
			}
			wantDigests(t, store, plan, want)
			for _, v := range plan.Variants {
				// A beginning is told by whoever sees it, an end once, and last.
				if told := story(*events, v.ID); strings.Trim(strings.ReplaceAll(told, "started 1 \n", ""), "\n") != "succeeded 1 " || !strings.HasSuffix(told, "succeeded 1 \n") {
					t.Errorf("%s:\n%s", v.ID, told)
				}
			}
			oneRowEach(t, store, plan, 1)
			c.wantJobs(store, plan, 1)
		})
	}
}

// TestTooManyFailuresEndTheJob early.
func TestTooManyFailuresEndTheJob(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	all := append([]string{"1.000001"}, slices.Repeat([]string{"1.000005"}, 3)...) // a panic, and some that would take an hour
	store, plan := submit(t, writeStudy(t, all, "execution: {max_failed_variants: 0, retries: 0, variant_timeout: 1h}\n"))
	o, _ := c.options(store, plan)
	o.Simulator = faulty
	sum, err := Run(t.Context(), o)
	if err != nil || !strings.Contains(sum.Stopped, "1 variants failed") || sum.Failed != 1 || sum.Succeeded != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	c.wantJobs(store, plan, 1)
	if state, _ := c.all()[0].standing(); state != "cancelled" {
		t.Errorf("the job is %s", state)
	}
}

// TestWhatARunnerLacks is told all at once, before anything is stored or submitted.
func TestWhatARunnerLacks(t *testing.T) {
	for _, c := range []struct {
		runner  string
		set     Settings
		results string
		files   []model.PinnedInput
		want    []string
	}{
		{"direct", Settings{}, "results", nil, nil},
		{"spark", Settings{}, "results", nil, []string{`there is no runner "spark"`}},
		{"flink", Settings{}, "results", nil, []string{"runner flink needs --endpoint (or WHATIF_ENDPOINT)"}},
		{"flink", Settings{Endpoint: "127.0.0.1:8099"}, "results", []model.PinnedInput{{URI: "/a"}}, nil},
		{"dataflow", Settings{Region: "europe-west1"}, "results", []model.PinnedInput{{URI: "/a"}, {URI: "/b"}},
			[]string{"needs --project (or WHATIF_PROJECT), --staging (or WHATIF_STAGING)", "can't write to results", "can't read /a"}},
		{"dataflow", Settings{Project: "my-project", Region: "europe-west1", Staging: "gs://bucket/s"}, "gs://bucket/r", []model.PinnedInput{{URI: "gs://bucket/s.parquet"}}, nil},
	} {
		err := CheckReach(c.runner, Elsewhere{Settings: c.set}, c.results, c.files)
		var got []string
		if all, ok := errors.AsType[several](err); ok {
			for _, one := range all {
				got = append(got, one.Error())
			}
		}
		if !slices.EqualFunc(got, c.want, strings.Contains) {
			t.Errorf("%s: %q, want %q", c.runner, got, c.want)
		}
	}
	store, plan := submit(t, writeStudy(t, bids(1), ""))
	o := options(store, plan)
	o.Runner = "flink"
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--endpoint") {
		t.Errorf("%v", err)
	}
}

// TestRequestsStayFew: looking at a job of many variants takes as many requests of its runner as of one with few.
func TestRequestsStayFew(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := scaled(60, 1000)
	store, plan := submit(t, writeStudy(t, bids(n), ""))
	o, events := c.options(store, plan)
	o.Timing.Elsewhere.Poll = 5 * time.Second // as in the product
	began := time.Now()
	if sum := run(t, o); sum.Succeeded != n+1 {
		t.Errorf("%+v", sum)
	}
	wantStories(t, *events, plan, succeeded, nil)
	// 200 ms, and half as much more each time, up to 5 s: nine in the first 12 s, and then one every 5 s.
	if most := 9 + int(time.Since(began)/(5*time.Second)); c.asked("status") > most {
		t.Errorf("%d questions in %s, want at most %d", c.asked("status"), time.Since(began), most)
	}
}

// TestAJobTakenUpBesideARetry ends before what is retried is run again: nobody runs beside it.
func TestAJobTakenUpBesideARetry(t *testing.T) {
	t.Parallel()
	config := writeStudy(t, append([]string{"1.000001"}, bids(8)...), "")
	c := newCluster(t)
	store, plan := submit(t, config)
	o, _ := c.options(store, plan)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Simulator, o.Leave = faulty, func(error) bool { return true }
	o.Observe = func(e VariantEvent) {
		if e.Kind == VariantFailed {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o, events := c.options(store, plan)
	o.Simulator, o.Retry = harmless, []string{"v0001"}
	if sum := run(t, o); sum.Succeeded != 10 {
		t.Errorf("%+v", sum)
	}
	told := story(*events, "v0001")
	if told != "started 2 \nsucceeded 2 \n" {
		t.Errorf("v0001:\n%s", told)
	}
	c.wantJobs(store, plan, 2)
}

// TestWhatAWorkerIsWritingIsLeftAlone: a worker elsewhere may be at it, even of a job that is taken for ended.
func TestWhatAWorkerIsWritingIsLeftAlone(t *testing.T) {
	for _, far := range []bool{false, true} {
		store, plan := submit(t, writeStudy(t, bids(1), ""))
		record := results.Job{Attempt: 1, Runner: testRunner, Name: "whatif-x-1", Spec: json.RawMessage("{}"), Variants: []string{"v0001"}}
		if far {
			err := errors.Join(store.RecordJob(t.Context(), plan.SimulationID, record), store.EndJob(t.Context(), plan.SimulationID, 1, results.JobEnd{State: "cancelled"}))
			if err != nil {
				t.Fatal(err)
			}
		}
		unfinished := filepath.Join(store.URI(), "simulation_id="+plan.SimulationID, ".attempt=1.parquet.7-1.tmp")
		writeText(t, unfinished, "half a row")
		if sum := run(t, options(store, plan)); sum.Succeeded != 2 {
			t.Errorf("%+v", sum)
		}
		if _, err := os.Stat(unfinished); (err == nil) != far {
			t.Errorf("with a job elsewhere %v: %v", far, err)
		}
	}
}
