package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func (c *console) statusCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "status SIMULATION",
		Short: "Where a simulation at a launcher stands, and what it waits for",
		Example: `  whatif status latest
  whatif status 20260701-k3v9q2m8xw --format json`,
		Args: cobra.ExactArgs(1),
		RunE: c.asking(&r, readPatience, func(ctx context.Context, cl *client.Client, args []string) error {
			sim, err := find(ctx, cl, args[0])
			if err != nil {
				return err
			}
			switch c.chosenFormat() {
			case "json":
				return c.printObject(sim)
			case "table":
				return c.describe(sim, time.Now())
			}
			return c.print(simulationRows([]wire.Simulation{sim}))
		}),
	}
	r.addServerFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// describe prints a simulation for people, a line a fact.
func (c *console) describe(sim wire.Simulation, now time.Time) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("simulation", "%s  %s", sim.ID, sim.Name)
	line("state", "%s", stateOf(sim))
	line("variants", "%s", sim.Summary)
	if p := sim.Progress; p != nil && !finished(sim.State) {
		line("progress", "%s", progressOf(*p, now))
	}
	line("inputs", "%s, %s", count(int(sim.Slots), "slot"), count(sim.Campaigns, "campaign"))
	if whose := ownerOf(sim); whose != "" {
		line("owner", "%s", whose)
	}
	line("submitted", "%s%s", ago(sim.SubmittedAt, now), by(sim.SubmittedBy))
	if sim.RunAt != nil && sim.StartedAt == nil {
		line("runs at", "%s", sim.RunAt.UTC().Format(time.RFC3339))
	}
	if sim.FinishedAt != nil {
		took := ""
		if sim.StartedAt != nil {
			took = ", after " + duration(sim.FinishedAt.Sub(*sim.StartedAt))
		}
		line("finished", "%s%s", ago(*sim.FinishedAt, now), took)
	}
	if sim.Waiting != "" {
		line("waiting", "%s", sim.Waiting)
	}
	if sim.Fault != nil {
		line("why", "%s: %s", sim.Fault.Reason, sim.Fault.Message)
	}
	for _, blocker := range sim.Blocking {
		line("blocked by", "%s", blockerOf(blocker, now))
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}

// printable is a text that others wrote, on one line and without anything that a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// stateOf is the state with what was asked for and has not come about yet.
func stateOf(sim wire.Simulation) string {
	if sim.Wanted != "" {
		return sim.State + ", asked to " + sim.Wanted
	}
	return sim.State
}

func progressOf(p wire.Progress, now time.Time) string {
	text := percent(p.Fraction)
	if p.DecisionsPerSecond > 0 {
		text += ", " + rounded(p.DecisionsPerSecond/1e6) + " M decisions/s"
	}
	if p.EstimatedEnd != nil && p.EstimatedEnd.After(now) {
		text += ", about " + duration(p.EstimatedEnd.Sub(now)) + " left"
	}
	return text
}

// ownerOf is the owner and the labels.
func ownerOf(sim wire.Simulation) string {
	parts := []string{}
	if sim.Owner != "" {
		parts = append(parts, sim.Owner)
	}
	for _, key := range slices.Sorted(maps.Keys(sim.Labels)) {
		parts = append(parts, key+"="+sim.Labels[key])
	}
	return strings.Join(parts, "  ")
}

func blockerOf(b wire.Blocker, now time.Time) string {
	text := fmt.Sprintf("%s, attempt %d since %s", b.VariantID, b.Attempt, duration(now.Sub(b.Since)))
	if b.NextRetry != nil {
		text = fmt.Sprintf("%s, attempt %d failed; again in %s", b.VariantID, b.Attempt, duration(max(0, b.NextRetry.Sub(now))))
	}
	if b.Reason != "" {
		text += " (" + strings.TrimSuffix(b.Reason+": "+b.Message, ": ") + ")"
	}
	return text
}

// ago is a moment and how long it is past.
func ago(at, now time.Time) string {
	return fmt.Sprintf("%s (%s ago)", at.UTC().Format(time.RFC3339), duration(max(0, now.Sub(at))))
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + name
}

// simulationRows lists simulations.
func simulationRows(sims []wire.Simulation) rows {
	r := rows{
		columns: []string{"id", "name", "owner", "state", "variants", "succeeded", "failed", "submitted_at", "finished_at"},
		first:   []string{"finished_at", "owner", "failed", "succeeded"},
	}
	for _, s := range sims {
		var end any
		if s.FinishedAt != nil {
			end = s.FinishedAt.UTC().Truncate(time.Second)
		}
		r.values = append(r.values, []any{s.ID, s.Name, s.Owner, s.State, s.Variants, s.Counts.Succeeded, s.Counts.Failed, s.SubmittedAt.UTC().Truncate(time.Second), end})
	}
	return r
}

func (c *console) listCommand() *cobra.Command {
	var r remote
	var f client.Filter
	var labels []string
	limit := 20
	cmd := &cobra.Command{
		Use:   "list",
		Short: "The simulations at a launcher, newest first",
		Example: `  whatif list
  whatif list --state running --owner inventory-science --label quarter=q3
  whatif list --limit 1000 --format csv`,
		Args: cobra.NoArgs,
		RunE: c.asking(&r, readPatience, func(ctx context.Context, cl *client.Client, _ []string) (err error) {
			if limit < 1 {
				return usage("--limit %d: give a number of at least 1", limit)
			}
			if f.Labels, err = parseLabels(labels); err != nil {
				return err
			}
			f.PageSize = min(limit+1, client.MaxPageSize)
			sims, more, err := take(cl.List(ctx, f), limit)
			if err != nil {
				return err
			}
			if c.chosenFormat() == "json" {
				err = c.printObject(sims)
			} else {
				err = c.print(simulationRows(sims))
			}
			if more {
				c.say("there are more; --limit N shows them")
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only those in this state: scheduled, queued, running, paused, succeeded, partially_failed, failed or cancelled")
	cmd.Flags().StringVar(&f.Owner, "owner", "", "only those of this owner")
	cmd.Flags().StringArrayVar(&labels, "label", nil, "only those with this label, as key=value; repeat it for several")
	cmd.Flags().IntVar(&limit, "limit", limit, "at most so many")
	r.addServerFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// parseLabels reads key=value.
func parseLabels(texts []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, usage("--label %q is not key=value", text)
		}
		if other, twice := labels[key]; twice && other != value {
			return nil, usage("--label %s: no simulation has it as %q and as %q", key, other, value)
		}
		labels[key] = value
	}
	return labels, nil
}

// take collects at most so many and tells whether there are more.
func take[T any](all iter.Seq2[T, error], most int) (list []T, more bool, err error) {
	list = []T{}
	for v, err := range all {
		if err != nil {
			return nil, false, err
		}
		if len(list) == most {
			return list, true, nil
		}
		list = append(list, v)
	}
	return list, false, nil
}

// change makes a command that asks something of a simulation and prints the state it is in then.
func (c *console) change(verb, short, long string, do func(*client.Client, context.Context, string) (wire.Simulation, error)) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:     verb + " SIMULATION",
		Short:   short,
		Long:    long + " Prints the state it is in then.",
		Example: "  whatif " + verb + " latest\n  whatif " + verb + " 20260701-k3v9q2m8xw",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(&r, changePatience, func(ctx context.Context, cl *client.Client, args []string) error {
			sim, err := find(ctx, cl, args[0])
			if err != nil {
				return err
			}
			if sim, err = do(cl, ctx, sim.ID); err != nil {
				return err
			}
			fmt.Fprintln(c.out, sim.State)
			if sim.Wanted != "" {
				c.say("asked to %s, which takes a moment: whatif status %s%s", sim.Wanted, sim.ID, r.serverFlag())
			}
			return nil
		}),
	}
	r.addServerFlag(cmd)
	return cmd
}

func (c *console) cancelCommand() *cobra.Command {
	return c.change("cancel", "End a simulation at a launcher",
		"cancel ends a simulation: what runs of it is given up, finished variants keep their results.", (*client.Client).Cancel)
}

func (c *console) pauseCommand() *cobra.Command {
	return c.change("pause", "Stop a running simulation at a launcher until `whatif resume`",
		"pause gives up what runs of a simulation and keeps what is finished.", (*client.Client).Pause)
}

func (c *console) resumeCommand() *cobra.Command {
	return c.change("resume", "Let a paused simulation at a launcher go on",
		"resume lets a paused simulation go on with what is not finished; an interrupted `whatif run` goes on with `whatif run --resume`.", (*client.Client).Resume)
}
