package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/transforms/results"
)

func (c *console) gcCommand() *cobra.Command {
	var age string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "gc --older-than D",
		Short: "Remove the results of simulations submitted longer ago than D",
		Long: `gc removes whole simulations, by the date of their submission. One that is running is left alone, and so is one that a launcher is
not done with, such as a paused one. It prints the id of each that it removed. Rows that were loaded into BigQuery stay there (docs/bigquery.md).`,
		Example: "  whatif gc --older-than 90d\n  whatif gc --older-than 36h --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limit, err := parseAge(age)
			if err != nil {
				return usage("--older-than: %w", err)
			}
			store, err := results.Open(c.results)
			if err != nil {
				return err
			}
			before := time.Now().Add(-limit)
			removed, err := store.GC(cmd.Context(), before, dryRun)
			for _, id := range removed {
				fmt.Fprintln(c.out, id)
			}
			if err != nil {
				return err
			}
			verb := "removed"
			if dryRun {
				verb = "would remove"
			}
			c.say("%s %s", verb, count(len(removed), "simulation"))
			_, kept, err := store.Expired(cmd.Context(), before)
			if len(kept) > 0 {
				c.say("kept %s of a launcher that it is not done with; `whatif cancel ID` ends one", count(len(kept), "simulation"))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&age, "older-than", "", "age as days or hours: 90d, 36h (required)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	c.addResultsFlag(cmd)
	return required(cmd, "older-than")
}

// parseAge reads a time span: days (90d) or anything time.ParseDuration reads (36h).
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a number of days such as 90d", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, fmt.Errorf("%q is not a time span such as 90d or 36h", text)
	}
	return age, nil
}
