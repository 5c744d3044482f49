package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// seen is an event and when a watcher got it.
type seen struct {
	event wire.Event
	at    time.Time
}

// TestManyWatchers: each of 200 watchers of one running simulation sees every change of state, in
// order, without a gap and within a second, although half of them lose their connection midway.
func TestManyWatchers(t *testing.T) {
	s := newSite(t, "", scaled(2000, 20_000))
	s.unlimited()
	l := s.start(nil)
	variants := scaled(150, 999)
	sim, err := l.submit(study("watched", variants), "")
	if err != nil {
		t.Fatal(err)
	}
	watchers := make([][]seen, scaled(40, 200))
	var watching sync.WaitGroup
	for i := range watchers {
		watching.Go(func() {
			cut := 0 // after so many events, once
			if i%2 == 0 {
				cut = variants/4 + i
			}
			events, err := l.watch(sim.ID, cut)
			if err != nil {
				t.Errorf("watcher %d: %v", i, err)
			}
			watchers[i] = events
		})
	}
	watching.Wait()
	// The first watcher to see an event tells when it could be seen at the latest.
	var worst time.Duration
	first := map[int64]time.Time{}
	for _, events := range watchers {
		for _, e := range events {
			if at, ok := first[e.event.Seq]; !ok || e.at.Before(at) {
				first[e.event.Seq] = e.at
			}
		}
	}
	for i, events := range watchers {
		succeeded := 0
		for n, e := range events {
			if e.event.Seq != int64(n+1) {
				t.Fatalf("watcher %d: event %d has number %d", i, n+1, e.event.Seq)
			}
			if e.event.Type == "variant" && strings.Contains(string(e.event.Data), `"succeeded"`) {
				succeeded++
			}
			worst = max(worst, e.at.Sub(e.event.At))
		}
		if succeeded != variants+1 {
			t.Errorf("watcher %d saw %d of %d variants succeed", i, succeeded, variants+1)
		}
	}
	t.Logf("%d watchers, %d events each; the latest was seen %s after it happened", len(watchers), len(first), worst)
	if full && worst > time.Second {
		t.Errorf("an event was seen %s after it happened", worst)
	}
}

// watch collects a simulation's numbered events until it is finished. After cut of them (0: never) it
// drops the connection and resumes.
func (l *launcher) watch(id string, cut int) (events []seen, err error) {
	last := int64(0)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		done, err := l.follow(ctx, id, last, func(e wire.Event) bool {
			last = e.Seq
			events = append(events, seen{e, time.Now()})
			return len(events) != cut
		})
		cancel()
		if done || err != nil {
			return events, err
		}
	}
}

// follow reads events after a number until the simulation is finished (done), more says no, or the
// connection ends.
func (l *launcher) follow(ctx context.Context, id string, after int64, more func(wire.Event) bool) (done bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/v1/simulations/"+id+"/events", nil)
	if err != nil {
		return false, err
	}
	if after > 0 {
		request.Header.Set("Last-Event-ID", strconv.FormatInt(after, 10))
	}
	response, err := client.Transport.RoundTrip(request)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return false, errors.New(response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	numbered := false
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch field {
		case "id":
			numbered = true
		case "":
			numbered = false
		case "data":
			var e wire.Event
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return false, err
			}
			if e.Seq == 0 && !numbered {
				continue // progress
			}
			if !more(e) {
				return false, nil
			}
			var state struct{ State string }
			if err := json.Unmarshal(e.Data, &state); err != nil {
				return false, err
			}
			if e.Type == "state" && terminal(state.State) {
				return true, nil
			}
		}
	}
	return false, lines.Err()
}

// TestTwoLaunchersOneDies: two launchers share a hundred simulations, one is killed; all end.
func TestTwoLaunchersOneDies(t *testing.T) {
	s := sharedSite(t)
	a := s.start(nil, "--name", "a", "--lease", "3s")
	b := s.start(nil, "--name", "b", "--lease", "3s")
	ids := make([]string, scaled(20, 100))
	for i := range ids {
		sim, err := []*launcher{a, b}[i%2].submit(study(fmt.Sprint("shared-", i), 6), "")
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = sim.ID
	}
	if err := until(time.Minute, func() (bool, error) { // both are at work
		states := b.states(ids)
		return states["succeeded"] >= len(ids)/10, nil
	}); err != nil {
		t.Fatal(err)
	}
	a.kill()
	for _, id := range ids {
		if sim := b.finished(id, 3*time.Minute); sim.State != "succeeded" || sim.Counts.Succeeded != 7 {
			t.Errorf("%s: %s %+v", id, sim.State, sim.Counts)
		}
	}
}

// sharedSite is a site on PostgreSQL. Without one there is nothing to show, which it says.
func sharedSite(t *testing.T) *site {
	t.Helper()
	url := os.Getenv("WHATIF_TEST_POSTGRES")
	if url == "" {
		t.Skip("several launchers share a PostgreSQL; `.ci/postgres start` starts one, WHATIF_TEST_POSTGRES names it")
	}
	s := newSite(t, "", 20_000)
	s.store = databaseOf(t, url)
	s.unlimited()
	return s
}

func (l *launcher) states(ids []string) map[string]int {
	states := map[string]int{}
	for _, id := range ids {
		if sim, err := l.simulation(id); err == nil {
			states[sim.State]++
		}
	}
	return states
}

// TestAStoppedLauncherChangesNothing: it sleeps past its lease, another takes its simulation over and
// ends it; awake again it finds that out and leaves everything as it is.
func TestAStoppedLauncherChangesNothing(t *testing.T) {
	s := sharedSite(t)
	a := s.start(nil, "--name", "a", "--lease", "2s", "--parallelism", "1")
	sim, err := a.submit(study("stopped", 60), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := until(time.Minute, func() (bool, error) {
		sim, err = a.simulation(sim.ID)
		return sim.Counts.Succeeded >= 3, err
	}); err != nil || terminal(sim.State) {
		t.Fatalf("%v; %s", err, sim.State)
	}
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b := s.start(nil, "--name", "b", "--lease", "2s")
	before := b.finished(sim.ID, 2*time.Minute)
	if err := a.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// It answers, so it has woken; what it had left to say has had time to do harm.
	if err := a.ready(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	<-time.After(3 * time.Second)
	after, err := a.simulation(sim.ID)
	if err != nil || before.State != "succeeded" || after.State != before.State || after.Counts != before.Counts || !after.FinishedAt.Equal(*before.FinishedAt) {
		t.Errorf("before %s %+v, after %s %+v, %v", before.State, before.Counts, after.State, after.Counts, err)
	}
}

// TestAShortStudyBehindALongOne is done within twice its time alone.
func TestAShortStudyBehindALongOne(t *testing.T) {
	s := newSite(t, "", scaled(20_000, 200_000))
	s.unlimited()
	l := s.start(nil)
	short := study("short", scaled(12, 40))
	alone := l.timed(short)
	long, err := l.submit(study("long", 999), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := until(time.Minute, func() (bool, error) {
		long, err = l.simulation(long.ID)
		return long.Counts.Succeeded >= 2, err
	}); err != nil {
		t.Fatal(err)
	}
	behind := l.timed(short)
	if long, err = l.simulation(long.ID); err != nil || terminal(long.State) {
		t.Fatalf("the long one was not running any more: %s, %v", long.State, err)
	}
	t.Logf("alone %s, behind %s", alone, behind)
	if full && behind > 2*alone {
		t.Errorf("alone %s, behind a long one %s", alone, behind)
	}
	if _, err := l.call(http.MethodPost, "/v1/simulations/"+long.ID+":cancel", nil, "", nil); err != nil {
		t.Fatal(err)
	}
	cancelled := time.Now()
	l.finished(long.ID, 20*time.Second)
	took := time.Since(cancelled)
	t.Logf("cancelling took %s", took)
	if full && took > 2*time.Second {
		t.Errorf("cancelling took %s", took)
	}
}

// timed runs a study and returns how long that took.
func (l *launcher) timed(config string) time.Duration {
	l.t.Helper()
	began := time.Now()
	sim, err := l.submit(config, "")
	if err != nil {
		l.t.Fatal(err)
	}
	if sim = l.finished(sim.ID, 5*time.Minute); sim.State != "succeeded" {
		l.t.Fatalf("%s: %s", sim.State, sim.Summary)
	}
	return time.Since(began)
}

// TestTheFirstRowComesSoon: a small study has its first row within three seconds of its submission,
// and has started within a tenth of one.
func TestTheFirstRowComesSoon(t *testing.T) {
	s := newSite(t, "", 20_000)
	s.unlimited()
	l := s.start(nil)
	var starts, rows []time.Duration
	for i := range scaled(3, 20) {
		began := time.Now()
		sim, err := l.submit(study(fmt.Sprint("small-", i), 20), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := until(time.Minute, func() (bool, error) {
			sim, err = l.simulation(sim.ID)
			return sim.Counts.Succeeded > 0, err
		}); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, time.Since(began))
		starts = append(starts, sim.StartedAt.Sub(sim.SubmittedAt))
		l.finished(sim.ID, time.Minute)
	}
	slices.Sort(starts)
	slices.Sort(rows)
	t.Logf("started after %s in the middle, %s at most; first row after %s, %s", starts[len(starts)/2], starts[len(starts)-1], rows[len(rows)/2], rows[len(rows)-1])
	if full && (starts[len(starts)-1] > 100*time.Millisecond || rows[len(rows)-1] > 3*time.Second) {
		t.Errorf("starts %v, first rows %v", starts, rows)
	}
}
