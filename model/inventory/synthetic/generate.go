package synthetic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Generate writes a study to o.Dir: slots.parquet, campaigns.yaml, study.yaml and big-grid.yaml. They appear there
// when all of them are complete; after an error, or when ctx is done, nothing is left behind. Memory
// does not grow with the slots, besides some five bytes a user.
func Generate(ctx context.Context, o Options) (Files, error) {
	if err := o.check(); err != nil {
		return Files{}, err
	}
	made, err := ensureFolder(o.Dir)
	if err != nil {
		return Files{}, fmt.Errorf("generate: %w", err)
	}
	scratch, err := os.MkdirTemp(o.Dir, ".generate-")
	if err != nil {
		return Files{}, fmt.Errorf("generate: %w", err)
	}
	err = o.write(ctx, scratch)
	if err == nil {
		err = moveInto(scratch, o.Dir)
	}
	err = errors.Join(err, os.RemoveAll(scratch))
	if err != nil {
		if made {
			err = errors.Join(err, os.Remove(o.Dir))
		}
		return Files{}, err
	}
	return Files{
		Snapshot:  filepath.Join(o.Dir, SnapshotName),
		Campaigns: filepath.Join(o.Dir, CampaignsName),
		Config:    filepath.Join(o.Dir, ConfigName),
	}, nil
}

// ensureFolder makes dir if need be and says whether its last element is new.
func ensureFolder(dir string) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return false, err
	}
	switch err := os.Mkdir(dir, 0o777); {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrExist):
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a folder", dir)
		}
		return false, err
	default:
		return false, err
	}
}

// moveInto renames the finished files into place, the study last: where it is, the rest is.
func moveInto(scratch, dir string) error {
	for _, name := range []string{SnapshotName, CampaignsName, BigGridName, ConfigName} {
		if err := os.Rename(filepath.Join(scratch, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("generate: %w", err)
		}
	}
	return nil
}

// write makes all files in dir.
func (o *Options) write(ctx context.Context, dir string) error {
	study, err := o.study()
	if err != nil {
		return err
	}
	sample, err := o.writeSlots(ctx, filepath.Join(dir, SnapshotName))
	if err != nil {
		return err
	}
	m := market{items: newLineItems(o), days: o.Days, fill: o.Fill}
	scale, err := m.calibrate(ctx, sample, study)
	if err != nil {
		return err
	}
	campaigns := renderCampaigns(m.campaigns(o.Slots, scale), o.banner())
	return errors.Join(
		writeFile(filepath.Join(dir, CampaignsName), campaigns),
		writeFile(filepath.Join(dir, ConfigName), o.render(studyTemplate)),
		writeFile(filepath.Join(dir, BigGridName), o.render(bigGridTemplate)),
	)
}

// writeSlots streams the snapshot to path and returns the slots of the sampled visitors.
func (o *Options) writeSlots(ctx context.Context, path string) (sample []model.Slot, err error) {
	w, err := inventory.NewWriter(path, columns())
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	visitors := newVisitors(stream(o.Seed, streamPopulation), o, sampleStride(o.Slots))
	err = newTraffic(o, func(s *model.Slot, sampled bool) error {
		if sampled {
			kept := *s
			kept.Scalars, kept.Sets = maps.Clone(s.Scalars), maps.Clone(s.Sets)
			sample = append(sample, kept)
		}
		return w.Write(*s)
	}).run(ctx, visitors)
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	if o.Progress != nil {
		o.Progress(o.Slots, o.Slots)
	}
	return sample, nil
}

// columns are the dimensions of a synthetic log, by name.
func columns() []inventory.Column {
	return []inventory.Column{
		{Name: dimAge}, {Name: dimCity}, {Name: dimCountry}, {Name: dimDevice}, {Name: dimFormat}, {Name: dimGender},
		{Name: dimInterests, Multi: true}, {Name: dimOS}, {Name: dimRegion}, {Name: dimSegments, Multi: true},
		{Name: dimSite}, {Name: dimSiteCategory}, {Name: dimSize},
	}
}

// writeFile writes a new file and sees that it is on disk.
func writeFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("generate: writing %s: %w", filepath.Base(path), err)
	}
	return nil
}
