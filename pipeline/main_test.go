package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestMain lets the test binary be the job's process that Run starts: with the simulators of these
// tests registered beside the product's engine.
func TestMain(m *testing.M) {
	for name, open := range testSimulators {
		registerForTests(name, open)
	}
	if len(os.Args) == 2 && (os.Args[1] == "run-job" || os.Args[1] == "run-muted-job") {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		var out io.Writer = os.Stdout
		if os.Args[1] == "run-muted-job" {
			out = muted{out}
		}
		err := RunJob(ctx, os.Stdin, out, os.Stderr)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "work" {
		if err := workForCluster(os.Stdin, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "read-catalog" {
		if err := TellCatalog(context.Background(), os.Stdin, os.Stdout); err != nil {
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

// muted is the output of a job that tells nothing of its variants and ends as if storing were lost.
type muted struct{ to io.Writer }

func (w muted) Write(line []byte) (int, error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return 0, err
	}
	if m.Kind != kindEnd {
		return len(line), nil
	}
	m.Ending, m.Reason, m.Message = endFailed, model.Storage, "the folder could not be made durable"
	return len(line), json.NewEncoder(w.to).Encode(m)
}
