package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/transforms/results"
)

func (c *console) sqlCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "The tables and views as SQL",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dialect string
	printing := &cobra.Command{
		Use:   "print",
		Short: "Print the views, to paste into a DuckDB of one's own",
		Example: `  whatif sql print --results results > views.sql
  duckdb -init views.sql`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			store, err := results.Open(c.results)
			if err != nil {
				return err
			}
			text, err := sql.Script(store.Path(sql.RowsGlob))
			if err != nil {
				return usage("%w", err)
			}
			_, err = fmt.Fprint(c.out, text)
			return err
		},
	}
	printing.Flags().StringVar(&dialect, "dialect", "duckdb", "duckdb")
	c.addResultsFlag(printing)
	cmd.AddCommand(printing)
	return cmd
}

func (c *console) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of a configuration, for editors",
		Example: "  whatif schema > configuration.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			_, err := c.out.Write(model.Schema())
			return err
		},
	}
}
