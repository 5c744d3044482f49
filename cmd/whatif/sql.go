package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/install"
	"github.com/whatif-machine/whatif/transforms/results"
)

func (c *console) sqlCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "The tables and views as SQL",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.sqlPrintCommand(), c.sqlInstallCommand())
	return cmd
}

func (c *console) sqlPrintCommand() *cobra.Command {
	var dialect, dataset, location string
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the views, for a DuckDB of one's own or for BigQuery",
		Example: `  whatif sql print --results results > views.sql
  duckdb -init views.sql

  whatif sql print --dialect bigquery --dataset my-project.whatif | bq query --nouse_legacy_sql`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var text string
			switch dialect {
			case sql.DuckDB:
				text, err = c.duckDBScript(cmd.Context())
			case sql.BigQuery:
				text, err = bigQueryScript(dataset, location)
			default:
				return usage("there are no views in the SQL dialect %q: the dialects are duckdb and bigquery", dialect)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.out, text)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dialect, "dialect", sql.DuckDB, "duckdb or bigquery")
	flags.StringVar(&dataset, "dataset", os.Getenv("WHATIF_DATASET"), "PROJECT.DATASET of BigQuery that the views are in (environment: WHATIF_DATASET)")
	flags.StringVar(&location, "location", "", "location of the dataset, such as EU (default: BigQuery's own, US)")
	c.addResultsFlag(cmd)
	return cmd
}

// duckDBScript reads files of this machine: DuckDB has no credentials for a bucket. Results in one are
// mirrored. Nobody knows how long a script is of use, so nothing keeps them in the mirror for it.
func (c *console) duckDBScript(ctx context.Context) (string, error) {
	store, err := results.Open(c.results)
	if err != nil {
		return "", err
	}
	files, err := store.Local(ctx)
	if err != nil {
		return "", err
	}
	if err := files.Release(); err != nil {
		return "", err
	}
	text, err := sql.Script(filepath.Join(files.Dir, filepath.FromSlash(sql.RowsGlob)))
	if err != nil || store.IsLocal() {
		return text, err
	}
	return fmt.Sprintf("-- The results at %s as they were when this was printed, mirrored on this machine. Print it again for later ones.\n", store.URI()) + text, nil
}

func bigQueryScript(dataset, location string) (string, error) {
	d, err := datasetNamed(dataset)
	if err != nil {
		return "", err
	}
	return sql.InstallScript(d, location)
}

func datasetNamed(text string) (sql.Dataset, error) {
	if text == "" {
		return sql.Dataset{}, usage("no dataset: name one with --dataset PROJECT.DATASET, or in WHATIF_DATASET")
	}
	d, err := sql.ParseDataset(text)
	if err != nil {
		return sql.Dataset{}, usage("%w", err)
	}
	return d, nil
}

func (c *console) sqlInstallCommand() *cobra.Command {
	var dataset string
	var target install.Target
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Make dataset, table and views in BigQuery, or what of them is missing or has changed",
		Long: `install makes what ` + "`whatif sql print --dialect bigquery`" + ` prints, and prints what it did. It can be repeated: what is there as it
should be is left alone, columns that a table of an earlier version lacks are added to it, and nothing is ever dropped.

The table refuses queries without a filter on the day of submission, which would read every simulation there ever was; with
--any-day it answers them. See docs/bigquery.md for the roles needed.`,
		Example: `  whatif sql install --dataset my-project.whatif --location EU
  WHATIF_DATASET=my-project.whatif whatif sql install`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if target.Dataset, err = datasetNamed(dataset); err != nil {
				return err
			}
			changes, err := install.Run(cmd.Context(), target)
			r := rows{columns: []string{"kind", "name", "did"}}
			for _, change := range changes {
				r.values = append(r.values, []any{string(change.Kind), change.Name, string(change.Did)})
			}
			return errors.Join(c.print(r), err)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dataset, "dataset", os.Getenv("WHATIF_DATASET"), "PROJECT.DATASET to install into (environment: WHATIF_DATASET)")
	flags.StringVar(&target.Location, "location", "", "location of the dataset if it has to be made, such as EU: where the bucket of the results is (default: BigQuery's own, US)")
	flags.BoolVar(&target.AnyDay, "any-day", false, "let the table answer queries without a filter on the day of submission")
	flags.StringVar(&target.Endpoint, "bigquery-endpoint", os.Getenv("WHATIF_BIGQUERY_ENDPOINT"), "URL of the BigQuery API (environment: WHATIF_BIGQUERY_ENDPOINT; default: Google's)")
	c.addFormatFlag(cmd)
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
