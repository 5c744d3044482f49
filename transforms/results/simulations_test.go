package results

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

const (
	oldest = "20260629-aaaaaaaaaa"
	older  = "20260701-zzzzzzzzzz"
	newest = "20260701-bbbbbbbbbb" // the same day, later
)

func planOf(id, submitted string) *model.Plan {
	at, err := time.Parse(time.RFC3339, submitted)
	if err != nil {
		panic(err)
	}
	return &model.Plan{SimulationID: id, Tenant: "t", SubmittedAt: model.Instant(at.UnixMicro()), Variants: []model.Variant{{ID: "baseline"}}}
}

// ofThree has a store hold three simulations and a folder whose submission was interrupted.
func ofThree(t *testing.T, s *bench) {
	t.Helper()
	for _, p := range []*model.Plan{
		planOf(older, "2026-07-01T08:00:00Z"), planOf(newest, "2026-07-01T09:00:00Z"), planOf(oldest, "2026-06-29T23:00:00Z"),
	} {
		if err := s.WritePlan(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s.put(t, model.AttemptPath(simulation, 1), nil)
}

func ids(all []Simulation) (ids []string) {
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestSimulationsNewestFirst(t *testing.T) { everywhere(t, testSimulationsNewestFirst) }

func testSimulationsNewestFirst(t *testing.T, s *bench) {
	ofThree(t, s)
	all := must[[]Simulation](t)(s.Simulations(t.Context()))
	if !slices.Equal(ids(all), []string{newest, older, oldest}) {
		t.Errorf("%v", all)
	}
	if got := must[string](t)(s.Resolve(t.Context(), "latest")); got != newest {
		t.Errorf("latest is %s", got)
	}
	if got := must[string](t)(s.Resolve(t.Context(), oldest)); got != oldest {
		t.Errorf("resolved %s", got)
	}
	for _, id := range []string{simulation, "20260701-cccccccccc"} {
		if _, err := s.Resolve(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := s.Resolve(t.Context(), "../etc"); err == nil {
		t.Error("a path was resolved")
	}
}

func TestAnEmptyStore(t *testing.T) {
	everywhere(t, func(t *testing.T, s *bench) {
		if _, err := s.Resolve(t.Context(), "latest"); !errors.Is(err, ErrNotFound) {
			t.Errorf("latest: %v", err)
		}
		if all := must[[]Simulation](t)(s.Simulations(t.Context())); len(all) != 0 {
			t.Errorf("%v", all)
		}
	})
}

func TestAPlanIsWrittenOnce(t *testing.T) { everywhere(t, testAPlanIsWrittenOnce) }

func testAPlanIsWrittenOnce(t *testing.T, s *bench) {
	ofThree(t, s)
	if err := s.WritePlan(t.Context(), planOf(newest, "2026-07-01T09:00:00Z")); err != nil {
		t.Errorf("the same plan again: %v", err)
	}
	if err := s.WritePlan(t.Context(), planOf(newest, "2026-07-01T10:00:00Z")); !errors.Is(err, ErrTaken) {
		t.Errorf("another plan under the same id: %v", err)
	}
	plan := must[*model.Plan](t)(s.Plan(t.Context(), newest))
	if len(plan.Variants) != 1 || plan.Tenant != "t" {
		t.Errorf("%+v", plan)
	}
	s.put(t, model.PlanPath(older), []byte(`{"simulation_id": "20260701-`))
	if _, err := s.Plan(t.Context(), older); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "_plan.json") {
		t.Errorf("a torn plan: %v", err)
	}
}

func TestOneHolderOfALock(t *testing.T) { everywhere(t, testOneHolderOfALock) }

func testOneHolderOfALock(t *testing.T, s *bench) {
	ofThree(t, s)
	release := must[func() error](t)(s.Lock(t.Context(), newest))
	again := s.again(t)
	if _, err := again.Lock(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("a second lock: %v", err)
	}
	if err := again.Delete(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("deleting a running one: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release = must[func() error](t)(again.Lock(t.Context(), newest))
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), "20260701-cccccccccc"); !errors.Is(err, ErrNotFound) {
		t.Errorf("lock of none: %v", err)
	}
}

func TestGCKeepsTheYoungAndTheRunning(t *testing.T) { everywhere(t, testGCKeepsTheYoungAndTheRunning) }

func testGCKeepsTheYoungAndTheRunning(t *testing.T, s *bench) {
	ofThree(t, s)
	release := must[func() error](t)(s.Lock(t.Context(), older))
	before := time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC)
	if got := must[[]string](t)(s.GC(t.Context(), before, true)); !slices.Equal(got, []string{oldest}) {
		t.Errorf("a dry run names %v", got)
	}
	if n := len(must[[]Simulation](t)(s.Simulations(t.Context()))); n != 3 {
		t.Errorf("a dry run left %d", n)
	}
	if got := must[[]string](t)(s.GC(t.Context(), before, false)); !slices.Equal(got, []string{oldest}) {
		t.Errorf("removed %v", got)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if got := must[[]string](t)(s.GC(t.Context(), before, false)); !slices.Equal(got, []string{older}) {
		t.Errorf("removed %v", got)
	}
	if left := ids(must[[]Simulation](t)(s.Simulations(t.Context()))); !slices.Equal(left, []string{newest}) {
		t.Errorf("left %v", left)
	}
	for _, path := range s.below(t, "") {
		if !strings.Contains(path, newest) && !strings.Contains(path, simulation) {
			t.Errorf("left is %s", path)
		}
	}
}

// TestGCKeepsTheReserved until their launcher is done with them, though nobody has a lock; their launcher may
// delete them all the same.
func TestGCKeepsTheReserved(t *testing.T) { everywhere(t, testGCKeepsTheReserved) }

func testGCKeepsTheReserved(t *testing.T, s *bench) {
	ofThree(t, s)
	for range 2 { // the second time it is reserved already
		for _, id := range []string{oldest, newest} {
			if err := s.Reserve(t.Context(), id, "first"); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC)
	old, reserved, err := s.Expired(t.Context(), before)
	if err != nil || !slices.Equal(ids(old), []string{older}) || !slices.Equal(ids(reserved), []string{oldest}) {
		t.Errorf("expired: %v, of a launcher %v, %v", old, reserved, err)
	}
	for _, dry := range []bool{true, false} {
		if got := must[[]string](t)(s.GC(t.Context(), before, dry)); !slices.Equal(got, []string{older}) {
			t.Errorf("dry %v: removed %v", dry, got)
		}
	}
	if got := must[[]string](t)(s.Reservations(t.Context())); !slices.Equal(got, []string{oldest, newest}) {
		t.Errorf("reserved are %v", got)
	}
	for range 2 { // the second time it is not reserved any more
		if err := s.Unreserve(t.Context(), oldest); err != nil {
			t.Fatal(err)
		}
	}
	if got := must[[]string](t)(s.GC(t.Context(), before, false)); !slices.Equal(got, []string{oldest}) {
		t.Errorf("removed %v", got)
	}
	if err := s.Delete(t.Context(), newest); err != nil {
		t.Errorf("its launcher deletes it: %v", err)
	}
	if left := must[[]Simulation](t)(s.Simulations(t.Context())); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestReservedBetweenTheLookAndTheLock: what retention found to be nobody's is looked at again under its lock.
func TestReservedBetweenTheLookAndTheLock(t *testing.T) {
	everywhere(t, testReservedBetweenTheLookAndTheLock)
}

func testReservedBetweenTheLookAndTheLock(t *testing.T, s *bench) {
	ofThree(t, s)
	if err := s.Reserve(t.Context(), oldest, "first"); err != nil {
		t.Fatal(err)
	}
	if gone, err := s.collect(t.Context(), oldest, false); gone || err != nil {
		t.Errorf("collected %v, %v", gone, err)
	}
	if _, err := s.Plan(t.Context(), oldest); err != nil {
		t.Error(err)
	}
}

// TestAnInterruptedRemovalIsFinishedByTheNext starts from what a kill in the middle of one leaves.
func TestAnInterruptedRemovalIsFinishedByTheNext(t *testing.T) {
	s := folderBench(t)
	ofThree(t, s)
	half := filepath.Join(s.URI(), removedPrefix+model.SimulationPath(older), "variant_id=v0001")
	if err := os.MkdirAll(half, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t, s.URI()) {
		if strings.Contains(name, older) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestAnInterruptedRemovalIsFinishedByGC, though no simulation of that id is left, and not by a dry run.
func TestAnInterruptedRemovalIsFinishedByGC(t *testing.T) {
	s := folderBench(t)
	ofThree(t, s)
	left := filepath.Join(s.URI(), removedPrefix+model.SimulationPath("20260101-cccccccccc"))
	if err := os.MkdirAll(filepath.Join(left, "variant_id=v0001"), 0o777); err != nil {
		t.Fatal(err)
	}
	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	must[[]string](t)(s.GC(t.Context(), long, true))
	if _, err := os.Stat(left); err != nil {
		t.Errorf("a dry run removed it: %v", err)
	}
	must[[]string](t)(s.GC(t.Context(), long, false))
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
}

func TestAttemptNumbersNeverComeTwice(t *testing.T) { everywhere(t, testAttemptNumbersNeverComeTwice) }

func testAttemptNumbersNeverComeTwice(t *testing.T, s *bench) {
	ofThree(t, s)
	const callers, each = 8, 5
	var mu sync.Mutex
	var group sync.WaitGroup
	seen := map[int64]bool{}
	for range callers {
		group.Go(func() {
			for range each {
				n, err := s.NextAttempt(t.Context(), newest)
				mu.Lock()
				if err != nil || seen[n] || n < 1 || n > callers*each {
					t.Errorf("attempt %d, %v; seen before: %v", n, err, seen[n])
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if n := must[int64](t)(s.NextAttempt(t.Context(), newest)); n != callers*each+1 {
		t.Errorf("the next is %d", n)
	}
}

func TestStartedMarkers(t *testing.T) { everywhere(t, testStartedMarkers) }

func testStartedMarkers(t *testing.T, s *bench) {
	ofThree(t, s)
	for _, n := range []int64{10, 2, 2} {
		if err := s.MarkStarted(t.Context(), newest, "v0001.r2", n); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.MarkStarted(t.Context(), newest, "baseline", 1), s.UnmarkStarted(t.Context(), newest, "baseline", 1), s.UnmarkStarted(t.Context(), newest, "baseline", 1)); err != nil {
		t.Fatal(err)
	}
	got := must[map[string][]int64](t)(s.Started(t.Context(), newest))
	if len(got) != 1 || !slices.Equal(got["v0001.r2"], []int64{2, 10}) {
		t.Errorf("%v", got)
	}
}
