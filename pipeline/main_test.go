package pipeline

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"testing"
)

// TestMain lets the test binary be the job's process that Run starts: with the simulators of these
// tests registered beside the product's engine.
func TestMain(m *testing.M) {
	for name, open := range testSimulators {
		registerForTests(name, open)
	}
	if len(os.Args) == 2 && os.Args[1] == "run-job" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err := RunJob(ctx, os.Stdin, os.Stdout, os.Stderr)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		if err := supervise(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
