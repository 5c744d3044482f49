package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whatif-machine/whatif/pipeline"
)

// elsewhereSettings are the settings of runners beyond this machine, by the flags' names.
var elsewhereSettings = []string{
	"endpoint", "environment", "project", "region", "staging", "worker-binary", "worker-image", "service-account", "machine-type",
	"network", "subnetwork", "no-public-ips", "workers", "max-workers", "disk-gb", "label",
}

// elsewhereAnnotation marks the flags that help lists apart from the others.
const elsewhereAnnotation = "elsewhere"

// addElsewhere makes those settings part of all settings.
func (s *settings) addElsewhere(f *pflag.FlagSet) {
	e := &s.Elsewhere.Settings
	f.StringVar(&e.Endpoint, "endpoint", "", "flink: HOST:PORT of Beam's job service, and after a comma Flink's own; dataflow: URL of the API (default: Google's)")
	f.StringVar(&e.Environment, "environment", "", "flink: where workers come from: external=HOST:PORT of a pool, or process=COMMAND")
	f.StringVar(&e.Project, "project", "", "dataflow: Google Cloud project")
	f.StringVar(&e.Region, "region", "", "dataflow: region, that of the results' bucket")
	f.StringVar(&e.Staging, "staging", "", "dataflow: gs:// folder for the worker program and the jobs' models")
	f.StringVar(&e.WorkerBinary, "worker-binary", "", "dataflow: whatif-worker for linux/amd64 (default: beside this program)")
	f.StringVar(&e.WorkerImage, "worker-image", "", "dataflow: container that it runs in (default: Beam's)")
	f.StringVar(&e.ServiceAccount, "service-account", "", "dataflow: e-mail address of the workers' account (default: the project's)")
	f.StringVar(&e.MachineType, "machine-type", "", "dataflow: of the workers, such as n2-standard-4 (default: the service's choice)")
	f.StringVar(&e.Network, "network", "", "dataflow: of the workers")
	f.StringVar(&e.Subnetwork, "subnetwork", "", "dataflow: of the workers, as regions/REGION/subnetworks/NAME")
	f.BoolVar(&e.NoPublicIPs, "no-public-ips", false, "dataflow: workers have private addresses only")
	f.IntVar(&e.Workers, "workers", 0, "dataflow: machines to begin with (default: the service's choice)")
	f.IntVar(&e.MaxWorkers, "max-workers", 0, "dataflow: machines at most (default: 20)")
	f.IntVar(&e.DiskGB, "disk-gb", 0, "dataflow: disk of each machine (default: the service's choice)")
	f.StringArrayVar(&s.labels, "label", nil, "KEY=VALUE of every job, to find it and its cost by; repeat it for several")
	for _, name := range elsewhereSettings {
		f.Lookup(name).Annotations = map[string][]string{elsewhereAnnotation: {"true"}}
	}
}

// checkElsewhere reads the labels.
func (s *settings) checkElsewhere() error {
	s.Elsewhere.Labels = map[string]string{}
	for _, label := range s.labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || key == "" {
			return usage("--label %q is not KEY=VALUE", label)
		}
		s.Elsewhere.Labels[key] = value
	}
	return nil
}

// knownRunner refuses a runner that there is not.
func knownRunner(where, name string) error {
	if name == "" {
		return nil
	}
	if err := pipeline.CheckRunner(name); err != nil {
		return usage("%s: %w", where, err)
	}
	return nil
}

// jobNote is what progress says of a job elsewhere until its first variant begins, and when it waits.
func jobNote(p pipeline.Progress) string {
	if p.Job == nil || p.Job.Message == "" && p.Running > 0 {
		return ""
	}
	note := p.Job.String()
	if p.Job.State != "" {
		note += " is " + string(p.Job.State)
	}
	if p.Job.Message != "" {
		message, _, _ := strings.Cut(p.Job.Message, "\n")
		note += ": " + message
	}
	return note
}

// helpWithGroups has the help of a command list the settings of other machines apart.
func helpWithGroups(cmd *cobra.Command) {
	split := func(far bool) string {
		part := pflag.NewFlagSet("", pflag.ContinueOnError)
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if (f.Annotations[elsewhereAnnotation] != nil) == far {
				part.AddFlag(f)
			}
		})
		return strings.TrimRight(part.FlagUsages(), " \n")
	}
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprintf(cmd.OutOrStderr(), `Usage:
  %s

Examples:
%s

Flags:
%s

Flags for runners beyond this machine (environment: WHATIF_ and the name in capitals, such as WHATIF_PROJECT; file: --config):
%s

Global Flags:
%s
`, cmd.UseLine(), cmd.Example, split(false), split(true), strings.TrimRight(cmd.InheritedFlags().FlagUsages(), " \n"))
		return err
	})
}
