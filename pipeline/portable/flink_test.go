//go:build flink

package portable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/results"
)

// These tests are for a Flink that .ci/flink has started, with this test binary as its worker program. It says
// by environment: WHATIF_BIN (the command), WHATIF_PROOF_ENDPOINT, WHATIF_PROOF_COUNTS (a file that workers
// write to), WHATIF_FLINK_SCRIPT (scripts/flink).

// slots is how many variants the cluster works at at a time.
const slots = 2

// counted is a simulator that leaves a line for each variant it is given, and takes a while for it.
const counted = "counted"

type countingSimulator struct{ *engine.Engine }

func init() {
	err := transforms.RegisterSimulator(counted, func(s *inventory.Snapshot) transforms.Simulator {
		return &countingSimulator{engine.New(s)}
	})
	if err != nil {
		panic(err)
	}
}

// pace is long enough for a study to have a middle.
const pace = 60 * time.Millisecond

func (c *countingSimulator) Simulate(ctx context.Context, sc *model.Scenario) (_ *model.Metrics, err error) {
	file, err := os.OpenFile(os.Getenv("WHATIF_PROOF_COUNTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteString("simulated\n"); err != nil {
		return nil, err
	}
	select {
	case <-time.After(pace):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.Engine.Simulate(ctx, sc)
}

// simulated is how many variants workers were given since the last call.
func simulated(t *testing.T) int {
	t.Helper()
	file := os.Getenv("WHATIF_PROOF_COUNTS")
	lines, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return bytes.Count(lines, []byte("\n"))
}

// command runs the product as a user does.
func command(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("WHATIF_BIN"), args...)
	cmd.Dir = dir
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("whatif %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("whatif %s: %.1f s", strings.Join(args, " "), time.Since(began).Seconds())
}

// cluster has scripts/flink do something.
func cluster(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), os.Getenv("WHATIF_FLINK_SCRIPT"), args...).CombinedOutput(); err != nil {
		t.Fatalf("scripts/flink %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

var made struct {
	sync.Once
	dir string
}

// demo is the study of `whatif demo`, which has been run here once for all tests, and its digests.
func demo(t *testing.T) (dir string, want map[string]string) {
	t.Helper()
	made.Do(func() {
		made.dir = filepath.Join(filepath.Dir(os.Getenv("WHATIF_PROOF_COUNTS")), "demo")
		command(t, ".", "demo", made.dir, "--quiet")
	})
	want = only(t, filepath.Join(made.dir, "results"))
	if len(want) != 217 {
		t.Fatalf("the demo has %d variants with figures", len(want))
	}
	return made.dir, want
}

// only are the digests of the one simulation in a folder of results.
func only(t *testing.T, folder string) map[string]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "simulation_id=*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("simulations in %s: %v, %v", folder, found, err)
	}
	store, err := results.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return digests(t, store, strings.TrimPrefix(filepath.Base(found[0]), "simulation_id="))
}

// digests are the result_sha256 of the variants with figures.
func digests(t *testing.T, store *results.Store, simulation string) map[string]string {
	t.Helper()
	rows, err := store.Counted(t.Context(), simulation)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for id, row := range rows {
		if row.Status != model.StatusSucceeded {
			continue
		}
		whole, err := store.Read(t.Context(), simulation, id, row.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		out[id] = whole.ResultSHA256
	}
	return out
}

func wantDigests(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%d variants, want %d, with the same digests", len(got), len(want))
	}
}

// TestFlinkGivesTheDemoStudyTheSameDigests, by the command, as a user runs it.
func TestFlinkGivesTheDemoStudyTheSameDigests(t *testing.T) {
	dir, want := demo(t)
	onFlink(t, dir, "study.yaml", want)
}

// TestFlinkGivesAThousandVariantsTheSameDigests runs the demo's other study on both.
func TestFlinkGivesAThousandVariantsTheSameDigests(t *testing.T) {
	dir, _ := demo(t)
	config := "big-grid.yaml"
	if os.Getenv("WHATIF_FULL") == "" {
		config = fewer(t, dir, config)
	}
	here := filepath.Join(t.TempDir(), "here")
	command(t, dir, "run", config, "--results", here, "--quiet")
	onFlink(t, dir, config, only(t, here))
}

// fewer is a study over a tenth of the grid.
func fewer(t *testing.T, dir, config string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, config))
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(text), "    acme_bid: [")
	if !ok {
		t.Fatalf("%s has no grid over acme_bid:\n%s", config, text)
	}
	_, after, _ := strings.Cut(string(text), "    daily_cap: [")
	if err := os.WriteFile(filepath.Join(dir, "fewer.yaml"), []byte(before+"    acme_bid: [1.2]\n    daily_cap: ["+after), 0o666); err != nil {
		t.Fatal(err)
	}
	return "fewer.yaml"
}

func onFlink(t *testing.T, dir, config string, want map[string]string) {
	t.Helper()
	there := filepath.Join(t.TempDir(), "there")
	command(t, dir, "run", config, "--results", there, "--quiet", "--runner", "flink", "--endpoint", os.Getenv("WHATIF_PROOF_ENDPOINT"),
		"--workers", fmt.Sprint(slots))
	wantDigests(t, only(t, there), want)
	t.Logf("%d variants with equal digests", len(want))
}

// study submits the demo's study to a store of its own.
func study(t *testing.T, dir string) (*results.Store, pipeline.RunOptions) {
	t.Helper()
	prepared, err := pipeline.Prepare(t.Context(), filepath.Join(dir, "study.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := results.Open(filepath.Join(t.TempDir(), "results"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := model.NewSimulationID(time.Now(), rand(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Submit(t.Context(), store, prepared, time.Now(), id); err != nil {
		t.Fatal(err)
	}
	simulated(t)
	return store, pipeline.RunOptions{
		Results: store.URI(), SimulationID: id, Runner: "flink", Simulator: counted,
		Command:   []string{os.Args[0], "run-job"},
		Elsewhere: pipeline.Elsewhere{Settings: pipeline.Settings{Endpoint: os.Getenv("WHATIF_PROOF_ENDPOINT")}},
		Timing:    pipeline.Timing{Elsewhere: pipeline.TimingElsewhere{Poll: 200 * time.Millisecond}},
	}
}

// rand makes ids of simulations differ from test to test and from run to run: Flink remembers names.
func rand(name string) *strings.Reader {
	return strings.NewReader(fmt.Sprintf("%016x%s", time.Now().UnixNano(), name))
}

// TestFlinkStartsWorkersItself instead of a pool.
func TestFlinkStartsWorkersItself(t *testing.T) {
	dir, want := demo(t)
	store, o := study(t, dir)
	o.Elsewhere.Settings.Environment = "process=" + os.Args[0]
	wantAll(t, store, o, want, 0)
}

// inTheMiddle calls for something once, when a third of the variants have figures.
func inTheMiddle(t *testing.T, o *pipeline.RunOptions, do func()) (done *bool) {
	t.Helper()
	done = new(bool)
	o.Progress = func(p pipeline.Progress) {
		if !*done && p.Succeeded > p.Total/3 && p.Succeeded < p.Total*2/3 {
			*done = true
			do()
		}
	}
	return done
}

// wantAll asserts that a run came to its end as if nothing had happened, all in one job, and computed hardly
// anything twice.
func wantAll(t *testing.T, store *results.Store, o pipeline.RunOptions, want map[string]string, lost int) {
	t.Helper()
	began := time.Now()
	sum, err := pipeline.Run(t.Context(), o)
	if err != nil || sum.Succeeded != len(want) {
		t.Fatalf("%+v, %v", sum, err)
	}
	wantDigests(t, digests(t, store, o.SimulationID), want)
	n := simulated(t)
	if n < len(want) || n > len(want)+lost {
		t.Errorf("%d variants were simulated for %d results; %d can have been lost in flight", n, len(want), lost)
	}
	rows, err := store.Rows(t.Context(), o.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Attempt != rows[0].Attempt {
			t.Fatalf("there are rows of attempts %d and %d: it took more than one job", rows[0].Attempt, row.Attempt)
		}
	}
	t.Logf("%d variants simulated for %d results, %.1f s", n, len(want), time.Since(began).Seconds())
}

// TestFlinkLosesATaskManager, killed in the middle: what has a row is not computed again.
func TestFlinkLosesATaskManager(t *testing.T) {
	dir, want := demo(t)
	store, o := study(t, dir)
	killed := inTheMiddle(t, &o, func() { cluster(t, "kill", "taskmanager-1") })
	// Flink starts the variants' producers again too, and with them the other slot.
	wantAll(t, store, o, want, slots)
	if !*killed {
		t.Error("the study was over before a task manager could be killed")
	}
	cluster(t, "start")
}

// TestFlinkLosesTheJobServer, killed in the middle and started again: it knows nothing of the job then, and
// nothing is lost.
func TestFlinkLosesTheJobServer(t *testing.T) {
	dir, want := demo(t)
	store, o := study(t, dir)
	killed := inTheMiddle(t, &o, func() {
		cluster(t, "kill", "jobserver")
		cluster(t, "start")
	})
	wantAll(t, store, o, want, 0)
	if !*killed {
		t.Error("the study was over before the job server could be killed")
	}
}

// TestFlinkStopsAndGoesOn cancels a run in the middle: Flink is free soon. The next run does the rest.
func TestFlinkStopsAndGoesOn(t *testing.T) {
	dir, want := demo(t)
	store, o := study(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inTheMiddle(t, &o, cancel)
	sum, err := pipeline.Run(ctx, o)
	if !errors.Is(err, context.Canceled) || sum.Succeeded == 0 || sum.Succeeded >= len(want) {
		t.Fatalf("%+v, %v", sum, err)
	}
	wantIdle(t)
	first := simulated(t)
	if first < sum.Succeeded || first > sum.Succeeded+slots {
		t.Errorf("%d variants were simulated for %d results", first, sum.Succeeded)
	}
	o.Progress = nil
	rest, err := pipeline.Run(t.Context(), o)
	if err != nil || rest.Succeeded != len(want) || rest.Ran != len(want)-sum.Succeeded {
		t.Fatalf("after %+v: %+v, %v", sum, rest, err)
	}
	wantDigests(t, digests(t, store, o.SimulationID), want)
	if second := simulated(t); second != rest.Ran {
		t.Errorf("%d variants were simulated for %d results", second, rest.Ran)
	}
}

// wantIdle waits until Flink runs nothing.
func wantIdle(t *testing.T) {
	t.Helper()
	_, address, _ := strings.Cut(os.Getenv("WHATIF_PROOF_ENDPOINT"), "flink=")
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		response, err := http.Get("http://" + address + "/overview")
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(body.String(), `"jobs-running":0`) && strings.Contains(body.String(), fmt.Sprintf(`"slots-available":%d`, slots)) {
			return
		}
	}
	t.Fatal("Flink still works at something 30 s after the job was cancelled")
}
