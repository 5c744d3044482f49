package transforms

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

func jobForTests() Job {
	return Job{
		Results: "results", SimulationID: "20260701-abcdefgh23", Attempt: 1, Simulator: Engine,
		Parallelism: 2, MemoryBytes: 100, Timeout: time.Second, Grace: time.Second,
	}
}

// TestStateFitsTheBoundTogether: two variants of 60 bytes don't fit into 100 at a time.
func TestStateFitsTheBoundTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(jobForTests())
		if err := l.reserve(t.Context(), 60); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- l.reserve(t.Context(), 60) }()
		synctest.Wait() // until it is let in or waits
		select {
		case err := <-second:
			t.Fatalf("the second was let in beside the first: %v", err)
		default:
		}
		l.memory.Release(60)
		if err := <-second; err != nil {
			t.Fatal(err)
		}
	})
}

// TestWaitingForMemoryGivesUp when the job is cancelled, and when a stuck variant will never give its
// memory back.
func TestWaitingForMemoryGivesUp(t *testing.T) {
	l := newLimits(jobForTests())
	if err := l.reserve(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.reserve(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- l.reserve(t.Context(), 1) }()
	l.close()
	l.close() // several variants may be stuck
	if err := <-waiting; !errors.Is(err, ErrRecycle) || !l.closed() {
		t.Errorf("closed: %v", err)
	}
}

func TestAJobThatCannotRunIsRefused(t *testing.T) {
	good := jobForTests()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Job){
		"simulation id":  func(j *Job) { j.SimulationID = "../x" },
		"variant id":     func(j *Job) { j.Only = []string{"v1"} },
		"address":        func(j *Job) { j.Results = "" },
		"number":         func(j *Job) { j.Attempt = 0 },
		"parallelism":    func(j *Job) { j.Parallelism = 0 },
		"memory":         func(j *Job) { j.MemoryBytes = 0 },
		"time limit":     func(j *Job) { j.Timeout = 0 },
		"simulator is n": func(j *Job) { j.Simulator = "another" },
	} {
		job := good
		change(&job)
		if err := job.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q: %v", want, err)
		}
	}
}

func TestChosenVariantsKeepThePlansOrder(t *testing.T) {
	plan := &model.Plan{SimulationID: "s", Variants: []model.Variant{{ID: "baseline"}, {ID: "v0001"}, {ID: "v0002"}}}
	some, err := chosen(plan, []string{"v0002", "baseline"})
	if err != nil || len(some) != 2 || some[0].ID != "baseline" || some[1].ID != "v0002" {
		t.Errorf("%v %v", some, err)
	}
	if all, err := chosen(plan, nil); err != nil || len(all) != 3 {
		t.Errorf("%v %v", all, err)
	}
	if _, err := chosen(plan, []string{"v0009"}); err == nil {
		t.Error("a variant that is not in the plan was chosen")
	}
}

// TestAPanicTellsWhereItHappened within bounds, and not where it was recovered.
func TestAPanicTellsWhereItHappened(t *testing.T) {
	r := recovered(t.Context(), func(ctx context.Context) (*model.Metrics, error) { return panicking{}.Simulate(ctx, nil) })
	fault := model.FaultOf(r.err)
	if fault.Reason != string(model.Panicked) || fault.Retryable || !strings.HasPrefix(fault.Message, "no such slot\n") ||
		!strings.Contains(fault.Message, "panicking.Simulate") || len(fault.Message) > maxStack+100 {
		t.Errorf("%+v", fault)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(fault.Message, "no such slot\n"), "\n")
	if !strings.Contains(first, "panicking") {
		t.Errorf("the stack begins with %q", first)
	}
}

type panicking struct{}

func (panicking) StateBytes(*model.Scenario) int64 { return 0 }
func (panicking) Simulate(context.Context, *model.Scenario) (*model.Metrics, error) {
	panic("no such slot")
}

func TestWhatTravelsComesBackTheSame(t *testing.T) {
	number := 0.1
	row := model.VariantResult{VariantID: "v0001", Parameters: []model.ParameterValue{{Name: "a", Number: &number}}, Metrics: model.Metrics{Slots: 1 << 60, FillRate: &number}}
	row.Seal()
	data, err := encodeResult(row)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeResult(data)
	digest := back.ResultSHA256
	back.Seal()
	if err != nil || back.ResultSHA256 != row.ResultSHA256 || digest != row.ResultSHA256 || back.ECPM != nil {
		t.Errorf("%+v, %v", back, err)
	}
	price := decimal.RequireFromString("0.1000000000000000000001")
	v := model.Variant{ID: "v0002", Values: []model.Value{{Kind: model.ValueNumber, Number: price, Text: price.String()}, {}}}
	data, err = encodeVariant(v)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeVariant(data)
	if err != nil || len(again.Values) != 2 || !again.Values[0].Number.Equal(price) || again.Values[1].Kind != model.ValueUnset {
		t.Errorf("%+v, %v", again, err)
	}
}
