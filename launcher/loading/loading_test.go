package loading_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
)

// places are where results can be.
func places(t *testing.T, test func(t *testing.T, c *cloud)) {
	for name, inBucket := range map[string]bool{"results in a folder": false, "results in a bucket": true} {
		t.Run(name, func(t *testing.T) { test(t, newCloud(t, inBucket)) })
	}
}

// TestEachRowIsLoadedOnce: what a first run left, what retries add, and nothing again.
func TestEachRowIsLoadedOnce(t *testing.T) {
	places(t, func(t *testing.T, c *cloud) {
		c.run(simulation, 1, "baseline", "v0001", "v0002")
		c.run(other, 1, "baseline")
		check := func(ids []string, want ...[]string) {
			t.Helper()
			outcomes, err := c.load(ids...)
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range outcomes {
				if got := states(o); !slices.Equal(got, want[i]) || !o.Complete() {
					t.Errorf("%s: %v, want %v; %+v", o.Simulation, got, want[i], o)
				}
			}
		}
		check([]string{simulation}, []string{"round 1: 3 loaded"})
		check([]string{simulation, other}, []string{"round 1: 3 already there"}, []string{"round 2: 1 loaded"})
		c.run(simulation, 2, "v0002")
		check([]string{simulation}, []string{"round 1: 3 already there", "round 3: 1 loaded"})
		check([]string{simulation}, []string{"round 1: 3 already there", "round 3: 1 already there"})
		c.wantRows(simulation, "baseline/1", "v0001/1", "v0002/1", "v0002/2")
		c.wantRows(other, "baseline/1")
	})
}

// TestWhatComesAfterALoadIsFound, of the attempt that was loaded too: it may go on while, or after, it is loaded.
func TestWhatComesAfterALoadIsFound(t *testing.T) {
	places(t, func(t *testing.T, c *cloud) {
		w, err := loading.Open(t.Context(), c.store(), c.target)
		if err != nil {
			t.Fatal(err)
		}
		for _, variant := range []string{"baseline", "v0001"} {
			c.run(simulation, 1, variant)
			for _, want := range []bool{true, false} {
				if pending, err := w.Pending(t.Context(), simulation); err != nil || pending != want {
					t.Errorf("%s: pending %v, want %v; %v", variant, pending, want, err)
				}
				if _, err := c.load(simulation); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		c.wantRows(simulation, "baseline/1", "v0001/1")
	})
}

// TestWhatCantBeReadIsLeftOut: a damaged row does not keep the others, and a restored one is loaded after all.
func TestWhatCantBeReadIsLeftOut(t *testing.T) {
	places(t, func(t *testing.T, c *cloud) {
		c.run(simulation, 1, "baseline", "v0001")
		c.run(other, 1, "baseline")
		c.tear(model.ResultPath(simulation, "v0001", 1))
		for range 2 {
			outcomes, err := c.load(simulation, other)
			if err != nil {
				t.Fatal(err)
			}
			if o := outcomes[0]; len(o.LeftOut) != 1 || !strings.Contains(o.LeftOut[0].Why, "damaged") || !strings.Contains(o.LeftOut[0].Path, "v0001") || o.Complete() {
				t.Errorf("%+v", o)
			}
			if !outcomes[1].Complete() {
				t.Errorf("%+v", outcomes[1])
			}
		}
		c.wantRows(simulation, "baseline/1")
		c.wantRows(other, "baseline/1")
		if jobs, _ := c.bigquery.Jobs(); len(jobs) != 2 {
			t.Errorf("%d jobs, want one that failed and one that did not: %v", len(jobs), jobs)
		}
	})
}

// TestADeletedSimulationDoesNotStopTheOthers of its round, even if it goes between the round's making and its job.
func TestADeletedSimulationDoesNotStopTheOthers(t *testing.T) {
	c := newCloud(t, true)
	c.run(simulation, 1, "baseline")
	c.run(other, 1, "baseline")
	c.bigquery.Order("jobs.insert", bigquerytest.OverQuota)
	w, err := loading.Open(t.Context(), c.store(), c.target)
	if err != nil {
		t.Fatal(err)
	}
	w.Patience = 1
	_, err = w.Load(t.Context(), true, simulation, other)
	if e, ok := errors.AsType[*loads.Error](err); !ok || !e.Temporary() {
		t.Fatalf("over the quota: %v", err)
	}
	if err := errors.Join(c.store().Delete(t.Context(), simulation), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err = c.load(other); err != nil {
		t.Fatal(err)
	}
	c.wantRows(simulation)
	c.wantRows(other, "baseline/1")
}

// TestTargetsThatCantBeAreRefused before anything is asked.
func TestTargetsThatCantBeAreRefused(t *testing.T) {
	inFolder, inBucket := newCloud(t, false), newCloud(t, true)
	for want, of := range map[string]struct {
		c      *cloud
		target loading.Target
	}{
		"give a prefix to upload them to": {inFolder, loading.Target{Dataset: dataset}},
		"is no prefix to upload to":       {inFolder, loading.Target{Dataset: dataset, Staging: "/tmp/x"}},
		"is no dataset":                   {inBucket, loading.Target{Dataset: "whatif"}},
		"is no URL":                       {inBucket, loading.Target{Dataset: dataset, Endpoint: "localhost:1"}},
	} {
		if _, err := loading.Open(t.Context(), of.c.store(), of.target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestTwoStoresOfOneSimulationAreNotMixed: the second to stage a row of the same name and other bytes is told.
func TestTwoStoresOfOneSimulationAreNotMixed(t *testing.T) {
	c := newCloud(t, false)
	c.run(simulation, 1, "baseline")
	if _, err := c.load(simulation); err != nil {
		t.Fatal(err)
	}
	c.results = t.TempDir()
	s := c.store()
	row := &model.VariantResult{SimulationID: simulation, VariantID: "baseline", Attempt: 1, Status: model.StatusSucceeded, SimulationName: "another"}
	row.Seal()
	if _, err := s.Commit(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if _, err := c.load(simulation); err == nil || !strings.Contains(err.Error(), "two result stores have this simulation") {
		t.Errorf("%v", err)
	}
	c.wantRows(simulation, "baseline/1")
}
