package dataflow

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// Bounds of what may be asked for.
const (
	// maxInstances is what the service gives one job: "Quotas and limits",
	// https://cloud.google.com/dataflow/quotas.
	maxInstances = 4000
	// minDiskGB holds the image and the logs: "Pipeline options", diskSizeGb,
	// https://cloud.google.com/dataflow/docs/reference/pipeline-options.
	minDiskGB = 30
	// maxName is in the documents of names, below.
	maxName = 1024
	// defaultMaxWorkers bounds what a study may cost by mistake.
	defaultMaxWorkers = 20
)

var (
	// Job names: projects.locations.jobs, name,
	// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.
	jobName = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	// Project ids, with a domain before those of organisations of old: "Creating and managing projects",
	// https://cloud.google.com/resource-manager/docs/creating-managing-projects.
	projectID      = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$`)
	regionName     = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	zoneName       = regexp.MustCompile(`^([a-z]+-[a-z]+[0-9]+)-[a-z]$`)
	accountEmail   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	subnetworkPath = regexp.MustCompile(`(?:^|/)regions/([^/]+)/subnetworks/[^/]+$`)
	// Machines with another processor than the worker program is for: "Arm VMs on Compute Engine",
	// https://cloud.google.com/compute/docs/instances/arm-on-compute.
	armMachine = regexp.MustCompile(`^(t2a|c4a|n4a|a4x|x4a)-`)
)

// Check is nil if jobs can be submitted with these settings; else it says everything that is wrong.
func (r *runner) Check(s remote.Settings) error {
	c := &checker{}
	c.settings(s)
	return c.err()
}

// check is Check for a job.
func check(spec remote.Spec) error {
	c := &checker{}
	c.need(jobName.MatchString(spec.Name) && len(spec.Name) <= maxName, "job name %q: want %s, %d characters at most", spec.Name, jobName, maxName)
	c.settings(spec.Settings)
	return c.err()
}

// checker collects what is wrong.
type checker struct{ errs []error }

func (c *checker) need(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf(format, args...))
	}
}

func (c *checker) err() error {
	if len(c.errs) == 0 {
		return nil
	}
	return fmt.Errorf("dataflow: %w", errors.Join(c.errs...))
}

func (c *checker) settings(s remote.Settings) {
	c.place(s)
	c.workers(s)
	c.network(s)
	if s.Endpoint != "" {
		c.endpoint(s.Endpoint)
	}
}

// place checks where the job runs and where its files are.
func (c *checker) place(s remote.Settings) {
	switch {
	case s.Project == "":
		c.need(false, "no Google Cloud project: name it (--project)")
	default:
		c.need(projectID.MatchString(s.Project), "project %q is no project id; `gcloud projects list` shows them", s.Project)
	}
	zone := zoneName.FindStringSubmatch(s.Region)
	switch {
	case s.Region == "":
		c.need(false, "no region: name the one of the results' bucket (--region), europe-west1 for example")
	case zone != nil:
		c.need(false, "region %q is a zone: its region is %s", s.Region, zone[1])
	default:
		c.need(regionName.MatchString(s.Region), "region %q is none, europe-west1 for example is one", s.Region)
	}
	if s.Staging == "" {
		c.need(false, "no place for the worker program and the jobs' models: name one (--staging gs://BUCKET/FOLDER)")
	} else if _, _, err := objects.Split(s.Staging); err != nil {
		c.need(false, "staging: %w", err)
	}
}

// workers checks the machines and how many there may be.
func (c *checker) workers(s remote.Settings) {
	c.need(s.Workers >= 0 && s.Workers <= maxInstances, "%d workers: want 1 to %d, or 0 for the service's choice", s.Workers, maxInstances)
	c.need(s.MaxWorkers >= 0 && s.MaxWorkers <= maxInstances, "at most %d workers: want 1 to %d, or 0 for %d", s.MaxWorkers, maxInstances, defaultMaxWorkers)
	c.need(s.MaxWorkers == 0 || s.Workers <= s.MaxWorkers, "%d workers to begin with are more than the %d allowed", s.Workers, s.MaxWorkers)
	c.need(s.DiskGB == 0 || s.DiskGB >= minDiskGB, "a disk of %d GB is too small for the container and its logs: want %d at least", s.DiskGB, minDiskGB)
	c.need(!armMachine.MatchString(s.MachineType), "machine type %s has an ARM processor, and the worker program is for x86-64: choose another, n2-standard-4 for example", s.MachineType)
	c.need(s.ServiceAccount == "" || accountEmail.MatchString(s.ServiceAccount), "service account %q is no e-mail address", s.ServiceAccount)
	c.need(!strings.ContainsAny(s.WorkerImage+s.MachineType, " \t\n"), "a worker image or machine type has no space in it: %q, %q", s.WorkerImage, s.MachineType)
}

// network checks the network of the workers: "Specify a network and subnetwork",
// https://cloud.google.com/dataflow/docs/guides/specifying-networks.
func (c *checker) network(s remote.Settings) {
	c.need(!strings.ContainsAny(s.Network, "/ "), "network %q: want its name; a network of another project is named by its subnetwork alone", s.Network)
	if s.Subnetwork == "" {
		return
	}
	m := subnetworkPath.FindStringSubmatch(s.Subnetwork)
	if m == nil {
		c.need(false, "subnetwork %q: want regions/REGION/subnetworks/NAME, or its whole URL if it is another project's", s.Subnetwork)
		return
	}
	c.need(s.Region == "" || m[1] == s.Region, "subnetwork %q is in region %s, the job in %s", s.Subnetwork, m[1], s.Region)
}

// endpoint lets credentials travel encrypted only. A service on this machine is a test's and gets none.
func (c *checker) endpoint(text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		c.need(false, "endpoint %q is no URL of an API", text)
		return
	}
	c.need(u.Scheme == "https" || loopback(u), "endpoint %q: only https, credentials would travel in the open", text)
}

// loopback tells whether a URL is one of this machine's own.
func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
