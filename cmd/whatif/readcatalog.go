package main

import (
	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/pipeline"
)

// readCatalogCommand is the process that looks into a snapshot nobody has trusted yet. People never call
// it: `whatif serve` does.
func (c *console) readCatalogCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "read-catalog",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return pipeline.TellCatalog(cmd.Context(), c.in, c.out)
		},
	}
}
