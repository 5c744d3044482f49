package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// The ways in which `watch` shows what happens.
const (
	watchBar   = ""      // on a terminal, else lines
	watchLines = "lines" // one a change, on stdout
	watchJSON  = "json"  // the events as they come, one a line, on stdout
)

func (c *console) watchCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "watch SIMULATION",
		Short: "Follow a simulation at a launcher until it is finished",
		Long: `watch shows a bar on a terminal and a line for each change elsewhere. When the connection is cut or the launcher restarts, it goes on
where it was. It ends with 0 when every variant succeeded, with 1 when some did not or the simulation was cancelled. Interrupting it
does nothing to the simulation.`,
		Example: "  whatif watch latest\n  whatif watch 20260701-k3v9q2m8xw --format json",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(&r, watchPatience, func(ctx context.Context, cl *client.Client, args []string) error {
			if c.format != watchBar && c.format != watchLines && c.format != watchJSON {
				return usage("--format %q is not one of lines, json", c.format)
			}
			sim, err := find(ctx, cl, args[0])
			if err != nil {
				return err
			}
			return c.watch(ctx, cl, &r, sim, c.out)
		}),
	}
	cmd.Flags().StringVar(&c.format, "format", "", "lines or json (default: a bar on a terminal, else lines)")
	r.addServerFlag(cmd)
	return cmd
}

// watch follows a simulation to its end and says how it ended. Where there is no terminal to draw a bar
// on, a line for each change goes to lines.
func (c *console) watch(ctx context.Context, cl *client.Client, r *remote, sim wire.Simulation, lines io.Writer) error {
	w := &watching{console: c, sim: sim, lines: lines}
	if _, ok := terminal(lines); !ok && c.format == watchBar {
		c.format = watchLines
	}
	if c.format == watchBar {
		w.meter = c.newMeter("variants", int64(sim.Variants), time.Now())
		w.done = sim.Counts.Succeeded + sim.Counts.Failed + sim.Counts.Cancelled
	}
	err := w.follow(ctx, cl)
	if w.meter != nil {
		w.meter.done()
	}
	if ctx.Err() != nil {
		c.say("%s goes on without you; see it again by\n  whatif watch %s%s", sim.ID, sim.ID, r.serverFlag())
	}
	if err != nil {
		return err
	}
	c.say("%s: %s", w.sim.State, w.sim.Summary)
	if w.sim.Fault != nil {
		c.say("%s: %s", w.sim.Fault.Reason, w.sim.Fault.Message)
	}
	if w.sim.State != "succeeded" {
		return errReported
	}
	return nil
}

// watching is what has been seen of a simulation.
type watching struct {
	*console
	sim   wire.Simulation
	lines io.Writer
	meter *meter // nil: lines are printed
	done  int    // variants that are finished
	fails int    // of them without figures
	note  string // pace and time left, as last told
}

// change is what the data of events has, by type.
type change struct {
	VariantID string       `json:"variant_id"`
	State     string       `json:"state"`
	Attempt   int64        `json:"attempt"`
	Reason    string       `json:"reason"`
	Message   string       `json:"message"`
	NextRetry *time.Time   `json:"next_retry"`
	Counts    *wire.Counts `json:"counts"`
	Wanted    string       `json:"wanted"`
	By        string       `json:"by"`
	Author    string       `json:"author"`
	Text      string       `json:"text"`
	Variants  int          `json:"variants"`
	Fault     *wire.Fault  `json:"fault"`

	Progress *wire.Progress `json:"progress"`
}

// follow shows events until the simulation is finished.
func (w *watching) follow(ctx context.Context, cl *client.Client) error {
	if w.meter != nil && finished(w.sim.State) {
		return nil
	}
	for e, err := range cl.Events(ctx, w.sim.ID, 0) {
		if err != nil {
			return err
		}
		var data change
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return fmt.Errorf("the launcher told of a change of %s that can't be read: %w", w.sim.ID, err)
		}
		w.count(data, time.Now())
		if err := w.show(e, data); err != nil {
			return err
		}
		if e.Type != "state" || !finished(data.State) {
			continue
		}
		// An end may be an old one, of before a retry.
		if w.sim, err = cl.Simulation(ctx, w.sim.ID); err != nil {
			return err
		}
		if finished(w.sim.State) && (w.sim.FinishedAt == nil || e.At.After(w.sim.FinishedAt.Add(-time.Second))) {
			return nil
		}
	}
	return ctx.Err()
}

// count keeps account of the variants that are finished, as states and progress tell.
func (w *watching) count(data change, now time.Time) {
	if data.Counts != nil {
		w.done = data.Counts.Succeeded + data.Counts.Failed + data.Counts.Cancelled
		w.fails = data.Counts.Failed
	}
	if data.Progress != nil {
		_, w.note, _ = strings.Cut(progressOf(*data.Progress, now), ", ") // the bar shows the share itself
	}
	if finished(data.State) {
		w.note = ""
	}
}

// show shows one event: on the bar, or as a line.
func (w *watching) show(e wire.Event, data change) error {
	if w.meter != nil {
		note := w.note
		if w.fails > 0 {
			note = strings.TrimPrefix(fmt.Sprintf("%s, %d failed", note, w.fails), ", ")
		}
		w.meter.update(int64(w.done), int64(w.sim.Variants), note, time.Now())
		return nil
	}
	if w.format == watchJSON {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w.lines, string(text))
		return err
	}
	text := data.sentence(e.Type)
	if text == "" {
		return nil
	}
	_, err := fmt.Fprintf(w.lines, "%s %s\n", e.At.UTC().Format(time.RFC3339), printable(text))
	return err
}

// sentence says what happened; empty: nothing that is worth a line.
func (d change) sentence(kind string) string {
	switch kind {
	case "state":
		text := d.State + by(d.By)
		if d.Fault != nil {
			text += ": " + d.Fault.Message
		}
		return text
	case "variant":
		text := d.VariantID + " " + d.State
		if d.NextRetry != nil {
			text = d.VariantID + " failed" // it stays `running` until its next try
		}
		if d.Attempt > 1 {
			text += fmt.Sprintf(", attempt %d", d.Attempt)
		}
		if d.Reason != "" {
			text += ": " + strings.TrimSuffix(d.Reason+": "+d.Message, ": ")
		}
		if d.NextRetry != nil {
			text += "; again at " + d.NextRetry.UTC().Format(time.RFC3339)
		}
		return text
	case "note":
		return "note" + by(d.Author) + ": " + strings.Join(strings.Fields(d.Text), " ")
	case "retry":
		return fmt.Sprintf("retry of %s%s", count(d.Variants, "variant"), by(d.By))
	case "wish":
		return "asked to " + d.Wanted + by(d.By)
	case "deleted":
		return "deleted" + by(d.By)
	}
	return ""
}
