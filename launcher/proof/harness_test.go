package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// full is set for the proofs in the sizes that the documents state.
var full = os.Getenv("WHATIF_FULL") != ""

func scaled[T any](small, whole T) T {
	if full {
		return whole
	}
	return small
}

// programs are built once each, by their build tags.
var programs = struct {
	sync.Mutex
	folder string
	built  map[string]string
}{built: map[string]string{}}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "whatif-proof-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs.folder = folder
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is the path of the command, built with tags.
func program(t *testing.T, tags string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if path, ok := programs.built[tags]; ok {
		return path
	}
	path := filepath.Join(programs.folder, "whatif-"+tags)
	out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "../../cmd/whatif").CombinedOutput()
	if err != nil {
		t.Fatalf("build with tags %q: %v\n%s", tags, err, out)
	}
	programs.built[tags] = path
	return path
}

// site is a place where launchers run: a store, results, inputs.
type site struct {
	t       *testing.T
	binary  string
	store   string // empty: the default in the results folder
	results string
	inputs  string
}

// newSite makes a site with a small study: campaigns.yaml and slots.parquet among its inputs.
func newSite(t *testing.T, tags string, slots int) *site {
	t.Helper()
	root := t.TempDir()
	s := &site{t: t, binary: program(t, tags), results: filepath.Join(root, "results"), inputs: filepath.Join(root, "inputs")}
	s.command("generate", "--slots", fmt.Sprint(slots), "--campaigns", "12", "--users", fmt.Sprint(slots/5), "--days", "2", "--seed", "1", "-o", s.inputs)
	return s
}

// command runs the program to its end and returns what it printed.
func (s *site) command(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.binary, append(args, "--quiet")...)
	cmd.Env = s.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("whatif %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// unlimited lifts the tier's bounds, which are not what these proofs are about.
func (s *site) unlimited() {
	s.t.Helper()
	s.command("keys", "tier", "standard", "--per-minute", "1000000", "--burst", "100000", "--max-queued", "0", "--results", s.results)
}

// environment names the store, whose password is not for the command line.
func (s *site) environment() []string {
	if s.store == "" {
		return os.Environ()
	}
	return append(os.Environ(), "WHATIF_STORE="+s.store)
}

// launcher is one running `whatif serve`.
type launcher struct {
	*site
	cmd   *exec.Cmd
	url   string
	log   *tail
	ended chan struct{}
}

// start starts a launcher and waits until it is ready.
func (s *site) start(env []string, flags ...string) *launcher {
	s.t.Helper()
	l := s.launch(env, flags...)
	if err := l.ready(30 * time.Second); err != nil {
		s.t.Fatalf("%v\n%s", err, l.log)
	}
	return l
}

// launch starts a launcher on a free port and does not wait.
func (s *site) launch(env []string, flags ...string) *launcher {
	s.t.Helper()
	address := freeAddress(s.t)
	args := []string{"serve", "--listen", address, "--results", s.results, "--input-root", s.inputs, "--log-level", "warn"}
	l := &launcher{site: s, url: "http://" + address, log: &tail{}, ended: make(chan struct{})}
	l.cmd = exec.Command(s.binary, append(args, flags...)...)
	l.cmd.Env = append(s.environment(), env...)
	l.cmd.Stderr, l.cmd.Stdout = l.log, l.log
	if err := l.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = l.cmd.Wait() // how it ended is told by its log
		close(l.ended)
	}()
	s.t.Cleanup(l.kill)
	return l
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// kill ends the launcher as a power cut would, and waits until it is gone.
func (l *launcher) kill() {
	_ = l.cmd.Process.Kill() // it may have ended already
	<-l.ended
}

// stop asks it to end and waits.
func (l *launcher) stop() {
	l.t.Helper()
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Fatal(err)
	}
	select {
	case <-l.ended:
	case <-time.After(20 * time.Second):
		l.t.Fatalf("the launcher did not end when asked\n%s", l.log)
	}
}

func (l *launcher) dead() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// ready waits until requests are answered.
func (l *launcher) ready(within time.Duration) error {
	err := until(within, func() (bool, error) {
		if l.dead() {
			return false, errors.New("the launcher has ended")
		}
		response, err := http.Get(l.url + "/readyz")
		if response == nil || err != nil {
			return false, nil //nolint:nilerr // it does not answer yet: asked again
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	return nil
}

// until asks again and again until it is so.
func until(within time.Duration, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not after %s", within)
		case <-tick.C:
		}
	}
}

// call sends a request and decodes the answer; a refusal is an error as well. The status is 0 without an answer.
func (l *launcher) call(method, path string, header map[string]string, body string, into any) (status int, err error) {
	request, err := http.NewRequest(method, l.url+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return response.StatusCode, err
	}
	if into != nil && response.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			return response.StatusCode, fmt.Errorf("%s %s: %w: %s", method, path, err, text)
		}
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return response.StatusCode, nil
}

// client holds as many connections open as the proofs have requests in flight.
var client = &http.Client{Transport: &http.Transport{MaxIdleConns: 2000, MaxIdleConnsPerHost: 2000}, Timeout: time.Minute}

// submit sends a configuration and returns what became of it.
func (l *launcher) submit(config, idempotencyKey string) (wire.Simulation, error) {
	var sim wire.Simulation
	header := map[string]string{"Content-Type": "application/yaml"}
	if idempotencyKey != "" {
		header["Idempotency-Key"] = idempotencyKey
	}
	_, err := l.call(http.MethodPost, "/v1/simulations", header, config, &sim)
	return sim, err
}

func (l *launcher) simulation(id string) (wire.Simulation, error) {
	var sim wire.Simulation
	_, err := l.call(http.MethodGet, "/v1/simulations/"+id, nil, "", &sim)
	return sim, err
}

// finished waits until nothing more happens to a simulation by itself.
func (l *launcher) finished(id string, within time.Duration) wire.Simulation {
	l.t.Helper()
	var sim wire.Simulation
	err := until(within, func() (ok bool, err error) {
		sim, err = l.simulation(id)
		return terminal(sim.State), err
	})
	if err != nil {
		l.t.Fatalf("simulation %s: %v; it is %s, %s, waiting: %s\n%s", id, err, sim.State, sim.Summary, sim.Waiting, l.log)
	}
	return sim
}

func terminal(state string) bool {
	switch state {
	case "succeeded", "partially_failed", "failed", "cancelled":
		return true
	}
	return false
}

// study is a configuration of so many variants beside the baseline, which differ in two levers.
func study(name string, variants int) string {
	var list strings.Builder
	for i := range variants {
		fmt.Fprintf(&list, "  - {bid: %d.%02d, cap: %d}\n", 1+i/100, i%100, 1+i%10)
	}
	return fmt.Sprintf(`name: %s
inventory: slots.parquet
campaigns: campaigns.yaml
parameters:
  bid: {edit: campaigns.bid_cpm, op: multiply}
  cap: {edit: campaigns.frequency_caps.day}
sweep:
  list:
%s`, name, list.String())
}

// tail keeps the last words of a process.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, data...)
	if over := len(t.text) - 16<<10; over > 0 {
		t.text = t.text[over:]
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
