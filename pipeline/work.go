package pipeline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/whatif-machine/whatif/pipeline/portable"
	"github.com/whatif-machine/whatif/transforms"
)

// poolCommand is the argument with which a worker program starts others.
const poolCommand = "pool"

// Work is the life of a worker program: with Beam's own flags of a worker it works for a runner until that
// lets go of it; as `pool --listen HOST:PORT` it starts itself for each
// worker that a runner asks it for, until ctx is done.
func Work(ctx context.Context, args []string, logs io.Writer) error {
	if len(args) > 0 && args[0] == poolCommand {
		return runPool(ctx, args[1:], logs)
	}
	transforms.SetWorker(transforms.Worker{MemoryBytes: freeMemory() / 2, Retire: retired(logs)})
	if !inContainer(args) {
		return portable.Work(ctx, args, os.Stdin)
	}
	flags := flag.CommandLine // where Beam's are
	flags.Init("whatif-worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("worker: %w; a runner starts it with Beam's flags", err)
	}
	beam.Init() // works until its container ends
	return errors.New("worker: it was started without --worker")
}

// inContainer tells whether Beam's container starts this program: its entry tells of a folder of its own. So
// does a task manager that starts workers itself, but that one names only the service to be asked for the rest.
// (Beam, sdks/go/container/boot.go and ProcessEnvironmentFactory.java)
func inContainer(args []string) bool {
	has := func(flag string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), flag+"=") })
	}
	return has("semi_persist_dir") && !has("provision_endpoint")
}

// exitRetired is the status of a worker that ended itself.
const exitRetired = 3

// retired ends a worker process that can't go on, so that its runner starts another one.
func retired(logs io.Writer) func(error) {
	return func(why error) {
		fmt.Fprintf(logs, "worker: %v: this process ends, another one goes on\n", why)
		os.Exit(exitRetired)
	}
}

// runPool starts workers for whoever asks, until ctx is done.
func runPool(ctx context.Context, args []string, logs io.Writer) error {
	flags := flag.NewFlagSet(poolCommand, flag.ContinueOnError)
	flags.SetOutput(logs)
	listen := flags.String("listen", "127.0.0.1:50000", "HOST:PORT of the loopback to be asked at")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("worker pool: %w", err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("worker pool: %q is not known; it takes --listen HOST:PORT", flags.Arg(0))
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("worker pool: which program to start: %w", err)
	}
	pool, err := portable.StartPool(*listen, []string{self}, logs)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, pool.Stop)()
	return pool.Wait()
}
