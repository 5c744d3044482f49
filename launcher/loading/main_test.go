package loading_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/transforms/results"
)

// loadCommand has the test binary load the two simulations of the tests, as a process of its own.
const loadCommand = "load-two-simulations"

func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == loadCommand {
		if err := loadTwo(context.Background(), os.Args[2], os.Args[3], os.Args[4]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func loadTwo(ctx context.Context, from, staging, endpoint string) error {
	store, err := results.Open(from)
	if err != nil {
		return err
	}
	w, err := loading.Open(ctx, store, loading.Target{Dataset: dataset, Staging: staging, Endpoint: endpoint})
	if err != nil {
		return err
	}
	_, err = w.Load(ctx, true, simulation, other)
	return errors.Join(err, w.Close())
}
