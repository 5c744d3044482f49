package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Source is where a configuration's inputs come from: a folder of this machine, or what a launcher lets
// a tenant read. Its errors are shown to people at the place where the input is named.
type Source interface {
	// An error with a method Busy that is true, or a fault of the reason storage, says that the source has no time
	// now or can't be reached: Check returns it as it is, and the same call may be made again.

	// Campaigns reads a campaigns file, of at most model.MaxDocumentBytes, with its digest.
	Campaigns(ctx context.Context, uri string) (model.Document, error)
	// Inventory finds the files of a path, glob or address as they are now, sorted by name.
	Inventory(ctx context.Context, uri string) ([]model.PinnedInput, error)
	// Catalog tells what the snapshot of those files holds.
	Catalog(ctx context.Context, files []model.PinnedInput, o inventory.Options) (model.Catalog, error)
}

// Check checks a configuration and all it refers to. If anything is wrong the error is model.Problems,
// with every mistake that can be found in one go. Nothing is loaded here but what the source loads.
//
// The study shares what was read with others: its configuration must not be changed.
func Check(ctx context.Context, name string, text []byte, src Source) (*Study, error) {
	c := &checking{src: src, study: &Study{configuration: document(name, text)}}
	err := c.check(ctx)
	if _, ok := errors.AsType[model.Problems](err); ok {
		err = c.inOrder().Err()
	}
	if err != nil {
		return nil, err
	}
	c.study.Warnings = c.problems.Warnings()
	return c.study, nil
}

// checking collects the mistakes of a configuration on the way through its parts.
type checking struct {
	src      Source
	study    *Study
	problems model.Problems
	busy     error // a source's, which says nothing of the configuration
}

// isBusy reports whether a source could not answer now. Its error says so by a method Busy, or holds a fault
// of the reason storage.
func isBusy(err error) bool {
	if f, ok := errors.AsType[*model.Fault](err); ok && f.Reason == string(model.Storage) {
		return true
	}
	b, ok := errors.AsType[interface {
		error
		Busy() bool
	}](err)
	return ok && b.Busy()
}

func (c *checking) check(ctx context.Context) error {
	config, problems := readConfig(c.study.configuration)
	c.problems = slices.Clone(problems) // which are shared
	if config == nil {
		return c.problems.Err()
	}
	c.study.Config = config
	c.readCampaigns(ctx)
	if c.problems.Err() == nil {
		variants, problems := config.Expand()
		c.study.Variants = variants
		c.problems = append(c.problems, problems...)
	}
	found := c.findInventory(ctx)
	c.checkRunner()
	// A configuration with mistakes is held against the snapshot too: its mistyped dimensions are told with the rest.
	if found {
		c.readCatalog(ctx)
	}
	if err := cmp.Or(ctx.Err(), c.busy); err != nil {
		return err
	}
	return c.problems.Err()
}

// readCampaigns reads the campaigns a configuration names by path.
func (c *checking) readCampaigns(ctx context.Context) {
	config := c.study.Config
	if config.CampaignsURI == "" {
		return
	}
	d, err := c.src.Campaigns(ctx, config.CampaignsURI)
	if err != nil {
		c.complain(config.CampaignsPos, err)
		return
	}
	c.study.campaigns = &d
	b := readBook(d, config.Location)
	c.problems = append(c.problems, b.problems...)
	if b.Book == nil {
		config.Campaigns = b.campaigns // what could be read, for the snapshot's checks
		return
	}
	c.problems = append(c.problems, config.WithBook(b.Book)...)
}

// findInventory pins the snapshot's files, and tells whether there are any.
func (c *checking) findInventory(ctx context.Context) bool {
	s := c.study
	if s.Config.Inventory == "" {
		return false // that it is missing has been said
	}
	files, err := c.src.Inventory(ctx, s.Config.Inventory)
	if err != nil {
		c.complain(s.Config.InventoryPos, err)
		return false
	}
	digests := make([]string, len(files))
	for i, file := range files {
		digests[i] = file.SHA256
	}
	s.Pinned, s.snapshot = files, inventory.SnapshotSHA256(digests)
	return len(files) > 0
}

// readCatalog checks the study against what the snapshot holds.
func (c *checking) readCatalog(ctx context.Context) {
	s := c.study
	catalog, err := c.src.Catalog(ctx, s.Pinned, inventory.Options{Location: s.Config.Location, ShiftDays: s.Config.ShiftDays})
	if err != nil {
		c.complain(s.Config.InventoryPos, err)
		return
	}
	s.Catalog = catalog
	c.problems = append(c.problems, s.Config.CheckAgainst(catalog, s.Variants)...)
	s.Estimate = sizeOf(s.Config, s.Variants, catalog.Slots)
}

// inOrder is what is wrong in the order of the documents, the configuration first, whatever found it.
func (c *checking) inOrder() model.Problems {
	first := c.study.configuration.Name
	slices.SortStableFunc(c.problems, func(a, b model.Problem) int {
		if a.File != b.File && (a.File == first || b.File == first) {
			if a.File == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.problems
}

// complain adds mistakes that only what the configuration refers to can show. That a source could not answer
// is none.
func (c *checking) complain(at model.Position, err error) {
	if isBusy(err) {
		c.busy = err
		return
	}
	faults, ok := errors.AsType[several](err)
	if !ok {
		faults = several{err}
	}
	for _, fault := range faults {
		c.problems = append(c.problems, model.Problem{Position: at, Message: fault.Error()})
	}
}

// several are mistakes of one place that are told each on its own.
type several []error

func (s several) Error() string { return errors.Join(s...).Error() }
