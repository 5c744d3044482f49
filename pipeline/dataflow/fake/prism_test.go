package fake

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// TestMain lets the test's program be the worker program of its jobs, too.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], "--worker=true") {
		flag.Parse()
		beam.Init() // does not return
	}
	os.Exit(Isolated(m.Run))
}

func init() {
	register.DoFn2x2[context.Context, []byte, string, error](&stepFn{})
}

var passed = beam.NewCounter("whatif", "passed")

// stepFn notes each attempt at its element in a folder and fails the first ones, or waits.
type stepFn struct {
	Folder string
	Fail   int  // so many attempts
	Wait   bool // the first attempt waits for its end
}

func (f *stepFn) ProcessElement(ctx context.Context, _ []byte) (string, error) {
	attempt := 1
	for ; ; attempt++ {
		err := os.Mkdir(filepath.Join(f.Folder, strconv.Itoa(attempt)), 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	passed.Inc(ctx, 1)
	if f.Wait && attempt == 1 {
		<-ctx.Done()
	}
	if attempt <= f.Fail {
		return "", fmt.Errorf("attempt %d comes to nothing", attempt)
	}
	return "", nil
}

// attempts is how many there have been.
func (f *stepFn) attempts(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(f.Folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// bench is the service with Prism, and a job for it.
type bench struct {
	server *Server
	prism  *Prism
	id     string
}

// newBench stores a pipeline with one step and the test's own program, and has the service run them. Sum is the
// digest that the job says of its program; empty: the right one.
func newBench(t *testing.T, step *stepFn, sum string) *bench {
	t.Helper()
	gcs := objecttest.Server(t, "staging")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	gcs.Put("staging", "program/worker", program)
	if sum == "" {
		if sum, err = digest(self); err != nil {
			t.Fatal(err)
		}
	}
	job := jobOf(t, gcs, step, sum)
	b := &bench{prism: &Prism{Folder: t.TempDir()}}
	b.server, err = Start(Options{Project: "p", Regions: []string{"r"}, Engine: b.prism})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	b.id = post(t, b.server, job).Id
	return b
}

func jobOf(t *testing.T, gcs *objecttest.GCS, step *stepFn, sum string) *df.Job {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo(s, step, beam.Impulse(s))
	edges, _, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	environment, err := graphx.CreateEnvironment(t.Context(), graphx.URNEnvDocker, func(context.Context) string { return "image" })
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := graphx.Marshal(edges, &graphx.Options{Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := proto.Marshal(&pipepb.ArtifactUrlPayload{Url: "gs://staging/program/worker", Sha256: sum})
	if err != nil {
		t.Fatal(err)
	}
	if err := graphx.UpdateDefaultEnvWorkerType(graphx.URNArtifactURLType, payload, pipeline); err != nil {
		t.Fatal(err)
	}
	model, err := proto.Marshal(pipeline)
	if err != nil {
		t.Fatal(err)
	}
	gcs.Put("staging", "job/model", model)
	return &df.Job{Name: "small", Environment: &df.Environment{
		SdkPipelineOptions: fmt.Appendf(nil, `{"options":{"pipelineUrl":"gs://staging/job/model","pipelineProtoHash":%q}}`, hashOf(model)),
		WorkerPools: []*df.WorkerPool{{Packages: []*df.Package{
			{Name: "worker", Location: "gs://staging/program/worker", Sha256: sum},
		}}},
	}}
}

// await waits until the job is in one of the states.
func (b *bench) await(t *testing.T, states ...string) df.Job {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for ; ; <-time.After(20 * time.Millisecond) {
		j := b.server.Jobs()[0]
		if slices.Contains(states, j.CurrentState) {
			return j
		}
		if terminal := slices.Contains([]string{done, failed, cancelled}, j.CurrentState); terminal || time.Now().After(deadline) {
			t.Fatalf("the job is %s, want %v; it says %s", j.CurrentState, states, b.messages())
		}
	}
}

func (b *bench) messages() string {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	var all []string
	for _, m := range b.server.jobs[0].messages {
		all = append(all, m.MessageText)
	}
	return strings.Join(all, "\n")
}

// worker waits for a worker program to run.
func (b *bench) worker(t *testing.T) int {
	t.Helper()
	for {
		pids, changed := b.prism.Workers()
		if len(pids) > 0 {
			return pids[0]
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatalf("no worker has started: %s", b.messages())
		}
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestAJobIsRunByItsOwnProgram(t *testing.T) {
	step := &stepFn{Folder: t.TempDir()}
	b := newBench(t, step, "")
	b.await(t, done)
	if n := step.attempts(t); n != 1 {
		t.Errorf("%d attempts", n)
	}
	var counted int64
	for _, c := range b.server.jobs[0].counters {
		if c.Name == "passed" && c.Namespace == "whatif" {
			counted += c.Committed
		}
	}
	if counted != 1 {
		t.Errorf("the counter says %d: %+v", counted, b.server.jobs[0].counters)
	}
}

// TestWhatFailsIsTriedFourTimes and no more.
func TestWhatFailsIsTriedFourTimes(t *testing.T) {
	step := &stepFn{Folder: t.TempDir(), Fail: 100}
	b := newBench(t, step, "")
	b.await(t, failed)
	if n := step.attempts(t); n != 4 || !strings.Contains(b.messages(), "Workflow failed. Causes: ") || !strings.Contains(b.messages(), "attempt 4 comes to nothing") {
		t.Errorf("%d attempts; the job says %s", n, b.messages())
	}
}

// TestAKilledWorkerIsReplaced and the job goes on.
func TestAKilledWorkerIsReplaced(t *testing.T) {
	step := &stepFn{Folder: t.TempDir(), Wait: true}
	b := newBench(t, step, "")
	b.await(t, running)
	pid := b.worker(t)
	for step.attempts(t) == 0 {
		<-time.After(10 * time.Millisecond)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.await(t, done)
	if n := step.attempts(t); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

// TestACancelledJobLeavesNoWorker behind.
func TestACancelledJobLeavesNoWorker(t *testing.T) {
	step := &stepFn{Folder: t.TempDir(), Wait: true}
	b := newBench(t, step, "")
	b.await(t, running)
	pid := b.worker(t)
	put(t, b.server, b.id, cancelled)
	b.await(t, cancelled)
	for deadline := time.Now().Add(10 * time.Second); !gone(pid); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the worker outlives its job")
		}
	}
}

// TestAnotherProgramIsNotRun: what is stored has another digest than the job says.
func TestAnotherProgramIsNotRun(t *testing.T) {
	step := &stepFn{Folder: t.TempDir()}
	b := newBench(t, step, strings.Repeat("0", 64))
	b.await(t, failed)
	if !strings.Contains(b.messages(), "bad SHA256") || step.attempts(t) != 0 {
		t.Errorf("the job says %s", b.messages())
	}
}

// TestPrismIsRefusedWhereOthersAre: it runs beside a loopback alone, which is all that these tests have.
func TestPrismIsRefusedWhereOthersAre(t *testing.T) {
	lo := net.Interface{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}
	unused := net.Interface{Name: "sit0"}
	card := net.Interface{Name: "eth0", Flags: net.FlagUp | net.FlagBroadcast}
	if err := alone([]net.Interface{lo, unused}); err != nil {
		t.Error(err)
	}
	if err := alone([]net.Interface{lo, card}); err == nil || !strings.Contains(err.Error(), "eth0") {
		t.Errorf("beside a network card: %v", err)
	}
	if err := onlyLoopback(); err != nil {
		t.Errorf("these tests are not alone: %v", err)
	}
}
