package results

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// TestWhatWorkersElsewhereMayStillWriteToIsKept: a job beyond this machine is not known to have ended. Once it is,
// the simulation can be removed.
func TestWhatWorkersElsewhereMayStillWriteToIsKept(t *testing.T) {
	everywhere(t, testWhatWorkersElsewhereMayStillWriteToIsKept)
}

func testWhatWorkersElsewhereMayStillWriteToIsKept(t *testing.T, s *bench) {
	ofThree(t, s)
	job := Job{Attempt: 9, Runner: "dataflow", Name: "whatif-" + oldest + "-9"}
	if err := s.RecordJob(t.Context(), oldest, job); err != nil {
		t.Fatal(err)
	}
	before := time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC)
	removed, collected := s.GC(t.Context(), before, false)
	if !slices.Equal(removed, []string{older}) {
		t.Errorf("removed %v, want the other one", removed)
	}
	for _, err := range []error{collected, s.Delete(t.Context(), oldest)} {
		if !errors.Is(err, ErrRunning) {
			t.Fatalf("%v", err)
		}
		for _, word := range []string{job.Name, "dataflow", "--resume " + oldest} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v: nothing of %s", err, word)
			}
		}
	}
	must[*model.Plan](t)(s.Plan(t.Context(), oldest))
	if err := s.EndJob(t.Context(), oldest, 9, JobEnd{State: "done"}); err != nil {
		t.Fatal(err)
	}
	if got := must[[]string](t)(s.GC(t.Context(), before, false)); !slices.Equal(got, []string{oldest}) {
		t.Errorf("removed %v", got)
	}
}

// TestRowsThatCameAfterTheRemovalGoByTheirDay: no plan, so no simulation; what a launcher is about to make stays.
func TestRowsThatCameAfterTheRemovalGoByTheirDay(t *testing.T) {
	everywhere(t, testRowsThatCameAfterTheRemovalGoByTheirDay)
}

func testRowsThatCameAfterTheRemovalGoByTheirDay(t *testing.T, s *bench) {
	const late, reserved = "20260301-dddddddddd", "20260301-eeeeeeeeee"
	rowsOf(t, s.Store, late, 9, "v0001")
	if err := s.Reserve(t.Context(), reserved, "a launcher"); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		before time.Time
		dry    bool
		files  int
	}{{day.Add(24*time.Hour - time.Second), false, 1}, {day.Add(24 * time.Hour), true, 1}, {day.Add(24 * time.Hour), false, 0}} {
		if removed, err := s.GC(t.Context(), c.before, c.dry); len(removed) != 0 || err != nil {
			t.Errorf("removed %v, %v", removed, err)
		}
		if left := s.below(t, model.SimulationPath(late)); len(left) != c.files {
			t.Errorf("before %v, dry %v: left are %v", c.before, c.dry, left)
		}
	}
	if left := s.below(t, model.SimulationPath(reserved)); len(left) != 1 {
		t.Error("the reserved one is gone")
	}
}
