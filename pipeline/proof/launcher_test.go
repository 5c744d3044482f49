package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// launcher is a running `whatif serve` whose simulations run on Dataflow.
type launcher struct {
	*site
	cmd *exec.Cmd
	url string
	log *log
}

// log is what a process says.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve starts a launcher and waits until it is ready.
func (s *site) serve(results, store string) *launcher {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		s.t.Fatal(err)
	}
	l := &launcher{site: s, url: "http://" + address, log: &log{}}
	args := []string{"serve", "--listen", address, "--results", results, "--store", store, "--input-root", "gs://inputs", "--name", "first", "--lease", "2s"}
	l.cmd = s.command(context.WithoutCancel(s.t.Context()), nil, append(args, s.onDataflow()...)...)
	l.cmd.Stdout, l.cmd.Stderr = l.log, l.log
	if err := l.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(l.kill)
	s.until(func() (bool, string) {
		answer, err := http.Get(l.url + "/readyz")
		if err != nil {
			return false, l.log.String()
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode == http.StatusOK, l.log.String()
	})
	return l
}

// kill ends the launcher as a power cut would.
func (l *launcher) kill() {
	if l.cmd.ProcessState == nil {
		_ = l.cmd.Process.Kill() // it may have ended already
		_ = l.cmd.Wait()         // likewise
	}
}

// until waits for something, and fails the test with what is said if it takes too long.
func (s *site) until(ready func() (bool, string)) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, said := ready()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", said)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// awaitState waits until the service's last job is in a state.
func (s *site) awaitState(want string) {
	s.t.Helper()
	s.until(func() (bool, string) {
		jobs := s.cloud.Jobs()
		if len(jobs) == 0 {
			return false, "there is no job"
		}
		last := jobs[len(jobs)-1]
		return last.CurrentState == want, "the job is " + last.CurrentState
	})
}

// simulation is what a launcher says of one.
type simulation struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func (l *launcher) ask(method, path string, body io.Reader, to any) error {
	request, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/yaml")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return json.Unmarshal(text, to)
}

// TestALauncherTakesItsJobUpAgain: it is killed while a job runs on Dataflow, which goes on; the next launcher
// finds the job, and its rows.
func TestALauncherTakesItsJobUpAgain(t *testing.T) {
	s := newSite(t, 500, 2)
	at, store := s.newResults(), "sqlite:"+filepath.Join(t.TempDir(), "launcher.db")
	held := make(chan struct{})
	// The first row is stored; the others wait for the launcher's death.
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "attempt=*.parquet", Skip: 1, Times: objecttest.Always, Until: held})
	l := s.serve(at, store)
	var sim simulation
	if err := l.ask(http.MethodPost, "/v1/simulations", bytes.NewReader([]byte(study(2))), &sim); err != nil {
		t.Fatalf("%v\n%s", err, l.log)
	}
	s.awaitState("JOB_STATE_RUNNING")
	s.until(func() (bool, string) {
		rows := 0
		for _, name := range s.gcs.Names("results") {
			if filepath.Ext(name) == ".parquet" {
				rows++
			}
		}
		return rows == 1, "there is no row yet\n" + l.log.String()
	})
	l.kill()
	close(held)
	s.awaitState("JOB_STATE_DONE")
	l = s.serve(at, store)
	s.until(func() (bool, string) {
		var now simulation
		if err := l.ask(http.MethodGet, "/v1/simulations/"+sim.ID, http.NoBody, &now); err != nil {
			return false, err.Error()
		}
		return now.State == "succeeded", "the simulation is " + now.State + "\n" + l.log.String()
	})
	if n := len(s.digests(at)); n != 3 {
		t.Errorf("%d variants have a row", n)
	}
	if jobs := s.cloud.Jobs(); len(jobs) != 1 {
		t.Errorf("the service made %d jobs", len(jobs))
	}
}
