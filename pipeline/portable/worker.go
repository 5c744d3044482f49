package portable

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
)

// leashed is set in the environment of a worker that is to end when its standard input does.
const leashed = "WHATIF_WORKER_LEASHED"

// Work is the life of a worker process that a pool or a task manager has started: it works for the services
// that its arguments name, and returns when they are gone. (Beam's own entry stays for ever then.)
//
// A pool names the services, a task manager the one that knows them. (Beam, "SDK harness container contract":
// https://s.apache.org/beam-fn-api-container-contract)
func Work(ctx context.Context, args []string, stdin io.Reader) error {
	flags := flag.NewFlagSet("whatif-worker", flag.ContinueOnError)
	flags.Bool("worker", true, "")
	flags.String("semi_persist_dir", "", "")
	id := flags.String("id", "", "")
	logging := flags.String("logging_endpoint", "", "")
	control := flags.String("control_endpoint", "", "")
	provision := flags.String("provision_endpoint", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *id == "" || *control == "" && *provision == "" {
		return errors.New("whatif-worker: a runner starts it, and says by --id and --control_endpoint or --provision_endpoint for whom")
	}
	ctx, cancel := context.WithCancel(grpcx.WriteWorkerID(ctx, *id))
	defer cancel()
	if os.Getenv(leashed) != "" {
		go heel(stdin)
	}
	var options harness.Options
	if *provision != "" {
		info, err := tools.ProvisionInfo(ctx, *provision)
		if err != nil {
			return fmt.Errorf("whatif-worker: ask %s whom to work for: %w", *provision, err)
		}
		*logging, *control = info.GetLoggingEndpoint().GetUrl(), info.GetControlEndpoint().GetUrl()
		options = harness.Options{StatusEndpoint: info.GetStatusEndpoint().GetUrl(), RunnerCapabilities: info.GetRunnerCapabilities()}
	}
	if err := harness.MainWithOptions(ctx, *logging, *control, options); err != nil {
		return fmt.Errorf("whatif-worker: worker %s: %w", *id, err)
	}
	return nil
}

// heel ends the process when the pool lets go of it: whatever it is doing is lost to its runner already.
func heel(leash io.Reader) {
	_, _ = io.Copy(io.Discard, leash) // ends, or fails when the pool is gone
	os.Exit(1)
}
