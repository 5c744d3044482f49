package loading

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/sql/loads"
)

// fakeLoader notes what it is asked to load.
type fakeLoader struct {
	mu      sync.Mutex
	calls   [][]string
	fail    error           // of every call
	bad     map[string]bool // simulations with a row that can't be loaded
	pending map[string]bool
	during  func() // while a call is under way
	slow    time.Duration
}

func (f *fakeLoader) Load(ctx context.Context, wait bool, ids ...string) ([]loads.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !wait {
		return nil, errors.New("a worker waits")
	}
	f.calls = append(f.calls, slices.Sorted(slices.Values(ids)))
	if f.during != nil {
		f.during()
	}
	if f.slow > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(f.slow):
		}
	}
	var outcomes []loads.Outcome
	for _, id := range ids {
		o := loads.Outcome{Simulation: id}
		if f.bad[id] {
			o.LeftOut = []loads.BadRow{{Path: "x", Why: "damaged"}}
		}
		if f.fail != nil {
			o.Waiting = 1
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, f.fail
}

func (f *fakeLoader) Pending(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending[id], nil
}

func (f *fakeLoader) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeLoader) all() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// working runs a test with a worker that has been started.
func working(t *testing.T, f *fakeLoader, backlog []string, test func(w *Worker, failed *int)) {
	synctest.Test(t, func(t *testing.T) {
		failed := 0
		w := New(Options{Loader: f, Backlog: func(context.Context, bool) ([]string, error) { return backlog, nil }, Failed: func() { failed++ }})
		w.Start()
		defer w.Stop()
		test(w, &failed)
	})
}

// settle lets a time pass, and all that happens in it.
func settle(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestWhatEndsTogetherSharesACall(t *testing.T) {
	f := &fakeLoader{}
	working(t, f, nil, func(w *Worker, _ *int) {
		w.Add("a")
		settle(time.Second)
		w.Add("b")
		if n, _ := w.Waiting(); n != 2 {
			t.Errorf("%d wait", n)
		}
		settle(gather)
		w.Add("c")
		settle(gather)
		if got := f.all(); !slices.EqualFunc(got, [][]string{{"a", "b"}, {"c"}}, slices.Equal) {
			t.Errorf("calls %v", got)
		}
		if n, oldest := w.Waiting(); n != 0 || oldest != 0 {
			t.Errorf("%d wait for %v", n, oldest)
		}
	})
}

// TestManyThatEndDuringALoadShareTheNext: while one round is on its way, the next gathers.
func TestManyThatEndDuringALoadShareTheNext(t *testing.T) {
	f := &fakeLoader{slow: time.Minute}
	working(t, f, nil, func(w *Worker, _ *int) {
		w.Add("a")
		settle(gather + time.Second)
		for _, id := range []string{"b", "c", "d", "e"} {
			w.Add(id)
			settle(5 * time.Second)
		}
		settle(3 * time.Minute)
		if got := f.all(); !slices.EqualFunc(got, [][]string{{"a"}, {"b", "c", "d", "e"}}, slices.Equal) {
			t.Errorf("calls %v", got)
		}
	})
}

func TestWhatFailsIsTriedAgainLaterEachTime(t *testing.T) {
	f := &fakeLoader{fail: errors.New("no network")}
	working(t, f, nil, func(w *Worker, failed *int) {
		w.Add("a")
		settle(gather)
		// 10, 20, 40 .. seconds, then every hour: 10 s x (2^8 - 1) = 42.5 minutes for eight more.
		settle(43 * time.Minute)
		if n := len(f.all()); n != 9 || *failed != 9 {
			t.Errorf("%d calls, %d failures", n, *failed)
		}
		settle(24 * time.Hour)
		if n := len(f.all()); n < 9+23 || n > 9+26 {
			t.Errorf("%d calls after a day", n)
		}
		f.set(func() { f.fail = nil })
		settle(time.Hour)
		if n, _ := w.Waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// TestOneThatEndsAgainWhileItIsLoaded is loaded again: a retry has added rows.
func TestOneThatEndsAgainWhileItIsLoaded(t *testing.T) {
	f := &fakeLoader{}
	working(t, f, nil, func(w *Worker, _ *int) {
		once := true
		f.set(func() {
			f.during = func() {
				if once {
					once = false
					w.Add("a")
				}
			}
		})
		w.Add("a")
		settle(3 * gather)
		if got := f.all(); !slices.EqualFunc(got, [][]string{{"a"}, {"a"}}, slices.Equal) {
			t.Errorf("calls %v", got)
		}
	})
}

// TestWhatALauncherLeftIsFound at the next start, and what another left, some time later.
func TestWhatALauncherLeftIsFound(t *testing.T) {
	f := &fakeLoader{pending: map[string]bool{"b": true}}
	working(t, f, []string{"a", "b", "c"}, func(_ *Worker, _ *int) {
		settle(2 * gather)
		if got := f.all(); !slices.EqualFunc(got, [][]string{{"b"}}, slices.Equal) {
			t.Errorf("calls %v", got)
		}
		f.set(func() { f.pending = map[string]bool{"c": true} })
		settle(lookEvery + 2*gather)
		if got := f.all(); !slices.EqualFunc(got, [][]string{{"b"}, {"c"}}, slices.Equal) {
			t.Errorf("calls %v", got)
		}
	})
}

// TestRowsThatCantBeLoadedAreAFailure, and do not keep the simulations beside them waiting.
func TestRowsThatCantBeLoadedAreAFailure(t *testing.T) {
	f := &fakeLoader{bad: map[string]bool{"a": true}}
	working(t, f, []string{}, func(w *Worker, failed *int) {
		w.Add("a")
		w.Add("b")
		settle(2 * gather)
		if n, _ := w.Waiting(); n != 1 || *failed == 0 {
			t.Errorf("%d wait, %d failures", n, *failed)
		}
	})
}

// TestAStopEndsALoadAtOnce.
func TestAStopEndsALoadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLoader{slow: time.Hour}
		w := New(Options{Loader: f, Backlog: func(context.Context, bool) ([]string, error) { return nil, nil }})
		w.Start()
		w.Add("a")
		settle(gather + time.Second)
		began := time.Now()
		w.Stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}
