package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

// remote is the launcher that a command talks to.
type remote struct{ server string }

// addServerFlag gives a command the --server flag of every command that talks to a launcher. The key
// is no flag: every user of the machine can read those.
func (r *remote) addServerFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.server, "server", defaultServer(),
		"address of the launcher (environment: WHATIF_SERVER; the API key: WHATIF_API_KEY)")
}

func defaultServer() string {
	if server := os.Getenv("WHATIF_SERVER"); server != "" {
		return server
	}
	return client.DefaultServer
}

// serverFlag is how a hint names the launcher; empty for the default one.
func (r *remote) serverFlag() string {
	if r.server == defaultServer() {
		return ""
	}
	return " --server " + r.server
}

// dial makes the client; nothing is sent yet. All waits of one call together are bounded by patience.
func (c *console) dial(r *remote, patience time.Duration) (*client.Client, error) {
	told := false
	cl, err := client.New(client.Options{
		Server: r.server, Key: os.Getenv("WHATIF_API_KEY"), Patience: patience,
		Retrying: func(why error, wait time.Duration) {
			if !told || wait > time.Second {
				told = true
				c.say("%v; trying again", why)
			}
		},
	})
	if err != nil {
		return nil, usage("%w", err)
	}
	return cl, nil
}

// How long commands wait altogether for a launcher that doesn't answer or has too much to do.
const (
	readPatience   = 3 * time.Second
	changePatience = 20 * time.Second
	watchPatience  = 2 * time.Minute
)

// find is the simulation that a user named: an id, or `latest`.
func find(ctx context.Context, cl *client.Client, name string) (wire.Simulation, error) {
	if name != "latest" {
		if !model.ValidSimulationID(name) {
			return wire.Simulation{}, noSimulation(name)
		}
		return cl.Simulation(ctx, name)
	}
	sim, ok, err := cl.Latest(ctx)
	if err == nil && !ok {
		err = usage("there is no simulation at %s yet; `whatif submit CONFIG` submits one", cl.Server())
	}
	return sim, err
}

// noSimulation refuses what can't be the name of a simulation.
func noSimulation(name string) error {
	return usage("%q is no simulation id (they look like 20260701-abcdefgh23) and not `latest`", name)
}

// helped adds to a launcher's refusal what its user can do here.
func helped(err error) error {
	if lost, ok := errors.AsType[*client.NoAnswer](err); ok && lost.Refused() {
		return fmt.Errorf("%w\nis a launcher running? start one with `whatif serve`, or name yours by --server or WHATIF_SERVER", err)
	}
	refused, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	switch refused.Status {
	case 401:
		return usage("%w; put the key into the environment variable WHATIF_API_KEY", err)
	case 400, 404, 410, 413, 415, 422:
		return usage("%w", err)
	}
	return err
}

// asking wraps what a command does with a launcher, for cobra.
func (c *console) asking(r *remote, patience time.Duration, do func(ctx context.Context, cl *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cl, err := c.dial(r, patience)
		if err != nil {
			return err
		}
		return helped(do(cmd.Context(), cl, args))
	}
}

// printObject prints a value as indented JSON.
func (c *console) printObject(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, string(text))
	return err
}

// finished reports whether nothing more happens to a simulation in a state by itself.
func finished(state string) bool {
	switch state {
	case "succeeded", "partially_failed", "failed", "cancelled":
		return true
	}
	return false
}
