package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

// moments are the named ones that a submission and its run pass, each to be died at. Those of a
// schedule's firing are passed in the queue's own tests.
var moments = []string{
	"api.submit.checked", "api.submit.answered",
	"store.submit.before_commit", "store.submit.committed", "store.claim.committed", "store.begin.committed",
	"store.attempt.committed", "store.record.before_commit", "store.record.committed", "store.finish.before_commit", "store.finish.committed",
	"queue.claimed", "queue.plan_written", "queue.begun", "queue.reconciled", "queue.before_record", "queue.recorded", "queue.before_finish", "queue.finished",
	"results.plan_written", "results.attempt_taken", "results.started_marked", "results.temp_written", "results.linked", "results.folder_synced",
	"pipeline.process_started", "pipeline.heard_committed", "pipeline.round_ended",
	"pipeline.job_order_read", "pipeline.job_variant_started", "pipeline.job_variant_computed", "pipeline.job_ended",
}

const killVariants = 8 // beside the baseline, in the studies that are killed

// TestDeathAtEachMoment: the launcher or its job dies at a named moment; after the restart every
// accepted simulation ends as if nothing had happened.
func TestDeathAtEachMoment(t *testing.T) {
	for name, url := range stores(t) {
		if name != "sqlite" && !full {
			continue
		}
		t.Run(name, func(t *testing.T) {
			k := newKillings(t, databaseOf(t, url))
			for i, moment := range moments {
				t.Run(moment, func(t *testing.T) {
					once := filepath.Join(t.TempDir(), "passed")
					pass := 1 + i%2 // at the first pass or the second, where there are several
					if pass == 2 && !strings.HasPrefix(moment, "results.") && !strings.HasPrefix(moment, "pipeline.job_variant") {
						pass = 1
					}
					k.round(t, []string{fmt.Sprintf("WHATIF_KILLPOINT=%s#%d", moment, pass), "WHATIF_KILLPOINT_ONCE=" + once}, nil)
					if _, err := os.Stat(once); err != nil {
						t.Errorf("nothing passed the moment: %v", err)
					}
				})
			}
		})
	}
}

// TestDeathAtRandomMoments: kill -9 of the launcher, of its jobs, or of both.
func TestDeathAtRandomMoments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	rounds := scaled(6, 300)
	all := stores(t)
	for name, url := range all {
		t.Run(name, func(t *testing.T) {
			k := newKillings(t, databaseOf(t, url))
			for i := range rounds / len(all) {
				after := time.Duration(random.Int64N(int64(1200 * time.Millisecond)))
				whom := i % 3
				if !t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
					k.round(t, nil, func(l *launcher) {
						<-time.After(after)
						if whom != 0 {
							l.killJobs()
						}
						if whom != 1 {
							l.kill()
						}
					})
				}) {
					t.Fatalf("after %s, kind %d", after, whom)
				}
			}
		})
	}
}

// killings is a site whose launchers are killed, with what an undisturbed run of its study gives.
type killings struct {
	*site
	config  string
	digests map[string]string // by variant
	count   int
}

func newKillings(t *testing.T, store string) *killings {
	t.Helper()
	k := &killings{site: newSite(t, "killpoints", 2000), config: study("killed", killVariants)}
	k.store = store
	k.unlimited()
	l := k.start(nil, launcherName...)
	sim, err := l.submit(k.config, "")
	if err != nil {
		t.Fatal(err)
	}
	if sim = l.finished(sim.ID, time.Minute); sim.State != "succeeded" {
		t.Fatalf("undisturbed: %s, %s", sim.State, sim.Summary)
	}
	k.digests = k.rowsOf(t, sim.ID)
	l.stop()
	return k
}

// launcherName lets a launcher know its own leases again.
var launcherName = []string{"--name", "first", "--lease", "2s"}

// round submits two simulations to a launcher that dies some time, starts another, and has it end them.
func (k *killings) round(t *testing.T, env []string, death func(*launcher)) {
	k.t = t
	k.count++
	keys := []string{fmt.Sprintf("round-%d-a", k.count), fmt.Sprintf("round-%d-b", k.count)}
	l := k.launch(env, launcherName...)
	if err := l.ready(30 * time.Second); err == nil {
		if death != nil {
			done := make(chan struct{})
			go func() { defer close(done); death(l) }()
			defer func() { <-done }()
		}
		for _, key := range keys {
			// One that is killed meanwhile has promised nothing; the client asks again below.
			_, _ = l.submit(k.config, key)
		}
		l.diesOrFinishes()
	}
	l.kill()
	restarted := time.Now()
	l = k.start(nil, launcherName...)
	if took := time.Since(restarted); full && took > 5*time.Second {
		t.Errorf("ready again after %s", took)
	}
	for _, key := range keys {
		sim, err := l.submit(k.config, key)
		if err != nil {
			t.Fatalf("%v\n%s", err, l.log)
		}
		k.check(l, l.finished(sim.ID, time.Minute))
	}
	l.stop()
}

// diesOrFinishes waits until the launcher has died or has nothing left to do.
func (l *launcher) diesOrFinishes() {
	l.t.Helper()
	err := until(time.Minute, func() (bool, error) {
		if l.dead() {
			return true, nil
		}
		var page wire.SimulationList
		if _, err := l.call("GET", "/v1/simulations", nil, "", &page); err != nil {
			return l.dead(), nil //nolint:nilerr // it is dying: looked at again
		}
		return !slices.ContainsFunc(page.Simulations, func(s wire.Simulation) bool { return !terminal(s.State) }), nil
	})
	if err != nil {
		l.t.Errorf("the launcher neither died nor finished: %v\n%s", err, l.log)
	}
}

// check holds a finished simulation against the undisturbed one.
func (k *killings) check(l *launcher, sim wire.Simulation) {
	k.t.Helper()
	if sim.State != "succeeded" || sim.Counts.Succeeded != killVariants+1 || sim.Variants != killVariants+1 {
		k.t.Errorf("%s: %s, %+v of %d: %s", sim.ID, sim.State, sim.Counts, sim.Variants, sim.Summary)
	}
	var list wire.VariantList
	if _, err := l.call("GET", "/v1/simulations/"+sim.ID+"/variants?page_size=200", nil, "", &list); err != nil {
		k.t.Fatal(err)
	}
	seen := map[string]string{}
	for _, v := range list.Variants {
		if seen[v.ID] != "" || v.State != "succeeded" {
			k.t.Errorf("%s: variant %s is %s, was %q", sim.ID, v.ID, v.State, seen[v.ID])
		}
		seen[v.ID] = v.State
	}
	if digests := k.rowsOf(k.t, sim.ID); len(seen) != killVariants+1 || !equal(digests, k.digests) {
		k.t.Errorf("%s: %d variants; results %v, undisturbed %v", sim.ID, len(seen), digests, k.digests)
	}
}

func equal(a, b map[string]string) bool {
	for id, digest := range a {
		if b[id] != digest {
			return false
		}
	}
	return len(a) == len(b)
}

// rowsOf are the digests of the rows that count, as the result store has them: one a variant.
func (k *killings) rowsOf(t *testing.T, id string) map[string]string {
	t.Helper()
	store, err := results.Open(k.results)
	if err != nil {
		t.Fatal(err)
	}
	counted, err := store.Counted(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for variant, counts := range counted {
		row, err := store.Read(t.Context(), id, variant, counts.Attempt)
		if err != nil {
			t.Fatal(err)
		}
		if row.Status != model.StatusSucceeded {
			t.Errorf("%s: the row that counts of %s has failed: %+v", id, variant, row.Error)
		}
		digests[variant] = row.ResultSHA256
	}
	return digests
}

// killJobs kills every job that the launcher has started and that runs now.
func (l *launcher) killJobs() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pgrep", "-P", strconv.Itoa(l.cmd.Process.Pid)).Output()
	if err != nil {
		return // none
	}
	for pid := range strings.FieldsSeq(string(out)) {
		if n, err := strconv.Atoi(pid); err == nil {
			if process, err := os.FindProcess(n); err == nil {
				_ = process.Kill() // it may have ended
			}
		}
	}
}
