package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

func (c *console) retryCommand() *cobra.Command {
	var f runFlags
	var r remote
	cmd := &cobra.Command{
		Use:   "retry SIMULATION [VARIANT...]",
		Short: "Run the failed variants of a simulation again, and only those",
		Long: `retry runs the failed variants of a simulation again: those named, else all. Without --server it runs them here and now, and is
for what ` + "`whatif run`" + ` ran. With --server the launcher there runs them, which is for what was submitted; retry prints the state it is in then.`,
		Example: "  whatif retry latest\n  whatif retry 20260701-k3v9q2m8xw v0007 v0012\n  whatif retry latest --server " + client.DefaultServer,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.server != "" {
				return c.retryThere(cmd, &r, args)
			}
			return c.retryHere(cmd.Context(), f, args)
		},
	}
	c.addRunFlags(cmd, &f)
	cmd.Flags().StringVar(&r.server, "server", "", "have the launcher at this address retry what was submitted there (the API key: WHATIF_API_KEY)")
	return cmd
}

// retryHere runs variants on this machine, as `whatif run` did.
func (c *console) retryHere(ctx context.Context, f runFlags, args []string) error {
	if err := f.settle(); err != nil {
		return err
	}
	id, err := c.resolve(ctx, args[0])
	if err == nil {
		err = c.knownVariants(ctx, id, args[1:])
	}
	if server := os.Getenv("WHATIF_SERVER"); server != "" && errors.Is(err, results.ErrNotFound) {
		return fmt.Errorf("%w\none at the launcher is retried by: whatif retry %s --server %s", err, strings.Join(args, " "), server)
	}
	if err == nil {
		err = c.notOfALauncher(ctx, id)
	}
	if err != nil {
		return err
	}
	return c.runVariants(ctx, id, pipeline.RunOptions{Retry: args[1:], RetryAll: len(args) == 1}, f)
}

// retryThere has a launcher retry. What says how to run something here says nothing there.
func (c *console) retryThere(cmd *cobra.Command, r *remote, args []string) error {
	for _, here := range append([]string{"runner", "parallelism", "results", "format", "config"}, elsewhereSettings...) {
		if cmd.Flags().Changed(here) {
			return usage("--%s is for retrying here; a launcher, which --server names, has its own", here)
		}
	}
	return c.asking(r, changePatience, func(ctx context.Context, cl *client.Client, args []string) error {
		sim, err := find(ctx, cl, args[0])
		if err != nil {
			return err
		}
		if sim, err = cl.Retry(ctx, sim.ID, args[1:]...); err != nil {
			return err
		}
		fmt.Fprintln(c.out, sim.State)
		return nil
	})(cmd, args)
}

// notOfALauncher refuses to run here what a launcher is not done with: its store would never hear of it.
func (c *console) notOfALauncher(ctx context.Context, id string) error {
	store, err := results.Open(c.results)
	if err != nil {
		return err
	}
	reserved, err := store.Reserved(ctx, id)
	if err == nil && reserved {
		err = usage("simulation %s is a launcher's, which is not done with it: `whatif resume %s` lets it go on if it is paused, and once it has ended "+
			"`whatif retry %s --server %s` retries what failed; a launcher that was stopped goes on with it when it is started again",
			id, id, id, defaultServer())
	}
	return err
}

func (c *console) failuresCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "failures SIMULATION",
		Short:   "What failed, and why",
		Example: "  whatif failures latest",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.reading(cmd.Context(), args[0], func(w *warehouse.Warehouse, id string) error {
				r, err := query(cmd.Context(), w, `SELECT variant_id, reason, message, retryable, attempts, first_failed_at, last_failed_at
					FROM failures WHERE simulation_id = ? ORDER BY variant_id`, id)
				if err != nil {
					return err
				}
				if len(r.values) == 0 {
					c.say("no variant of %s counts as failed", id)
				}
				return c.print(r)
			})
		},
	}
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// knownVariants refuses variants that the simulation does not have.
func (c *console) knownVariants(ctx context.Context, id string, variants []string) error {
	_, plan, err := c.submitted(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range variants {
		if !slices.ContainsFunc(plan.Variants, func(v model.Variant) bool { return v.ID == name }) {
			return usage("%s has no variant %q; it has %s to %s", id, name, plan.Variants[0].ID, plan.Variants[len(plan.Variants)-1].ID)
		}
	}
	return nil
}
