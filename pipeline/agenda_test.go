package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// agendaOf has variants baseline, v0001 .. v000n, two retries, and delays of one second a try.
func agendaOf(n int, rows []results.Row, started map[string][]int64, again map[string]bool) *agenda {
	plan := &model.Plan{Variants: []model.Variant{{ID: model.BaselineID}}}
	for i := range n {
		plan.Variants = append(plan.Variants, model.Variant{ID: fmt.Sprintf("v%04d", i+1)})
	}
	a := newAgenda(plan, rows, started, again)
	a.retries, a.budget, a.delay = 2, 100, func(try int) time.Duration { return time.Duration(try) * time.Second }
	return a
}

func wantRound(t *testing.T, a *agenda, now time.Time, want ...string) {
	t.Helper()
	if round, _, _ := a.next(now); !slices.Equal(round, want) {
		t.Fatalf("the next round is %v, want %v", round, want)
	}
}

func row(id string, attempt int64, status string) results.Row {
	return results.Row{VariantID: id, Attempt: attempt, Status: status}
}

func TestVariantsWithARowAreNotRunAgain(t *testing.T) {
	rows := []results.Row{row("v0001", 1, model.StatusSucceeded), row("v0003", 1, model.StatusFailed)}
	wantRound(t, agendaOf(3, rows, nil, nil), noon, "baseline", "v0002")
	a := agendaOf(3, rows, nil, map[string]bool{"v0003": true})
	wantRound(t, a, noon, "v0003")
	if s, f, _, left := a.standing(); s != 1 || f != 0 || left != 3 {
		t.Errorf("standing %d %d %d", s, f, left)
	}
}

func TestARetryableFailureComesBackAfterItsDelay(t *testing.T) {
	a := agendaOf(1, nil, nil, nil)
	a.commit("baseline", model.StatusSucceeded, "", false, noon)
	a.commit("v0001", model.StatusFailed, model.Storage, true, noon)
	round, wait, done := a.next(noon)
	if len(round) != 0 || wait != time.Second || done {
		t.Fatalf("%v %v %v", round, wait, done)
	}
	wantRound(t, a, noon.Add(time.Second), "v0001")
	a.commit("v0001", model.StatusFailed, model.Storage, true, noon)
	wantRound(t, a, noon.Add(2*time.Second), "v0001")
	a.commit("v0001", model.StatusFailed, model.Storage, true, noon)
	if _, _, done := a.next(noon.Add(time.Hour)); !done {
		t.Error("a third retry of two")
	}
	if s, f, w, left := a.standing(); s != 1 || f != 1 || w != 0 || left != 0 {
		t.Errorf("standing %d %d %d %d", s, f, w, left)
	}
}

func TestAFailureThatIsNotTransientIsFinal(t *testing.T) {
	for reason, retryable := range map[model.Reason]bool{model.Panicked: false, model.InvalidInput: false, model.Crashed: true} {
		a := agendaOf(0, nil, nil, nil)
		a.commit("baseline", model.StatusFailed, reason, retryable, noon)
		if _, _, done := a.next(noon.Add(time.Hour)); !done {
			t.Errorf("%s is tried again", reason)
		}
	}
}

func TestTwoDeathsAloneThreeDeathsFailed(t *testing.T) {
	a := agendaOf(2, nil, nil, nil)
	wantRound(t, a, noon, "baseline", "v0001", "v0002")
	for range 2 {
		if a.die("v0001") || a.die("v0002") {
			t.Fatal("failed before its third death")
		}
	}
	wantRound(t, a, noon, "baseline") // the others first
	a.commit("baseline", model.StatusSucceeded, "", false, noon)
	wantRound(t, a, noon, "v0001")
	if !a.die("v0001") {
		t.Fatal("a third death is no failure")
	}
	a.commit("v0001", model.StatusFailed, model.Crashed, true, noon)
	wantRound(t, a, noon, "v0002")
	a.commit("v0002", model.StatusSucceeded, "", false, noon)
	if _, _, done := a.next(noon); !done {
		t.Error("not done")
	}
}

// TestDeathsNobodySawCallForCautionOnly: however often the whole machine went down with a variant in
// flight, it runs alone, and its row or one death that is seen decides.
func TestDeathsNobodySawCallForCautionOnly(t *testing.T) {
	started := map[string][]int64{"v0001": {1, 2, 3, 4, 5}, "v0002": {5}, "baseline": {1}}
	rows := []results.Row{row("baseline", 1, model.StatusSucceeded)}
	a := agendaOf(2, rows, started, nil)
	wantRound(t, a, noon, "v0002")
	a.commit("v0002", model.StatusSucceeded, "", false, noon)
	wantRound(t, a, noon, "v0001")
	if !a.die("v0001") {
		t.Error("a death that was seen, alone, is its failure")
	}
}

func TestBackoffIsBoundedAndJitteredFully(t *testing.T) {
	random := 0.5
	b := backoff{base: time.Second, max: 30 * time.Second, random: func() float64 { return random }}
	for try, want := range []time.Duration{1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 6: 15 * time.Second, 100: 15 * time.Second} {
		if want != 0 && b.delay(try) != want {
			t.Errorf("try %d after %v, want %v", try, b.delay(try), want)
		}
	}
	if random = 0; b.delay(4) != 0 {
		t.Error("full jitter goes down to nothing")
	}
}

// TestARunThatIsOverIsNotStopped: one failure is more than the limit of none, which only matters while
// another variant is open.
func TestARunThatIsOverIsNotStopped(t *testing.T) {
	s := &supervisor{config: &model.Config{}, agenda: agendaOf(2, nil, nil, nil)}
	s.Timing.Now = func() time.Time { return noon }
	s.agenda.commit("v0001", model.StatusFailed, model.Panicked, false, noon)
	s.agenda.commit("baseline", model.StatusSucceeded, "", false, noon)
	if !s.tooManyFailed() || s.stopped == "" {
		t.Error("a run with a variant left goes on")
	}
	s.stopped = ""
	s.agenda.commit("v0002", model.StatusSucceeded, "", false, noon)
	if s.tooManyFailed() || s.stopped != "" {
		t.Errorf("a run with nothing left is stopped: %s", s.stopped)
	}
}

func failure(id string, attempt int64, reason model.Reason) results.Row {
	return results.Row{VariantID: id, Attempt: attempt, Status: model.StatusFailed, Reason: reason}
}

// TestAListOfVariantsIsRunFromItsAttemptsOn: rows up to After are forgotten, later ones settle a variant
// or are tries of it.
func TestAListOfVariantsIsRunFromItsAttemptsOn(t *testing.T) {
	rows := []results.Row{
		row("baseline", 1, model.StatusSucceeded),
		failure("v0001", 1, model.Panicked), // before its retry
		failure("v0002", 1, model.Panicked), failure("v0002", 2, model.Panicked),
		failure("v0003", 2, model.Storage), row("v0003", 3, model.StatusSucceeded),
		failure("v0004", 1, model.TimedOut), failure("v0004", 2, model.TimedOut), // the first was before its retry
		failure("v0005", 2, model.Crashed),
		failure("v0006", 2, model.Storage), failure("v0006", 3, model.Storage), failure("v0006", 4, model.Storage),
	}
	started := map[string][]int64{"v0001": {1}, "v0004": {1, 2}, "v0007": {1, 2, 3}, "v0008": {1, 2}}
	only := []Todo{{"v0001", 1}, {"v0002", 1}, {"v0003", 1}, {"v0004", 1}, {"v0005", 1}, {"v0006", 1}, {"v0007", 1}, {"v0008", 1}}
	a := agendaOf(9, rows, started, nil)
	if err := a.limit(only, rows, started); err != nil {
		t.Fatal(err)
	}
	// v0002 failed for good after its retry, v0003 succeeded, v0005 crashed, v0006 has used up its two retries.
	// v0007 was in flight at two ends since, so it runs alone; v0009 is not asked for.
	wantRound(t, a, noon, "v0001", "v0004", "v0008")
	if s, f, w, left := a.standing(); s != 2 || f != 3 || w != 1 || left != 5 {
		t.Errorf("standing %d %d %d %d, want 2 succeeded, 3 failed, 1 that waits, 5 left", s, f, w, left)
	}
	// One of v0004's two retries is used up.
	if v := a.commit("v0004", model.StatusFailed, model.TimedOut, true, noon); !v.again || v.due != noon.Add(2*time.Second) {
		t.Errorf("the second try: %+v", v)
	}
	if v := a.commit("v0004", model.StatusFailed, model.TimedOut, true, noon); v.again || v.budget {
		t.Errorf("the third try: %+v", v)
	}
	for _, id := range []string{"v0001", "v0008"} {
		a.commit(id, model.StatusSucceeded, "", false, noon)
	}
	wantRound(t, a, noon, "v0007")
	if err := a.limit([]Todo{{"v0099", 0}}, nil, nil); err == nil {
		t.Error("a variant that the plan has not")
	}
}

// TestRetriesOfARunAreBounded: three variants fail for a while, two retries are left for all of them.
func TestRetriesOfARunAreBounded(t *testing.T) {
	a := agendaOf(2, nil, nil, nil)
	a.budget = 2
	for i, want := range []verdict{{again: true, due: noon.Add(time.Second)}, {again: true, due: noon.Add(time.Second)}, {budget: true}} {
		if v := a.commit(a.order[i], model.StatusFailed, model.Storage, true, noon); v != want {
			t.Errorf("%s: %+v, want %+v", a.order[i], v, want)
		}
	}
	if s, f, w, _ := a.standing(); s != 0 || f != 1 || w != 2 {
		t.Errorf("standing %d %d %d", s, f, w)
	}
}
