package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/results"
)

// cluster is a runner beyond this machine, in the test's process: it takes jobs over HTTP from whoever looks after
// them, and runs each in a worker process of the test binary, through the direct runner, for real. A worker
// that dies is started again, as Flink and Dataflow do with a bundle, until the job has had its tries.
//
//	poller: submit, status, cancel --HTTP--> cluster --starts, again and again--> worker process: the pipeline
type cluster struct {
	t     *testing.T
	serve func() *httptest.Server // from its first use on; what the test changes, it changes before

	tries   int // of a worker, after which its job fails
	workers int // of a job, each with all of it, as if every one but the last had been taken for lost

	// fault is asked before each request is answered, with its number among those of its kind, from 1, and
	// the process ids of the poller and its supervisor. It may kill them.
	fault func(r request) fault

	mu       sync.Mutex
	jobs     []*clusterJob
	requests map[string]int
}

// request is one that the cluster got.
type request struct {
	Kind       string // submit, submitted (before it is answered), status, cancel
	N          int
	Poller     int
	Supervisor int
}

// fault is what becomes of a request besides.
type fault string

const (
	none    fault = ""
	lost    fault = "lost"    // no answer, which may pass
	refused fault = "refused" // never
)

// clusterJob is a job of a cluster.
type clusterJob struct {
	Name, ID string
	Job      transforms.Job

	mu      sync.Mutex
	state   remote.State
	message string
	started int // workers
	running []*exec.Cmd
	ended   chan struct{}
}

// testRunner is the name under which the tests' processes know the cluster.
const testRunner = "cluster"

func init() {
	outposts[testRunner] = outpost{runner: func() remote.Runner { return clusterRunner{} }, needs: []setting{endpointSetting}}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, tries: 4, workers: 1, fault: func(request) fault { return none }, requests: map[string]int{}}
	c.serve = sync.OnceValue(func() *httptest.Server { return httptest.NewServer(http.HandlerFunc(c.answer)) })
	t.Cleanup(func() {
		for _, j := range c.all() {
			j.end(remote.Cancelled, "the test is over")
			<-j.ended
		}
		c.serve().Close()
	})
	return c
}

// url is where it answers.
func (c *cluster) url() string { return c.serve().URL }

// asked is how many requests of a kind it has had.
func (c *cluster) asked(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[kind]
}

// standing is a job's state, and how many workers it has had.
func (j *clusterJob) standing() (remote.State, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state, j.started
}

// all are its jobs.
func (c *cluster) all() []*clusterJob {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.jobs)
}

// call is what travels between poller and cluster.
type call struct {
	Kind, Name         string
	Job                transforms.Job
	Poller, Supervisor int
}

type reply struct {
	Fault    fault
	ID       string
	State    remote.State
	Message  string
	Counters map[string]int64
}

func (c *cluster) answer(w http.ResponseWriter, r *http.Request) {
	var in call
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := reply{Fault: c.meets(in, in.Kind)}
	if out.Fault == none {
		j := c.job(in)
		if j == nil {
			out.Fault = refused
		} else {
			if in.Kind == "cancel" {
				j.end(remote.Cancelled, "by request")
			}
			out.ID = j.ID
			j.mu.Lock()
			out.State, out.Message = j.state, j.message
			j.mu.Unlock()
			out.Counters = map[string]int64{transforms.CounterDecisions: 1000}
		}
		if in.Kind == "submit" {
			out.Fault = c.meets(in, "submitted")
		}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		c.t.Log(err) // whoever asked is gone
	}
}

func (c *cluster) meets(in call, kind string) fault {
	c.mu.Lock()
	c.requests[kind]++
	r := request{kind, c.requests[kind], in.Poller, in.Supervisor}
	c.mu.Unlock()
	return c.fault(r)
}

// job finds a job by name, or starts it if it is submitted.
func (c *cluster) job(in call) *clusterJob {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if j.Name == in.Name {
			return j
		}
	}
	if in.Kind != "submit" {
		return nil
	}
	j := &clusterJob{Name: in.Name, ID: fmt.Sprintf("job-%d", len(c.jobs)+1), Job: in.Job, state: remote.Running, ended: make(chan struct{})}
	c.jobs = append(c.jobs, j)
	go j.run(c.tries, c.workers)
	return j
}

// run has workers do the job, and one after the other if they die.
func (j *clusterJob) run(tries, workers int) {
	defer close(j.ended)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for try := 1; ; try++ {
				err := j.work()
				j.mu.Lock()
				over := j.state.Final()
				j.mu.Unlock()
				if err == nil || over {
					return
				}
				if try == tries {
					j.end(remote.Failed, "a bundle failed "+fmt.Sprint(tries)+" times: "+err.Error())
					return
				}
			}
		})
	}
	all.Wait()
	j.end(remote.Done, "")
}

// work is the life of one worker process.
func (j *clusterJob) work() error {
	order, err := json.Marshal(j.Job)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], "work")
	said := &tail{}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(order), said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	j.mu.Lock()
	if j.state.Final() {
		j.mu.Unlock()
		return nil
	}
	err = cmd.Start()
	j.started++
	j.running = append(j.running, cmd)
	j.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// end ends a job that has not ended.
func (j *clusterJob) end(state remote.State, message string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Final() {
		return
	}
	j.state, j.message = state, message
	for _, cmd := range j.running {
		_ = cmd.Process.Kill() // fails only if it has ended
	}
}

// clusterRunner is the cluster's side in the process that looks after a job.
type clusterRunner struct{}

func (clusterRunner) Submit(ctx context.Context, p *beam.Pipeline, spec remote.Spec) (remote.Job, error) {
	job, err := jobOf(p)
	if err != nil {
		return nil, err
	}
	j := &clusterClient{url: spec.Settings.Endpoint, name: spec.Name}
	out, err := j.ask(ctx, "submit", job)
	j.id = out.ID
	return j, err
}

// jobOf reads the job from a step of the pipeline.
func jobOf(p *beam.Pipeline) (job transforms.Job, err error) {
	edges, _, err := p.Build()
	if err != nil {
		return job, err
	}
	for _, e := range edges {
		if e.DoFn == nil || e.DoFn.Recv == nil {
			continue
		}
		if f := reflect.Indirect(reflect.ValueOf(e.DoFn.Recv)).FieldByName("Job"); f.IsValid() {
			return f.Interface().(transforms.Job), nil
		}
	}
	return job, errors.New("no step has a job")
}

type clusterClient struct{ url, name, id string }

func (j *clusterClient) ID() string { return j.id }

func (j *clusterClient) Status(ctx context.Context) (remote.Status, error) {
	out, err := j.ask(ctx, "status", transforms.Job{})
	return remote.Status{State: out.State, Message: out.Message, Counters: out.Counters}, err
}

func (j *clusterClient) Cancel(ctx context.Context) error {
	_, err := j.ask(ctx, "cancel", transforms.Job{})
	return err
}

func (j *clusterClient) ask(ctx context.Context, kind string, job transforms.Job) (out reply, err error) {
	body, err := json.Marshal(call{Kind: kind, Name: j.name, Job: job, Poller: os.Getpid(), Supervisor: os.Getppid()})
	if err != nil {
		return out, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, j.url, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return out, passing{err}
	}
	err = errors.Join(json.NewDecoder(answer.Body).Decode(&out), answer.Body.Close())
	switch {
	case err != nil:
		return out, passing{err}
	case out.Fault == lost:
		return reply{}, passing{errors.New("the cluster does not answer")}
	case out.Fault == refused:
		return reply{}, errors.New("the cluster refused: no quota for another job")
	}
	return out, nil
}

// workForCluster is the test binary as a worker process: its job is on standard input.
func workForCluster(in io.Reader, logs io.Writer) error {
	var job transforms.Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	quietBeam(logs)
	transforms.SetWorker(transforms.Worker{Parallelism: 2, MemoryBytes: 256 << 20, Retire: retired(logs)})
	execution, err := directRunner{}.Start(context.Background(), Build(job))
	if err != nil {
		return err
	}
	return execution.Wait()
}

// elsewhereOptions are options to run on a cluster, with short waits.
func elsewhereOptions(o RunOptions, endpoint string) RunOptions {
	o.Runner, o.Elsewhere = testRunner, Elsewhere{Settings: Settings{Endpoint: endpoint}}
	o.Timing.Elsewhere = TimingElsewhere{Poll: 50 * time.Millisecond, Cancel: 5 * time.Second, Submit: 2 * time.Second, Patience: 2 * time.Second}
	return o
}

// options are options of a simulation that runs there, with its events.
func (c *cluster) options(store *results.Store, plan *model.Plan) (RunOptions, *[]VariantEvent) {
	o := elsewhereOptions(options(store, plan), c.url())
	events := &[]VariantEvent{}
	o.Observe = func(e VariantEvent) { *events = append(*events, e) }
	return o, events
}

// wantJobs checks how many jobs there have been, each under its own name, and that no record of one is open.
func (c *cluster) wantJobs(store *results.Store, plan *model.Plan, n int) {
	c.t.Helper()
	jobs := c.all()
	for i, j := range jobs {
		if want := fmt.Sprintf("whatif-%s-%d", plan.SimulationID, i+1); j.Name != want {
			c.t.Errorf("job %d is %s, want %s", i, j.Name, want)
		}
	}
	open, err := store.OpenJobs(c.t.Context(), plan.SimulationID)
	if len(jobs) != n || len(open) != 0 || err != nil {
		c.t.Errorf("%d jobs, want %d; open on record: %v, %v", len(jobs), n, open, err)
	}
}

// wantStories checks that each variant's events are these, one a line, and no variant has others.
func wantStories(t *testing.T, events []VariantEvent, plan *model.Plan, want string, but map[string]string) {
	t.Helper()
	for _, v := range plan.Variants {
		other, is := but[v.ID]
		if !is {
			other = want
		}
		if got := story(events, v.ID); got != other {
			t.Errorf("%s:\n%swant\n%s", v.ID, got, other)
		}
	}
}

// oneRowEach checks that there is one row of each variant, of that attempt.
func oneRowEach(t *testing.T, store *results.Store, plan *model.Plan, attempt int64) {
	t.Helper()
	rows, err := store.Rows(t.Context(), plan.SimulationID)
	if err != nil || len(rows) != len(plan.Variants) {
		t.Errorf("%d rows of %d variants, %v", len(rows), len(plan.Variants), err)
	}
	for _, r := range rows {
		if r.Attempt != attempt {
			t.Errorf("%s has a row of attempt %d, want %d", r.VariantID, r.Attempt, attempt)
		}
	}
}
