package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// version is stamped by the release build; otherwise the module's own version is shown.
var version = ""

// console is where a command reads and prints, and the flags that all commands share.
type console struct {
	in       io.Reader
	out, err io.Writer
	quiet    bool
	format   string
	results  string
}

func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "whatif",
		Short: "The open what-if machine for ads inventory",
		Long: `whatif simulates what would happen to an ads inventory under other frequency caps, floors,
bids, budgets or auctions: every variant of a study against the same snapshot of slots, compared in one table.

Start with ` + "`whatif demo`" + `.`,
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetVersionTemplate("whatif {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		text := strconvNoise.ReplaceAllString(err.Error(), "")
		return usage("%s; see `%s --help`", text, cmd.CommandPath())
	})
	root.PersistentFlags().BoolVarP(&c.quiet, "quiet", "q", false, "no progress and no hints")
	root.AddCommand(
		c.demoCommand(), c.generateCommand(), c.importCommand(), c.validateCommand(), c.runCommand(),
		c.compareCommand(), c.queryCommand(), c.failuresCommand(), c.retryCommand(), c.reportCommand(), c.loadCommand(),
		c.sqlCommand(), c.gcCommand(), c.schemaCommand(), c.runJobCommand(), c.readCatalogCommand(), c.healthcheckCommand(),
		c.serveCommand(), c.keysCommand(), c.submitCommand(), c.statusCommand(), c.listCommand(), c.watchCommand(),
		c.cancelCommand(), c.pauseCommand(), c.resumeCommand(),
	)
	for _, cmd := range root.Commands() {
		wrapArgs(cmd)
	}
	return root
}

// wrapArgs turns cobra's argument errors into usage errors, so that they exit with 2.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage("%s given, but the command is `%s`; see `%s --help`", count(len(args), "argument"), cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// strconvNoise is what the flag library lets through of how Go reads numbers.
var strconvNoise = regexp.MustCompile(`strconv\.\w+: parsing "[^"]*": `)

// addResultsFlag gives a command the --results flag of every command that reads or writes results.
func (c *console) addResultsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.results, "results", defaultResults(), "the result store: a folder, or gs://BUCKET/PREFIX (environment: WHATIF_RESULTS)")
}

// addFormatFlag gives a command the --format flag of every command that prints rows.
func (c *console) addFormatFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.format, "format", "", "table, json, csv or markdown (default: table on a terminal, else csv)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json", "csv", "markdown"}, cobra.ShellCompDirectiveNoFileComp))
}

func defaultResults() string {
	if dir := os.Getenv("WHATIF_RESULTS"); dir != "" {
		return dir
	}
	return "results"
}

// resultsFlag is how a hint names the result store; empty for the default one.
func resultsFlag(dir string) string {
	if dir == defaultResults() {
		return ""
	}
	return " --results " + dir
}

// say prints a message to people, unless --quiet.
func (c *console) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// terminal reports whether a stream is a terminal and how wide it is.
func terminal(stream any) (width int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width, true
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
