package main

import (
	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/pipeline"
)

func (c *console) retryCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:     "retry SIMULATION [VARIANT...]",
		Short:   "Run the failed variants of a simulation again, and only those",
		Example: "  whatif retry latest\n  whatif retry 20260701-k3v9q2m8xw v0007 v0012",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.resolve(cmd.Context(), args[0])
			if err != nil {
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
			ctx := cmd.Context()
			id, err := c.resolve(ctx, args[0])
			if err != nil {
				return err
			}
			w, err := c.open(ctx, id)
			if err != nil {
				return err
			}
			defer func() { _ = w.Close() }() // read only
			r, err := query(ctx, w, `SELECT variant_id, reason, message, retryable, attempts, first_failed_at, last_failed_at
				FROM failures WHERE simulation_id = ? ORDER BY variant_id`, id)
			if err != nil {
				return err
			}
			if len(r.values) == 0 {
				c.say("no variant of %s counts as failed", id)
			}
			return c.print(r)
		},
	}
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}
