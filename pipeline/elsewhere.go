package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// Settings are what the runners beyond this machine are told: see package remote.
type Settings = remote.Settings

// Elsewhere says how jobs run beyond this machine, if the runner is one that has them run there.
type Elsewhere struct {
	Settings    Settings
	Labels      map[string]string // of every job
	Parallelism int               // variants at a time in one worker process; 0: one a core of its machine
}

// outpost is a runner beyond this machine.
type outpost struct {
	runner func() remote.Runner
	needs  []setting // without which nothing can be submitted
	cloud  bool      // its workers have no file of this machine
}

// setting is one of Settings, with the name of its flag.
type setting struct {
	flag string
	of   func(Settings) string
}

var (
	endpointSetting = setting{"endpoint", func(s Settings) string { return s.Endpoint }}
	projectSetting  = setting{"project", func(s Settings) string { return s.Project }}
	regionSetting   = setting{"region", func(s Settings) string { return s.Region }}
	stagingSetting  = setting{"staging", func(s Settings) string { return s.Staging }}
)

// Runners are the names of all runners there are.
func Runners() []string {
	return append([]string{Direct, Prism}, slices.Sorted(maps.Keys(outposts))...)
}

// CheckRunner is nil if simulations can be run by the runner of a name.
func CheckRunner(name string) error {
	if slices.Contains(Runners(), name) {
		return nil
	}
	return fmt.Errorf("pipeline: there is no runner %q; there are %s", name, strings.Join(Runners(), ", "))
}

// CheckSettings is nil if a runner has the settings that it needs. The error says all that is missing.
func CheckSettings(runner string, e Elsewhere) error {
	if err := CheckRunner(runner); err != nil {
		return err
	}
	post, far := outposts[runner]
	if !far {
		return nil
	}
	var missing []string
	for _, s := range post.needs {
		if s.of(e.Settings) == "" {
			missing = append(missing, fmt.Sprintf("--%s (or WHATIF_%s)", s.flag, strings.ToUpper(s.flag)))
		}
	}
	var faults several
	if len(missing) > 0 {
		faults = append(faults, fmt.Errorf("runner %s needs %s", runner, strings.Join(missing, ", ")))
	}
	// Some runners know more about their settings.
	if checker, ok := post.runner().(interface{ Check(Settings) error }); ok && len(missing) == 0 {
		faults = faults.and(checker.Check(e.Settings))
	}
	return faults.err()
}

// CheckReach is CheckSettings and, for a runner whose workers have no file of this machine, that results
// and snapshot are where they can reach them. The error says all that is wrong at once.
func CheckReach(runner string, e Elsewhere, results string, snapshot []model.PinnedInput) error {
	var faults several
	faults = faults.and(CheckSettings(runner, e))
	if !outposts[runner].cloud {
		return faults.err()
	}
	if !objects.IsURI(results) {
		faults = append(faults, fmt.Errorf("the workers of %s can't write to %s, a folder of this machine: keep results in a bucket (--results gs://BUCKET/FOLDER)", runner, results))
	}
	for _, in := range snapshot {
		if !objects.IsURI(in.URI) {
			faults = append(faults, fmt.Errorf("the workers of %s can't read %s, a file of this machine: copy the snapshot to a bucket and name it in the configuration (inventory: gs://BUCKET/..)", runner, in.URI))
			break // the others are beside it
		}
	}
	return faults.err()
}

// and adds an error, or each of several; nil adds none.
func (s several) and(err error) several {
	if more, ok := errors.AsType[several](err); ok {
		return append(s, more...)
	}
	if err != nil {
		s = append(s, err)
	}
	return s
}

// err is nil if there are none.
func (s several) err() error {
	if len(s) == 0 {
		return nil
	}
	return s
}

// RunnerSource is a Source that knows which runners there are, and what is there for them.
type RunnerSource interface {
	// CheckRunner is nil if a simulation of a snapshot can be run by the runner of that name; empty: by the one of
	// configurations that name none.
	CheckRunner(runner string, snapshot []model.PinnedInput) error
}

// checkRunner holds the runner of a configuration against what its source has for it.
func (c *checking) checkRunner() {
	if source, knows := c.src.(RunnerSource); knows {
		if err := source.CheckRunner(c.study.Config.Execution.Runner, c.study.Pinned); err != nil {
			c.complain(c.study.Config.RunnerPos, err)
		}
	}
}
