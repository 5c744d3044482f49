package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"testing"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestMain lets the test binary be a job's process, with the simulators of these tests, and a launcher
// that can be killed.
func TestMain(m *testing.M) {
	registerSimulators()
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "run-job":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = pipeline.RunJob(ctx, os.Stdin, os.Stdout, os.Stderr)
		stop()
	case len(os.Args) == 3 && os.Args[1] == "run-queue":
		err = runQueue(os.Args[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// launcher is what the test binary needs to be a launcher.
type launcher struct{ Store, Results, Name, Simulator string }

// runQueue is the test binary as a launcher, until it is killed or its standard input ends.
func runQueue(text string) error {
	var l launcher
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), l.Store, store.Options{})
	if err != nil {
		return err
	}
	r, err := results.Open(l.Results)
	if err != nil {
		return err
	}
	q, err := New(Options{Store: s, Results: r, Name: l.Name, Parallelism: 2, Simulator: l.Simulator, Command: jobCommand()})
	if err != nil {
		return err
	}
	if err := q.Start(context.Background()); err != nil {
		return err
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // returns when whoever started it is gone
	return q.Stop(context.Background())
}

func jobCommand() []string { return []string{os.Args[0], "run-job"} }
