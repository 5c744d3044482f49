package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/objects"
)

var importFormats = []string{"openrtb", "ipinyou", "jsonl", "csv", "parquet"}

func (c *console) importCommand() *cobra.Command {
	o := inventory.ImportOptions{MaxRejected: inventory.DefaultMaxRejected}
	var zone string
	var rates []string
	cmd := &cobra.Command{
		Use:   "import --format FORMAT [--map MAP.yaml] FILE... -o SNAPSHOT",
		Short: "Logs to a Parquet snapshot of slots",
		Long: `import reads logs (plain, .gz, .xz, .zst; - is standard input) and writes one Parquet snapshot. A map names the source path, type
and unit of each slot column; without one, JSON lines, CSV and Parquet use the names slot_id, time, user_id, request_id, floor_cpm, and any
other key is a dimension. Exact duplicates are dropped; bad and contradictory rows go to SNAPSHOT.rejected.parquet with line and reason.`,
		Example: `  whatif import --format openrtb bids.jsonl.zst -o slots.parquet
  whatif import --format jsonl --map map.yaml log-*.jsonl.gz -o slots.parquet
  whatif import --format ipinyou --currency CNY --timezone Asia/Shanghai train.tsv.xz -o slots.parquet`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files, o.Stdin = args, c.in
			if err := importSettings(&o, zone, rates); err != nil {
				return err
			}
			return c.importLogs(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Format, "format", "", strings.Join(importFormats, ", ")+" (required)")
	f.StringVar(&o.MapFile, "map", "", "YAML file that says where each slot column comes from")
	f.StringVarP(&o.Out, "output", "o", "", "snapshot to write, a file or gs://bucket/name.parquet (required)")
	f.Float64Var(&o.MaxRejected, "max-rejected", o.MaxRejected, "highest share of rejected rows, 0 to 1; above it nothing is kept")
	f.StringVar(&zone, "timezone", "UTC", "IANA zone of times without an offset")
	f.StringVar(&o.Currency, "currency", "USD", "currency of the snapshot's floors")
	f.StringSliceVar(&rates, "rate", nil, "units of the snapshot's currency for one unit of another: EUR=1.08")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(importFormats, cobra.ShellCompDirectiveNoFileComp))
	return required(cmd, "format", "output")
}

// importSettings turns the texts of flags into options.
func importSettings(o *inventory.ImportOptions, zone string, rates []string) error {
	if !slices.Contains(importFormats, o.Format) {
		return usage("--format %q is not one of %s", o.Format, strings.Join(importFormats, ", "))
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return usage("--timezone %q is not an IANA time zone such as Europe/Berlin", zone)
	}
	o.Location = location
	o.Rates = map[string]decimal.Decimal{}
	for _, rate := range rates {
		currency, number, ok := strings.Cut(rate, "=")
		value, err := decimal.NewFromString(number)
		if !ok || err != nil || !value.IsPositive() {
			return usage("--rate %q is not of the form EUR=1.08", rate)
		}
		o.Rates[currency] = value
	}
	return nil
}

func (c *console) importLogs(cmd *cobra.Command, o inventory.ImportOptions) error {
	if objects.IsURI(o.Out) {
		return c.importAt(cmd, o)
	}
	summary, err := c.importWith(cmd.Context(), o)
	return c.sayImport(o, summary, err)
}

// importWith imports with a progress bar.
func (c *console) importWith(ctx context.Context, o inventory.ImportOptions) (inventory.ImportSummary, error) {
	m := c.newMeter("bytes", 0, time.Now())
	defer m.done()
	o.Progress = func(done, total int64) { m.update(done, total, "", time.Now()) }
	return inventory.Import(ctx, o)
}

// sayImport says what became of the rows, and of the import.
func (c *console) sayImport(o inventory.ImportOptions, s inventory.ImportSummary, err error) error {
	if err != nil && !errors.Is(err, inventory.ErrTooManyRejected) {
		return err
	}
	fmt.Fprintf(c.err, "read %s = %s kept + %s duplicates + %s rejected\n",
		grouped(s.Read), grouped(s.Kept), grouped(s.Duplicates), grouped(s.Rejected))
	for _, r := range s.Reasons {
		fmt.Fprintf(c.err, "  %s: %s\n", grouped(r.Slots), r)
	}
	if s.RejectedFile != "" {
		fmt.Fprintf(c.err, "the rejected rows are in %s\n", s.RejectedFile)
	}
	if err != nil {
		return err
	}
	c.sayImported(o, s)
	return nil
}

func (c *console) sayImported(o inventory.ImportOptions, s inventory.ImportSummary) {
	names := make([]string, len(s.Dimensions))
	for i, d := range s.Dimensions {
		names[i] = d.Name
	}
	c.say("wrote %s: %s from %s to %s\ndimensions: %s", o.Out, count(int(s.Kept), "slot"),
		time.UnixMicro(int64(s.Start)).In(o.Location).Format(time.RFC3339), time.UnixMicro(int64(s.End)).In(o.Location).Format(time.RFC3339),
		strings.Join(names, ", "))
}
