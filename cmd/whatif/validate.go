package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
)

func (c *console) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate CONFIG",
		Short: "Check a configuration whole and say what it would run; nothing runs",
		Long: `validate reports every mistake of a configuration at once, each with its line and column. When there is none it lists
the variants that would run and estimates what they would take. CONFIG is a file or gs://bucket/name; paths in it are relative to it.`,
		Example: "  whatif validate study.yaml\n  whatif validate study.yaml --format json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			study, err := pipeline.Prepare(cmd.Context(), args[0], pipeline.Measure)
			if err != nil {
				return err
			}
			c.warn(study.Warnings)
			if err := knownRunner("execution.runner", study.Config.Execution.Runner); err != nil {
				return err
			}
			if err := c.print(variantRows(study.Config, study.Variants)); err != nil {
				return err
			}
			c.sayEstimate(study)
			return nil
		},
	}
	c.addFormatFlag(cmd)
	return cmd
}

// warn prints the warnings of a configuration; --quiet does not drop them.
func (c *console) warn(warnings model.Problems) {
	for _, w := range warnings {
		fmt.Fprintln(c.err, w.String())
	}
}

// variantRows lists the variants of a plan, a column per parameter.
func variantRows(config *model.Config, variants []model.Variant) rows {
	r := rows{columns: []string{"variant_id"}}
	for _, p := range config.Parameters {
		r.columns = append(r.columns, p.Name)
	}
	for _, v := range variants {
		row := []any{v.ID}
		for _, value := range v.Values {
			if value.Kind == model.ValueUnset {
				row = append(row, nil)
				continue
			}
			row = append(row, value.Text)
		}
		r.values = append(r.values, row)
	}
	return r
}

func (c *console) sayEstimate(study *pipeline.Study) {
	e := study.Estimate
	c.say("valid: %s of %s against %s; about %s on this machine, %s of memory",
		count(len(study.Variants), "variant"), count(int(e.Slots), "slot"), count(e.Campaigns, "campaign"),
		duration(e.Duration.Round(time.Millisecond)), bytes(e.MemoryBytes))
}
