package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher"
)

func (c *console) serveCommand() *cobra.Command {
	s := newSettings()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the launcher: takes studies over HTTP and sees them through",
		Long: `serve answers on a loopback address and needs nothing else: what was submitted lies in an SQLite file in the results folder. What was
accepted survives any crash and is gone on with at the next start. Interrupting it (or SIGTERM) ends it gracefully, a second time at once.

Each setting is taken from its flag, else from the environment (WHATIF_ and the flag's name in capitals, such as WHATIF_INPUT_ROOT;
lists with commas), else from the YAML file of --config, by the flag's name. On other addresses than loopback it answers only once there
is a key: see ` + "`whatif keys`" + `.`,
		Example: `  whatif serve --input-root studies
  whatif serve --listen 0.0.0.0:8080 --allowed-host whatif.example.com --config whatif.yaml
  WHATIF_STORE=postgres://whatif:secret@db/whatif whatif serve --name a`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.settle(); err != nil {
				return err
			}
			logger, err := c.logger(s)
			if err != nil {
				return err
			}
			started := false
			config := s.Config
			config.Version, config.Logger = buildVersion(), logger
			config.Ready = func(address string) {
				started = true
				c.announce(address)
			}
			err = launcher.Run(cmd.Context(), config)
			switch {
			case cmd.Context().Err() != nil && errors.Is(err, context.Canceled):
				return nil // it ended because it was asked to
			case err != nil && !started:
				return usage("%w", err) // with these settings it can't
			}
			return err
		},
	}
	s.flagsOf(cmd)
	helpWithGroups(cmd)
	return cmd
}

// logger writes to stderr: text for people on a terminal, JSON for programs elsewhere.
func (c *console) logger(s *settings) (*slog.Logger, error) {
	level, err := levelOf(s.logLevel)
	if err != nil {
		return nil, err
	}
	_, onTerminal := terminal(c.err)
	o := &slog.HandlerOptions{Level: level}
	if s.logFormat == "text" || s.logFormat == "" && onTerminal {
		return slog.New(slog.NewTextHandler(c.err, o)), nil
	}
	return slog.New(slog.NewJSONHandler(c.err, o)), nil
}

// announce says on a terminal where the launcher is and what to try.
func (c *console) announce(address string) {
	if _, ok := terminal(c.err); !ok || c.quiet {
		return
	}
	fmt.Fprintf(c.err, `
The launcher answers on http://%[1]s
  its interface, to read   http://%[1]s/docs
  submit a study           curl -H 'Content-Type: application/yaml' --data-binary @study.yaml http://%[1]s/v1/simulations
                           whatif submit study.yaml --watch

`, address)
}
