package synthetic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Generate writes a study to o.Dir: slots.parquet, campaigns.yaml, study.yaml and big-grid.yaml.
// They appear there when all of them are complete; after an error, or when ctx is done, nothing is
// left behind, and what a killed run left in the folder is removed. It refuses to replace one of these files unless
// o.Overwrite. The caller's mistakes are faults of the reason invalid_input. Memory is that of a snapshot of at most a million slots, besides some nine bytes a user.
func Generate(ctx context.Context, o Options) (Files, error) {
	if err := o.check(); err != nil {
		return Files{}, err
	}
	if err := o.checkFree(); err != nil {
		return Files{}, err
	}
	made, err := ensureFolder(o.Dir)
	if err != nil {
		return Files{}, err
	}
	if err := sweepScratch(o.Dir); err != nil {
		return Files{}, err
	}
	scratch, err := os.MkdirTemp(o.Dir, scratchPrefix)
	if err != nil {
		return Files{}, fmt.Errorf("generate: %w", err)
	}
	err = o.write(ctx, scratch)
	if err == nil {
		err = o.moveInto(scratch)
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

// write makes all files in dir.
func (o *Options) write(ctx context.Context, dir string) error {
	study, err := o.study()
	if err != nil {
		return err
	}
	simulated, err := o.writeSlots(ctx, dir)
	if err != nil {
		return err
	}
	if o.Progress != nil {
		o.Progress(o.Slots, o.Slots)
	}
	snapshot, err := inventory.Load(ctx, []string{simulated}, inventory.Options{Location: study.Location})
	if err != nil {
		return fmt.Errorf("generate: reading back: %w", err)
	}
	m := market{items: newLineItems(o), days: o.Days, fill: o.Fill}
	scale, err := m.calibrate(ctx, snapshot, study)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("generate: stopped: %w", err)
	}
	campaigns := renderCampaigns(m.campaigns(o.Slots, scale), o.banner())
	return errors.Join(
		writeFile(filepath.Join(dir, CampaignsName), campaigns),
		writeFile(filepath.Join(dir, ConfigName), o.render(studyTemplate)),
		writeFile(filepath.Join(dir, BigGridName), o.render(bigGridTemplate)),
	)
}

// writeSlots streams the snapshot into dir and returns the file to simulate: the snapshot, or
// one of a sample of its visitors if it is large.
func (o *Options) writeSlots(ctx context.Context, dir string) (simulated string, err error) {
	var files fan
	defer func() { err = errors.Join(err, files.end(err == nil)) }()
	if err := files.add(filepath.Join(dir, SnapshotName)); err != nil {
		return "", err
	}
	simulated = filepath.Join(dir, SnapshotName)
	stride := sampleStride(o.Slots)
	if stride > 1 {
		simulated = filepath.Join(dir, sampleName)
		if err := files.add(simulated); err != nil {
			return "", err
		}
	}
	visitors := newVisitors(stream(o.Seed, streamPopulation), o, stride)
	return simulated, newTraffic(o, files.write).run(ctx, visitors)
}

// sampleName is the file of the sample, which is not kept.
const sampleName = "sample.parquet"

// fan writes slots to one or two snapshot files: all to the first, those of the sample to the second.
type fan []*inventory.Writer

func (f *fan) add(path string) error {
	w, err := inventory.NewWriter(path, columns())
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	*f = append(*f, w)
	return nil
}

func (f *fan) write(s *model.Slot, sampled bool) error {
	for i, w := range *f {
		if i == 0 || sampled {
			if err := w.Write(*s); err != nil {
				return fmt.Errorf("generate: %w", err)
			}
		}
	}
	return nil
}

// end finishes the files, or does away with them.
func (f *fan) end(keep bool) error {
	var errs []error
	for _, w := range *f {
		if keep {
			errs = append(errs, w.Close())
		} else {
			errs = append(errs, w.Abort())
		}
	}
	return errors.Join(errs...)
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
