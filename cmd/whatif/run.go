package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/sql/report"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

// runFlags are the flags of every command that runs variants.
type runFlags struct {
	runner      string
	parallelism int
	resume      string
	settings    *settings // of runners beyond this machine, by flag, environment or file
}

func (c *console) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run CONFIG | run --resume SIMULATION",
		Short: "Run a study here and now and compare its variants",
		Long: `run checks a configuration, runs its variants on this machine, and prints the simulation's id, the comparison with the
baseline and one sentence that says what it means. Every variant's result is committed as soon as it is done: an interrupted run goes
on with --resume, and variants that have a result are not run again.`,
		Example: "  whatif run study.yaml\n  whatif run study.yaml --results results --parallelism 2\n  whatif run --resume latest",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.settle(); err != nil {
				return err
			}
			switch {
			case f.resume != "" && len(args) == 0:
				return c.resume(cmd.Context(), f)
			case f.resume == "" && len(args) == 1:
				_, err := c.runConfig(cmd.Context(), args[0], f)
				return err
			}
			return usage("name either a configuration or --resume SIMULATION; see `whatif run --help`")
		},
	}
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with an interrupted simulation (an id or `latest`)")
	c.addRunFlags(cmd, &f)
	return cmd
}

func (c *console) addRunFlags(cmd *cobra.Command, f *runFlags) {
	cmd.Flags().StringVar(&f.runner, "runner", "", "one of "+strings.Join(pipeline.Runners(), ", ")+" (default: the configuration's, else WHATIF_RUNNER, else direct)")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 0, "variants at once, elsewhere in each worker process (default: one a core)")
	c.addResultsFlag(cmd)
	c.addFormatFlag(cmd)
	f.settings = newSettings()
	f.settings.flagsOf(cmd, append([]string{"config"}, elsewhereSettings...)...)
	helpWithGroups(cmd)
}

// settle fills in what the flags left open, and refuses what makes no sense before anything is stored.
func (f runFlags) settle() error {
	err := f.settings.fill(func(name string) bool { return name == "runner" || slices.Contains(elsewhereSettings, name) })
	if err == nil {
		err = f.settings.checkElsewhere()
	}
	if err != nil {
		return err
	}
	if f.parallelism < 0 || f.parallelism > maxParallelism {
		return usage("--parallelism %d is not between 1 and %d (0: one a core)", f.parallelism, maxParallelism)
	}
	return errors.Join(knownRunner("--runner", f.runner), knownRunner("WHATIF_RUNNER", f.settings.Runner))
}

// options are what a run is told of runners.
func (f runFlags) options(o pipeline.RunOptions) pipeline.RunOptions {
	o.Runner, o.Parallelism = f.runner, f.parallelism
	if f.settings != nil {
		o.DefaultRunner, o.Elsewhere = f.settings.Runner, f.settings.Elsewhere
	}
	o.Elsewhere.Parallelism = f.parallelism
	return o
}

// reach refuses a runner that can't do the study: something is not set, or out of its workers' reach.
func (f runFlags) reach(store *results.Store, study *pipeline.Study) error {
	o := f.options(pipeline.RunOptions{})
	runner := cmp.Or(o.Runner, study.Config.Execution.Runner, o.DefaultRunner, pipeline.Direct)
	if err := pipeline.CheckReach(runner, o.Elsewhere, store.URI(), study.Pinned); err != nil {
		return usage("%w", err)
	}
	return nil
}

// maxParallelism bounds the variants at once; more than cores only takes memory.
const maxParallelism = 1024

// runConfig prepares, submits, runs and compares a study, and returns its simulation's id.
func (c *console) runConfig(ctx context.Context, path string, f runFlags) (id string, err error) {
	store, err := results.Open(c.results)
	if err != nil {
		return "", err
	}
	plan, err := c.submit(ctx, store, path, f)
	if err != nil {
		return "", err
	}
	return plan.SimulationID, c.runVariants(ctx, plan.SimulationID, pipeline.RunOptions{}, f)
}

// submit checks a configuration and stores its plan. The snapshot that checking needed is let go of
// before the job's own process loads it.
func (c *console) submit(ctx context.Context, store *results.Store, path string, f runFlags) (*model.Plan, error) {
	study, err := pipeline.Prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	c.warn(study.Warnings)
	if err := f.reach(store, study); err != nil {
		return nil, err
	}
	now := time.Now()
	id, err := model.NewSimulationID(now, rand.Reader)
	if err != nil {
		return nil, err
	}
	plan, err := pipeline.Submit(ctx, store, study, now, id)
	if err != nil {
		return nil, err
	}
	c.say("simulation %s: %s of %s against %s", plan.SimulationID,
		count(len(plan.Variants), "variant"), count(int(study.Estimate.Slots), "slot"), count(study.Estimate.Campaigns, "campaign"))
	return plan, nil
}

func (c *console) resume(ctx context.Context, f runFlags) error {
	id, err := c.resolve(ctx, f.resume)
	if err != nil {
		return err
	}
	if err := c.notOfALauncher(ctx, id); err != nil {
		return err
	}
	return c.runVariants(ctx, id, pipeline.RunOptions{}, f)
}

// resolve turns `latest` or an id into the id of a simulation that is there.
func (c *console) resolve(ctx context.Context, name string) (string, error) {
	if name != "latest" && !model.ValidSimulationID(name) {
		return "", usage("%q is no simulation id (they look like 20260701-abcdefgh23) and not `latest`", name)
	}
	store, err := results.Open(c.results)
	if err != nil {
		return "", err
	}
	return store.Resolve(ctx, name)
}

// runVariants runs what a simulation has left to do and prints what came out.
func (c *console) runVariants(ctx context.Context, id string, o pipeline.RunOptions, f runFlags) error {
	started := time.Now()
	m := c.newMeter("variants", 0, started)
	o = f.options(o)
	o.Results, o.SimulationID = c.results, id
	var far atomic.Bool
	o.Progress = func(p pipeline.Progress) {
		far.Store(p.Job != nil)
		c.showProgress(m, p, started)
	}
	defer context.AfterFunc(ctx, func() {
		if far.Load() {
			c.say("\nasking the job to end, which may take half a minute; interrupting again leaves it to itself")
		}
	})()
	summary, err := pipeline.Run(ctx, o)
	m.done()
	if errors.Is(err, context.Canceled) || ctx.Err() != nil {
		goesOn, _ := errors.AsType[*pipeline.JobGoesOn](err)
		return &interruption{simulation: id, results: c.results, goesOn: goesOn}
	}
	if err != nil {
		return err
	}
	return c.conclude(ctx, id, summary, time.Since(started))
}

func (c *console) showProgress(m *meter, p pipeline.Progress, started time.Time) {
	now := time.Now()
	done := int64(p.Succeeded + p.Failed)
	var notes []string
	if seconds := now.Sub(started).Seconds(); seconds > 1 && p.Decisions > 0 {
		notes = append(notes, rounded(float64(p.Decisions)/seconds/1e6)+" M decisions/s")
	}
	if left := m.remaining(done, int64(p.Total), now); left > 0 {
		notes = append(notes, duration(left)+" left")
	}
	if job := jobNote(p); job != "" {
		notes = []string{job}
	}
	if p.Failed > 0 {
		notes = append(notes, fmt.Sprintf("%d failed", p.Failed))
	}
	m.update(done, int64(p.Total), strings.Join(notes, ", "), now)
}

// conclude prints the comparison, the sentence and what to try next.
func (c *console) conclude(ctx context.Context, id string, s pipeline.Summary, took time.Duration) error {
	w, err := c.open(ctx, id)
	if err != nil {
		return err
	}
	defer w.close()
	people := c.err
	if c.asTable() {
		people = c.out
	}
	fmt.Fprintf(people, "simulation %s\n", id)
	if err := c.compare(ctx, w.Warehouse, id, comparisonFlags{top: 12, sort: "revenue"}); err != nil {
		return err
	}
	sentence, err := report.Sentence(ctx, w.Warehouse, id)
	if err != nil {
		return err
	}
	if sentence != "" {
		fmt.Fprintln(people, sentence)
	}
	if s.Ran == 0 {
		c.say("nothing was left to run: %s of %s have succeeded", grouped(int64(s.Succeeded)), count(s.Total, "variant"))
	} else {
		c.say("%s of %s succeeded in %s; next:\n  whatif compare %s%s\n  whatif report %s%s -o report.html",
			grouped(int64(s.Succeeded)), count(s.Total, "variant"), duration(took), id, resultsFlag(c.results), id, resultsFlag(c.results))
	}
	return c.failedRun(id, s)
}

// failedRun is the error of a run that left variants without a success.
func (c *console) failedRun(id string, s pipeline.Summary) error {
	if s.Succeeded == s.Total {
		return nil
	}
	if s.Stopped != "" {
		fmt.Fprintln(c.err, "stopped early:", s.Stopped)
	}
	if s.Failed > 0 {
		fmt.Fprintf(c.err, "%s failed; why: whatif failures %s%s; again: whatif retry %s%s\n",
			count(s.Failed, "variant"), id, resultsFlag(c.results), id, resultsFlag(c.results))
	}
	if s.Skipped > 0 {
		fmt.Fprintf(c.err, "%s did not run; go on: whatif run --resume %s%s\n", count(s.Skipped, "variant"), id, resultsFlag(c.results))
	}
	return errReported
}

// open opens one simulation's results for reading, or all of the store without an id.
func (c *console) open(ctx context.Context, id string) (*opened, error) {
	store, err := results.Open(c.results)
	if err != nil {
		return nil, err
	}
	var simulations []string
	var options []warehouse.Option
	if id != "" {
		simulations, options = []string{id}, []warehouse.Option{warehouse.Simulation(id)}
	}
	files, err := store.Local(ctx, simulations...)
	if err != nil {
		return nil, err
	}
	if files.Note != "" {
		c.say("%s", files.Note)
	}
	w, err := warehouse.OpenDuckDB(ctx, files.Dir, options...)
	if err != nil {
		return nil, errors.Join(err, files.Release())
	}
	return &opened{w, files}, nil
}

// opened is results that are read, whose files stay until they are closed.
type opened struct {
	*warehouse.Warehouse
	files *results.Files
}

// close ends the reading. It was no more than that, so there is nothing to do about a failure.
func (o *opened) close() {
	_ = o.Warehouse.Close()
	_ = o.files.Release()
}
