package loads_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
)

// in runs a test in virtual time, in a world where nothing goes wrong by itself.
func in(t *testing.T, o bigquerytest.Options, test func(t *testing.T, w *world, l *loads.Loader)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(o)
		test(t, w, (&process{w: w}).loader())
	})
}

func attempt(n int64, variants ...string) (rows []loads.Row) {
	for _, v := range variants {
		rows = append(rows, loads.Row{Variant: v, Attempt: n})
	}
	return rows
}

// TestADayOfManySimulations: one ends every 10 seconds for two days and a half. The quota of jobs is kept, and
// nobody waits longer than for the pause between two jobs and a job of a minute and a half, after one that was under way.
func TestADayOfManySimulations(t *testing.T) {
	slow := func(*bq.Job) (time.Duration, time.Duration) { return 30 * time.Second, 60 * time.Second }
	quick := func(*bq.Job) (time.Duration, time.Duration) { return 0, 3 * time.Second }
	for name, pace := range map[string]func(*bq.Job) (time.Duration, time.Duration){"slow jobs": slow, "quick jobs": quick} {
		t.Run(name, func(t *testing.T) { manySimulations(t, pace) })
	}
}

func manySimulations(t *testing.T, pace func(*bq.Job) (time.Duration, time.Duration)) {
	ends := 1500
	if os.Getenv("WHATIF_FULL") != "" {
		ends = 21_600
	}
	in(t, bigquerytest.Options{Pace: pace}, func(t *testing.T, w *world, l *loads.Loader) {
		ended := map[string]time.Time{}
		longest := time.Duration(0)
		begin, n := time.Now(), 0
		for n < ends || len(ended) > 0 {
			for ; n < ends && time.Since(begin) >= time.Duration(n)*10*time.Second; n++ {
				id := fmt.Sprintf("2026%02d%02d-aaaaaa%s", 1+n/17_576%12, 1+n/676%26, simulationID(n)[15:])
				w.commit(id, attempt(1, "baseline")...)
				ended[id] = begin.Add(time.Duration(n) * 10 * time.Second)
			}
			if len(ended) == 0 {
				time.Sleep(time.Second) // virtual
				continue
			}
			ids := make([]string, 0, len(ended))
			for id := range ended {
				ids = append(ids, id)
			}
			outcomes, err := l.Load(t.Context(), true, ids...)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range outcomes {
				if o.Complete() {
					longest = max(longest, time.Since(ended[o.Simulation]))
					delete(ended, o.Simulation)
				}
			}
		}
		jobs, refused := w.service.Jobs()
		t.Logf("%d simulations in %v: %d jobs, the longest wait %v", ends, time.Since(begin), len(jobs), longest)
		// It ends while a job is under way (90 s and 30 s until it is asked), and then the pause and its own job come.
		if refused > 0 || len(w.service.Rows(table)) != ends || longest > 2*(90+15)*time.Second+120*time.Second {
			t.Errorf("%d refused, %d rows, longest wait %v", refused, len(w.service.Rows(table)), longest)
		}
	})
}

// TestThePaceOfJobs: 700 without a pause, then one every two minutes.
func TestThePaceOfJobs(t *testing.T) {
	in(t, bigquerytest.Options{}, func(t *testing.T, w *world, l *loads.Loader) {
		began := time.Now()
		for n := range 703 {
			w.commit(simulationID(n), attempt(1, "baseline")...)
			if _, err := l.Load(t.Context(), true, simulationID(n)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); n == 699 && took > 0 {
				t.Errorf("700 jobs took %v", took)
			}
		}
		if took := time.Since(began); took != 3*120*time.Second {
			t.Errorf("three more took %v, want 2 minutes each", took)
		}
	})
}

// TestALoadThatNobodyWaitsForIsFoundAgain: it is running, then it is there.
func TestALoadThatNobodyWaitsForIsFoundAgain(t *testing.T) {
	slow := func(*bq.Job) (time.Duration, time.Duration) { return time.Minute, time.Minute }
	in(t, bigquerytest.Options{Pace: slow}, func(t *testing.T, w *world, l *loads.Loader) {
		a, b := simulationID(0), simulationID(1)
		w.commit(a, attempt(1, "baseline", "v0001")...)
		w.commit(b, attempt(1, "baseline")...)
		state := func(wait bool, id string) (string, int) {
			t.Helper()
			o, err := l.Load(t.Context(), wait, id)
			if err != nil {
				t.Fatal(err)
			}
			if len(o[0].Rounds) == 0 {
				return "", o[0].Waiting
			}
			return string(o[0].Rounds[0].State), o[0].Waiting
		}
		if s, waiting := state(false, a); s != "running" || waiting != 0 {
			t.Errorf("%s, %d waiting", s, waiting)
		}
		if s, waiting := state(false, b); s != "" || waiting != 1 {
			t.Errorf("behind it: %s, %d waiting", s, waiting)
		}
		time.Sleep(time.Hour) // virtual
		if s, _ := state(false, b); s != "running" {
			t.Errorf("%s", s)
		}
		if s, _ := state(true, b); s != "loaded" {
			t.Errorf("%s", s)
		}
		if s, _ := state(true, a); s != "already there" {
			t.Errorf("%s", s)
		}
		if pending, err := l.Pending(t.Context(), a); err != nil || pending {
			t.Errorf("%v %v", pending, err)
		}
		w.commit(a, attempt(2, "v0001")...)
		if pending, err := l.Pending(t.Context(), a); err != nil || !pending {
			t.Errorf("after a retry: %v %v", pending, err)
		}
	})
}

// TestARoundOfAnotherAccount is named with its job, and what to do; its owner sees it through for all.
func TestARoundOfAnotherAccount(t *testing.T) {
	slow := func(*bq.Job) (time.Duration, time.Duration) { return time.Minute, time.Minute }
	in(t, bigquerytest.Options{Pace: slow}, func(t *testing.T, w *world, owner *loads.Loader) {
		w.commit(simulationID(0), attempt(1, "baseline")...)
		started, err := owner.Load(t.Context(), false, simulationID(0))
		if err != nil {
			t.Fatal(err)
		}
		foreign := func(_ context.Context, request string) (bigquerytest.Fault, error) {
			if request == "jobs.get" {
				return bigquerytest.Foreign, nil
			}
			return bigquerytest.None, nil
		}
		other := must(loads.New(loads.Options{Store: &process{w: w}, Table: table, Source: source, Now: time.Now,
			Warehouse: &bigquerytest.Direct{Service: w.service, Project: project, Dataset: dataset, Table: tableName, Location: "US", Fault: foreign}}))
		_, err = other.Load(t.Context(), true, simulationID(0))
		if err == nil || !strings.Contains(err.Error(), "round 1: ask for job "+started[0].Rounds[0].Job) || !strings.Contains(err.Error(), "roles/bigquery.resourceViewer") {
			t.Errorf("%v", err)
		}
		if _, err := owner.Load(t.Context(), true, simulationID(0)); err != nil {
			t.Fatal(err)
		}
		if o, err := other.Load(t.Context(), true, simulationID(0)); err != nil || !o[0].Complete() {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// TestAForgottenJobIsNotTakenForNone: half a year later nobody knows whether the job was ever started.
func TestAForgottenJobIsNotTakenForNone(t *testing.T) {
	in(t, bigquerytest.Options{}, func(t *testing.T, w *world, l *loads.Loader) {
		w.commit(simulationID(0), attempt(1, "baseline")...)
		// A loader that dies when BigQuery has the job.
		p := &process{w: w}
		dying := must(loads.New(loads.Options{Store: p, Table: table, Source: source, Patience: 1, Now: time.Now,
			Warehouse: &bigquerytest.Direct{Service: w.service, Project: project, Dataset: dataset, Table: tableName, Location: "US", Fault: onInsert(bigquerytest.LostAnswer)}}))
		if _, err := dying.Load(t.Context(), true, simulationID(0)); err == nil {
			t.Fatal("the answer was not lost")
		}
		time.Sleep(200 * 24 * time.Hour) // virtual
		_, err := l.Load(t.Context(), true, simulationID(0))
		if err == nil || !strings.Contains(err.Error(), "forgets jobs after six months") || !strings.Contains(err.Error(), "settled.json") {
			t.Errorf("%v", err)
		}
		if rows := w.service.Rows(table); len(rows) != 1 {
			t.Errorf("%d rows", len(rows))
		}
	})
}

// denying is a warehouse that has taken a job's id and says that there is no such job.
type denying struct {
	loads.Warehouse
	asked int
	after int // questions after which it knows the job
}

func (d *denying) Job(ctx context.Context, id string) (loads.Job, error) {
	switch d.asked++; {
	case d.asked > 1000:
		return loads.Job{}, errors.New("asked for ever")
	case d.asked > d.after:
		return d.Warehouse.Job(ctx, id)
	}
	return loads.Job{}, loads.ErrNoJob
}

// TestAJobThatIsThereAndIsNot: it is waited for at a pace, and not for ever.
func TestAJobThatIsThereAndIsNot(t *testing.T) {
	for after, waited := range map[int]time.Duration{
		3:     (1 + 2) * time.Second,              // after the one that was started: two refused
		10000: (1 + 2 + 4 + 8 + 16) * time.Second, // 32 s more would be over a minute
	} {
		in(t, bigquerytest.Options{}, func(t *testing.T, w *world, l *loads.Loader) {
			d := &denying{Warehouse: l.Warehouse, after: after}
			l.Warehouse = d
			w.commit(simulationID(0), attempt(1, "baseline")...)
			began := time.Now()
			_, err := l.Load(t.Context(), true, simulationID(0))
			if e, ok := errors.AsType[*loads.Error](err); after > 3 && (!ok || !e.Temporary() || !strings.Contains(err.Error(), "round 1: start job whatif_round1_g1_") || !strings.Contains(err.Error(), "settled.json")) {
				t.Errorf("%v", err)
			} else if after == 3 && err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != waited || len(w.service.Rows(table)) != 1 {
				t.Errorf("after %d questions: it took %v, want %v; %d rows", d.asked, took, waited, len(w.service.Rows(table)))
			}
		})
	}
}

// TestWhatJobsFailFor: what passes is tried again at once, what somebody must see to is told, and one that can't
// read its files though they look well is given up without keeping others.
func TestWhatJobsFailFor(t *testing.T) {
	for reason, c := range map[string]struct {
		times int
		told  bool // as an error, the first time
	}{"backendError": {3, false}, "stopped": {1, false}, "accessDenied": {1, true}} {
		t.Run(reason, func(t *testing.T) {
			left := c.times
			fail := func(*bq.Job) *bq.ErrorProto {
				if left--; left < 0 {
					return nil
				}
				return &bq.ErrorProto{Reason: reason, Message: "it is so"}
			}
			in(t, bigquerytest.Options{Fail: fail}, func(t *testing.T, w *world, l *loads.Loader) {
				w.commit(simulationID(0), attempt(1, "baseline")...)
				_, err := l.Load(t.Context(), true, simulationID(0))
				if (err != nil) != c.told || c.told && !strings.Contains(err.Error(), reason+": it is so; give the account") {
					t.Errorf("%v", err)
				}
				if _, err := l.Load(t.Context(), true, simulationID(0)); err != nil {
					t.Errorf("again: %v", err)
				}
				if jobs, _ := w.service.Jobs(); len(jobs) != c.times+1 || len(w.service.Rows(table)) != 1 {
					t.Errorf("%d jobs, %d rows", len(jobs), len(w.service.Rows(table)))
				}
			})
		})
	}
}

func TestAFileThatOnlyTheWarehouseCantRead(t *testing.T) {
	poisoned := model.ResultPath(simulationID(1), "baseline", 1)
	fail := func(j *bq.Job) *bq.ErrorProto {
		for _, uri := range j.Configuration.Load.SourceUris {
			if strings.HasSuffix(uri, poisoned) {
				return &bq.ErrorProto{Reason: "invalid", Message: "Error while reading data, error message: it is so File: " + uri}
			}
		}
		return nil
	}
	in(t, bigquerytest.Options{Fail: fail}, func(t *testing.T, w *world, l *loads.Loader) {
		ids := []string{simulationID(0), simulationID(1), simulationID(2)}
		for _, id := range ids {
			w.commit(id, attempt(1, "baseline")...)
		}
		outcomes, err := l.Load(t.Context(), true, ids...)
		if err != nil {
			t.Fatal(err)
		}
		if !outcomes[0].Complete() || !outcomes[2].Complete() || len(outcomes[1].LeftOut) != 1 || !strings.Contains(outcomes[1].LeftOut[0].Why, "it is so") {
			t.Errorf("%+v", outcomes)
		}
		// One job together, then one each.
		if jobs, _ := w.service.Jobs(); len(jobs) != 4 || len(w.service.Rows(table)) != 2 {
			t.Errorf("%d jobs, %d rows", len(jobs), len(w.service.Rows(table)))
		}
	})
}

// TestARoundHasAtMostTenThousandFiles, and a simulation that is larger more than one round.
func TestARoundHasAtMostTenThousandFiles(t *testing.T) {
	in(t, bigquerytest.Options{}, func(t *testing.T, w *world, l *loads.Loader) {
		for n := range int64(11) {
			var variants []string
			for v := range 1000 {
				variants = append(variants, fmt.Sprintf("v%04d", v+1))
			}
			w.commit(simulationID(0), attempt(n+1, variants...)...)
		}
		w.commit(simulationID(1), attempt(1, "baseline")...)
		outcomes, err := l.Load(t.Context(), true, simulationID(0), simulationID(1))
		if err != nil {
			t.Fatal(err)
		}
		if o := outcomes[0]; !o.Complete() || len(o.Rounds) != 2 || o.Rounds[0].Rows != 10_000 || o.Rounds[1].Rows != 1000 {
			t.Errorf("%+v", o)
		}
		if o := outcomes[1]; !o.Complete() || o.Rounds[0].Round != 2 {
			t.Errorf("%+v", o)
		}
	})
}

// TestADamagedRecordIsNamed, and nothing is loaded on what it might have said.
func TestADamagedRecordIsNamed(t *testing.T) {
	const folder = "_loads/" + table + "/rounds/00000001/"
	for name, content := range map[string]string{
		"manifest.json": "{", "settled.json": "not so",
	} {
		in(t, bigquerytest.Options{}, func(t *testing.T, w *world, l *loads.Loader) {
			w.commit(simulationID(0), attempt(1, "baseline")...)
			if _, err := l.Load(t.Context(), true, simulationID(0)); err != nil {
				t.Fatal(err)
			}
			w.files[folder+name] = []byte(content)
			_, err := (&process{w: w}).loader().Load(t.Context(), true, simulationID(0))
			if err == nil || !strings.Contains(err.Error(), folder+name) || !strings.Contains(err.Error(), "backup") {
				t.Errorf("%v", err)
			}
			if rows := w.service.Rows(table); len(rows) != 1 {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}
