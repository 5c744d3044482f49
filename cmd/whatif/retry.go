package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

func (c *console) retryCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:     "retry SIMULATION [VARIANT...]",
		Short:   "Run the failed variants of a simulation again, and only those",
		Example: "  whatif retry latest\n  whatif retry 20260701-k3v9q2m8xw v0007 v0012",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			id, err := c.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.knownVariants(cmd.Context(), id, args[1:]); err != nil {
				return err
			}
			o := pipeline.RunOptions{Retry: args[1:], RetryAll: len(args) == 1}
			return c.runVariants(cmd.Context(), id, o, f)
		},
	}
	c.addRunFlags(cmd, &f)
	return cmd
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
