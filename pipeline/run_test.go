package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// full is set for the slow proofs: the same tests with the counts of their claims.
var full = os.Getenv("WHATIF_FULL") != ""

func scaled(small, whole int) int {
	if full {
		return whole
	}
	return small
}

func wantDigests(t *testing.T, store *results.Store, plan *model.Plan, want map[string]string) {
	t.Helper()
	if got := digests(t, store, plan); !maps.Equal(got, want) {
		t.Fatalf("%d results of %s, of which not all equal the %d expected", len(got), plan.SimulationID, len(want))
	}
}

// TestEqualResultsHoweverItRuns: parallelism and runner have no influence on any figure.
func TestEqualResultsHoweverItRuns(t *testing.T) {
	config := writeStudy(t, bids(scaled(12, 100)), "")
	store, plan := submit(t, config)
	run(t, options(store, plan))
	want := digests(t, store, plan)
	if len(want) != len(plan.Variants) {
		t.Fatalf("%d of %d variants", len(want), len(plan.Variants))
	}
	n := 1
	for _, runner := range []string{Direct, Prism} {
		for _, parallelism := range []int{1, 2, 8} {
			n++
			again := submitTo(t, store, config, n)
			o := options(store, again)
			o.Runner, o.Parallelism = runner, parallelism
			var last Progress
			o.Progress = func(p Progress) { last = p }
			sum := run(t, o)
			if sum.Succeeded != len(plan.Variants) || sum.Failed+sum.Skipped != 0 || sum.Processes != 1 {
				t.Fatalf("%s with %d at a time: %+v", runner, parallelism, sum)
			}
			if slots := int64(studySize * len(plan.Variants)); last.Decisions != slots || last.Succeeded != sum.Succeeded || last.Running != 0 {
				t.Errorf("%s with %d at a time: last progress %+v, want %d decisions", runner, parallelism, last, slots)
			}
			wantDigests(t, store, again, want)
		}
	}
}

// withPid is a job's command that writes its process id to a file first.
func withPid(file string) []string {
	return []string{"/bin/sh", "-c", `echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$1" run-job`, file, os.Args[0]}
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// undisturbed are the results of a study, and the store it is in.
func undisturbed(t *testing.T, config string) (*results.Store, map[string]string) {
	t.Helper()
	store, plan := submit(t, config)
	run(t, options(store, plan))
	return store, digests(t, store, plan)
}

// TestAKilledJobIsGoneOnWith kills the job's process at a random moment: the supervisor goes on by itself.
func TestAKilledJobIsGoneOnWith(t *testing.T) {
	config := writeStudy(t, bids(30), "")
	store, want := undisturbed(t, config)
	for n := range scaled(2, 20) {
		plan := submitTo(t, store, config, n+2)
		o := options(store, plan)
		file := filepath.Join(t.TempDir(), "pid")
		o.Command, o.Simulator = withPid(file), paced
		moment := rand.IntN(len(plan.Variants))
		killed := false
		o.Progress = func(p Progress) {
			if !killed && p.Succeeded >= moment && p.Running > 0 {
				killed = true
				if err := syscall.Kill(pidIn(t, file), syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
		}
		sum := run(t, o)
		if !killed || sum.Processes < 2 || sum.Succeeded != len(plan.Variants) {
			t.Fatalf("killed at %d: %v, %+v", moment, killed, sum)
		}
		wantDigests(t, store, plan, want)
	}
}

// supervision is what the test binary needs to be a supervisor.
type supervision struct {
	Results, Simulation, Simulator, PidFile string
	Silence                                 time.Duration
	Endpoint                                string // of a cluster; empty: it runs here
	CancelAt                                int    // variants succeeded at which it is interrupted while others run; 0: never
}

// supervise is the test binary as a supervisor: it runs a simulation and tells of its progress.
func supervise(text string) error {
	var s supervision
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := RunOptions{
		Results: s.Results, SimulationID: s.Simulation, Simulator: s.Simulator, Parallelism: 2, Command: withPid(s.PidFile), Silence: s.Silence,
		Progress: func(p Progress) {
			fmt.Println(p.Succeeded, p.Running)
			if s.CancelAt > 0 && p.Succeeded >= s.CancelAt && p.Running > 0 {
				cancel()
			}
		},
	}
	if s.Endpoint != "" {
		o = elsewhereOptions(o, s.Endpoint)
	}
	_, err := Run(ctx, o)
	return err
}

// TestAKilledSupervisorIsResumed kills the supervisor at a random moment: its job dies with it, and
// resuming completes the simulation without running again what has a row.
func TestAKilledSupervisorIsResumed(t *testing.T) {
	config := writeStudy(t, bids(30), "")
	store, want := undisturbed(t, config)
	for n := range scaled(2, 20) {
		plan := submitTo(t, store, config, n+2)
		file := filepath.Join(t.TempDir(), "pid")
		moment := rand.IntN(len(plan.Variants) - 1)
		killSupervisor(t, supervision{Results: store.URI(), Simulation: plan.SimulationID, Simulator: paced, PidFile: file}, moment)
		awaitDeath(t, pidIn(t, file))
		before, err := store.Counted(t.Context(), plan.SimulationID)
		if err != nil {
			t.Fatal(err)
		}
		sum := run(t, options(store, plan))
		if sum.Ran != len(plan.Variants)-len(before) || sum.Succeeded != len(plan.Variants) || len(before) < moment {
			t.Fatalf("killed at %d with %d rows: %+v", moment, len(before), sum)
		}
		wantDigests(t, store, plan, want)
	}
}

// killSupervisor starts a supervisor and kills it once so many variants have succeeded and others run.
func killSupervisor(t *testing.T, s supervision, moment int) {
	t.Helper()
	cmd := superviseUntil(t, s, moment)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as wanted
}

// superviseUntil starts a supervisor and returns once so many variants have succeeded and others run.
func superviseUntil(t *testing.T, s supervision, moment int) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "supervise", string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var succeeded, running int
		if _, err := fmt.Sscan(lines.Text(), &succeeded, &running); err != nil {
			t.Errorf("%q: %v", lines.Text(), err)
		}
		if succeeded >= moment && running > 0 {
			break
		}
	}
	return cmd
}

// awaitDeath waits until a process is gone.
func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return // dead, and its parent has not looked yet
		}
	}
	t.Fatalf("process %d outlives its supervisor", pid)
}

// TestFaultsStayWithTheirVariants is the study of faults: panics, loops that ignore their context,
// states over the bound, and variants that kill their process.
func TestFaultsStayWithTheirVariants(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, runner := range []string{Direct, Prism} {
		t.Run(runner, func(t *testing.T) {
			t.Parallel()
			faultStudy(t, runner, scaled(2, 10))
		})
	}
}

func faultStudy(t *testing.T, runner string, each int) {
	want := map[string]model.Reason{}
	reasons := map[int]model.Reason{bidPanic: model.Panicked, bidLoop: model.TimedOut, bidMemory: model.OutOfMemory, bidKill: model.Crashed}
	all := bids(20 * each)
	for fault, reason := range reasons {
		for i := range each {
			at := 20*i + 4*fault
			all[at] = fmt.Sprintf("%d.%06d", i+1, fault)
			want[fmt.Sprintf("v%04d", at+1)] = reason
		}
	}
	config := writeStudy(t, all, "execution: {retries: 0, variant_timeout: 1s}\n")
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Simulator = harmless
	run(t, o)
	expected := digests(t, store, plan)

	disturbed := submitTo(t, store, config, 2)
	o = options(store, disturbed)
	o.Simulator, o.Runner = faulty, runner
	sum := run(t, o)
	if sum.Failed != 4*each || sum.Succeeded != len(plan.Variants)-4*each || sum.Skipped != 0 {
		t.Errorf("%+v, want %d failed", sum, 4*each)
	}
	wantFailures(t, store, disturbed, want)
	for id := range want {
		delete(expected, id)
	}
	wantDigests(t, store, disturbed, expected)

	o = options(store, disturbed)
	o.Simulator, o.RetryAll, o.Runner = harmless, true, runner
	if sum := run(t, o); sum.Ran != 4*each || sum.Succeeded != len(plan.Variants) {
		t.Errorf("the retry: %+v, want %d run", sum, 4*each)
	}
	wantDigests(t, store, disturbed, digests(t, store, plan))
}

// wantFailures checks that exactly those variants count as failed, for those reasons, and say why.
func wantFailures(t *testing.T, store *results.Store, plan *model.Plan, want map[string]model.Reason) {
	t.Helper()
	rows, err := store.Rows(t.Context(), plan.SimulationID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]model.Reason{}
	for _, r := range rows {
		if r.Status != model.StatusFailed {
			continue
		}
		if _, twice := got[r.VariantID]; twice {
			t.Errorf("variant %s has two failed rows", r.VariantID)
		}
		got[r.VariantID] = r.Reason
		whole, err := store.Read(t.Context(), plan.SimulationID, r.VariantID, r.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		if whole.Error.Message == "" || whole.Error.Retryable != r.Reason.Retryable() {
			t.Errorf("variant %s: %+v", r.VariantID, whole.Error)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("failed are %v, want %v", got, want)
	}
}

// TestTransientFaultsAreRetried as often as the configuration says, each attempt with a row.
func TestTransientFaultsAreRetried(t *testing.T) {
	config := writeStudy(t, []string{"1.000003", "3"}, "execution: {retries: 2}\n")
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Simulator = faulty
	sum := run(t, o)
	if sum.Failed != 1 || sum.Succeeded != 2 || sum.Reasons[model.OutOfMemory] != 3 {
		t.Errorf("%+v", sum)
	}
	rows, err := store.Rows(t.Context(), plan.SimulationID)
	if err != nil || len(rows) != 5 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestAFailingBaselineLeavesTheOthers runs a baseline that panics.
func TestAFailingBaselineLeavesTheOthers(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "baseline: {bid: 2.0}", "baseline: {bid: 2.000001}", 1))
	if err := os.WriteFile(config, text, 0o666); err != nil {
		t.Fatal(err)
	}
	store, plan := submit(t, config)
	o := options(store, plan)
	o.Simulator = faulty
	if sum := run(t, o); sum.Failed != 1 || sum.Succeeded != 5 {
		t.Errorf("%+v", sum)
	}
	wantFailures(t, store, plan, map[string]model.Reason{model.BaselineID: model.Panicked})
}

// TestAProcessThatDiesOverAVariantsState, before anything of it is simulated, is that variant's alone.
func TestAProcessThatDiesOverAVariantsState(t *testing.T) {
	store, plan := submit(t, writeStudy(t, []string{"1.000007", "2", "3"}, "execution: {retries: 0}\n"))
	o := options(store, plan)
	o.Simulator = faulty
	if sum := run(t, o); sum.Failed != 1 || sum.Succeeded != 3 {
		t.Errorf("%+v", sum)
	}
	wantFailures(t, store, plan, map[string]model.Reason{"v0001": model.Crashed})
}

// TestTooManyFailuresStopTheRun: v0001 .. v0005 panic, two failures are allowed.
func TestTooManyFailuresStopTheRun(t *testing.T) {
	all := slices.Concat(slices.Repeat([]string{"1.000001"}, 5), bids(40))
	store, plan := submit(t, writeStudy(t, all, "execution: {max_failed_variants: 2}\n"))
	o := options(store, plan)
	o.Simulator = faulty
	sum := run(t, o)
	if sum.Stopped == "" || sum.Failed < 3 || sum.Skipped == 0 {
		t.Errorf("%+v", sum)
	}
}

// TestASlowVariantHoldsNobodyBack: it is in flight until every other one is committed, and then is
// told to end; cancelling takes less than two seconds and leaves it without a row.
func TestASlowVariantHoldsNobodyBack(t *testing.T) {
	for _, runner := range []string{Direct, Prism} {
		t.Run(runner, func(t *testing.T) {
			store, plan := submit(t, writeStudy(t, slices.Concat([]string{"1.000005"}, bids(12)), ""))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := options(store, plan)
			o.Simulator, o.Runner = faulty, runner
			var cancelled time.Time
			o.Progress = func(p Progress) {
				if p.Succeeded == len(plan.Variants)-1 && p.Running == 1 && cancelled.IsZero() {
					cancelled = time.Now()
					cancel()
				}
			}
			sum, err := Run(ctx, o)
			if !errors.Is(err, context.Canceled) || sum.Succeeded != len(plan.Variants)-1 || sum.Skipped != 1 {
				t.Fatalf("%+v, %v", sum, err)
			}
			if took := time.Since(cancelled); took > 2*time.Second {
				t.Errorf("cancelling took %v", took)
			}
			// What was cancelled is not held against the variant.
			started, err := store.Started(t.Context(), plan.SimulationID)
			if err != nil || len(started["v0001"]) != 0 {
				t.Errorf("markers %v, %v", started["v0001"], err)
			}
			o = options(store, plan)
			if sum := run(t, o); sum.Ran != 1 || sum.Succeeded != len(plan.Variants) {
				t.Errorf("resumed: %+v", sum)
			}
		})
	}
}

// TestOneSupervisorAtATime: a second one is refused while the first runs, and does no harm.
func TestOneSupervisorAtATime(t *testing.T) {
	store, plan := submit(t, writeStudy(t, bids(6), ""))
	o := options(store, plan)
	o.Simulator = paced
	refused := 0
	o.Progress = func(p Progress) {
		if p.Running == 0 || refused > 0 {
			return
		}
		refused++
		if _, err := Run(t.Context(), options(store, plan)); !errors.Is(err, results.ErrRunning) {
			t.Errorf("a second supervisor: %v", err)
		}
	}
	if sum := run(t, o); sum.Succeeded != 7 || refused != 1 {
		t.Errorf("%+v, refused %d times", sum, refused)
	}
}

// TestInputsThatChangeUnderAResume: the simulation does not go on with another snapshot, loses
// nothing, and goes on once the file is back.
func TestInputsThatChangeUnderAResume(t *testing.T) {
	config := writeStudy(t, bids(12), "")
	_, want := undisturbed(t, config)
	store, plan := submit(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(store, plan)
	o.Simulator = paced
	o.Progress = func(p Progress) {
		if p.Succeeded >= 3 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before := digests(t, store, plan)
	file := plan.Inventory[0].URI
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]func() error{
		"another": func() error { return os.WriteFile(file, append(slices.Clone(original), 0), 0o666) },
		"same size": func() error {
			other := slices.Clone(original)
			other[len(other)/2] ^= 1
			return os.WriteFile(file, other, 0o666)
		},
		"gone": func() error { return os.Remove(file) },
	}
	for name, change := range changes {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), options(store, plan))
		if err == nil || model.FaultOf(err).Reason != string(model.InputChanged) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
		wantDigests(t, store, plan, before)
	}
	// The same bytes with another time are the same input.
	if err := os.WriteFile(file, original, 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, options(store, plan))
	wantDigests(t, store, plan, want)
}

// TestAnotherEnginesSimulationIsNotGoneOnWith: its rows would bear a version that did not compute them.
func TestAnotherEnginesSimulationIsNotGoneOnWith(t *testing.T) {
	store, plan := submit(t, writeStudy(t, bids(1), ""))
	plan.SimulationID, plan.EngineVersion = "20260701-bbbbbbbbbb", "0"
	if err := store.WritePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	sum, err := Run(t.Context(), options(store, plan))
	if err == nil || !strings.Contains(err.Error(), "version 0 of the engine") || !strings.Contains(err.Error(), "submit the configuration again") || sum.Processes != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}
