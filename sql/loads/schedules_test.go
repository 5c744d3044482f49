package loads_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
)

// TestEachRowOnceUnderAnySchedule: several processes load what simulations commit, while variants are retried,
// simulations are deleted and files go bad; processes die at any step and come again, requests and answers get
// lost, jobs fail, wait and take long. Loads come while an attempt goes on, and at the end only of what Pending finds:
// then every row that is whole is in the table once.
func TestEachRowOnceUnderAnySchedule(t *testing.T) {
	seeds := uint64(1000)
	if os.Getenv("WHATIF_FULL") != "" {
		seeds = 50_000
	}
	const shards = 4
	totals := make([]tally, shards)
	t.Cleanup(func() {
		var all tally
		for _, one := range totals {
			all.add(one)
		}
		t.Logf("%d schedules: %+v", seeds, all)
		if all.crashes == 0 || all.lost == 0 || all.failedJobs == 0 || all.generations == 0 || all.deleted == 0 || all.damaged == 0 {
			t.Errorf("a kind of trouble never came: %+v", all)
		}
	})
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < seeds && !t.Failed(); seed += shards {
				synctest.Test(t, func(t *testing.T) { runSchedule(t, seed, &totals[shard]) })
			}
		})
	}
}

// tally counts what the schedules had in them.
type tally struct{ rows, jobs, rounds, crashes, lost, failedJobs, generations, deleted, damaged int }

func (t *tally) add(o tally) {
	t.rows += o.rows
	t.jobs += o.jobs
	t.rounds += o.rounds
	t.crashes += o.crashes
	t.lost += o.lost
	t.failedJobs += o.failedJobs
	t.generations += o.generations
	t.deleted += o.deleted
	t.damaged += o.damaged
}

// schedule is one world with its processes.
type schedule struct {
	*world
	random *rand.Rand    // what is committed; the service's jobs have another, for they run beside it
	over   chan struct{} // nothing more is committed, and nothing goes wrong any more
	mu     sync.Mutex
	fates  *rand.Rand // of jobs; under mu
	tally  *tally
	sims   []string
}

func runSchedule(t *testing.T, seed uint64, total *tally) {
	s := &schedule{random: rand.New(rand.NewPCG(seed, 7)), fates: rand.New(rand.NewPCG(seed, 8)), over: make(chan struct{}), tally: total}
	s.world = newWorld(bigquerytest.Options{Pace: s.pace, Fail: s.fail})
	for i := range 1 + s.random.IntN(6) {
		s.sims = append(s.sims, simulationID(i))
	}
	var processes sync.WaitGroup
	for i := range uint64(1 + s.random.IntN(3)) {
		random := rand.New(rand.NewPCG(seed, 100+i))
		processes.Go(func() { s.live(t, random) })
	}
	s.study()
	close(s.over)
	processes.Wait()
	s.check(t, seed)
}

// pace is how long a job waits and runs.
func (s *schedule) pace(*bq.Job) (time.Duration, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.fates.IntN(20)) * time.Second, time.Duration(s.fates.IntN(60)) * time.Second
}

// fail makes a job fail now and then, for reasons that the error table names.
func (s *schedule) fail(*bq.Job) *bq.ErrorProto {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.over:
		return nil
	default:
	}
	if s.fates.IntN(4) > 0 {
		return nil
	}
	s.tally.failedJobs++
	reason := []string{"backendError", "internalError", "stopped", "quotaExceeded", "rateLimitExceeded", "accessDenied", "invalid", "notFound"}[s.fates.IntN(8)]
	message := "it is so"
	if reason == "notFound" {
		message = "Not found: URI gs://bucket/other"
	}
	return &bq.ErrorProto{Reason: reason, Message: message}
}

// study is what happens to the simulations: rows of variants come one after the other, and later those of retries.
func (s *schedule) study() {
	for attempt := int64(1); attempt <= 3; attempt++ {
		for _, id := range s.sims {
			for v := range s.random.IntN(4) {
				if attempt == 1 || s.random.IntN(3) == 0 {
					s.commit(id, loads.Row{Variant: fmt.Sprintf("v%04d", v+1), Attempt: attempt})
					time.Sleep(time.Duration(s.random.Int64N(int64(20 * time.Second)))) // virtual
				}
			}
			if s.random.IntN(20) == 0 {
				s.remove(id)
				s.tally.deleted++
			}
			if paths := s.whole(); len(paths) > 0 && s.random.IntN(20) == 0 {
				s.damageUnlessLoaded(paths[s.random.IntN(len(paths))])
			}
		}
		time.Sleep(time.Duration(s.random.Int64N(int64(3 * time.Minute)))) // virtual
		s.stragglers(attempt)
	}
}

// stragglers are rows of an attempt that was given up, but went on elsewhere for a while: it may be loaded by then.
func (s *schedule) stragglers(attempt int64) {
	for _, id := range s.sims {
		if s.random.IntN(4) == 0 {
			s.commit(id, loads.Row{Variant: "v0009", Attempt: attempt})
		}
	}
}

// damageUnlessLoaded flips a bit of a file that is not in the table: what is there stays whole.
func (s *schedule) damageUnlessLoaded(name string) {
	if slices.ContainsFunc(s.service.Rows(table), func(r bigquerytest.Row) bool { return r.Key == name }) {
		return
	}
	s.damage(name)
	s.tally.damaged++
}

// live is the lives of a process that is started again whenever it has died, until all is loaded.
func (s *schedule) live(t *testing.T, random *rand.Rand) {
	for {
		p := &process{w: s.world, random: random, crash: .01, lose: .02}
		calm := s.calm()
		if calm {
			p.random = nil
		}
		err := s.loadAll(t, p.loader(), random, calm)
		switch {
		case err == nil && calm:
			return
		case errors.Is(err, errCrash):
			s.count(func(t *tally) { t.crashes++ })
		case err != nil:
			s.count(func(t *tally) { t.lost++ })
		}
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Second)))) // virtual: until it is started, or tries, again
	}
}

func (s *schedule) count(add func(*tally)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(s.tally)
}

func (s *schedule) calm() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// loadAll loads some simulations, or at the end what is left of all of them.
func (s *schedule) loadAll(t *testing.T, l *loads.Loader, random *rand.Rand, calm bool) (err error) {
	sims := slices.Clone(s.sims)
	if !calm {
		random.Shuffle(len(sims), func(i, j int) { sims[i], sims[j] = sims[j], sims[i] })
		sims = sims[:1+random.IntN(len(sims))]
	} else if sims, err = pending(t, l, sims); err != nil {
		return err
	}
	outcomes, err := l.Load(t.Context(), calm || random.IntN(3) > 0, sims...)
	if err != nil || !calm {
		return err
	}
	for _, o := range outcomes {
		if o.Waiting > 0 || slices.ContainsFunc(o.Rounds, func(r loads.RoundOf) bool { return r.State == loads.Open }) {
			return fmt.Errorf("not loaded: %+v", o)
		}
	}
	return nil
}

// pending are those of the simulations that may have rows that are not loaded, as a launcher's backlog finds them.
func pending(t *testing.T, l *loads.Loader, sims []string) (left []string, err error) {
	for _, id := range sims {
		is, err := l.Pending(t.Context(), id)
		if err != nil {
			return nil, err
		}
		if is {
			left = append(left, id)
		}
	}
	return left, nil
}

// check compares the table with the store.
func (s *schedule) check(t *testing.T, seed uint64) {
	times := map[string]int{}
	for _, r := range s.service.Rows(table) {
		times[r.Key]++
	}
	for key, n := range times {
		if n > 1 {
			t.Errorf("seed %d: %s is in the table %d times", seed, key, n)
		}
	}
	for _, name := range s.whole() {
		if times[name] != 1 {
			t.Errorf("seed %d: %s is in the table %d times", seed, name, times[name])
		}
	}
	for name := range maps.Keys(s.damaged) {
		if times[name] > 0 {
			t.Errorf("seed %d: the damaged %s is in the table", seed, name)
		}
	}

	jobs, refused := s.service.Jobs()
	if refused > 0 {
		t.Errorf("seed %d: %d jobs over the quota", seed, refused)
	}
	s.tally.jobs += len(jobs)
	s.tally.rows += len(times)
	for name := range s.files {
		switch {
		case strings.HasSuffix(name, "/manifest.json"):
			s.tally.rounds++
		case strings.HasPrefix(path.Base(name), "g0"):
			s.tally.generations++
		}
	}
}
