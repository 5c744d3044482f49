package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// answers is what a stream of submissions got.
type answers struct {
	mu       sync.Mutex
	latency  []time.Duration // from the moment each was due, of those that were accepted
	accepted []string
	codes    map[int]int
	wrong    []string // refusals without Retry-After, broken connections
}

func (a *answers) add(due time.Time, status int, retryAfter, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codes[status]++
	switch {
	case status == http.StatusAccepted:
		a.latency = append(a.latency, time.Since(due))
		a.accepted = append(a.accepted, id)
	case (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && retryAfter == "":
		a.wrong = append(a.wrong, fmt.Sprintf("%d without Retry-After", status))
	}
}

func (a *answers) broken(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrong = append(a.wrong, err.Error())
}

// p is a percentile of the latencies.
func (a *answers) p(percent float64) time.Duration {
	if len(a.latency) == 0 {
		return 0
	}
	slices.Sort(a.latency)
	return a.latency[min(len(a.latency)-1, int(float64(len(a.latency))*percent/100))]
}

func (a *answers) String() string {
	return fmt.Sprintf("%d accepted, answers by status %v, p50 %s p99 %s max %s", len(a.accepted), a.codes,
		a.p(50).Round(time.Microsecond), a.p(99).Round(time.Microsecond), a.p(100).Round(time.Microsecond))
}

// stream sends submissions at a steady rate, whatever becomes of those before: a slow answer does not
// slow the stream down, and its wait is counted from when it was due.
func (l *launcher) stream(perSecond int, lasting time.Duration, config string) *answers {
	a := &answers{codes: map[int]int{}}
	var flying sync.WaitGroup
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n < int(float64(perSecond)*lasting.Seconds()); {
		<-tick.C
		for ; ; n++ {
			due := began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
			if due.After(time.Now()) || n >= int(float64(perSecond)*lasting.Seconds()) {
				break
			}
			flying.Go(func() { l.one(a, due, config) })
		}
	}
	flying.Wait()
	return a
}

func (l *launcher) one(a *answers, due time.Time, config string) {
	request, err := http.NewRequest(http.MethodPost, l.url+"/v1/simulations", strings.NewReader(config))
	if err != nil {
		a.broken(err)
		return
	}
	request.Header.Set("Content-Type", "application/yaml")
	response, err := client.Do(request)
	if err != nil {
		a.broken(err)
		return
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		a.broken(err)
		return
	}
	var sim wire.Simulation
	if response.StatusCode == http.StatusAccepted {
		if err := json.Unmarshal(text, &sim); err != nil {
			a.broken(err)
			return
		}
	}
	a.add(due, response.StatusCode, response.Header.Get("Retry-After"), sim.ID)
}

// stores are the stores that the proofs run on: SQLite, and PostgreSQL if there is one.
func stores(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"sqlite": ""}
	if url := os.Getenv("WHATIF_TEST_POSTGRES"); url != "" {
		all["postgres"] = url
	} else {
		t.Log("WHATIF_TEST_POSTGRES is not set: SQLite only; `.ci/postgres start` starts a PostgreSQL")
	}
	return all
}

// TestNothingAcceptedIsLost: a steady stream of submissions is accepted without a single error, and
// after a kill -9 in the end each accepted one is there.
func TestNothingAcceptedIsLost(t *testing.T) {
	for _, load := range []struct {
		variants, perSecond int
		limit               time.Duration // of the 99th percentile, judged in full size only
	}{{30, scaled(50, 300), 100 * time.Millisecond}, {999, scaled(5, 20), 150 * time.Millisecond}} {
		for name, url := range stores(t) {
			t.Run(fmt.Sprintf("%d variants on %s", load.variants, name), func(t *testing.T) {
				s := newSite(t, "", 2000)
				s.store = databaseOf(t, url)
				s.unlimited()
				l := s.start(nil, "--accept-only")
				config := study("load", load.variants)
				if _, err := l.submit(config, ""); err != nil { // reads the snapshot, which the others find read
					t.Fatal(err)
				}
				a := l.stream(load.perSecond, scaled(2*time.Second, time.Minute), config)
				t.Logf("%d/s: %s", load.perSecond, a)
				if len(a.wrong) > 0 || len(a.accepted) != a.codes[http.StatusAccepted] || len(a.codes) != 1 {
					t.Errorf("%v, %d broken: %.300v", a.codes, len(a.wrong), a.wrong)
				}
				if full && a.p(99) > load.limit {
					t.Errorf("p99 %s, the promise is %s", a.p(99), load.limit)
				}
				l.kill()
				s.start(nil, "--accept-only").find(a.accepted)
			})
		}
	}
}

// TestSubmissionsBesideAStudy: the same stream while a real study keeps every core busy, and is not held
// up by it for long: what a submission waits for is reported.
func TestSubmissionsBesideAStudy(t *testing.T) {
	s := newSite(t, "", scaled(20_000, 200_000))
	s.unlimited()
	l := s.start(nil, "--max-running", "1")
	long, err := l.submit(study("long", 999), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := until(time.Minute, func() (bool, error) {
		long, err = l.simulation(long.ID)
		return long.Counts.Succeeded > 0, err
	}); err != nil {
		t.Fatal(err)
	}
	began, before := time.Now(), long.Counts.Succeeded
	a := l.stream(scaled(30, 300), scaled(2*time.Second, time.Minute), study("beside", 30))
	if long, err = l.simulation(long.ID); err != nil || long.State != "running" {
		t.Fatalf("the study was not running any more: %s, %v", long.State, err)
	}
	t.Logf("%s; meanwhile the study ended %.1f variants a second", a, float64(long.Counts.Succeeded-before)/time.Since(began).Seconds())
	if len(a.wrong) > 0 || len(a.codes) != 1 || a.codes[http.StatusAccepted] != len(a.accepted) {
		t.Errorf("%v, %d broken: %.300v", a.codes, len(a.wrong), a.wrong)
	}
	l.kill()
	s.start(nil, "--accept-only").find(a.accepted)
}

// find makes sure that simulations are known: all of them by the list.
func (l *launcher) find(ids []string) {
	l.t.Helper()
	known := map[string]bool{}
	for token := ""; ; {
		var page wire.SimulationList
		if _, err := l.call(http.MethodGet, "/v1/simulations?page_size=200&page_token="+token, nil, "", &page); err != nil {
			l.t.Fatal(err)
		}
		for _, sim := range page.Simulations {
			known[sim.ID] = true
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	lost := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return known[id] })
	if len(lost) > 0 {
		l.t.Errorf("%d of %d accepted simulations are lost: %.200v", len(lost), len(ids), lost)
	}
}

// TestOverload: beyond what it can take the launcher refuses with 429 or 503 and when to come back,
// stays within its memory, and is normal again within ten seconds.
func TestOverload(t *testing.T) {
	s := newSite(t, "", 2000)
	s.unlimited()
	l := s.start(nil, "--accept-only")
	config := study("overload", 30)
	if _, err := l.submit(config, ""); err != nil {
		t.Fatal(err)
	}
	watch, stop := context.WithCancel(t.Context())
	var highest atomic.Int64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		highest.Store(l.highestMemory(watch))
	}()
	a := l.stream(scaled(600, 1500), scaled(3*time.Second, 30*time.Second), config)
	t.Log(a)
	recovered := time.Now()
	if err := until(10*time.Second, func() (bool, error) {
		began := time.Now()
		_, err := l.submit(config, "")
		return err == nil && time.Since(began) < 100*time.Millisecond, nil
	}); err != nil {
		t.Errorf("normal again %v", err)
	}
	took := time.Since(recovered)
	stop()
	<-watched
	t.Logf("normal again after %s; highest resident memory %d MiB", took, highest.Load()>>20)
	for code := range a.codes {
		if code != http.StatusAccepted && code != http.StatusTooManyRequests && code != http.StatusServiceUnavailable {
			t.Errorf("answers %v", a.codes)
		}
	}
	if len(a.wrong) > 0 {
		t.Errorf("%d broken: %.300v", len(a.wrong), a.wrong)
	}
	if m := highest.Load(); m > 512<<20 {
		t.Errorf("the launcher took %d MiB", m>>20)
	}
	l.find(a.accepted)
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// highestMemory watches the launcher's resident memory until ctx ends.
func (l *launcher) highestMemory(ctx context.Context) (highest int64) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(l.cmd.Process.Pid), "status"))
		if match := residentLine.FindSubmatch(status); err == nil && match != nil {
			kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
			if err == nil {
				highest = max(highest, kilobytes<<10)
			}
		}
		select {
		case <-ctx.Done():
			return highest
		case <-tick.C:
		}
	}
}

// TestOneIdempotencyKey: a thousand posts of one key at once make one simulation; another body under
// it is refused.
func TestOneIdempotencyKey(t *testing.T) {
	s := newSite(t, "", 2000)
	s.unlimited()
	l := s.start(nil, "--accept-only")
	config := study("once", 5)
	ids := make([]string, scaled(200, 1000))
	var flying sync.WaitGroup
	for i := range ids {
		flying.Go(func() {
			// Under such a crowd some are sent away for a moment, as a client would be.
			if err := until(time.Minute, func() (bool, error) {
				sim, err := l.submit(config, "the-same")
				ids[i] = sim.ID
				return err == nil, nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	flying.Wait()
	if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
		t.Errorf("several simulations: %s .. %s", ids[0], ids[len(ids)-1])
	}
	var page wire.SimulationList
	if _, err := l.call(http.MethodGet, "/v1/simulations", nil, "", &page); err != nil || len(page.Simulations) != 1 {
		t.Errorf("%d simulations, %v", len(page.Simulations), err)
	}
	status, err := l.call(http.MethodPost, "/v1/simulations", map[string]string{"Idempotency-Key": "the-same"}, study("other", 5), nil)
	if err == nil || status != http.StatusConflict {
		t.Errorf("another body under the same key: %v", err)
	}
}
