package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/transforms/results"
)

// loadFlags say where results are loaded to.
type loadFlags struct {
	target loading.Target
	wait   bool
}

func (c *console) loadCommand() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load SIMULATION",
		Short: "Load the results of a simulation into BigQuery, each row once",
		Long: `load brings the rows of a simulation into the table variant_results of a BigQuery dataset, which it makes if there is none. What
is in the table already is not loaded again, so load can be repeated after anything, by anybody: it prints what is there, what it
loaded and what is still running. Rows of variants that are retried later are loaded by calling it again.

BigQuery reads from Cloud Storage: results in a folder are uploaded to --staging first. See docs/bigquery.md for the roles needed.`,
		Example: `  whatif load latest --dataset my-project.whatif --staging gs://my-bucket/staging
  whatif load 20260701-k3v9q2m8xw --dataset my-project.whatif --results gs://my-bucket/results
  WHATIF_DATASET=my-project.whatif WHATIF_STAGING=gs://my-bucket/staging whatif load latest --wait=false`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.load(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.target.Dataset, "dataset", os.Getenv("WHATIF_DATASET"), "PROJECT.DATASET to load into (environment: WHATIF_DATASET)")
	flags.StringVar(&f.target.Staging, "staging", os.Getenv("WHATIF_STAGING"), "gs:// prefix that results in a folder are uploaded to first (environment: WHATIF_STAGING)")
	flags.BoolVar(&f.wait, "wait", true, "wait until everything is loaded; --wait=false only starts it")
	flags.StringVar(&f.target.Endpoint, "bigquery-endpoint", os.Getenv("WHATIF_BIGQUERY_ENDPOINT"), "URL of the BigQuery API (environment: WHATIF_BIGQUERY_ENDPOINT; default: Google's)")
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// load loads one simulation and prints how it stands.
func (c *console) load(ctx context.Context, name string, f loadFlags) error {
	if f.target.Dataset == "" {
		return usage("no dataset to load into: name one with --dataset PROJECT.DATASET, or in WHATIF_DATASET")
	}
	id, err := c.resolve(ctx, name)
	if err != nil {
		return err
	}
	store, err := results.Open(c.results)
	if err != nil {
		return err
	}
	if err := f.target.Check(store); err != nil {
		if store.IsLocal() && f.target.Staging == "" {
			return usage("%w (--staging, or WHATIF_STAGING)", err)
		}
		return usage("%w", err)
	}
	w, err := loading.Open(ctx, store, f.target)
	if err != nil {
		return err
	}
	outcomes, err := w.Load(ctx, f.wait, id)
	for _, o := range outcomes {
		err = errors.Join(c.printLoads(o), err)
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w; what was started goes on in BigQuery: `whatif load %s` again finds it", context.Canceled, id)
	}
	if err == nil {
		err = c.concludeLoad(outcomes[0], w.Table)
	}
	return errors.Join(err, w.Close())
}

// printLoads prints the rounds that have rows of a simulation.
func (c *console) printLoads(o loads.Outcome) error {
	r := rows{columns: []string{"simulation_id", "round", "rows", "state", "job"}, right: map[string]bool{"round": true, "rows": true}}
	for _, of := range o.Rounds {
		r.values = append(r.values, []any{o.Simulation, of.Round, of.Rows, string(of.State), of.Job})
	}
	if o.Waiting > 0 {
		r.values = append(r.values, []any{o.Simulation, nil, o.Waiting, "waiting", nil})
	}
	for range o.LeftOut {
		r.values = append(r.values, []any{o.Simulation, nil, 1, "left out", nil})
	}
	return c.print(r)
}

// concludeLoad says what that means, and what to do.
func (c *console) concludeLoad(o loads.Outcome, table string) error {
	for _, bad := range o.LeftOut {
		fmt.Fprintf(c.err, "whatif: %s is not loaded: %s\n", bad.Path, bad.Why)
	}
	switch {
	case len(o.LeftOut) > 0:
		fmt.Fprintf(c.err, "whatif: %s of %s left out; all others are loaded or under way. A damaged file is made anew by moving it away and "+
			"`whatif run --resume %s`; then load again\n", count(len(o.LeftOut), "row"), o.Simulation, o.Simulation)
		return errReported
	case o.Committed == 0:
		c.say("%s has no rows yet: nothing to load", o.Simulation)
	case o.Complete():
		c.say("all %s of %s are in %s", count(o.Committed, "row"), o.Simulation, table)
	default:
		c.say("not all is loaded yet; `whatif load %s` again says how it stands, and --wait waits for it", o.Simulation)
	}
	return nil
}
