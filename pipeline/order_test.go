package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/transforms"
)

// clocked takes a second of the test's own time for every slot that a variant visits.
const clocked = "clocked"

type clockedSimulator struct{ *engine.Engine }

func (c *clockedSimulator) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	m, err := c.Engine.Simulate(ctx, sc)
	if err != nil {
		return nil, err
	}
	taken := time.NewTimer(time.Duration(m.Slots) * time.Second)
	defer taken.Stop()
	select {
	case <-taken.C:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func init() {
	testSimulators[clocked] = func(s *inventory.Snapshot) transforms.Simulator { return &clockedSimulator{engine.New(s)} }
}

// Sizes of the study of TestALongVariantIsNeverLeftAlone.
const (
	rareSlots = 20                     // in IS
	allSlots  = 60 * rareSlots         // and one variant visits all of them
	shortOnes = 60                     // as many as make as much work as the long one
	leastTime = allSlots * time.Second // of two cores: half of the work, which is the long variant too
)

// writeLopsided writes a study whose last variant takes 60 times as long as each of the others.
func writeLopsided(t *testing.T, parameter, short, long string) string {
	t.Helper()
	dir := t.TempDir()
	w, err := inventory.NewWriter(filepath.Join(dir, "slots.parquet"), []inventory.Column{{Name: "country"}})
	if err != nil {
		t.Fatal(err)
	}
	begin := model.Instant(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	for i := range allSlots {
		country := "US"
		if i%60 == 7 {
			country = "IS"
		}
		slot := model.Slot{ID: fmt.Sprintf("s%06d", i), Time: begin + model.Instant(i), UserID: fmt.Sprintf("u%d", i), Scalars: map[string]string{"country": country}}
		if err := w.Write(slot); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	list := strings.Repeat("    - {lever: "+short+"}\n", shortOnes-1) + "    - {lever: " + long + "}\n"
	config := "name: lopsided\ninventory: slots.parquet\n" + campaignsYAML[:strings.Index(campaignsYAML, "  - {id: bolt")] +
		"parameters:\n  lever: " + parameter + "\nbaseline: {lever: " + short + "}\nsweep:\n  list:\n" + list
	config = strings.Replace(config, "targeting: {country: [US, CA]}, ", "", 1)
	path := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(path, []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestALongVariantIsNeverLeftAlone: with sixty variants of one length and a last one of sixty times theirs, two cores
// are done in the time of the long one, during which the other core does all the short ones. In the plan's
// order they would take half as long again. Time is the test's own.
func TestALongVariantIsNeverLeftAlone(t *testing.T) {
	for name, c := range map[string]struct{ parameter, short, long string }{
		"the snapshot tells":      {"{edit: slots.where}", "{country: [IS]}", "{country: [IS, US]}"},
		"the configuration tells": {"{edit: slots.sample}", "0.016667", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			store, plan := submit(t, writeLopsided(t, c.parameter, c.short, c.long))
			job := transforms.Job{
				Results: store.URI(), SimulationID: plan.SimulationID, Attempt: 1, Simulator: clocked,
				Parallelism: 2, MemoryBytes: 1 << 30, Timeout: 24 * time.Hour, Grace: time.Second,
			}
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				started := runHere(t, job)
				took := time.Since(began)
				t.Logf("%v of %v at least; the plan's order would take %v", took, leastTime, leastTime*3/2)
				if len(started) != shortOnes+1 || !slices.Contains(started[:2], "v0060") {
					t.Errorf("%d variants began, %v first", len(started), started[:2])
				}
				if took < leastTime || took > leastTime*11/10 {
					t.Errorf("took %v, want no more than a tenth above %v", took, leastTime)
				}
			})
			if got := digests(t, store, plan); len(got) != len(plan.Variants) {
				t.Errorf("%d of %d variants have figures", len(got), len(plan.Variants))
			}
		})
	}
}

// runHere runs a job in this process and lists its variants as they began.
func runHere(t *testing.T, job transforms.Job) (started []string) {
	t.Helper()
	defer transforms.Forget(job)
	var mu sync.Mutex
	defer transforms.Watch(job, func(e transforms.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == transforms.Started {
			started = append(started, e.VariantID)
		}
	})()
	execution, err := directRunner{}.Start(t.Context(), Build(job))
	if err != nil {
		t.Fatal(err)
	}
	if err := execution.Wait(); err != nil {
		t.Fatal(err)
	}
	return started
}

// TestTheLongestBeginsFirst on every runner of this machine, and the others in the plan's order.
func TestTheLongestBeginsFirst(t *testing.T) {
	for _, runner := range []string{Direct, Prism} {
		store, plan := submit(t, writeLopsided(t, "{edit: slots.where}", "{country: [IS]}", "{country: [IS, US]}"))
		want := []string{plan.Variants[shortOnes].ID}
		for _, v := range plan.Variants[:shortOnes] {
			want = append(want, v.ID)
		}
		o := options(store, plan)
		o.Runner, o.Parallelism = runner, 1
		var began []string
		o.Observe = func(e VariantEvent) {
			if e.Kind == VariantStarted {
				began = append(began, e.VariantID)
			}
		}
		run(t, o)
		if !slices.Equal(began, want) {
			t.Errorf("%s: %v", runner, began)
		}
	}
}
