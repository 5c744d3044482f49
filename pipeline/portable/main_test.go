package portable_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/whatif-machine/whatif/pipeline"
)

// TestMain lets the test binary be the other programs: the process that a supervisor starts, a worker pool,
// and the workers that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err := program(ctx, os.Args[1:])
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(ctx context.Context, args []string) error {
	if args[0] == "run-job" {
		return pipeline.RunJob(ctx, os.Stdin, os.Stdout, os.Stderr)
	}
	return pipeline.Work(ctx, args, os.Stderr)
}
