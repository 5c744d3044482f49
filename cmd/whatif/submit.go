package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// submitFlags are the flags of `submit`.
type submitFlags struct {
	remote
	validateOnly, upload, watch bool
	runAt                       string
	priority                    int
	webhook, idempotencyKey     string
}

func (c *console) submitCommand() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit CONFIG",
		Short: "Submit a study to a launcher, which runs it while you do something else",
		Long: `submit sends a configuration to a launcher and prints the simulation's id, which is durable then. Paths in it are the launcher's:
it looks them up in its input roots. With --upload the campaigns file and the snapshot are sent first, from paths as ` + "`whatif run`" + ` takes them.
A lost answer is asked for again and never starts a second simulation.`,
		Example: `  whatif submit study.yaml --watch
  whatif submit study.yaml --upload --server https://whatif.example.com
  whatif submit study.yaml --run-at 2026-07-01T02:00:00Z --priority 3`,
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = c.asking(&f.remote, changePatience, func(ctx context.Context, cl *client.Client, args []string) error {
		s, err := f.submission(cmd.Flags().Changed("priority"), time.Now())
		if err != nil {
			return err
		}
		return c.submitTo(ctx, cl, &f, s, args[0])
	})
	flags := cmd.Flags()
	flags.BoolVar(&f.validateOnly, "validate-only", false, "only have it checked there, and list what it would run")
	flags.BoolVar(&f.upload, "upload", false, "send the campaigns file and the snapshot too")
	flags.BoolVar(&f.watch, "watch", false, "follow it to its end, as `whatif watch` does")
	flags.StringVar(&f.runAt, "run-at", "", "not before this time: 2026-07-01T02:00:00Z, or a span from now: 90m")
	flags.IntVar(&f.priority, "priority", 0, "0 to 9, higher first (default: the launcher's)")
	flags.StringVar(&f.webhook, "webhook", "", "address that the launcher tells when it is finished")
	flags.StringVar(&f.idempotencyKey, "idempotency-key", "", "the same key and configuration are the same simulation (default: a new key)")
	f.addServerFlag(cmd)
	c.addFormatFlag(cmd)
	return cmd
}

// submission is what the flags say of one.
func (f *submitFlags) submission(prioritised bool, now time.Time) (s client.Submission, err error) {
	s = client.Submission{Webhook: f.webhook, IdempotencyKey: f.idempotencyKey}
	if prioritised {
		s.Priority = &f.priority
	}
	if f.validateOnly && f.watch {
		return s, usage("--validate-only runs nothing that --watch could follow")
	}
	if f.runAt == "" {
		return s, nil
	}
	if span, spanErr := time.ParseDuration(f.runAt); spanErr == nil && span >= 0 {
		s.RunAt = now.Add(span)
		return s, nil
	}
	if s.RunAt, err = time.Parse(time.RFC3339, f.runAt); err != nil {
		return s, usage("--run-at %q is neither a time such as 2026-07-01T02:00:00Z nor a span such as 90m", f.runAt)
	}
	return s, nil
}

// submitTo sends a configuration file to a launcher.
func (c *console) submitTo(ctx context.Context, cl *client.Client, f *submitFlags, s client.Submission, path string) error {
	text, err := pipeline.ReadText(ctx, path)
	if objects.Unreachable(err) {
		return err
	}
	if err != nil {
		return usage("%w", err)
	}
	if f.upload && objects.IsURI(path) {
		return usage("--upload sends files of this machine, and %s is none; let the launcher read its inputs from the bucket", path)
	}
	if strings.HasSuffix(strings.ToLower(path), ".json") {
		s.Type = "application/json"
	}
	sent := &sentStudy{path: path, text: string(text), called: "body"}
	if f.upload {
		if err := c.upload(ctx, cl, sent); err != nil {
			return err
		}
	}
	s.Config = []byte(sent.text)
	if f.validateOnly {
		v, err := cl.Validate(ctx, s)
		if err != nil {
			return sent.located(err)
		}
		return c.printValidation(sent, v)
	}
	sim, err := cl.Submit(ctx, s)
	if err != nil {
		return sent.located(err)
	}
	return c.acknowledged(ctx, cl, f, sent, sim)
}

// acknowledged tells of a submission and follows it if that is wished.
func (c *console) acknowledged(ctx context.Context, cl *client.Client, f *submitFlags, sent *sentStudy, sim wire.Simulation) error {
	c.warn(sent.problems(sim.Warnings, true))
	if _, err := fmt.Fprintln(c.out, sim.ID); err != nil {
		return err
	}
	c.say("%s: %s of %s against %s, %s", sim.ID, count(sim.Variants, "variant"), count(int(sim.Slots), "slot"), count(sim.Campaigns, "campaign"), sim.State)
	if f.watch {
		lines := c.err // stdout has the id, for programs
		if c.quiet {
			lines = io.Discard
		}
		c.format = watchBar
		return c.watch(ctx, cl, &f.remote, sim, lines)
	}
	c.say("follow it:  whatif watch %s%s\nits page:   %s%s", sim.ID, f.serverFlag(), cl.Server(), sim.Links.Page)
	return nil
}

// printValidation prints what a configuration would run, as `whatif validate` does.
func (c *console) printValidation(sent *sentStudy, v wire.Validation) error {
	c.warn(sent.problems(v.Warnings, true))
	config, _ := model.ParseConfig(sent.path, []byte(sent.text))
	if config == nil {
		return errors.New("the launcher takes a configuration that this version can't read: is it newer?")
	}
	r := rows{columns: []string{"variant_id"}}
	for _, p := range config.Parameters {
		r.columns = append(r.columns, p.Name)
	}
	for _, variant := range v.Variants {
		set := map[string]json.RawMessage{}
		if err := json.Unmarshal(variant.Parameters, &set); err != nil {
			return fmt.Errorf("the parameters of %s can't be read: %w", variant.ID, err)
		}
		row := []any{variant.ID}
		for _, p := range config.Parameters {
			row = append(row, parameterText(set[p.Name]))
		}
		r.values = append(r.values, row)
	}
	if err := c.print(r); err != nil {
		return err
	}
	c.say("valid: %s of %s against %s", count(len(v.Variants), "variant"), count(int(v.Slots), "slot"), count(v.Campaigns, "campaign"))
	return nil
}

// parameterText is a parameter's value as it is written; nil: the variant does not set it.
func parameterText(value json.RawMessage) any {
	if value == nil {
		return nil
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// sentStudy is a configuration as it lies here and as it was sent.
type sentStudy struct {
	path   string
	called string            // what the launcher's positions call it
	text   string            // as sent: references may have been replaced by uploads
	edits  []edit            // in the order of the text
	names  map[string]string // files here by what they are called at the launcher
}

// located turns the launcher's complaint about a configuration into mistakes at their places here.
func (s *sentStudy) located(err error) error {
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Code != "INVALID_CONFIGURATION" {
		return err
	}
	if problems := s.problems(refused.Errors, false); len(problems) > 0 {
		return problems
	}
	return err
}

// problems are mistakes or warnings at their places here.
func (s *sentStudy) problems(list []wire.Problem, warnings bool) model.Problems {
	var out model.Problems
	for _, p := range list {
		at := parseLocation(p.Location)
		at.Path = p.Path
		if at.File == "" || at.File == s.called {
			at.File = s.path
			at.Column = original(s.edits, at.Line, at.Column)
		}
		for uri, file := range s.names {
			at.File = strings.Replace(at.File, uri, file, 1)
			p.Message = strings.ReplaceAll(p.Message, uri, file)
		}
		out = append(out, model.Problem{Position: at, Message: p.Message, Suggestion: p.Suggestion, Warning: warnings})
	}
	return out
}

// parseLocation reads file:line:column, or a file alone.
func parseLocation(text string) model.Position {
	rest, columnText, ok := cutLast(text)
	if !ok {
		return model.Position{File: text}
	}
	file, lineText, ok := cutLast(rest)
	line, lineErr := strconv.Atoi(lineText)
	column, columnErr := strconv.Atoi(columnText)
	if !ok || lineErr != nil || columnErr != nil {
		return model.Position{File: text}
	}
	return model.Position{File: file, Line: line, Column: column}
}

func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}
