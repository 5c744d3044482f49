package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/transforms/objects"
)

func (c *console) generateCommand() *cobra.Command {
	o := synthetic.Options{Slots: 100_000, Campaigns: 100, Users: 20_000, Days: 7}
	cmd := &cobra.Command{
		Use:   "generate -o DIR",
		Short: "Make a synthetic snapshot, campaigns and a study, calibrated to real logs",
		Long: `generate writes slots.parquet, campaigns.yaml and study.yaml to DIR, a folder or a gs:// prefix. What they look like (users with heavy
tails, hours of day, sites, floors, bids, flights) is calibrated to real logs. The same arguments give the same bytes.`,
		Example: "  whatif generate --slots 1000000 --campaigns 1000 --users 200000 --days 7 --seed 7 -o big\n  whatif run big/study.yaml\n  whatif generate -o gs://bucket/studies/big && whatif run gs://bucket/studies/big/study.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Fill == 0 {
				return usage("--fill 0 would sell nothing; give a share above 0 and below 1, such as 0.85")
			}
			generate := c.generate
			if objects.IsURI(o.Dir) {
				generate = c.generateAt
			}
			files, err := generate(cmd, o)
			if err != nil {
				return err
			}
			c.say("wrote %s, %s and %s\ntry: whatif run %s", files.Snapshot, files.Campaigns, files.Config, files.Config)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Slots, "slots", o.Slots, "impression opportunities")
	f.IntVar(&o.Campaigns, "campaigns", o.Campaigns, "campaigns that compete for them")
	f.IntVar(&o.Users, "users", o.Users, "identified users")
	f.IntVar(&o.Days, "days", o.Days, "days of traffic")
	f.Int64Var(&o.Seed, "seed", 1, "seed of every draw")
	f.Float64Var(&o.Fill, "fill", synthetic.DefaultFill, "share of slots that the campaigns as written fill; goals and budgets are scaled to it")
	f.BoolVar(&o.Overwrite, "force", false, "replace the files of an earlier study in DIR")
	f.StringVarP(&o.Dir, "output", "o", "", "folder to write to, made if absent, or gs://bucket/prefix (required)")
	return required(cmd, "output")
}

// generate makes the study with a progress bar.
func (c *console) generate(cmd *cobra.Command, o synthetic.Options) (synthetic.Files, error) {
	if o.Dir == "" {
		return synthetic.Files{}, usage("-o DIR is required: the folder to write to")
	}
	m := c.newMeter("slots", int64(o.Slots), time.Now())
	defer m.done()
	o.Progress = func(done, total int) { m.update(int64(done), int64(total), "", time.Now()) }
	return synthetic.Generate(cmd.Context(), o)
}

// required marks flags that a command cannot do without.
func required(cmd *cobra.Command, names ...string) *cobra.Command {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag of that name was not defined above: a mistake in this program
		}
	}
	return cmd
}
