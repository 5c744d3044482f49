package main

import (
	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/pipeline"
)

// runJobCommand is the process of one job. People never call it: `whatif run` does.
func (c *console) runJobCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "run-job",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return pipeline.RunJob(cmd.Context(), c.in, c.out, c.err)
		},
	}
}
