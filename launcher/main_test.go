//nolint:bodyclose // the answers that call returns are closed
package launcher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/pipeline"
)

// TestMain lets the test binary be the processes that a launcher starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err, child := error(nil), true
		switch os.Args[1] {
		case "run-job":
			err = pipeline.RunJob(ctx, os.Stdin, os.Stdout, os.Stderr)
		case "read-catalog":
			err = pipeline.TellCatalog(ctx, os.Stdin, os.Stdout)
		default:
			child = false
		}
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if child {
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// running is a launcher under test.
type running struct {
	t    *testing.T
	url  string
	log  *lines
	stop func() error // ends it and returns what Run returned; may be called twice
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a launcher on a free port.
func start(t *testing.T, c Config) *running {
	t.Helper()
	r := &running{t: t, log: &lines{}}
	c.Listen = "127.0.0.1:0"
	c.Logger = slog.New(slog.NewJSONHandler(r.log, nil))
	ready, ended := make(chan string, 1), make(chan error, 1)
	c.Ready = func(address string) { ready <- address }
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- Run(ctx, c) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the launcher ended with: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the launcher:\n%s", r.log)
		}
	})
	select {
	case address := <-ready:
		r.url = "http://" + address
	case err := <-ended:
		t.Fatalf("no launcher: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("no launcher within a minute")
	}
	return r
}

// call sends a request and reads the answer into a value, if there is one.
func (r *running) call(method, path, body string, into any) *http.Response {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/yaml")
		if strings.HasPrefix(body, "{") {
			request.Header.Set("Content-Type", "application/json")
		}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := firstOf(err, answer.Body.Close()); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			r.t.Fatalf("%s %s: %d %s: %v", method, path, answer.StatusCode, text, err)
		}
	}
	return answer
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// until polls until a condition holds.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for !holds() {
		select {
		case <-ticks.C:
		case <-deadline.C:
			r.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// finished waits until a simulation has ended.
func (r *running) finished(id string) (sim wire.Simulation) {
	r.t.Helper()
	r.until(id+" ends", func() bool {
		sim = wire.Simulation{}
		r.call(http.MethodGet, "/v1/simulations/"+id, "", &sim)
		switch sim.State {
		case "succeeded", "partially_failed", "failed", "cancelled":
			return true
		}
		return false
	})
	return sim
}

// site makes a folder with results and a small snapshot with campaigns.
func site(t *testing.T) Config {
	t.Helper()
	root := t.TempDir()
	inputs := filepath.Join(root, "inputs")
	if _, err := synthetic.Generate(t.Context(), synthetic.Options{Slots: 2000, Campaigns: 5, Users: 300, Days: 2, Seed: 1, Dir: inputs}); err != nil {
		t.Fatal(err)
	}
	c := Config{Results: filepath.Join(root, "results"), InputRoots: []string{inputs}, Version: "test"}
	path, _ := sqlitePath(c.StoreURL())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	unlimited := store.Tier{Name: "standard", PerMinute: 1_000_000, Burst: 10_000, MaxPriority: 9} // these tests ask often
	if err := firstOf(st.PutTier(t.Context(), unlimited), st.Close()); err != nil {
		t.Fatal(err)
	}
	return c
}

// study is a configuration of six variants and the baseline.
const study = `name: caps
inventory: slots.parquet
campaigns: campaigns.yaml
parameters:
  floor: {edit: slots.floor_cpm, op: multiply}
sweep:
  grid: {floor: [0.5, 0.8, 1.1, 1.5, 2, 4]}
`
