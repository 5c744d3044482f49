package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// The size of the demo: a study that a laptop runs in a few seconds and that still has contention.
var demoSize = synthetic.Options{Slots: 20_000, Campaigns: 50, Users: 4_000, Days: 7, Seed: 7}

func (c *console) demoCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "The whole story in one go: make a small study, run it, compare its variants",
		Long: `demo makes a small synthetic study in DIR (default: a fresh folder whatif-demo), runs its variants, prints the comparison with
what it means, writes the report, and says what to try next.`,
		Example: "  whatif demo\n  whatif demo /tmp/first-look",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("results") && os.Getenv("WHATIF_RESULTS") == "" {
				c.results = ""
			}
			return c.demo(cmd, args, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the files of an earlier demo in DIR")
	c.addResultsFlag(cmd)
	cmd.Flags().Lookup("results").DefValue = "DIR/results"
	return cmd
}

func (c *console) demo(cmd *cobra.Command, args []string, force bool) error {
	dir, err := demoDir(args)
	if err != nil {
		return err
	}
	if c.results == "" {
		c.results = filepath.Join(dir, "results")
	}
	c.format = "table"
	o := demoSize
	o.Dir, o.Overwrite = dir, force
	c.say("1. making a study in %s: %s, %s, %s over %d days", dir,
		count(o.Slots, "slot"), count(o.Campaigns, "campaign"), count(o.Users, "user"), o.Days)
	files, err := c.generate(cmd, o)
	if err != nil {
		return err
	}
	c.say("2. running its variants (the levers are at the top of %s)", files.Config)
	return c.demoRun(cmd.Context(), files, dir)
}

func (c *console) demoRun(ctx context.Context, files synthetic.Files, dir string) error {
	id, err := c.runConfig(ctx, files.Config, runFlags{})
	if err != nil {
		return err
	}
	page := filepath.Join(dir, "report.html")
	if err := c.writeReport(ctx, id, page); err != nil {
		return err
	}
	flag := resultsFlag(c.results)
	_, err = fmt.Fprintf(c.out, `
report: %s

try next:
  whatif compare latest%s --by daily_cap
  whatif query latest%s "SELECT campaign_id, reach, delivery_rate FROM campaign_results WHERE variant_id = 'baseline' LIMIT 5"
  whatif run %s%s        # after changing a lever
`, page, flag, flag, files.Config, flag)
	return err
}

// demoDir is the folder asked for, or the first of whatif-demo, whatif-demo-2, .. that is free.
func demoDir(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	for n := 1; n <= 1000; n++ {
		dir := "whatif-demo"
		if n > 1 {
			dir = fmt.Sprintf("whatif-demo-%d", n)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return dir, nil
		}
	}
	return "", usage("there are a thousand whatif-demo folders here; name another one: whatif demo DIR")
}
