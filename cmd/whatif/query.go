package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chzyer/readline"
	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

func (c *console) queryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   `query [SIMULATION] ["SQL"]`,
		Short: "SQL over the results; without SQL, a prompt",
		Long: `query runs DuckDB SQL over the views of the result store: variants, variant_metrics, comparison, campaign_results, frequency,
campaign_frequency, group_results, breakdown_results, contention, parameter_effects, failures and pareto(x, y). Naming a simulation
reads only its files. Without SQL it opens a prompt; statements end with a semicolon.`,
		Example: `  whatif query latest "SELECT variant_id, reach, revenue FROM comparison ORDER BY revenue DESC LIMIT 5"
  whatif query "SELECT simulation_id, count(*) FROM variants GROUP BY ALL"
  whatif query latest`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runQuery(cmd.Context(), args)
		},
	}
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

func (c *console) runQuery(ctx context.Context, args []string) error {
	simulation, text := "", ""
	for _, arg := range args {
		switch {
		case simulation == "" && text == "" && (arg == "latest" || model.ValidSimulationID(arg)):
			simulation = arg
		case text == "":
			text = arg
		default:
			return usage("%q is no simulation id and not `latest`: the order is a simulation, then one SQL text", args[0])
		}
	}
	w, err := c.openNamed(ctx, simulation)
	if err != nil {
		return err
	}
	defer w.close()
	if text != "" {
		return c.answer(ctx, w.Warehouse, text)
	}
	return c.prompt(ctx, w.Warehouse)
}

// answer runs a statement of the user's and prints its rows: CSV and JSON as they come, however many.
func (c *console) answer(ctx context.Context, w *warehouse.Warehouse, text string) error {
	found, err := w.Query(ctx, text)
	if err != nil {
		return usage("%w", err)
	}
	columns, values := columnNames(found), rowsOf(found)
	switch c.chosenFormat() {
	case "csv":
		err = writeCSV(c.out, columns, values)
	case "json":
		err = writeJSON(c.out, columns, values)
	default:
		err = c.printSome(columns, values)
	}
	return errors.Join(err, found.Err(), found.Close())
}

// printSome prints a table of as many rows as a person may look at.
func (c *console) printSome(columns []string, values iter.Seq[[]any]) error {
	r := rows{columns: columns}
	for row := range values {
		if len(r.values) == mostTableRows {
			c.say("there are more than these %s; --format csv or json writes all", count(mostTableRows, "row"))
			break
		}
		r.values = append(r.values, row)
	}
	return c.print(r)
}

// mostTableRows bounds a table: its columns are as wide as their widest cell, so all of it is held.
const mostTableRows = 10_000

func columnNames(found *warehouse.Rows) []string {
	var names []string
	for _, column := range found.Columns() {
		names = append(names, column.Name)
	}
	return names
}

// rowsOf goes through the rows once; found.Err tells afterwards what ended it.
func rowsOf(found *warehouse.Rows) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for found.Next() {
			if !yield(found.Values()) {
				return
			}
		}
	}
}

// openNamed opens one simulation, or the whole store without a name.
func (c *console) openNamed(ctx context.Context, name string) (*opened, error) {
	if name == "" {
		return c.open(ctx, "")
	}
	id, err := c.resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.open(ctx, id)
}

// query runs a statement of ours and reads all its rows.
func query(ctx context.Context, w *warehouse.Warehouse, text string, args ...any) (rows, error) {
	found, err := w.Query(ctx, text, args...)
	if err != nil {
		return rows{}, err
	}
	r := rows{columns: columnNames(found), values: slices.Collect(rowsOf(found))}
	return r, errors.Join(found.Err(), found.Close())
}

// prompt reads statements until the end of input. An error in one is printed and the next is read;
// Ctrl-C ends the statement that runs, or clears the one that is being typed.
func (c *console) prompt(ctx context.Context, w *warehouse.Warehouse) error {
	if _, ok := terminal(c.in); !ok {
		return c.script(ctx, w)
	}
	editor, err := readline.NewEx(&readline.Config{Prompt: "whatif> ", HistoryFile: historyFile(), InterruptPrompt: "^C"})
	if err != nil {
		return fmt.Errorf("open the prompt: %w", err)
	}
	defer func() { _ = editor.Close() }() // restores the terminal; there is nothing to do about a failure
	c.say("statements end with a semicolon; views: comparison, variant_metrics, campaign_results, ..; end with Ctrl-D or exit")
	statement := ""
	for {
		line, err := editor.Readline()
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			statement = ""
		case errors.Is(err, io.EOF) || statement == "" && leaves(line):
			return nil
		case err != nil:
			return fmt.Errorf("read the prompt: %w", err)
		default:
			statement = strings.TrimLeft(statement+line+"\n", " \t\n")
		}
		if strings.HasSuffix(strings.TrimSpace(statement), ";") {
			c.answerAlone(ctx, w, statement)
			statement = ""
		}
		editor.SetPrompt("whatif> ")
		if statement != "" {
			editor.SetPrompt("   ...> ")
		}
	}
}

// leaves reports whether a line asks to leave the prompt.
func leaves(line string) bool {
	word := strings.TrimSuffix(strings.TrimSpace(strings.ToLower(line)), ";")
	return slices.Contains([]string{"exit", "quit", `\q`, ".exit", ".quit"}, word)
}

// answerAlone runs one statement of the prompt with an interrupt of its own: the one that ends it
// does not end the prompt.
func (c *console) answerAlone(ctx context.Context, w *warehouse.Warehouse, statement string) {
	alone, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt)
	defer stop()
	switch err := c.answer(alone, w, statement); {
	case alone.Err() != nil:
		fmt.Fprintln(c.err, "interrupted")
	case err != nil:
		fmt.Fprintln(c.err, err)
	}
}

// script runs what comes from a pipe as one text.
func (c *console) script(ctx context.Context, w *warehouse.Warehouse) error {
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(c.in, most+1))
	if err != nil {
		return fmt.Errorf("read SQL from standard input: %w", err)
	}
	if len(text) > most {
		return usage("the SQL on standard input is over %s", bytes(most))
	}
	if strings.TrimSpace(string(text)) == "" {
		return usage("no SQL: give it as an argument, on standard input, or use a terminal for the prompt")
	}
	return c.answer(ctx, w, string(text))
}

// historyFile keeps the prompt's history in the user's cache; empty: none is kept.
func historyFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	if err := os.MkdirAll(filepath.Join(dir, "whatif"), 0o700); err != nil {
		return ""
	}
	return filepath.Join(dir, "whatif", "history.sql")
}
