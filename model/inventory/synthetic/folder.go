package synthetic

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// produced are the files of a study, in the order in which they appear: where the study is, the rest is.
var produced = []string{SnapshotName, CampaignsName, BigGridName, ConfigName}

// scratchPrefix begins the names of folders that a study is made in.
const scratchPrefix = ".generate-"

var scratchName = regexp.MustCompile(`^` + regexp.QuoteMeta(scratchPrefix) + `[0-9]+$`)

// invalid is a mistake of the caller: the arguments can't work, whatever the disk does.
func invalid(format string, args ...any) error {
	return model.Invalid("generate: "+format, args...)
}

// ensureFolder makes dir if need be and says whether its last element is new.
func ensureFolder(dir string) (made bool, err error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return false, invalid("%s is not a folder: name another one", at)
		}
		if err == nil || at == filepath.Dir(at) {
			break
		}
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return false, fmt.Errorf("generate: %w", err)
	}
	switch err := os.Mkdir(dir, 0o777); {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrExist):
		return false, nil
	default:
		return false, fmt.Errorf("generate: %w", err)
	}
}

// checkFree refuses a folder that has files of a study: they may hold a person's work, and their names are common.
func (o *Options) checkFree() error {
	if o.Overwrite {
		return nil
	}
	var taken []string
	for _, name := range produced {
		if _, err := os.Lstat(filepath.Join(o.Dir, name)); err == nil {
			taken = append(taken, filepath.Join(o.Dir, name))
		}
	}
	switch len(taken) {
	case 0:
		return nil
	case 1:
		return invalid("%s is there already: name another folder, or replace it with --force", taken[0])
	}
	return invalid("%s are there already: name another folder, or replace them with --force", strings.Join(taken, ", "))
}

// sweepScratch removes what a run left in dir that was killed while it made a study.
func sweepScratch(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && scratchName.MatchString(e.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("generate: removing what an earlier run left: %w", err)
			}
		}
	}
	return nil
}

// moveInto renames the finished files into place.
func (o *Options) moveInto(scratch string) error {
	if err := o.checkFree(); err != nil { // again: making a study takes a while
		return err
	}
	for _, name := range produced {
		if err := os.Rename(filepath.Join(scratch, name), filepath.Join(o.Dir, name)); err != nil {
			return fmt.Errorf("generate: %w", err)
		}
	}
	return nil
}
