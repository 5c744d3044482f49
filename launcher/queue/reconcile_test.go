package queue

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

func succeeded(attempt int64) results.Row {
	return results.Row{VariantID: "v0001", Attempt: attempt, Status: model.StatusSucceeded}
}

func failedFor(attempt int64, reason model.Reason) results.Row {
	return results.Row{VariantID: "v0001", Attempt: attempt, Status: model.StatusFailed, Reason: reason}
}

// TestReconcile: what a variant's rows say about it, with two retries allowed.
func TestReconcile(t *testing.T) {
	for _, c := range []struct {
		name  string
		state store.VariantState
		after int64
		rows  []results.Row
		ended int64 // attempt of the row it ended with; 0: it has not
		todo  bool
		lost  bool
	}{
		{"never begun", store.VariantPending, 0, nil, 0, true, false},
		{"in flight at a death", store.VariantRunning, 0, nil, 0, true, false},
		{"committed, not recorded", store.VariantRunning, 0, []results.Row{succeeded(3)}, 3, false, false},
		{"committed before even its start was recorded", store.VariantPending, 0, []results.Row{succeeded(3)}, 3, false, false},
		{"two launchers at once: the first success counts", store.VariantRunning, 0, []results.Row{failedFor(2, model.Panicked), succeeded(3), succeeded(5)}, 3, false, false},
		{"recorded already", store.VariantSucceeded, 0, []results.Row{succeeded(3)}, 0, false, false},
		{"cancelled, and a late row", store.VariantCancelled, 0, []results.Row{succeeded(3)}, 0, false, false},
		{"fails whatever is done", store.VariantRunning, 0, []results.Row{failedFor(4, model.Panicked)}, 4, false, false},
		{"has crashed three processes", store.VariantRunning, 0, []results.Row{failedFor(4, model.Crashed)}, 4, false, false},
		{"has tries left", store.VariantRunning, 0, []results.Row{failedFor(1, model.TimedOut), failedFor(2, model.Storage)}, 0, true, false},
		{"has none left", store.VariantRunning, 0, []results.Row{failedFor(1, model.TimedOut), failedFor(2, model.Storage), failedFor(7, model.TimedOut)}, 7, false, false},
		{"failed before it was retried", store.VariantPending, 7, []results.Row{failedFor(1, model.TimedOut), failedFor(2, model.Storage), failedFor(7, model.TimedOut)}, 0, true, false},
		{"retried, once failed again", store.VariantRunning, 2, []results.Row{failedFor(1, model.Panicked), failedFor(2, model.Panicked), failedFor(3, model.TimedOut)}, 0, true, false},
		{"retried, succeeded", store.VariantRunning, 2, []results.Row{failedFor(2, model.Panicked), succeeded(3)}, 3, false, false},
		{"succeeded, its row removed", store.VariantSucceeded, 0, nil, 0, false, true},
		{"succeeded, only a failed row left", store.VariantSucceeded, 0, []results.Row{failedFor(1, model.TimedOut)}, 0, false, true},
		{"succeeded after a retry, only older rows left", store.VariantSucceeded, 3, []results.Row{failedFor(2, model.Panicked)}, 0, false, true},
		{"failed, its row removed", store.VariantFailed, 0, nil, 0, false, true},
		{"failed, its row there", store.VariantFailed, 0, []results.Row{failedFor(1, model.Panicked)}, 0, false, false},
		{"failed, and a success came late", store.VariantFailed, 0, []results.Row{succeeded(1)}, 0, false, false},
		{"cancelled without a row", store.VariantCancelled, 0, nil, 0, false, false},
	} {
		v := store.Variant{ID: "v0001", State: c.state, After: c.after}
		// Another variant's rows are not its own.
		rows := append([]results.Row{{VariantID: "baseline", Attempt: 9, Status: model.StatusSucceeded}}, c.rows...)
		got := reconcile([]store.Variant{v}, rows, 2)
		var want found
		for _, row := range c.rows {
			if row.Attempt == c.ended {
				want.ended = []results.Row{row}
			}
		}
		if c.todo {
			want.todo = []pipeline.Todo{{VariantID: "v0001", After: c.after}}
		}
		if c.lost {
			want.lost = []string{"v0001"}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

// TestTheRestIsInThePlansOrder: the order in which the store lists the variants.
func TestTheRestIsInThePlansOrder(t *testing.T) {
	var variants []store.Variant
	for _, id := range []string{"baseline", "v0002", "v0001"} {
		variants = append(variants, store.Variant{ID: id, State: store.VariantPending})
	}
	got := reconcile(variants, []results.Row{{VariantID: "v0002", Attempt: 1, Status: model.StatusSucceeded}}, 0)
	want := []pipeline.Todo{{VariantID: "baseline"}, {VariantID: "v0001"}}
	if !reflect.DeepEqual(got.todo, want) {
		t.Errorf("%+v, want %+v", got.todo, want)
	}
}

func TestChangeOf(t *testing.T) {
	when, retry := time.UnixMicro(1), time.UnixMicro(2)
	for kind, state := range map[pipeline.VariantEventKind]store.VariantState{
		pipeline.VariantStarted: store.VariantRunning, pipeline.VariantRetrying: store.VariantRunning,
		pipeline.VariantSucceeded: store.VariantSucceeded, pipeline.VariantFailed: store.VariantFailed,
	} {
		event := pipeline.VariantEvent{VariantID: "v0001", Kind: kind, Attempt: 3, Reason: model.TimedOut, Message: "slow", NextRetry: retry, At: when}
		want := store.VariantChange{VariantID: "v0001", State: state, Attempt: 3, Reason: "timed_out", Message: "slow", NextRetry: retry, At: when}
		if got, ok := changeOf(event); !ok || got != want {
			t.Errorf("%s: %+v, %v; want %+v", kind, got, ok, want)
		}
	}
	if _, ok := changeOf(pipeline.VariantEvent{VariantID: "v0001", Kind: pipeline.VariantGivenUp}); ok {
		t.Error("a variant that was given up is a change")
	}
}

// TestMessagesAreBounded: a message of any length and bytes becomes text that the store takes.
func TestMessagesAreBounded(t *testing.T) {
	if got := short(strings.Repeat("é", 3000)); len(got) != 2048 || got != strings.Repeat("é", 1024) {
		t.Errorf("%d bytes", len(got))
	}
	if got := short("x" + strings.Repeat("é", 3000)); len(got) != 2047 {
		t.Errorf("%d bytes: a character was cut", len(got))
	}
	if got := short("a\xffb"); got != "ab" {
		t.Errorf("%q", got)
	}
}
